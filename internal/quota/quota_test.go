package quota_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/quota"
)

var here = quota.Place{Account: "a", Model: "m"}

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func at(t *testing.T, s string) *clock {
	t.Helper()
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return &clock{when}
}

// spend sends n attempts that each use so many tokens.
func spend(tr *quota.Tracker, q *catalog.Quota, n int, tokens int64) {
	for range n {
		tr.Close(tr.Open(here, q, tokens), q, quota.Result{Tokens: tokens})
	}
}

func daily(n int64, day string) *catalog.Quota {
	return &catalog.Quota{RequestsPerDay: n, Counting: catalog.Counting{Day: day}}
}

// Days are cut where the vendor cuts them, also when clocks are changed.
func TestDaysEndInTheirZone(t *testing.T) {
	t.Parallel()
	const pacific = "America/Los_Angeles"
	for name, c := range map[string]struct{ zone, spent, resets string }{
		"Pacific in winter":             {pacific, "2026-11-25T16:00:00Z", "2026-11-26T08:00:00Z"},
		"Pacific in summer":             {pacific, "2026-07-01T16:00:00Z", "2026-07-02T07:00:00Z"},
		"before midnight there":         {pacific, "2026-11-25T07:59:59Z", "2026-11-25T08:00:00Z"},
		"the day with 25 hours":         {pacific, "2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"},
		"the day with 23 hours":         {pacific, "2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"},
		"UTC":                           {"UTC", "2026-11-25T16:00:00Z", "2026-11-26T00:00:00Z"},
		"said nothing":                  {"", "2026-11-25T16:00:00Z", "2026-11-26T00:00:00Z"},
		"a zone that can't be found":    {"Nowhere/Town", "2026-11-25T16:00:00Z", "2026-11-26T00:00:00Z"},
		"half an hour from whole hours": {"Asia/Kolkata", "2026-11-25T16:00:00Z", "2026-11-25T18:30:00Z"},
	} {
		now, q := at(t, c.spent), daily(10, c.zone)
		tr := quota.New(now.now)
		spend(tr, q, 4, 0)
		l := tr.Left(here, q)
		if want := at(t, c.resets).at; l.RequestsDay.Left != 6 || !l.RequestsDay.Resets.Equal(want) {
			t.Errorf("%s: %+v, want a reset at %s", name, l.RequestsDay, want)
		}
		now.at = l.RequestsDay.Resets.Add(-time.Second)
		if n := tr.Left(here, q).RequestsDay.Left; n != 6 {
			t.Errorf("%s: %d left a second before", name, n)
		}
		now.at = l.RequestsDay.Resets
		if n := tr.Left(here, q).RequestsDay.Left; n != 10 {
			t.Errorf("%s: %d left after it", name, n)
		}
	}
}

// What rolls on comes back bit by bit, and never before its time.
func TestWindowsThatRoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr, q := quota.New(time.Now), &catalog.Quota{RequestsPerMinute: 10, RequestsPerDay: 100, Counting: catalog.Counting{Day: catalog.Rolling}}
		left := func() (int64, int64) { l := tr.Left(here, q); return l.RequestsMinute.Left, l.RequestsDay.Left }
		spend(tr, q, 4, 0)
		time.Sleep(30 * time.Second)
		spend(tr, q, 3, 0)
		if m, d := left(); m != 3 || d != 93 {
			t.Errorf("%d, %d", m, d)
		}
		time.Sleep(30 * time.Second)
		if m, _ := left(); m != 3 {
			t.Errorf("%d: within the minute", m)
		}
		time.Sleep(6 * time.Second)
		if m, _ := left(); m != 7 {
			t.Errorf("%d after the first", m)
		}
		time.Sleep(23 * time.Hour)
		if m, d := left(); m != 10 || d != 93 {
			t.Errorf("%d, %d within the day", m, d)
		}
		time.Sleep(3 * time.Hour)
		if _, d := left(); d != 100 {
			t.Errorf("%d after it", d)
		}
	})
}

