package e2e

import (
	"bytes"
	"testing"
)

// pings are what keeps a stream alive in each format.
var pings = map[string]string{
	"chat":      ": ping\n\n",
	"messages":  "event: ping\ndata: {\"type\":\"ping\"}\n\n",
	"responses": ": ping\n\n",
	"gemini":    "\n\n",
}

// TestSilentProvidersAreBridged has providers begin after more than ten seconds:
// by then the answer is committed and kept alive in the way of its format, also
// where an error comes in the end.
func TestSilentProvidersAreBridged(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var b book
	t.Run("cases", func(t *testing.T) {
		for i := range dialects {
			for _, from := range []string{dialects[i].name, dialects[(i+1)%len(dialects)].name, "converse"} {
				for _, script := range []string{"l10500-n6", "l10500-e529"} {
					t.Run(dialects[i].name+" to "+from+" "+script, func(t *testing.T) {
						t.Parallel()
						p := &pair{T: t, l: l, book: &b, who: t.Name(), client: &dialects[i], upstream: upstream{name: from}, stream: true}
						p.bridges(script, script == "l10500-e529")
					})
				}
			}
		}
	})
	b.check(t, l)
}

// bridges asks a provider that is silent at first.
func (p *pair) bridges(script string, fails bool) {
	p.Helper()
	x := p.l.send(p.T, p.client, p.asked(script, ask{}), nil)
	rest, pinged := bytes.CutPrefix(x.body, []byte(pings[p.client.name]))
	if !pinged {
		p.Errorf("begins with %.60q", x.body)
	}
	x.body = rest
	r, err := p.client.understand(x, true)
	switch {
	case err != nil:
		p.Errorf("%v: %s", err, x.body)
	case fails && (x.broken == nil || r.fault == nil || r.fault.message == "" || r.ended):
		p.Errorf("%v, %+v: %s", x.broken, r, x.body)
	case !fails && (x.broken != nil || r.finish != finishStop || r.text == ""):
		p.Errorf("%v, %+v: %s", x.broken, r, x.body)
	}
	if fails {
		p.note(x, "error", nil, "")
	} else {
		p.note(x, "ok", r.usage, r.finish)
	}
}
