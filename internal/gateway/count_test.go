package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// TestWhatWasCountedCorrectsWhatIsGuessed: once a model's answers have told how many
// tokens its prompts have, counting and what an answer that broke off used follow.
func TestWhatWasCountedCorrectsWhatIsGuessed(t *testing.T) {
	t.Parallel()
	long := strings.Replace(fmt.Sprintf(asks, "priced"), "hi", strings.Repeat("word ", 800), 1)
	stream := strings.Replace(long, `"messages"`, `"stream":true,"messages"`, 1)
	cut := false
	r := newRig(t, []string{"a"}, nil, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if cut {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, word)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = fmt.Fprintf(w, strings.Replace(answered, "300", fmt.Sprint(len(b)*2/5), 1), "priced")
	})
	count := func(model string) int64 {
		t.Helper()
		c, err := r.Count(t.Context(), gateway.Call{Format: chat.Format{}, Raw: wire.RawRequest{Body: []byte(long)}, Peeked: wire.Peeked{Model: model}, Caller: acme})
		if err != nil || c.Body != nil {
			t.Fatalf("%+v %v", c, err)
		}
		return c.Estimate
	}
	rough := int64(len(long)+3) / 4
	if n := count("up/priced"); n != rough {
		t.Errorf("%d tokens, want %d", n, rough)
	}
	for range 3 {
		if _, _, err := r.generate(t, acme, long); err != nil {
			t.Fatal(err)
		}
	}
	want := int64(len(long)) * 2 / 5
	if n := count("up/priced"); n < want*85/100 || n > want*115/100 {
		t.Errorf("%d tokens, want about %d", n, want)
	}
	for _, model := range []string{"up/unpriced", "nobody/has-this"} {
		if n := count(model); n != rough {
			t.Errorf("%s: %d tokens, want %d", model, n, rough)
		}
	}
	cut = true
	if _, _, err := r.generate(t, acme, stream); err == nil {
		t.Error("not cut")
	}
	var input, output int64
	last := r.book.lines[len(r.book.lines)-1]
	if _, err := fmt.Sscanf(last, "end 0 cut in %d out %d estimated", &input, &output); err != nil || input < want*85/100 || input > want*115/100 {
		t.Errorf("%s, want about %d", last, want)
	}
}
