package dispatch_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
)

// Counting has limits of its own: a client that asks too often for the tokens of its
// prompts takes no key away from those who want answers.
func TestCountingPutsNoKeyToRest(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var asked []string
		r := newRig(t, rigOptions{typ: "anthropic", keys: []string{"key-one", "key-two"}}, func(w http.ResponseWriter, r *http.Request) {
			counts := strings.HasSuffix(r.URL.Path, "/count_tokens")
			asked = append(asked, fmt.Sprint(r.Header.Get("X-Api-Key"), " ", counts))
			if counts {
				w.Header().Set("Retry-After", "60")
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = w.Write([]byte(`{"type":"error","error":{"type":"rate_limit_error","message":"too many"}}`))
				return
			}
			_, _ = w.Write([]byte(`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}`))
		})
		const body = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
		count := r.call(llm.FormatMessages, body)
		count.Count = true
		if o, _ := r.run(t.Context(), count); o.Err == nil || o.Err.Kind != llm.KindRateLimit {
			t.Errorf("counting ended with %v", o.Err)
		}
		if o, _ := r.run(t.Context(), r.call(llm.FormatMessages, body)); o.Err != nil {
			t.Errorf("the answer ended with %v", o.Err)
		}
		if len(asked) == 0 || asked[len(asked)-1] != "key-one false" {
			t.Error(cmp.Diff([]string{"key-one true", "key-two true", "key-one false"}, asked))
		}
	})
}
