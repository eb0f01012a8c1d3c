// Package policy keeps the aliases, classes and workloads that are added while the
// server runs. Each belongs to an org and is in force there alone, beside what the
// configuration's file says for all; where both have a name, the file's counts.
//
// What is kept was checked as the file is. A file that comes later may clash with
// it all the same: it is kept then, says why it isn't in force, and is again once
// the file lets it.
package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/config"
)

// Entry is an alias, class or workload that was added.
type Entry struct {
	Org, Section, Name string
	// Revision grows with every change, and over a removal.
	Revision         int64
	Created, Changed time.Time
	By               string // the user who changed it last
	Value            []byte // see config.Added
	// Off is why it isn't in force; nil: it is. It isn't kept.
	Off error
}

// Preconditions of a change, besides a revision, which must be the entry's.
const (
	Any   int64 = 0
	New   int64 = -1 // there is no such entry
	There int64 = -2 // there is one
)

// The refusals of changes, besides those of config.WithAdded.
var (
	// ErrChanged is the refusal of a change whose precondition doesn't hold.
	ErrChanged = errors.New("it was changed meanwhile")
	ErrNone    = errors.New("there is no such entry")
	ErrTooMany = errors.New("there are too many already")
)

// most is how many entries of a section an org can have.
var most = map[string]int{config.SectionAliases: 1000, config.SectionClasses: 4, config.SectionWorkloads: 200}

// MaxValue bounds an entry's value in bytes.
const MaxValue = 16 << 10

// Store keeps entries.
type Store interface {
	// Routing returns all entries, those of an org together and in the order in which
	// they were made.
	Routing(ctx context.Context) ([]Entry, error)
	// InsertRouting adds one; ErrChanged when there is one of its name.
	InsertRouting(ctx context.Context, e Entry) error
	// UpdateRouting replaces the one of its name; ErrChanged unless that has the
	// revision.
	UpdateRouting(ctx context.Context, e Entry, revision int64) error
	// DeleteRouting removes one; ErrChanged unless it is there in this revision.
	DeleteRouting(ctx context.Context, e Entry) error
}

// Keeper holds all entries in memory and keeps them in a store. It is safe for
// concurrent use.
type Keeper struct {
	store    Store
	now      func() time.Time
	changing sync.Mutex // held while entries or the file change
	last     int64      // the highest revision so far, also of what was removed

	mu     sync.Mutex // protects following fields
	file   *config.Config
	orgs   map[string][]Entry        // in the order in which they were made
	merged map[string]*config.Config // the file with what is in force, of orgs that have any
}

// Open reads what is kept.
func Open(ctx context.Context, store Store, file *config.Config, now func() time.Time) (*Keeper, error) {
	all, err := store.Routing(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the aliases, classes and workloads that were added: %w", err)
	}
	k := &Keeper{store: store, now: now}
	k.orgs = byOrg(all)
	for _, e := range all {
		k.last = max(k.last, e.Revision)
	}
	k.SetFile(file)
	return k, nil
}

func byOrg(all []Entry) map[string][]Entry {
	out := map[string][]Entry{}
	for _, e := range all {
		out[e.Org] = append(out[e.Org], e)
	}
	return out
}

// Lay is a file with what each org has beside it, as a Keeper has it in force.
func Lay(file *config.Config, all []Entry) map[string]*config.Config {
	out := map[string]*config.Config{}
	for org, entries := range byOrg(all) {
		out[org], _ = lay(file, entries)
	}
	return out
}

// SetFile lays the entries over another file.
func (k *Keeper) SetFile(file *config.Config) {
	k.changing.Lock()
	defer k.changing.Unlock()
	orgs, merged := map[string][]Entry{}, map[string]*config.Config{}
	for org, entries := range k.all() {
		if m, laid := lay(file, entries); len(laid) > 0 {
			orgs[org], merged[org] = laid, m
		}
	}
	k.mu.Lock()
	k.file, k.orgs, k.merged = file, orgs, merged
	k.mu.Unlock()
}

// all are the entries by org; neither the map nor the slices change.
func (k *Keeper) all() map[string][]Entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.orgs
}

// lay lays entries over a file and says of each whether it is in force.
func lay(file *config.Config, entries []Entry) (*config.Config, []Entry) {
	added := make([]config.Added, len(entries))
	for i, e := range entries {
		added[i] = config.Added{Section: e.Section, Name: e.Name, Value: e.Value}
	}
	merged, off := file.WithAdded(added)
	out := slices.Clone(entries)
	for i := range out {
		out[i].Off = off[i]
	}
	return merged, out
}

