package sqlite_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/store/sqlite"
)

// turnID is a UUIDv7 of a time, with n in the place of what is random.
func turnID(at time.Time, n int) string {
	var id uuid.UUID
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8] = 0x70, 0x80
	id[14], id[15] = byte(n>>8), byte(n)
	return id.String()
}

var zone = time.FixedZone("half", 5*3600+1800)

// manyTurns draws turns of two orgs over a few days, with names from small sets
// so that they meet.
func manyTurns(t *rapid.T) []ledger.Turn {
	name := rapid.SampledFrom([]string{"", "a", "b"})
	model := rapid.SampledFrom([]string{"m", "vendor/m", "n"})
	provider := rapid.SampledFrom([]string{"p", "q"})
	n := rapid.IntRange(0, 20).Draw(t, "turns")
	out := make([]ledger.Turn, n)
	for i := range out {
		at := noon.Add(time.Duration(rapid.IntRange(-72*60, 72*60).Draw(t, "minute")) * time.Minute)
		turn := ledger.Turn{
			ID: turnID(at, i), Org: rapid.SampledFrom([]string{"o", "other"}).Draw(t, "org"), User: name.Draw(t, "user"), Key: name.Draw(t, "key"),
			Agent: name.Draw(t, "agent"), Session: name.Draw(t, "session"), Workload: name.Draw(t, "workload"), Purpose: name.Draw(t, "purpose"),
			Format: "chat", Status: rapid.SampledFrom([]ledger.Status{ledger.StatusOK, ledger.StatusError}).Draw(t, "status"), Started: at,
		}
		for j := range rapid.IntRange(1, 3).Draw(t, "attempts") {
			a := ledger.Attempt{
				Number: j + 1, Provider: provider.Draw(t, "provider"), Model: model.Draw(t, "model"), Started: at, Status: turn.Status,
				Usage: llm.Usage{Input: rapid.Int64Range(0, 9).Draw(t, "in"), CacheRead: 1, CacheWrite: 2, CacheWrite1h: 3, Output: rapid.Int64Range(0, 9).Draw(t, "out"), ReasoningOfOutput: 1},
			}
			if rapid.Bool().Draw(t, "priced") {
				cost := llm.NanoUSD(rapid.Int64Range(0, 1000).Draw(t, "cost"))
				a.Cost = &cost
			}
			turn.Attempts = append(turn.Attempts, a)
		}
		out[i] = turn
	}
	return out
}

// TestRowsAndRollUpsSayTheSame: what single turns add up to is what the roll-ups
// hold, by every dimension, by day, and narrowed to each key.
func TestRowsAndRollUpsSayTheSame(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		round, err := os.MkdirTemp(dir, "")
		if err != nil {
			rt.Fatal(err)
		}
		s, err := sqlite.Open(ctx, round, zone)
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		if err := s.WriteTurns(ctx, manyTurns(rt), ledger.Position{}); err != nil {
			rt.Fatal(err)
		}
		const from, to = "2026-05-31", "2026-06-02"
		begin, end, err := ledger.Span(from, to, zone)
		if err != nil {
			rt.Fatal(err)
		}
		for _, d := range ledger.Dimensions {
			want, others, rest, err := s.UsageByKey(ctx, "o", d, "", from, to, 2)
			got, gotOthers, gotRest, gotErr := s.RowsByKey(ctx, "o", d, nil, begin, end, 2)
			if err != nil || gotErr != nil {
				rt.Fatal(err, gotErr)
			}
			if diff := cmp.Diff(want, got) + cmp.Diff(others, gotOthers) + cmp.Diff(rest, gotRest); diff != "" {
				rt.Errorf("by %s: %s", d, diff)
			}
			for _, k := range want {
				if k.Key != "" {
					compareDays(rt, s, d, k.Key, from, to)
				}
			}
		}
		compareDays(rt, s, ledger.DimTotal, "", from, to)
		compareDays(rt, s, ledger.DimModel, "vendor/m", from, to) // without its provider
	})
}

func compareDays(t *rapid.T, s *sqlite.Store, d ledger.Dimension, key, from, to string) {
	want, err := s.UsageDaily(t.Context(), "o", d, key, from, to)
	if err != nil {
		t.Fatal(err)
	}
	var f ledger.Filter
	if d != ledger.DimTotal {
		f = ledger.Filter{d: key}
	}
	begin, end, err := ledger.Span(from, to, zone)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := s.RowsByTime(t.Context(), "o", f, begin, end)
	if err != nil {
		t.Fatal(err)
	}
	var got []ledger.DaySums
	for _, step := range steps {
		day := step.From.In(zone).Format(time.DateOnly)
		if len(got) == 0 || got[len(got)-1].Day != day {
			got = append(got, ledger.DaySums{Day: day})
		}
		got[len(got)-1].Sums.Add(step.Sums)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("days of %s %q: %s", d, key, diff)
	}
}

// TestTurnsAreListedByEveryFilter compares the query with the filter's own word.
func TestTurnsAreListedByEveryFilter(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	all := rapid.Custom(manyTurns).Filter(func(l []ledger.Turn) bool { return len(l) > 15 }).Example(1)
	if err := s.WriteTurns(t.Context(), all, ledger.Position{}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b ledger.Turn) int { return strings.Compare(b.ID, a.ID) })
	for _, f := range []ledger.TurnFilter{
		{},
		{User: "a"},
		{Agent: "b"},
		{Session: "a"},
		{Session: "b", User: "a"},
		{Session: "b", To: noon},
		{Session: "c"},
		{Workload: "b"},
		{Purpose: "a"},
		{Key: "b"},
		{Provider: "p"},
		{Model: "vendor/m"},
		{Model: "q/m"},
		{Status: "error"},
		{From: noon},
		{To: noon},
		{From: noon.Add(-24 * time.Hour), To: noon.Add(24 * time.Hour)},
		{User: "a", Provider: "q"},
	} {
		var want []string
		for i := range all {
			if all[i].Org == "o" && f.Passes(&all[i]) {
				want = append(want, all[i].ID)
			}
		}
		var got []string
		f.Limit = 2
		for pages := 0; ; pages++ {
			if pages > len(all) {
				t.Fatal("the pages have no end")
			}
			page, err := s.Turns(t.Context(), "o", f)
			if err != nil {
				t.Fatal(err)
			}
			for _, turn := range page {
				got = append(got, turn.ID)
			}
			if len(page) < f.Limit {
				break
			}
			f.Before = page[len(page)-1].ID
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v: %s", f, diff)
		}
	}
}