func TestAnswersTellMoreThanWhatIsConfigured(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-25T16:00:00Z")
	q := &catalog.Quota{RequestsPerDay: 1000, Configured: true, Counting: catalog.Counting{Day: catalog.Rolling, Requests: catalog.OfDay}}
	tr := quota.New(now.now)
	if l := tr.Left(here, q); l.Source != quota.Configured || l.RequestsDay.Left != 1000 {
		t.Errorf("%+v", l)
	}
	first, second, third := tr.Open(here, q, 0), tr.Open(here, q, 0), tr.Open(here, q, 0)
	told := func(tk quota.Ticket, left int64) {
		tr.Close(tk, q, quota.Result{Limits: provider.Limits{
			Requests: provider.Limit{Known: true, Limit: 50, Remaining: left, Reset: time.Hour},
			Tokens:   provider.Limit{Known: true, Limit: 6000, Remaining: 5000, Reset: time.Second},
		}})
	}
	told(second, 40)
	l := tr.Left(here, q)
	if l.Source != quota.Learned || l.RequestsDay != (quota.Share{Limit: 50, Left: 39, Resets: now.at.Add(time.Hour)}) {
		t.Errorf("%+v: not what was told less the one on its way", l.RequestsDay)
	}
	if l.TokensMinute.Limit != 6000 || l.TokensMinute.Left != 5000 {
		t.Errorf("%+v", l.TokensMinute)
	}
	told(first, 41) // older than what is known
	if n := tr.Left(here, q).RequestsDay.Left; n != 39 {
		t.Errorf("%d after an older answer", n)
	}
	told(third, 39)
	if n := tr.Left(here, q).RequestsDay.Left; n != 39 {
		t.Errorf("%d after the newest", n)
	}
	now.at = now.at.Add(time.Hour)
	if l := tr.Left(here, q); l.RequestsDay.Left != 50 {
		t.Errorf("%+v once all are there again", l.RequestsDay)
	}
}

