package quota

import (
	"time"

	"github.com/oidostudio/oido/internal/catalog"
)

// slots are the parts of a window that rolls on, and one in which the present is
// begun: what is counted is rather forgotten late than early.
const slots = 13

// window says how time is cut into slots, of which the last few are counted.
type window struct {
	slot time.Duration  // how long one is; 0: a calendar day
	zone *time.Location // in which days begin
}

// lasting is how many slots count at a time.
func (w window) lasting() int64 {
	if w.slot == 0 {
		return 1
	}
	return slots
}

// at is the number of the slot that a time is in.
func (w window) at(t time.Time) int64 {
	if w.slot > 0 {
		return t.UnixNano() / int64(w.slot)
	}
	y, m, d := t.In(w.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / int64(24*time.Hour/time.Second)
}

// end is when a slot that is counted counts no more.
func (w window) end(slot int64) time.Time {
	if w.slot > 0 {
		return time.Unix(0, (slot+slots)*int64(w.slot))
	}
	y, m, d := time.Unix(slot*int64(24*time.Hour/time.Second), 0).UTC().Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, w.zone)
}

// minute is the window of what is free a minute.
var minute = window{slot: time.Minute / (slots - 1)}

// dayOf is the window of what is free a day. A zone that can't be found is UTC.
func dayOf(c *catalog.Counting) window {
	if c.Day == catalog.Rolling {
		return window{slot: 24 * time.Hour / (slots - 1)}
	}
	zone, err := time.LoadLocation(c.Day)
	if err != nil {
		zone = time.UTC
	}
	return window{zone: zone}
}

// allowance is what is used in one window of one thing.
type allowance struct {
	window
	used   [slots]int64 // by the slot's number modulo slots
	newest int64        // slot
	sum    int64        // of used
	total  int64        // of all that was ever counted
	// limit is what an answer told last; 0: none did.
	limit  int64
	whole  time.Time // told: from then on nothing is used; zero: not told
	teller uint64    // the attempt that told
}

// advance lets go of what lies too far back.
func (a *allowance) advance(now time.Time) {
	if !a.whole.IsZero() && !now.Before(a.whole) {
		a.clear()
		a.whole = time.Time{}
	}
	at := a.at(now)
	switch {
	case at <= a.newest:
		return
	case at-a.newest >= slots:
		a.clear()
		a.newest = at
	}
	for a.newest < at {
		a.newest++
		a.drop(a.newest)
	}
	for slot := a.newest - slots + 1; slot <= a.newest-a.lasting(); slot++ {
		a.drop(slot)
	}
}

func (a *allowance) clear() { a.used, a.sum = [slots]int64{}, 0 }

func (a *allowance) drop(slot int64) {
	i := slot % slots
	a.sum -= a.used[i]
	a.used[i] = 0
}

// add counts n in the slot of a time, or takes it back where n is negative, as far
// as it is still there.
func (a *allowance) add(n int64, t time.Time) {
	a.total += n
	slot := min(a.at(t), a.newest)
	if slot <= a.newest-a.lasting() {
		return
	}
	i := slot % slots
	n = max(n, -a.used[i])
	a.used[i] += n
	a.sum += n
}

// tell takes over what an answer said: of so many so many are left, until all are
// there again; since then more were counted.
func (a *allowance) tell(limit, left, since int64, whole, now time.Time) {
	a.limit = limit
	a.clear()
	a.sum = max(limit-left, 0) + max(since, 0)
	a.used[a.newest%slots] = a.sum
	a.whole = time.Time{}
	if whole.After(now) {
		a.whole = whole
	}
}

// resets is when more is free again.
func (a *allowance) resets(now time.Time) time.Time {
	if !a.whole.IsZero() {
		return a.whole
	}
	for slot := a.newest - a.lasting() + 1; slot < a.newest; slot++ {
		if a.used[slot%slots] > 0 {
			return a.end(slot)
		}
	}
	return a.end(a.at(now))
}
