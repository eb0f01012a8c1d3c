package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestARefusedKeyMakesWayForAnother has a provider with two keys of which one is
// refused: the answer comes by the other, in one turn of two attempts, and the
// refused one rests from then on.
func TestARefusedKeyMakesWayForAnother(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var b book
	twice := 0
	for i := range dialects {
		for _, stream := range []bool{false, true} {
			p := &pair{T: t, l: l, book: &b, who: t.Name(), client: &dialects[i], upstream: upstream{name: "rotating"}, stream: stream}
			// Conversations keep to a key: these are of both.
			p.header = http.Header{"X-Oido-Session": {fmt.Sprintf("%s-%t", p.client.name, stream)}}
			r, x := p.exchange("n2", ask{})
			p.is(r, finishStop, r.usage.input == count(question))
			switch attempts := x.header.Get("X-Oido-Attempts"); attempts {
			case "1":
			case "2":
				twice++
			default:
				t.Errorf("%s attempts", attempts)
			}
			if strings.Contains(string(x.body), "bad-key") {
				t.Errorf("tells a key: %s", x.body)
			}
		}
	}
	if twice != 1 {
		t.Errorf("%d turns met the refused key, want 1", twice)
	}
	b.check(t, l)
}
