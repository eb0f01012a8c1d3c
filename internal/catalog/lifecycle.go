package catalog

import "time"

// Lifecycle is how long a model is there.
type Lifecycle struct {
	State       string `json:"state"`    // "deprecated" or "retired"
	Shutdown    string `json:"shutdown"` // YYYY-MM-DD; "" unknown
	Replacement string `json:"replacement"`
	// RedirectsTo is the model that answers under the retired name.
	RedirectsTo string `json:"redirects_to"`
	// Live says that the account's own list told the end, not the snapshot.
	Live bool `json:"-"`
}

// Retired says whether the name is no longer served at a point in time. A
// shutdown date decides where there is one; else the recorded state.
func (l *Lifecycle) Retired(now time.Time) bool {
	if l == nil {
		return false
	}
	if end, err := time.Parse(time.DateOnly, l.Shutdown); err == nil {
		return !now.Before(end)
	}
	return l.State == "retired"
}

// retired says whether the model has had its day. A live list that has it knows
// better than the snapshot's dates, and a configuration that declares it better
// than both.
func (e *Entry) retired(now time.Time) bool {
	return !e.Declared && e.Lifecycle.Retired(now) && (!e.Listed || e.Lifecycle.Live)
}

// Ended says whether the name can't be used any more: it is retired, and no other
// model answers under it.
func (e *Entry) Ended(now time.Time) bool { return e.retired(now) && e.Lifecycle.RedirectsTo == "" }

// Redirected says whether another model answers under the name.
func (e *Entry) Redirected(now time.Time) bool {
	return e.retired(now) && e.Lifecycle.RedirectsTo != ""
}

// maxHops is how far redirects and replacements are followed.
const maxHops = 4

// Answering returns the model that answers under an entry's name: itself, or the
// one that it is redirected to as far as that is known. What it can do, and what
// it costs, is then that model's.
func (v *View) Answering(e *Entry, now time.Time) *Entry {
	for range maxHops {
		if e == nil || !e.Redirected(now) {
			return e
		}
		next := v.Lookup(e.Account, e.Lifecycle.RedirectsTo)
		if next == nil {
			return e
		}
		e = next
	}
	return e
}

// Replacements returns what is said to replace a model, in the words of its
// provider, and where that has ended too, what replaces that.
func (v *View) Replacements(e *Entry, now time.Time) []string {
	var out []string
	for range maxHops {
		if e == nil || e.Lifecycle == nil || e.Lifecycle.Replacement == "" {
			break
		}
		out = append(out, e.Lifecycle.Replacement)
		// "x or y" and "x with thinking" are no ids and known nowhere.
		if e = v.Lookup(e.Account, e.Lifecycle.Replacement); e != nil && !e.Ended(now) {
			break
		}
	}
	return out
}

// LeftSince returns the models that are gone and were there in an older view.
func (v *View) LeftSince(older *View) []*Entry {
	var out []*Entry
	for _, e := range v.entries {
		if !e.Gone || older == nil {
			continue
		}
		if was := older.byName[e.Account].at(e.ID); was != nil && !was.Gone {
			out = append(out, e)
		}
	}
	return out
}
