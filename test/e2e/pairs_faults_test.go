package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// early are the failures that come before an answer has begun, and what the
// client is told: a clean error, in the words of its own format.
var early = []struct {
	script string
	status int    // 0: what the provider says inside its answer, any from 500 on
	only   string // "whole" or "streamed"
}{
	{"e400", 400, ""},
	{"e401", 502, ""}, // the operator's business, not the caller's
	{"e402", 502, ""},
	{"e403", 502, ""},
	{"e404", 404, ""},
	{"e413", 413, ""},
	{"e422", 422, ""},
	{"e429-ra7", 429, ""},
	{"quota", 429, ""},
	{"ctx", 400, ""},
	{"e500", 500, ""},
	{"e503", 503, ""},
	{"e529", 529, ""},
	{"html", 502, ""},
	{"reset", 502, ""},
	{"hang", 504, ""},
	{"stall", 504, ""},
	{"cut3", 502, "whole"},
	{"bad3", 502, "whole"},
	{"err3", 0, "whole"},
	{"bad0", 502, "streamed"},
	{"cut0", 502, "streamed"},
	{"end0", 502, "streamed"},
	{"err0", 0, "streamed"},
	{"e529-err0", 0, "streamed"},
}

// ownWords are the failures that every type tells in words of its own.
var ownWords = []string{"e401", "e429-ra7", "quota", "ctx", "err0"}

// late are the failures that come when the answer has begun.
var late = []string{"cut3", "end3", "err3", "stall3", "bad3"}

// TestPairsThatFail has every kind of provider fail in every way.
func TestPairsThatFail(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var b book
	t.Run("cases", func(t *testing.T) {
		for _, c := range early {
			t.Run(c.script, func(t *testing.T) {
				t.Parallel()
				at := upstreams
				if slices.Contains(ownWords, c.script) {
					at = slices.Concat(upstreams, types)
				}
				eachPair(t, l, &b, at, func(p *pair) {
					if c.only != "" && p.stream != (c.only == "streamed") {
						return
					}
					p.failsEarly(c.script, c.status)
				})
			})
		}
		for _, script := range late {
			t.Run(script+", late", func(t *testing.T) {
				t.Parallel()
				eachPair(t, l, &b, upstreams, func(p *pair) {
					if p.stream {
						p.breaks("n9-"+script, ask{})
						if script != "stall3" { // which takes its time
							p.breaks("tools1-b8-"+script, ask{tools: []tool{lookUp}})
						}
					}
				})
			})
		}
	})
	b.check(t, l)
}

// How long clients wait for a silent provider: one that never begins, and one that
// must have begun by then.
const (
	impatient = "500ms"
	patient   = "5s"
)

func (p *pair) failsEarly(script string, status int) {
	p.Helper()
	if script == "quota" {
		status = cmp.Or(p.upstream.quota, status)
	}
	a := p.asked(script, ask{})
	header := http.Header{}
	if status == http.StatusGatewayTimeout {
		header.Set("X-Oido-Timeout", impatient)
	}
	x := p.l.send(p.T, p.client, a, header)
	if status == 0 && x.status >= http.StatusInternalServerError {
		status = x.status
	}
	if x.broken != nil || x.status != status || !strings.HasPrefix(x.header.Get("Content-Type"), "application/json") {
		p.Errorf("status %d, want %d, %v, %s", x.status, status, x.broken, x.body)
	}
	f, err := p.client.refused(x.body)
	if err != nil || f.message == "" || f.kind == "" || f.status != 0 && f.status != status {
		p.Errorf("%+v, %v in %s", f, err, x.body)
	}
	if want, ok := p.client.kinds[status]; ok && script != "quota" && f.kind != want {
		p.Errorf("status %d is called %q, want %q", status, f.kind, want)
	}
	if strings.Contains(script, "-ra7") && x.header.Get("Retry-After") != "7" {
		p.Errorf("Retry-After %q", x.header.Get("Retry-After"))
	}
	if strings.Contains(strings.ToLower(string(x.body)), "api key") {
		p.Errorf("tells of the operator's key: %s", x.body)
	}
	p.note(x, "error", nil, "")
}

// breaks has an answer break off when it has begun. What had come is delivered,
// then the format's own error where it has one, and the connection is aborted:
// nobody can take the answer for a whole one.
func (p *pair) breaks(script string, a ask) {
	p.Helper()
	a = p.asked(script, a)
	header := http.Header{}
	if strings.Contains(script, "stall") {
		header.Set("X-Oido-Timeout", patient)
	}
	x := p.l.send(p.T, p.client, a, header)
	if strings.Contains(script, "bad") && p.passes(x) {
		return
	}
	r, err := p.client.understand(x, true)
	if err != nil || x.broken == nil || r.ended || r.fault == nil || r.fault.message == "" {
		p.Errorf("%s: %v, %v, %+v\n%s", script, err, x.broken, r, x.body)
	}
	// Gemini tells a call when it is whole, so of a cut one nothing comes.
	if err == nil && r.text == "" && r.calls == nil && (p.client.name != "gemini" || a.tools == nil) {
		p.Errorf("%s: what had come is lost: %s", script, x.body)
	}
	p.note(x, "cut", nil, "")
}

