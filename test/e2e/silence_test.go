package e2e

import (
	"strings"
	"sync"
	"testing"
)

// TestAFailureAfterSilenceInAnArray: after ten seconds the answer is committed
// and kept alive. A Gemini client without alt=sse whose provider then fails gets
// the error as an element of its array, and a connection that breaks.
func TestAFailureAfterSilenceInAnArray(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var all sync.WaitGroup
	for _, provider := range []string{"chat", "gemini"} {
		all.Go(func() {
			path := "/v1beta/models/" + provider + "/sim-l10500-e500:streamGenerateContent"
			status, answer, err := l.post(t, path, `{"contents":[{"role":"user","parts":[{"text":"`+question+`"}]}]}`)
			if status != 200 || err == nil || !strings.Contains(answer, `"error"`) || !strings.HasPrefix(strings.TrimSpace(answer), "[") {
				t.Errorf("%s: %d, error %v: %q", provider, status, err, answer)
			}
		})
	}
	all.Wait()
	for _, row := range l.turns(t, 2) {
		if row.Status != "error" {
			t.Errorf("%+v", row)
		}
	}
}