// Where headers of both windows have one name, the time of the reset tells.
func TestWindowsByTheirReset(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-25T16:00:00Z")
	q := &catalog.Quota{Counting: catalog.Counting{Requests: catalog.ByItsTime}}
	tr := quota.New(now.now)
	for _, reset := range []time.Duration{20 * time.Second, 8 * time.Hour} {
		tr.Close(tr.Open(here, q, 0), q, quota.Result{Limits: provider.Limits{Requests: provider.Limit{Known: true, Limit: int64(reset / time.Second), Reset: reset}}})
	}
	if l := tr.Left(here, q); l.RequestsMinute.Limit != 20 || l.RequestsDay.Limit != 8*3600 {
		t.Errorf("%+v", l)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const start = "2026-11-25T16:00:00Z"
	for name, c := range map[string]struct {
		day  string
		per  string
		err  llm.Error
		lead time.Duration // until it is there again; 0: it is
	}{
		"of the day":               {"America/Los_Angeles", "", llm.Error{Kind: llm.KindQuota}, 16 * time.Hour},
		"of a day that rolls":      {catalog.Rolling, "", llm.Error{Kind: llm.KindQuota}, time.Hour},
		"whose reset is hours off": {"UTC", "", llm.Error{Kind: llm.KindRateLimit, RetryAfter: 5 * time.Hour}, 5 * time.Hour},
		"of the minute":            {"UTC", catalog.PerModel, llm.Error{Kind: llm.KindRateLimit, RetryAfter: 20 * time.Second}, 20 * time.Second},
		"that doesn't say":         {"UTC", catalog.PerModel, llm.Error{Kind: llm.KindRateLimit}, time.Minute},
		"of one of many models":    {"UTC", "", llm.Error{Kind: llm.KindRateLimit, RetryAfter: 20 * time.Second}, 0},
		"of something else":        {"UTC", catalog.PerModel, llm.Error{Kind: llm.KindUpstream}, 0},
	} {
		now, q := at(t, start), daily(1000, c.day)
		q.Per = c.per
		tr := quota.New(now.now)
		before := tr.Open(here, q, 0)
		tr.Close(tr.Open(here, q, 0), q, quota.Result{Err: &c.err})
		tr.Close(before, q, quota.Result{}) // sent before the refusal: proves nothing
		dry, _ := tr.State(here, q, 0)
		l := tr.Left(here, q)
		if c.lead == 0 {
			want := int64(998)
			if c.err.Kind == llm.KindRateLimit {
				want = 999 // what is refused isn't counted
			}
			if dry || l.RequestsDay.Left != want {
				t.Errorf("%s: dry %v, %+v", name, dry, l)
			}
			continue
		}
		if !dry || !l.Dry.Equal(now.at.Add(c.lead)) || l.RequestsDay.Left != 999 {
			t.Errorf("%s: dry %v, %+v", name, dry, l)
		}
		now.at = now.at.Add(c.lead)
		if dry, _ := tr.State(here, q, 0); dry {
			t.Errorf("%s: dry after its time", name)
		}
	}
	now, q := at(t, start), daily(1000, "")
	tr := quota.New(now.now)
	tr.Close(tr.Open(here, q, 0), q, quota.Result{Err: &llm.Error{Kind: llm.KindQuota}})
	tr.Close(tr.Open(here, q, 0), q, quota.Result{})
	if dry, _ := tr.State(here, q, 0); dry {
		t.Error("dry though it answered since")
	}
}

// What is taken by many at once is what there is, but for what is held back.
func TestManyAtOnceDoNotOvershoot(t *testing.T) {
	t.Parallel()
	q := &catalog.Quota{RequestsPerDay: 100, TokensPerMinute: 1_000_000}
	tr := quota.New(time.Now)
	var mu sync.Mutex
	var taken []quota.Ticket
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() {
			if tk, ok := tr.Take(here, q, 100); ok {
				mu.Lock()
				defer mu.Unlock()
				taken = append(taken, tk)
			}
		})
	}
	all.Wait()
	if len(taken) != 95 {
		t.Errorf("%d of 100 were taken", len(taken))
	}
	if l := tr.Left(here, q); l.RequestsDay.Left != 5 || l.TokensMinute.Left != 1_000_000-9500 {
		t.Errorf("%+v", l)
	}
	tr.Close(taken[0], q, quota.Result{Unsent: true})
	tr.Close(taken[1], q, quota.Result{Tokens: 700})
	if l := tr.Left(here, q); l.RequestsDay.Left != 6 || l.TokensMinute.Left != 1_000_000-10_000 {
		t.Errorf("%+v after corrections", l)
	}
}

// Others leave half of it to those that prefer it, and all is dry at its end.
func TestHowItIsWithIt(t *testing.T) {
	t.Parallel()
	q := &catalog.Quota{RequestsPerDay: 40}
	tr := quota.New(time.Now)
	for i := range 40 {
		dry, kept := tr.State(here, q, 0)
		if wantDry, wantKept := i >= 38, i > 20; dry != wantDry || kept != wantKept {
			t.Errorf("after %d: dry %v, kept %v", i, dry, kept)
		}
		spend(tr, q, 1, 0)
	}
	tokens := &catalog.Quota{TokensPerMinute: 1000}
	for need, want := range map[int64]bool{950: false, 951: true} {
		if dry, _ := quota.New(time.Now).State(here, tokens, need); dry != want {
			t.Errorf("%d tokens of 1000: %v", need, dry)
		}
	}
	if dry, kept := quota.New(time.Now).State(here, &catalog.Quota{RequestsPerDay: math.MaxInt64, TokensPerDay: math.MaxInt64}, 1<<40); dry || kept {
		t.Error("more than can be used is little")
	}
	if dry, kept := tr.State(here, &catalog.Quota{Counting: catalog.Counting{Per: catalog.PerModel}}, 1<<40); dry || kept {
		t.Error("a limit that nobody knows keeps something back")
	}
}

