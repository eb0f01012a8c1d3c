package gateway

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/router"
)

// What is remembered is what was said last of each kind of work of each session.
func TestPlacesAreThoseOfTheirSessions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		p := NewPlaces(func() time.Time { return now })
		want := map[string]seat{}
		for range rapid.IntRange(1, 60).Draw(t, "turns") {
			now = now.Add(time.Second)
			org, session := rapid.SampledFrom([]string{"o", "p"}).Draw(t, "org"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "session")
			work := fmt.Sprint("workload/", rapid.IntRange(1, 5).Draw(t, "work"))
			s := seat{
				work: p.kind(work), key: rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(t, "key"), warm: warm, at: now, input: rapid.Int64Range(1, 9).Draw(t, "input"),
				place: router.Place{Account: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "account"), Model: rapid.SampledFrom([]string{"m", "n"}).Draw(t, "model")},
			}
			p.settle(org, session, s)
			want[org+"\x00"+session+"\x00"+work] = s
			for _, org := range []string{"o", "p", "q"} {
				for _, session := range []string{"a", "b", "c"} {
					some := false
					for n := 1; n <= 5; n++ {
						work := fmt.Sprint("workload/", n)
						w, known := want[org+"\x00"+session+"\x00"+work]
						some = some || known
						got, cold := p.at(org, session, work)
						if w.at = w.at.Local(); known && (got != w || cold) {
							t.Fatalf("%s of %s is at %+v, want %+v, cold %v", work, session, got, w, cold)
						}
					}
					if p.Known(org, session) != some {
						t.Fatalf("%s of %s is known: %v", session, org, !some)
					}
				}
			}
		}
	})
}

// However many sessions there are, those that were used last are remembered.
func TestPlacesAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	p := NewPlaces(func() time.Time { return now })
	settle := func(session string, kind int) {
		p.settle("o", session, seat{work: p.kind(fmt.Sprint(kind)), place: router.Place{Account: "x", Model: "m"}, warm: warm})
	}
	for n := range 2*maxPlaces + 100 {
		settle(fmt.Sprint(n), n%3)
		if n%1000 == 0 {
			settle("busy", n/1000%20) // of more kinds than are kept
		}
	}
	for n := range 2*maxPlaces + 100 {
		if known := p.Known("o", fmt.Sprint(n)); known != (n >= maxPlaces+100+maxKinds) {
			t.Fatalf("session %d is known: %v", n, known)
		}
	}
	kinds := 0
	for n := range 20 {
		if got, _ := p.at("o", "busy", fmt.Sprint(n)); got.work == p.kind(fmt.Sprint(n)) {
			kinds++
		}
	}
	if kinds != maxKinds || len(p.slots) != maxPlaces || len(p.sessions) != maxPlaces-maxKinds+1 {
		t.Errorf("%d kinds, %d places, %d sessions", kinds, len(p.slots), len(p.sessions))
	}
	for n := range maxNames + 10 {
		p.settle("o", "s", seat{work: p.kind("w"), place: router.Place{Account: "x", Model: fmt.Sprint(n)}})
	}
	if len(p.names) > maxNames+3 {
		t.Errorf("%d names", len(p.names))
	}
}
