package wire_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// events writes n events, one after the other.
type events struct {
	n    int
	next func(int) string
	rest string
}

func (e *events) Read(p []byte) (int, error) {
	if e.rest == "" {
		if e.n == 0 {
			return 0, io.EOF
		}
		e.n--
		e.rest = "data: " + e.next(e.n) + "\n\n"
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// What must wait until it is whole is bounded over all that waits: it isn't told,
// so nobody else counts it.
func TestWhatWaitsIsBoundedTogether(t *testing.T) {
	t.Parallel()
	const many = 100
	words := strings.Repeat("a", 1<<20)
	for i, f := range formats[:2] {
		target := wire.Target{Model: "m", Names: &wire.ToolNames{}, NoFreeText: true}
		name := target.Names.OutFreeText("patch")
		next := []func(int) string{
			func(n int) string {
				return fmt.Sprintf(`{"id":"1","choices":[{"index":0,"delta":{"tool_calls":[{"index":%d,"id":"c%d","function":{"name":"%s","arguments":"%s"}}]}}]}`, n, n, name, words)
			},
			func(n int) string {
				if n%2 == 1 {
					return fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":{"type":"tool_use","id":"c%d","name":"%s","input":{}}}`, n/2, n, name)
				}
				return fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":{"type":"input_json_delta","partial_json":"%s"}}`, n/2, words)
			},
		}[i]
		_, err := llm.Collect(f.DecodeStream(&events{n: many * (i + 1), next: next}, target))
		if e := llm.AsError(err); e == nil || e.Kind != llm.KindUpstream {
			t.Errorf("%s: %v", f.Name(), err)
		}
	}
}
