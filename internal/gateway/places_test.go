package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/router"
)

// A session is where it was answered last: for ten minutes, or for a day where its
// user chose that and it went nowhere else.
func TestSessionsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	type session struct{ org, name string }
	type stay struct {
		place router.Place
		at    time.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
		places := gateway.NewPlaces(func() time.Time { return now })
		want := map[session]stay{}
		for range rapid.IntRange(1, 80).Draw(t, "turns") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 60, 500, 9000, 80_000}).Draw(t, "pause")) * time.Second)
			s := session{rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "org"), rapid.SampledFrom([]string{"s", "b", "bs"}).Draw(t, "session")}
			was, got := want[s], places.At(s.org, s.name)
			idle := now.Sub(was.at)
			if was.place.Chosen && idle >= 24*time.Hour || !was.place.Chosen && idle >= 10*time.Minute {
				if got != (router.Place{}) {
					t.Fatalf("%v is at %v after %s", s, got, idle)
				}
			} else if got != was.place {
				t.Fatalf("%v is at %v, want %v", s, got, was.place)
			}
			if rapid.Bool().Draw(t, "asks only") {
				continue
			}
			at := router.Place{Account: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "account"), Model: fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "model")), Chosen: rapid.Bool().Draw(t, "chosen")}
			places.Settle(s.org, s.name, at)
			at.Chosen = at.Chosen || was.place.Chosen && was.place.Account == at.Account && was.place.Model == at.Model
			want[s] = stay{at, now}
		}
	})
}

// However many sessions there are, as many are remembered as are of use: those that
// were used last.
func TestRememberedSessionsAreBounded(t *testing.T) {
	t.Parallel()
	const all, kept = 60_000, 50_000
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	places := gateway.NewPlaces(func() time.Time { return now })
	at := func(n int) router.Place { return router.Place{Account: "a", Model: fmt.Sprint(n % 7000)} }
	places.Settle("org", "first", at(0))
	for n := range all {
		places.Settle("org", fmt.Sprint(n), at(n))
		if n%1000 == 0 {
			places.Settle("org", "first", at(0)) // which is used again and again
		}
	}
	for n := range all {
		want := router.Place{}
		if n > all-kept {
			want = at(n)
		}
		if got := places.At("org", fmt.Sprint(n)); got != want {
			t.Fatalf("session %d is at %v, want %v", n, got, want)
		}
	}
	if got := places.At("org", "first"); got != at(0) {
		t.Errorf("what is in use is forgotten: %v", got)
	}
}