// Merged are the file's configurations with what orgs have beside it, of those that
// have anything.
func (k *Keeper) Merged() map[string]*config.Config {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.merged
}

// Of returns an org's entries of a section, in the order in which they were made.
func (k *Keeper) Of(org, section string) []Entry { return of(k.all()[org], section) }

// Off are the entries that aren't in force.
func (k *Keeper) Off() []Entry {
	orgs := k.all()
	var out []Entry
	for _, org := range slices.Sorted(maps.Keys(orgs)) {
		for _, e := range orgs[org] {
			if e.Off != nil {
				out = append(out, e)
			}
		}
	}
	return out
}

// Get returns an entry.
func (k *Keeper) Get(org, section, name string) (Entry, bool) {
	all := k.all()[org]
	if i := find(all, section, name); i >= 0 {
		return all[i], true
	}
	return Entry{}, false
}

func find(entries []Entry, section, name string) int {
	return slices.IndexFunc(entries, func(e Entry) bool { return e.Section == section && e.Name == name })
}

// Put keeps an entry in the place of the one of its name, of which revision is the
// revision or a precondition. The error is ErrChanged, ErrTooMany, config.ErrInFile
// or a config.Errors where the change is refused.
func (k *Keeper) Put(ctx context.Context, e Entry, revision int64) (kept Entry, created bool, err error) {
	k.changing.Lock()
	defer k.changing.Unlock()
	k.mu.Lock()
	file, before := k.file, k.orgs[e.Org]
	k.mu.Unlock()
	at := find(before, e.Section, e.Name)
	if !holds(before, at, revision) {
		return Entry{}, false, ErrChanged
	}
	e.Changed = k.now().UTC().Truncate(time.Microsecond) // as it is kept
	e.Created, e.Revision, e.Off = e.Changed, max(e.Changed.UnixMicro(), k.last+1), nil
	next := slices.Clone(before)
	if at >= 0 {
		e.Created = before[at].Created
		next = slices.Delete(next, at, at+1)
	} else if n := len(of(before, e.Section)); n >= most[e.Section] {
		return Entry{}, false, fmt.Errorf("%w: %d", ErrTooMany, n)
	}
	// As the last, so that it and no other is blamed for what doesn't fit.
	if _, laid := lay(file, append(slices.Clip(next), e)); laid[len(next)].Off != nil {
		return Entry{}, false, laid[len(next)].Off
	}
	if at >= 0 {
		err = k.store.UpdateRouting(ctx, e, before[at].Revision)
		next = slices.Insert(next, at, e)
	} else {
		err = k.store.InsertRouting(ctx, e)
		next = append(next, e)
	}
	if err != nil {
		return Entry{}, false, fmt.Errorf("keep %s.%s: %w", e.Section, e.Name, err)
	}
	k.last = e.Revision
	k.set(e.Org, file, next)
	return e, at < 0, nil
}

// Remove forgets an entry. The error is ErrNone or ErrChanged where that is refused.
func (k *Keeper) Remove(ctx context.Context, org, section, name string, revision int64) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	k.mu.Lock()
	file, before := k.file, k.orgs[org]
	k.mu.Unlock()
	at := find(before, section, name)
	if at < 0 {
		return ErrNone
	}
	if !holds(before, at, revision) {
		return ErrChanged
	}
	if err := k.store.DeleteRouting(ctx, before[at]); err != nil {
		return fmt.Errorf("remove %s.%s: %w", section, name, err)
	}
	k.set(org, file, slices.Delete(slices.Clone(before), at, at+1))
	return nil
}

// holds says whether a precondition holds of what is at a place; -1: nothing.
func holds(entries []Entry, at int, revision int64) bool {
	switch revision {
	case Any:
		return true
	case New:
		return at < 0
	case There:
		return at >= 0
	}
	return at >= 0 && entries[at].Revision == revision
}

func of(entries []Entry, section string) (out []Entry) {
	for _, e := range entries {
		if e.Section == section {
			out = append(out, e)
		}
	}
	return out
}

// set puts other entries in force for an org.
func (k *Keeper) set(org string, file *config.Config, entries []Entry) {
	merged, laid := lay(file, entries)
	k.mu.Lock()
	defer k.mu.Unlock()
	orgs, all := maps.Clone(k.orgs), maps.Clone(k.merged)
	delete(orgs, org)
	delete(all, org)
	if len(laid) > 0 {
		orgs[org], all[org] = laid, merged
	}
	k.orgs, k.merged = orgs, all
}
