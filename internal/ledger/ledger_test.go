package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
)

// whole records a turn of one attempt from its beginning to its end.
func whole(t *testing.T, l *ledger.Ledger, id, text string) ledger.Turn {
	t.Helper()
	turn := newTurn(id, noon)
	turn.Attempts = []ledger.Attempt{sent(0, noon)}
	turn.Attempts[0].ErrorText = text
	if err := l.OpenAttempt(&turn, &turn.Attempts[0]); err != nil {
		t.Fatal(err)
	}
	turn.Status, turn.Duration = ledger.StatusOK, time.Second
	turn.Attempts[0] = answered(turn.Attempts[0], ledger.StatusOK, 5)
	l.CloseTurn(&turn, &turn.Attempts[0])
	turn.InputEstimate = 0
	return turn
}

// smallSegments is a cap under which a segment has 256 KiB.
const smallSegments = 1 << 20

func TestSegmentsTurnOverAndAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := database(t, dir)
	defer db.Close()
	db.away.Store(true)
	l := begin(t, ledger.Options{Dir: dir, Store: db, SpoolCap: smallSegments})
	want := map[string]ledger.Turn{}
	text := strings.Repeat("x", 1500)
	for i := 0; ; i++ {
		turn := whole(t, l, fmt.Sprintf("turn-%06d", i), text)
		want[turn.ID] = turn
		if n, size := segments(t, dir); n == 3 {
			if size != l.SpoolBytes() {
				t.Errorf("the spool has %d bytes and says %d", size, l.SpoolBytes())
			}
			break
		}
	}
	die(t, l)
	db.away.Store(false)
	l = begin(t, ledger.Options{Dir: dir, Store: db})
	drained(t, l)
	if d := cmp.Diff(want, read(t, db)); d != "" {
		t.Error(d)
	}
	if n, size := segments(t, dir); n != 1 || size != l.SpoolBytes() {
		t.Errorf("after all was taken over %d segments of %d bytes are left, the ledger says %d", n, size, l.SpoolBytes())
	}
	ended(t, l)
}

func TestAnOpenTurnKeepsItsSegment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := database(t, dir)
	defer db.Close()
	l := begin(t, ledger.Options{Dir: dir, Store: db, SpoolCap: smallSegments})
	long := newTurn("long", noon)
	long.Attempts = []ledger.Attempt{sent(0, noon)}
	if err := l.OpenAttempt(&long, &long.Attempts[0]); err != nil {
		t.Fatal(err)
	}
	text, count := strings.Repeat("x", 1500), 1
	for path, _ := spoolEnd(t, dir); ; count++ {
		whole(t, l, fmt.Sprintf("turn-%06d", count), text)
		if now, _ := spoolEnd(t, dir); now != path {
			break
		}
	}
	drained(t, l)
	die(t, l)
	l = begin(t, ledger.Options{Dir: dir, Store: db})
	drained(t, l)
	ended(t, l)
	turns := read(t, db)
	if len(turns) != count+1 || turns["long"].Status != ledger.StatusInterrupted {
		t.Errorf("%d turns of %d; the long one is %q", len(turns), count+1, turns["long"].Status)
	}
	sound(t, db)
}

