package wire_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/messages"
)

// What is left out is told in a header and in rows, however much of it a client
// makes up.
func TestWhatIsLeftOutIsToldInBounds(t *testing.T) {
	t.Parallel()
	body := `{"model":"m","messages":[{"role":"user","content":"hi"}],"` + strings.Repeat("é", 100_000) + `":1`
	for i := range 200 {
		body += fmt.Sprintf(`,"made_up_%d":1`, i)
	}
	q, err := chat.Format{}.Decode(wire.RawRequest{Body: []byte(body + "}")})
	if err != nil {
		t.Fatal(err)
	}
	_, lost, err := messages.Format{}.Encode(q, wire.Target{Model: "m", MaxOutput: 100})
	if err != nil || len(lost) == 0 {
		t.Fatal(lost, err)
	}
	told := 0
	for _, d := range lost {
		told += len(d.Feature) + len(d.Detail)
		if !utf8.ValidString(d.Feature + d.Detail) {
			t.Errorf("%q", d)
		}
	}
	if told > 16<<10 {
		t.Errorf("%d bytes are told of what was left out", told)
	}
}
