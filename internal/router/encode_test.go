package router_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/router"
)

// A decision is read as it was kept, but for what there was no room for, which is
// counted.
func TestKeptDecisionsAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.SampledFrom([]string{"", "x", `q"u\o`, "zwölf", "\u2028\x00", "\xff\xfe", strings.Repeat("long", 200)}), rapid.String())
		name := func() router.Candidate {
			return router.Candidate{Account: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account"), Model: word.Draw(t, "model")}
		}
		d := router.Decision{
			Rule: "workload", ClassBy: router.ByContent, Why: word.Draw(t, "why"), Sure: float64(rapid.IntRange(0, 100).Draw(t, "sure")) / 100,
			Prefer: rapid.SampledFrom([]router.Prefer{router.PreferOrder, router.PreferCheap}).Draw(t, "prefer"), Escalated: rapid.SampledFrom([]router.Trigger{"", router.OnFailure}).Draw(t, "escalated"),
			Stayed: rapid.Bool().Draw(t, "stayed"), Switched: rapid.Bool().Draw(t, "switched"), Chosen: rapid.Bool().Draw(t, "chosen"), Last: rapid.Bool().Draw(t, "last"),
		}
		for range rapid.IntRange(1, 90).Draw(t, "candidates") {
			d.Candidates = append(d.Candidates, name())
		}
		for range rapid.IntRange(0, 90).Draw(t, "excluded") {
			x := router.Exclusion{Name: name().Name(), Reason: router.ReasonContext, Detail: word.Draw(t, "detail"), Want: rapid.Int64().Draw(t, "want"), Have: rapid.Int64().Draw(t, "have")}
			if rapid.Bool().Draw(t, "rests") {
				x.Until = time.Unix(rapid.Int64Range(1, 1<<33).Draw(t, "until"), 0).UTC()
			}
			d.Excluded = append(d.Excluded, x)
		}
		if rapid.Bool().Draw(t, "classified") {
			d.Classifier = "0123456789abcdef"
		}
		for range rapid.IntRange(0, 3).Draw(t, "stronger") {
			d.Up = append(d.Up, name())
		}
		b := d.Encode("hash")
		told, err := router.Tell(b)
		if err != nil || len(b) > router.MaxEncoded || told.Policy != "hash" ||
			len(told.Candidates)+told.MoreCandidates != len(d.Candidates) || len(told.Excluded)+told.MoreExcluded != len(d.Excluded) {
			t.Fatalf("%v: %s", err, b)
		}
		clean := func(s string) string { return string([]rune(s)) }
		want := d
		want.Candidates, want.Excluded, want.Up = nil, nil, nil
		if len(told.Up) > len(d.Up) || len(told.Up) < len(d.Up) && len(told.Excluded) > 0 {
			t.Fatalf("%d of %d stronger models, and %d excluded: %s", len(told.Up), len(d.Up), len(told.Excluded), b)
		}
		for _, c := range d.Up[:len(told.Up)] {
			want.Up = append(want.Up, router.Candidate{Account: c.Account, Model: clean(c.Model)})
		}
		for _, c := range d.Candidates[:len(told.Candidates)] {
			want.Candidates = append(want.Candidates, router.Candidate{Account: c.Account, Model: clean(c.Model)})
		}
		for _, x := range d.Excluded[:len(told.Excluded)] {
			x.Name, x.Detail = clean(x.Name), clean(x.Detail)
			want.Excluded = append(want.Excluded, x)
		}
		if want.Why = clean(d.Why); told.Why == "" {
			want.Why = "" // for want of room
		}
		if diff := cmp.Diff(want, told.Decision); diff != "" {
			t.Fatal(diff)
		}
	})
}
