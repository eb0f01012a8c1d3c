package wire_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

type picky struct{}

func (*picky) UnmarshalJSON([]byte) error { return errors.New("only on Sundays") }

// A refusal names the field as deep as the problem stands.
func TestBadFieldNamesThePlace(t *testing.T) {
	t.Parallel()
	var to struct {
		Sizes []int8 `json:"sizes"`
		Day   picky  `json:"day"`
	}
	for _, c := range []struct{ body, param, message string }{
		{`{"sizes":[1,"a"]}`, "tool.sizes.1", "tool.sizes.1: a JSON string does not fit here"},
		{`{"sizes":[1.5]}`, "tool.sizes.0", "tool.sizes.0: a JSON number does not fit here"},
		{`{"sizes":[1000]}`, "tool.sizes.0", "tool.sizes.0: value out of range"},
		{`{"day":1}`, "tool.day", "tool.day: only on Sundays"},
	} {
		e := wire.BadField("tool", json.Unmarshal([]byte(c.body), &to))
		if e.Kind != llm.KindBadRequest || e.Param != c.param || e.Message != c.message {
			t.Errorf("%s: got %s, %q, %q", c.body, e.Kind, e.Param, e.Message)
		}
	}
	own := wire.BadRequest("model", "no such model")
	if got := wire.BadField("outer", fmt.Errorf("read: %w", own)); got != own {
		t.Errorf("a refusal became another one: %v", got)
	}
	if got := wire.BadField("n", errors.New("too many")); got.Param != "n" || got.Message != "n: too many" {
		t.Errorf("got %q, %q", got.Param, got.Message)
	}
}
