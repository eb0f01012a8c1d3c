package ledger_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
)

// record is what one call left in the spool: up to which byte of which segment,
// and what must be in the database once it can be read there.
type record struct {
	path        string
	from, until int64
	turn        ledger.Turn // as of this record
}

// life is one process's time between start and death.
type life struct {
	t       *rapid.T
	dir     string
	l       *ledger.Ledger
	records []record
	open    []*ledger.Turn
}

func (v *life) wrote(turn *ledger.Turn) {
	path, size := spoolEnd(v.t, v.dir)
	if size == 8 {
		size = 0 // a fresh segment: the record is the last one of the segment before
	}
	t := *turn
	t.InputEstimate = 0 // only the spool keeps it
	t.Attempts = append([]ledger.Attempt(nil), turn.Attempts...)
	from := int64(8)
	if n := len(v.records); n > 0 && v.records[n-1].path == path {
		from = max(from, v.records[n-1].until)
	}
	v.records = append(v.records, record{path, from, size, t})
}

// act does one thing that a gateway does with its ledger.
func (v *life) act(next *int) {
	if len(v.open) == 0 || rapid.Bool().Draw(v.t, "begin a turn") {
		*next++
		at := noon.Add(time.Duration(*next) * time.Hour)
		turn := newTurn(fmt.Sprintf("turn-%04d", *next), at)
		turn.Attempts = []ledger.Attempt{sent(0, at)}
		if err := v.l.OpenAttempt(&turn, &turn.Attempts[0]); err != nil {
			v.t.Fatal(err)
		}
		v.open = append(v.open, &turn)
		v.wrote(&turn)
		return
	}
	i := rapid.IntRange(0, len(v.open)-1).Draw(v.t, "which turn")
	turn, n := v.open[i], rapid.Int64Range(0, 1000).Draw(v.t, "use")
	last := &turn.Attempts[len(turn.Attempts)-1]
	if len(turn.Attempts) < 3 && rapid.Bool().Draw(v.t, "another attempt") {
		*last = answered(*last, ledger.StatusError, n)
		v.l.CloseAttempt(turn.ID, last)
		v.wrote(turn)
		turn.Attempts = append(turn.Attempts, sent(len(turn.Attempts), turn.Started.Add(time.Second)))
		if err := v.l.OpenAttempt(turn, &turn.Attempts[len(turn.Attempts)-1]); err != nil {
			v.t.Fatal(err)
		}
		v.wrote(turn)
		return
	}
	turn.Status = rapid.SampledFrom([]ledger.Status{ledger.StatusOK, ledger.StatusError, ledger.StatusCut, ledger.StatusCanceled}).Draw(v.t, "status")
	turn.Duration, turn.FirstToken = time.Duration(n)*time.Millisecond, time.Duration(n)*time.Microsecond
	*last = answered(*last, turn.Status, n)
	v.l.CloseTurn(turn, last)
	v.wrote(turn)
	v.open = append(v.open[:i], v.open[i+1:]...)
}

// damage cuts the spool's end off, or flips a bit in it, and says which records
// can't be read.
func (v *life) damage() (hit func(record) bool) {
	path, size := spoolEnd(v.t, v.dir)
	switch rapid.SampledFrom([]string{"none", "cut", "flip"}).Draw(v.t, "damage") {
	case "cut":
		from := rapid.Int64Range(0, size).Draw(v.t, "where")
		if err := os.Truncate(path, from); err != nil {
			v.t.Fatal(err)
		}
		return func(r record) bool { return r.path == path && r.until > from }
	case "flip":
		from := rapid.Int64Range(max(0, size-300), size-1).Draw(v.t, "where")
		b, err := os.ReadFile(path)
		if err != nil {
			v.t.Fatal(err)
		}
		b[from] ^= 1 << rapid.IntRange(0, 7).Draw(v.t, "bit")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			v.t.Fatal(err)
		}
		// A segment without its head is none; else the record with the bit is lost.
		return func(r record) bool { return r.path == path && (from < 8 || r.from <= from && from < r.until) }
	}
	return func(record) bool { return false }
}

// recorded says whether a turn is as one of its records says.
func (v *life) recorded(turn ledger.Turn) bool {
	for _, r := range v.records {
		as := r.turn
		if as.Status == "" {
			as = interrupted(as)
		}
		if as.ID == turn.ID && cmp.Diff(as, turn) == "" {
			return true
		}
	}
	return false
}

// interrupted is what is known of a turn that a death left open.
func interrupted(t ledger.Turn) ledger.Turn {
	t.Status = ledger.StatusInterrupted
	for i := range t.Attempts {
		if a := &t.Attempts[i]; a.Status == "" {
			a.Status = ledger.StatusInterrupted
			a.Usage = llm.Usage{Input: promptEstimate, Quality: llm.QualityEstimated}
		}
	}
	return t
}

// TestACrashLosesNoTurnAndDoublesNone lets processes live and die one after the
// other on the same folder. What a process wrote before the damage must be there
// exactly once after the next start: what ended as it ended, what was open as
// interrupted; and what the database had already is not touched by anything that
// happens to the spool.
func TestACrashLosesNoTurnAndDoublesNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "oido-ledger-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		db := database(t, dir)
		defer db.Close()
		// Under the small cap segments of 8 KiB turn over in the middle of a life.
		limit := rapid.SampledFrom([]int64{0, 32 << 10}).Draw(t, "spool's cap")
		want, number := map[string]ledger.Turn{}, 0
		for range rapid.IntRange(1, 3).Draw(t, "lives") {
			db.away.Store(rapid.Bool().Draw(t, "away at the start"))
			v := &life{t: t, dir: dir, l: begin(t, ledger.Options{Dir: dir, Store: db, SpoolCap: limit})}
			for range rapid.IntRange(0, 30).Draw(t, "acts") {
				switch rapid.IntRange(0, 19).Draw(t, "weather") {
				case 0:
					db.away.Store(true)
				case 1:
					db.away.Store(false)
				case 2:
					db.unheard.Store(1)
				case 3:
					if !db.away.Load() {
						drained(t, v.l)
					}
				}
				v.act(&number)
			}
			die(t, v.l)
			for id, turn := range read(t, db) {
				if had, ok := want[id]; ok && cmp.Diff(had, turn) != "" {
					t.Fatal("a turn changed: ", cmp.Diff(had, turn))
				}
				want[id] = turn
			}
			hit := v.damage()
			left, hurt, holed := map[string]ledger.Turn{}, map[string]bool{}, map[string]bool{}
			for _, r := range v.records {
				id := r.turn.ID
				if hit(r) {
					hurt[id] = true
					continue
				}
				holed[id] = hurt[id]
				left[id] = r.turn
			}
			for id, turn := range left {
				if turn.Status == "" {
					turn = interrupted(turn)
				}
				if had, ok := want[id]; ok {
					turn = had
				}
				want[id] = turn
			}
			db.away.Store(false)
			after := begin(t, ledger.Options{Dir: dir, Store: db})
			drained(t, after)
			ended(t, after)
			// What stands behind the damage is read all the same where the database
			// had come past it: then it must be as it was recorded.
			for id, turn := range read(t, db) {
				if _, ok := want[id]; !ok && v.recorded(turn) {
					want[id] = turn
				}
			}
			got := read(t, db)
			for id := range holed {
				// Of a turn with a hole in it there may be some, once.
				if turn, there := got[id]; holed[id] && there {
					want[id] = turn
				} else if holed[id] {
					delete(want, id)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatal(d)
			}
			sound(t, db)
		}
	})
}
