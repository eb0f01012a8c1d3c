package gosdk

import (
	"fmt"
	"strings"
	"testing"
)

// TestSilentProvidersAreBridged has providers begin after more than ten seconds: a
// stream is committed by then and kept alive in the way of its format, which the
// SDKs must read over, whatever comes in the end.
func TestSilentProvidersAreBridged(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range sdks {
		c, err := sdks[i].dial(l.url, key)
		if err != nil {
			t.Fatal(err)
		}
		for _, upstream := range upstreams {
			for _, stream := range []bool{false, true} {
				p := trial{lab: l, sdk: &sdks[i], client: c, upstream: upstream, stream: stream}
				for _, script := range []string{"sim-l10500-n6", "sim-l10500-e529"} {
					t.Run(fmt.Sprintf("%s/%s/%s, streamed %v", p.sdk.name, upstream, script, stream), func(t *testing.T) {
						t.Parallel()
						p := p
						p.T = t
						p.bridges(script, strings.HasSuffix(script, "-e529"))
					})
				}
			}
		}
	}
}

// bridges asks a provider that is silent at first.
func (p *trial) bridges(script string, fails bool) {
	a, err := p.ask(p.Context(), ask{model: script})
	switch {
	case !fails && err != nil:
		p.Error(err)
	case !fails:
		p.wantFinish(a, stopped)
	case !p.stream:
		p.wantRaised(err, overloaded)
	case err == nil || !strings.Contains(strings.ToLower(err.Error()), "overloaded"):
		p.Errorf("raised %T: %v", err, err)
	}
}
