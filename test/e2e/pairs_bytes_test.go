package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRequestsOfTheProvidersFormatKeepTheirBytes sends requests as no encoder
// writes them: but for the model's name the provider gets the same bytes.
func TestRequestsOfTheProvidersFormatKeepTheirBytes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for format, sent := range map[string]string{
		"chat":      `{ "messages" : [ {"role":"user", "content":"h\u00e9\/"} ],` + "\n\t" + `"temperature":1.0e0, "model":"chat/sim-n1"  }`,
		"messages":  `{ "messages" : [ {"role":"user", "content":"h\u00e9\/"} ],` + "\n\t" + `"max_tokens":100, "temperature":1.0e0, "model":"messages/sim-n1"  }`,
		"responses": `{ "input" : [ {"role":"user", "content":"h\u00e9\/"} ],` + "\n\t" + `"store":false, "temperature":1.0e0, "model":"responses/sim-n1"  }`,
		"gemini":    `{ "contents" : [ {"role":"user", "parts":[{"text":"h\u00e9\/"}]} ],` + "\n\t" + `"generationConfig":{"temperature":1.0e0}  }`,
	} {
		for i := range dialects {
			if dialects[i].name != format {
				continue
			}
			path, _ := dialects[i].request(ask{model: format + "/sim-n1"})
			if status, answer, err := l.post(t, path, sent); status != 200 || err != nil {
				t.Errorf("%s: %d %v %s", format, status, err, answer)
			}
		}
		want := strings.Replace(sent, format+"/sim-n1", "sim-n1", 1)
		if diff := cmp.Diff(want, l.requestTo(t, format)); diff != "" {
			t.Errorf("%s (-sent +received):\n%s", format, diff)
		}
	}
}

// requestTo is the body of the one request for a model that a provider of the
// format got. It is noted when its answer has ended.
func (l *lab) requestTo(t *testing.T, format string) string {
	t.Helper()
	vendor := map[string]string{"messages": "/anthropic/v1/messages", "gemini": "/gemini/v1beta/models/sim-n1", "chat": "/openai/v1/chat", "responses": "/openai/v1/responses"}[format]
	for range 100 {
		var requests []struct {
			Path string `json:"path"`
			Body string `json:"body"`
		}
		getJSON(t, l.sim+"/sim/requests", &requests)
		for _, r := range requests {
			if r.Body != "" && strings.HasPrefix(r.Path, vendor) {
				return r.Body
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no request came at %s", vendor)
	return ""
}