// passes says whether a malformed chunk does no harm, or is none of the
// gateway's affair.
func (p *pair) passes(x exchange) bool {
	p.Helper()
	switch {
	case p.client.name == p.upstream.name && x.broken == nil:
		// Bytes go through: the client meets what the provider sent.
		if !strings.Contains(string(x.body), `{"this is": ["no JSON`) {
			p.Errorf("not as the provider sent it: %s", x.body)
		}
	case p.client.name == "chat" && p.upstream.name == "openrouter", p.client.name == "gemini" && p.upstream.name == "gemini":
		// The meter stumbles when the chunk is through.
		p.note(x, "cut", nil, "")
		return true
	default:
		return false
	}
	p.note(x, "ok", nil, "")
	return true
}

// TestRefusalsAreTheCallersOwn sends what no provider is asked: the refusal is in
// the caller's format, and no turn.
func TestRefusalsAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range dialects {
		d := &dialects[i]
		for model, status := range map[string]int{"nothing/like-that": 404, "agent/support": 501, "groq/llama-3.3-70b-versatile": 400} {
			a := ask{model: model, said: []said{{text: question}}}
			if status == http.StatusBadRequest {
				if d.name == "chat" {
					continue // the provider's own format: it judges for itself
				}
				a.said[0].media = []media{{kind: "image/png", base64: png}} // which the model can't see
			}
			x := l.send(t, d, a, nil)
			f, err := d.refused(x.body)
			if x.status != status || err != nil || f.message == "" || f.status != 0 && f.status != status {
				t.Errorf("%s at %s: %d %v %s", d.name, model, x.status, err, x.body)
			}
		}
		path, _ := d.request(ask{model: "chat/sim"})
		for _, body := range []string{"", "{", "[]", `{"model":"a","model":"b"}`, `{"model":7,"contents":7,"messages":7,"input":7}`} {
			status, answer, err := l.post(t, path, body)
			f, unread := d.refused([]byte(answer))
			if status != 400 || err != nil || unread != nil || f.message == "" {
				t.Errorf("%s, %q: %d %s", d.name, body, status, answer)
			}
		}
	}
	if n := len(l.ledger(t, 0)); n != 0 {
		t.Errorf("%d turns of what nobody was asked", n)
	}
}

// TestClientsThatLeave has a client leave while a provider answers: the provider
// is left at once as well, and the turn is recorded.
func TestClientsThatLeave(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var number atomic.Int64 // a model of its own for each, to be found by
	t.Run("cases", func(t *testing.T) {
		eachPair(t, l, nil, upstreams, func(p *pair) {
			n := 16 + number.Add(1)
			if p.stream {
				p.leaves(fmt.Sprintf("n2000-d20-b%d", n), time.Minute)
			} else {
				p.leaves(fmt.Sprintf("l%d", 40_000+n), 2*time.Second)
			}
		})
	})
	n := int(number.Load())
	rows := l.ledger(t, n)
	if len(rows) != n {
		t.Errorf("%d turns in the ledger, %d were made", len(rows), n)
	}
	for _, r := range rows {
		if r.Status != "canceled" || r.Stream && (r.Quality != "estimated" || r.Output == 0) {
			t.Errorf("%+v", r)
		}
	}
}

// leaves asks a model that would take most of a minute to answer, and leaves at
// the first byte of the answer, or when patience ends.
func (p *pair) leaves(script string, patience time.Duration) {
	p.Helper()
	a := p.asked(script, ask{})
	path, body := p.client.request(a)
	doc, err := json.Marshal(body)
	if err != nil {
		p.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.l.url+path, bytes.NewReader(doc))
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	switch {
	case (err == nil) != p.stream:
		p.Fatalf("left %v", err)
	case p.stream:
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
			p.Error(err)
		}
		if err := resp.Body.Close(); err != nil {
			p.Error(err)
		}
	}
	// A simulated provider notes a request when it is over.
	model := strings.TrimPrefix(a.model, p.upstream.name+"/")
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var list []struct {
			Model string `json:"model"`
		}
		getJSON(p.T, p.l.sim+"/sim/requests", &list)
		for _, r := range list {
			if r.Model == model {
				return
			}
		}
	}
	p.Error("the provider was not left")
}
