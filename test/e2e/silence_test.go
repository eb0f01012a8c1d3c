package e2e

import (
	"strings"
	"sync"
	"testing"
)

// TestAFailureAfterSilence: after ten seconds the answer is committed and kept
// alive. A provider that then fails leaves the client an error in its own format
// and a connection that breaks, never what looks like an end.
func TestAFailureAfterSilence(t *testing.T) {
	l := newLab(t)
	var all sync.WaitGroup
	for _, c := range clients {
		for _, provider := range []string{"chat", "gemini"} {
			model, path := provider+"/sim-l10500-e500", c.streamPath
			if c.name == "gemini" && provider == "chat" {
				path = strings.TrimSuffix(path, "?alt=sse") // an array
			}
			all.Go(func() {
				status, answer, err := l.post(t, fill(path, model), fill(c.streamBody, model))
				if status != 200 || err == nil || !strings.Contains(answer, `"error"`) || strings.Contains(answer, c.ended) {
					t.Errorf("%s at %s: %d, error %v: %q", c.name, model, status, err, answer)
				}
				if array := strings.HasPrefix(strings.TrimSpace(answer), "["); array == strings.Contains(path, "alt=sse") && c.name == "gemini" {
					t.Errorf("%s at %s is framed as the client did not ask: %q", c.name, model, answer)
				}
			})
		}
	}
	all.Wait()
	for _, row := range l.turns(t, 2*len(clients)) {
		if row.Status != "error" {
			t.Errorf("%+v", row)
		}
	}
}