func TestAFullSpoolRefusesOrServes(t *testing.T) {
	t.Parallel()
	for _, serve := range []bool{false, true} {
		dir := t.TempDir()
		db := database(t, dir)
		db.away.Store(true)
		l := begin(t, ledger.Options{Dir: dir, Store: db, SpoolCap: 20_000, Serve: serve})
		recorded := 0
		for ; l.SpoolBytes() < 20_000; recorded++ {
			whole(t, l, fmt.Sprintf("turn-%06d", recorded), "")
		}
		turn, attempt := newTurn("beyond", noon), sent(0, noon)
		err := l.OpenAttempt(&turn, &attempt)
		var refused *llm.Error
		switch {
		case serve && (err != nil || l.Unrecorded() != 1):
			t.Errorf("serve: %v, %d unrecorded", err, l.Unrecorded())
		case !serve && (!errors.As(err, &refused) || refused.Kind != llm.KindUnavailable || refused.RetryAfter <= 0 || !errors.Is(err, ledger.ErrSpoolFull)):
			t.Errorf("refuse: %v", err)
		}
		if serve {
			l.CloseTurn(&turn, &attempt) // answered, and yet no row of half a turn
			recordedMore(t, l)
		}
		db.away.Store(false)
		drained(t, l)
		sound(t, db)
		if n := len(read(t, db)); n != recorded {
			t.Errorf("serve %v: %d turns are there, %d were recorded", serve, n, recorded)
		}
		// With the database back there is room again.
		for i := range 50 {
			whole(t, l, fmt.Sprintf("later-%d", i), "")
			drained(t, l)
		}
		ended(t, l)
		if n := len(read(t, db)); n != recorded+50 {
			t.Errorf("serve %v: %d turns after there was room again, want %d", serve, n, recorded+50)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func recordedMore(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	if n := l.Unrecorded(); n < 1 {
		t.Errorf("%d turns are counted as unrecorded", n)
	}
}

func TestTurnsWaitForADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := database(t, dir)
	defer db.Close()
	db.away.Store(true)
	l := begin(t, ledger.Options{Dir: dir, Store: db})
	live, stop, err := l.Follow(100, func(*ledger.Turn) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	want := map[string]ledger.Turn{}
	for i := range 50 {
		turn := whole(t, l, fmt.Sprintf("turn-%d", i), "")
		want[turn.ID] = turn
	}
	for db.writes.Load() < 2 { // it was tried, and tried again
		time.Sleep(time.Millisecond)
	}
	db.away.Store(false)
	drained(t, l)
	if d := cmp.Diff(want, read(t, db)); d != "" {
		t.Error(d)
	}
	if len(live) != 50 {
		t.Errorf("%d of 50 turns were told to who follows", len(live))
	}
	ended(t, l)
	sound(t, db)
}

// TestALostSpoolIsBegunAnew: the database knows of a place in a spool that isn't
// there any more. Turns after that must be recorded all the same.
func TestALostSpoolIsBegunAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := database(t, dir)
	defer db.Close()
	for i := range 3 { // each start begins a segment
		l := begin(t, ledger.Options{Dir: dir, Store: db})
		whole(t, l, fmt.Sprintf("before-%d", i), "")
		ended(t, l)
	}
	if err := os.RemoveAll(filepath.Join(dir, "spool")); err != nil {
		t.Fatal(err)
	}
	l := begin(t, ledger.Options{Dir: dir, Store: db})
	whole(t, l, "after", "")
	drained(t, l)
	ended(t, l)
	if turns := read(t, db); len(turns) != 4 || turns["after"].Status != ledger.StatusOK {
		t.Errorf("%d turns; the one after: %+v", len(turns), turns["after"])
	}
}

// TestOversizedTextsDoNotLoseATurn: what clients and providers write into a turn
// has no bound of its own.
func TestOversizedTextsDoNotLoseATurn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := database(t, dir)
	defer db.Close()
	l := begin(t, ledger.Options{Dir: dir, Store: db})
	huge := strings.Repeat("é", 100_000)
	turn := newTurn("big", noon)
	turn.EndUser, turn.RequestedModel, turn.Session = huge, huge, huge
	turn.Purpose = "no \xff\xfe text"
	turn.Attempts = []ledger.Attempt{sent(0, noon)}
	if err := l.OpenAttempt(&turn, &turn.Attempts[0]); err != nil {
		t.Fatal(err)
	}
	turn.Status = ledger.StatusError
	turn.Attempts[0] = answered(turn.Attempts[0], ledger.StatusError, 1)
	turn.Attempts[0].ServedModel, turn.Attempts[0].ErrorText = huge, huge
	l.CloseTurn(&turn, &turn.Attempts[0])
	drained(t, l)
	ended(t, l)
	got, ok := read(t, db)["big"]
	if !ok || got.Status != ledger.StatusError || len(got.Attempts) != 1 {
		t.Fatalf("%v %.300v", ok, got)
	}
	if strings.ToValidUTF8(got.Purpose, "") != got.Purpose {
		t.Errorf("%q", got.Purpose)
	}
	for _, s := range []string{got.EndUser, got.Attempts[0].ServedModel} {
		if len(s) > 4096 || !strings.HasPrefix(huge, s) || strings.ToValidUTF8(s, "") != s {
			t.Errorf("a text of %d bytes was kept as %d", len(huge), len(s))
		}
	}
}

// TestASegmentInTheWayIsPassedOver: a segment that could not be begun must not
// stop the ones after it.
func TestASegmentInTheWayIsPassedOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := database(t, dir)
	defer db.Close()
	l := begin(t, ledger.Options{Dir: dir, Store: db, SpoolCap: smallSegments})
	// As a full disk leaves it: made, and empty.
	if err := os.WriteFile(filepath.Join(dir, "spool", fmt.Sprintf("%016d.spool", 2)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	text, count := strings.Repeat("x", 1500), 0
	for first, now := "", ""; first == now; count++ {
		first, _ = spoolEnd(t, dir)
		whole(t, l, fmt.Sprintf("turn-%06d", count), text)
		now, _ = spoolEnd(t, dir)
	}
	whole(t, l, "the last", text)
	ended(t, l)
	if n := len(read(t, db)); n != count+1 {
		t.Errorf("%d turns of %d", n, count+1)
	}
}

// A damaged record costs its own turn alone, those behind it are there.
func TestWhatStandsBehindDamageIsRead(t *testing.T) {
	t.Parallel()
	for _, damage := range []struct {
		name string
		at   int64 // from the record's beginning
		with []byte
	}{
		{"in the text", 40, []byte("x")},
		{"in the length", 1, []byte{7}},
		{"a wild length", 0, []byte{255, 255, 255, 255}},
		{"nothing left", 0, make([]byte, 60)},
	} {
		dir := t.TempDir()
		db := database(t, dir)
		db.away.Store(true)
		l := begin(t, ledger.Options{Dir: dir, Store: db})
		before := whole(t, l, "before", "")
		for db.writes.Load() == 0 {
			time.Sleep(time.Millisecond) // the writer has read it, and tries to store it
		}
		path, at := spoolEnd(t, dir)
		whole(t, l, "damaged", "")
		after := whole(t, l, "after", "")
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(damage.with, at+damage.at); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		// Also by the process that goes on writing there.
		db.away.Store(false)
		later := whole(t, l, "later", "")
		drained(t, l)
		want := map[string]ledger.Turn{"before": before, "after": after, "later": later}
		if d := cmp.Diff(want, read(t, db)); d != "" {
			t.Errorf("%s: %s", damage.name, d)
		}
		ended(t, l)
		sound(t, db)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A turn that was answered while the disk was full is recorded when it no longer
// is, and doesn't keep the spool from being given back.
func TestATurnsEndWaitsForRoomOnTheDisk(t *testing.T) { //nolint:paralleltest // the limit is the process's
	dir := t.TempDir()
	db := database(t, dir)
	defer db.Close()
	db.away.Store(true)
	l := begin(t, ledger.Options{Dir: dir, Store: db, SpoolCap: smallSegments})
	turn, other := newTurn("answered", noon), newTurn("refused", noon)
	turn.Attempts = []ledger.Attempt{sent(0, noon)}
	if err := l.OpenAttempt(&turn, &turn.Attempts[0]); err != nil {
		t.Fatal(err)
	}
	_, size := spoolEnd(t, dir)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	full := before
	full.Cur = uint64(size) + 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	turn.Status = ledger.StatusOK
	turn.Attempts[0] = answered(turn.Attempts[0], ledger.StatusOK, 1)
	l.CloseTurn(&turn, &turn.Attempts[0])
	first := sent(0, noon)
	refused := l.OpenAttempt(&other, &first)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if refused == nil {
		t.Error("a turn was begun that can't be recorded")
	}
	db.away.Store(false)
	next := whole(t, l, "next", "")
	drained(t, l)
	turn.InputEstimate = 0
	if d := cmp.Diff(map[string]ledger.Turn{"answered": turn, "next": next}, read(t, db)); d != "" {
		t.Error(d)
	}
	ended(t, l)
	sound(t, db)
}
