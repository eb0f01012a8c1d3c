package sqlite_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/store/sqlite"
)

func someTurns(n int) []ledger.Turn {
	out := make([]ledger.Turn, n)
	now := time.Now()
	for i := range out {
		cost := llm.NanoUSD(1234567)
		out[i] = ledger.Turn{
			ID: uuid.Must(uuid.NewV7()).String(), Org: "default", User: "ada", Key: "0197-key", Session: "s-" + uuid.Must(uuid.NewV7()).String(), SessionSource: "hash",
			Workload: "chat", RequestedModel: "openai/gpt-5.4-mini", Format: "chat", Started: now, InputEstimate: 250, Decision: []byte("exact"),
			Status: ledger.StatusOK, FirstToken: time.Millisecond, Duration: 2 * time.Millisecond,
			Attempts: []ledger.Attempt{{
				Number: 1, Provider: "openai", Model: "gpt-5.4-mini", ServedModel: "gpt-5.4-mini-2026-03-17", KeyHint: "…abcd", Format: "chat", Started: now,
				FirstToken: time.Millisecond, Duration: 2 * time.Millisecond, Status: ledger.StatusOK, Finish: "stop",
				Usage: llm.Usage{Input: 250, Output: 30, Quality: llm.QualityExact}, Cost: &cost,
			}},
		}
	}
	return out
}

// A batch that is written again, as after a crash between two batches, changes
// nothing; what turns add to the roll-ups equals the rows.
func TestTurnsAreWrittenOnce(t *testing.T) {
	s := open(t, t.TempDir())
	turns := someTurns(120)
	for range 2 {
		if err := s.WriteTurns(t.Context(), turns, ledger.Position{Segment: 3, Offset: 9}); err != nil {
			t.Fatal(err)
		}
	}
	if at, err := s.Position(t.Context()); err != nil || at != (ledger.Position{Segment: 3, Offset: 9}) {
		t.Errorf("%v, %v", at, err)
	}
	for _, d := range append([]ledger.Dimension{ledger.DimTotal}, ledger.Dimensions...) {
		raw, err := s.RawSums(t.Context(), "default", d)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]ledger.Sums{}
		for _, k := range raw {
			want[k.Key] = k.Sums
		}
		got := map[string]ledger.Sums{}
		top, others, _, err := s.UsageByKey(t.Context(), "default", d, "", "0000-01-01", "9999-12-31", 1000)
		if err != nil || others != 0 {
			t.Fatalf("%d others, %v", others, err)
		}
		for _, k := range top {
			got[k.Key] = k.Sums
		}
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("%s: %s", d, diff)
		}
	}
}

// Old rows go, in every org and never more than asked at a time; roll-ups stay.
func TestOldTurnsAreRemoved(t *testing.T) {
	s := open(t, t.TempDir())
	turns := someTurns(30)
	for i := range turns {
		turns[i].Org = []string{"a", "b", "c"}[i%3]
	}
	if err := s.WriteTurns(t.Context(), turns, ledger.Position{}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.DeleteTurns(t.Context(), turns[0].Started.Add(-time.Minute), 100); n != 0 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	after := time.Now().Add(time.Second)
	for _, want := range []int64{20, 10, 0} {
		if n, err := s.DeleteTurns(t.Context(), after, 20); n != want || err != nil {
			t.Errorf("%d removed, want %d, %v", n, want, err)
		}
	}
	for _, org := range []string{"a", "b", "c"} {
		if left, err := s.Turns(t.Context(), org, ledger.TurnFilter{Limit: 100}); len(left) != 0 || err != nil {
			t.Errorf("%s: %d left, %v", org, len(left), err)
		}
		if days, err := s.UsageDaily(t.Context(), org, ledger.DimTotal, "", "0000-01-01", "9999-12-31"); len(days) == 0 || days[0].Sums.Turns != 10 || err != nil {
			t.Errorf("%s: %v, %v", org, days, err)
		}
	}
}

func BenchmarkWriteTurns(b *testing.B) {
	s, err := sqlite.Open(b.Context(), b.TempDir(), time.UTC)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	const batch = 500
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		turns := someTurns(batch)
		b.StartTimer()
		if err := s.WriteTurns(b.Context(), turns, ledger.Position{Segment: 1, Offset: int64(i)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/turn")
}
