package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestBadRequestsAreRefused(t *testing.T) {
	l := newLab(t)
	send := func(method, path string, header http.Header, body io.Reader) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, l.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return 0, err.Error()
		}
		return resp.StatusCode, string(b)
	}
	auth := http.Header{"Authorization": {"Bearer " + key}}
	large := io.LimitReader(forever{}, 100<<20)
	for _, c := range []struct {
		name, method, path string
		header             http.Header
		body               io.Reader
		status             int
	}{
		{"no key", "POST", "/v1/chat/completions", http.Header{}, strings.NewReader("{}"), 401},
		{"two keys", "POST", "/v1/messages", http.Header{"Authorization": {"Bearer " + key}, "X-Api-Key": {"another-key-of-some-length"}}, strings.NewReader("{}"), 401},
		{"wrong method", "DELETE", "/v1/messages", auth, nil, 405},
		{"unknown path", "POST", "/v1/nothing", auth, strings.NewReader("{}"), 404},
		{"not built", "POST", "/v1/files", auth, strings.NewReader("{}"), 501},
		{"100 MB", "POST", "/v1/chat/completions", auth, large, 413},
		{"headers", "GET", "/v1/models", http.Header{"Authorization": auth["Authorization"], "X-Bomb": {strings.Repeat("x", 1<<20)}}, nil, 431},
		{"bad timeout", "POST", "/v1/chat/completions", http.Header{"Authorization": auth["Authorization"], "X-Oido-Timeout": {"soon"}}, strings.NewReader(hello("chat/sim", false)), 400},
		{"odd agent", "POST", "/v1/chat/completions", http.Header{"Authorization": auth["Authorization"], "X-Oido-Agent": {strings.Repeat("a", 200)}}, strings.NewReader(hello("chat/sim", false)), 400},
	} {
		status, answer := send(c.method, c.path, c.header, c.body)
		// A server that refuses a large body unread may close first.
		if status != c.status && (status != 0 || c.status != 413) {
			t.Errorf("%s: %d %.200s, want %d", c.name, status, answer, c.status)
		}
	}
	if n := l.usageTurns(t); n != 0 {
		t.Errorf("%d turns of refused requests", n)
	}
}

type forever struct{}

func (forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// What points at an answer stored elsewhere means nothing to a provider of another
// format: leaving it out would lose a part of the conversation without a word.
func TestConversationsStoredElsewhereAreRefused(t *testing.T) {
	l := newLab(t)
	for _, provider := range []string{"chat", "messages", "gemini"} {
		for what, fields := range map[string]string{
			"conversation":   `"conversation":"conv_1","input":"and then?"`,
			"item_reference": `"input":[{"role":"user","content":"a"},{"type":"item_reference","id":"msg_1"},{"role":"user","content":"b"}]`,
		} {
			sent := l.received(t, "sim-n2", 0, func() {
				status, answer, err := l.post(t, "/v1/responses", `{"model":"`+provider+`/sim-n2",`+fields+`}`)
				if status != http.StatusNotImplemented || err != nil || !strings.Contains(answer, what) || !strings.Contains(answer, "not built yet") {
					t.Errorf("%s at %s: %d %v %s", what, provider, status, err, answer)
				}
			})
			if len(sent) != 0 {
				t.Errorf("%s at %s: sent %s", what, provider, sent)
			}
		}
		for _, fields := range []string{`"previous_response_id":null,"input":"hi"`, `"input":[{"role":"user","content":"a"}]`} {
			if status, answer, err := l.post(t, "/v1/responses", `{"model":"`+provider+`/sim-n4",`+fields+`}`); status != http.StatusOK || err != nil {
				t.Errorf("%s at %s: %d %v %s", fields, provider, status, err, answer)
			}
		}
	}
}
