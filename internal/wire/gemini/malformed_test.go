package gemini_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/gemini"
)

// Chunks of a forwarded stream are searched, not decoded: one that was cut off is
// an error all the same, and so is a list of chunks that is none.
func TestWhatIsNoChunkIsAnError(t *testing.T) {
	t.Parallel()
	const begins = `{"responseId":"r","candidates":[{"content":{"role":"model","parts":[{"text":"so "}]}}]}`
	const ends = `{"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP"}]}`
	for chunk, bad := range map[string]bool{
		`{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`:   false,
		`[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}]`: false,
		`[DONE]`: false,
		`{"candidates":[{"content":{"parts":[{"text":"a"}]`:   true,
		`[{"candidates":[{"content":{"parts":[{"text":"a"}]}`: true,
		`["no JSON`: true,
	} {
		m := gemini.Format{}.NewMeter(wire.Target{})
		m.Event("", []byte(begins))
		if v := m.Event("", []byte(chunk)); (v.Err != nil) != bad {
			t.Errorf("%s, metered: %+v", chunk, v)
		}
		stream := "data: " + strings.Join([]string{begins, chunk, ends}, "\n\ndata: ") + "\n\n"
		if _, err := llm.Collect(gemini.Format{}.DecodeStream(strings.NewReader(stream), wire.Target{})); (err != nil) != bad {
			t.Errorf("%s, decoded: %v", chunk, err)
		}
	}
}