// An account's models share what is free, unless the vendor counts by model.
func TestWhatCountsTogether(t *testing.T) {
	t.Parallel()
	other := quota.Place{Account: "a", Model: "n"}
	for per, want := range map[string]int64{"": 7, catalog.PerModel: 10} {
		q := daily(10, "")
		q.Per = per
		tr := quota.New(time.Now)
		spend(tr, q, 3, 0)
		if n := tr.Left(other, q).RequestsDay.Left; n != want {
			t.Errorf("per %q: %d left of the other", per, n)
		}
	}
}

// What the books know from before a restart counts, as far as it is of today.
func TestWhatTheBooksKnow(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-25T16:00:00Z")
	for day, want := range map[string]int64{"UTC": 93, "America/Los_Angeles": 98, catalog.Rolling: 43} {
		q := &catalog.Quota{RequestsPerDay: 100, TokensPerDay: 10_000, Counting: catalog.Counting{Day: day}}
		tr := quota.New(now.now)
		for ago, n := range map[time.Duration]int64{30 * time.Hour: 40, 18 * time.Hour: 50, 10 * time.Hour: 5, time.Hour: 2} {
			tr.Spent(here, q, now.at.Add(-ago), n, 10*n)
		}
		if l := tr.Left(here, q); l.RequestsDay.Left != want || l.TokensDay.Left != 9000+10*want {
			t.Errorf("%s: %+v", day, l)
		}
	}
}

func TestTrackingIsBounded(t *testing.T) {
	t.Parallel()
	q := daily(10, "")
	tr, kept := quota.New(time.Now), 0
	for i := range 12_000 {
		tr.Open(quota.Place{Account: fmt.Sprint(i)}, q, 0)
	}
	for i := range 12_000 {
		if tr.Left(quota.Place{Account: fmt.Sprint(i)}, q).RequestsDay.Left < 10 {
			kept++
		}
	}
	if kept != 10_000 {
		t.Errorf("%d are tracked", kept)
	}
}

// Whatever comes in whatever order: nothing is ever less than nothing or more than
// all, and of a vendor that counts what is sent, one who only takes never meets the
// end of it.
func TestNeverNegativeAndNeverBeyond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 25, rapid.IntRange(0, 23).Draw(t, "hour"), 0, 0, 0, time.UTC)
		q := &catalog.Quota{
			RequestsPerDay: int64(rapid.IntRange(1, 60).Draw(t, "a day")), TokensPerMinute: int64(rapid.IntRange(0, 5000).Draw(t, "tokens a minute")),
			Counting: catalog.Counting{Requests: catalog.OfDay},
		}
		tr := quota.New(func() time.Time { return now })
		tells := rapid.Bool().Draw(t, "the vendor tells")
		vendor, day := int64(0), now.YearDay()
		type sent struct {
			ticket quota.Ticket
			left   int64 // as the vendor had it then
		}
		var flying []sent
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				now = now.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "pause")) * time.Second)
			case 1, 2:
				tk, ok := tr.Take(here, q, int64(rapid.IntRange(0, 500).Draw(t, "tokens")))
				if !ok {
					break
				}
				if now.YearDay() != day {
					vendor, day = 0, now.YearDay()
				}
				if vendor++; vendor > q.RequestsPerDay {
					t.Fatalf("the vendor refuses request %d of %d", vendor, q.RequestsPerDay)
				}
				flying = append(flying, sent{tk, q.RequestsPerDay - vendor})
			case 3:
				if len(flying) == 0 {
					break
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "which")
				r := quota.Result{Tokens: int64(rapid.IntRange(0, 2000).Draw(t, "used"))}
				if end := now.Truncate(24 * time.Hour).Add(24 * time.Hour); tells && now.YearDay() == day {
					r.Limits.Requests = provider.Limit{Known: true, Limit: q.RequestsPerDay, Remaining: flying[i].left, Reset: end.Sub(now)}
				}
				tr.Close(flying[i].ticket, q, r)
				flying = append(flying[:i], flying[i+1:]...)
			}
			l := tr.Left(here, q)
			for name, s := range map[string]quota.Share{"requests": l.RequestsDay, "tokens": l.TokensMinute} {
				if s.Left < 0 || s.Left > s.Limit {
					t.Fatalf("%s: %+v", name, s)
				}
			}
		}
	})
}
