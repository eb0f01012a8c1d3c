package wiretest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Walked says how a format walks the events that most of a stream consists of.
type Walked struct {
	Format wire.Client
	// Walks says whether an event is walked instead of decoded.
	Walks func(data []byte) bool
	// Events are frames of a stream around a text, TEXT. Something unknown at Mark, written as Marked,
	// makes them be decoded.
	Events       []string
	Mark, Marked string
	// Before and After make a whole stream of them.
	Before, After string
}

// Alike fails the test where walking an event doesn't come to the same as decoding
// it, for texts of all kinds, and where next to nothing is walked.
func (w Walked) Alike(t *testing.T) {
	t.Helper()
	read := func(in string) (out []string) {
		for e, err := range w.Format.DecodeStream(strings.NewReader(in), wire.Target{Origin: llm.Origin{Provider: "p"}}) {
			out = append(out, fmt.Sprintf("%T %+v %t", e, e, err == nil))
		}
		return out
	}
	walked := 0
	for _, text := range []string{`"a"`, `"\""`, `"\\"`, `"é\u00e9\ud83d\ude00\n"`, `""`, "null", `"\ud800"`, `5`, `["a"]`, "\"\xff\""} {
		for _, event := range w.Events {
			event = strings.ReplaceAll(event, "TEXT", text)
			if w.Walks([]byte(strings.TrimPrefix(event, "data: "))) {
				walked++
			}
			decoded := strings.Replace(event, w.Mark, w.Marked, 1)
			if decoded == event {
				t.Fatalf("%s: nothing makes it be decoded", event)
			}
			if diff := cmp.Diff(read(w.Before+decoded+w.After), read(w.Before+event+w.After)); diff != "" {
				t.Errorf("%s: %s", event, diff)
			}
		}
	}
	if walked < 4 {
		t.Errorf("%d events were walked", walked)
	}
}
