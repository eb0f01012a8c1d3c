package catalog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/wire"
)

// Account is one connected account, as far as the catalog needs it.
type Account struct {
	Name string // as configured
	// Catalog is the account's provider in the snapshot; "" when unknown there.
	Catalog string
	// Listed is the last good live list; nil when there has been none, and then
	// the snapshot stands in.
	Listed []wire.ListedModel
	// Stale says that a later reading failed.
	Stale bool
	// Gone holds ids that were in a good list and left it.
	Gone []string
	// Declared models stand in the configuration.
	Declared []Model
	// Free is what the configuration says the account gets for nothing; nil leaves
	// it to what is known of the provider.
	Free *Quota
}

// Entry is one model at one connected account.
type Entry struct {
	Account string
	Model
	// Listed says that the live list has it; Declared that the configuration has.
	Listed, Declared bool
	// Gone says that it was listed and isn't any more; Unlisted that the account
	// has a list without it, and only the snapshot knows of it. It may work.
	Gone, Unlisted bool
	// Quota is how much of it is free; nil: unknown, or it isn't free.
	Quota *Quota
}

// Name is provider/model-id.
func (e *Entry) Name() string { return e.Account + "/" + e.ID }

// View is everything known of the connected accounts' models. It is immutable.
type View struct {
	entries []*Entry // in config order of accounts, then by id
	shelves []*shelf // in config order
	byName  map[string]*shelf
}

// shelf is what is known of one account.
type shelf struct {
	of      Account
	sorted  []*Entry // by id
	entries map[string]*Entry
	// counted maps ids that count as listed to the one in the list: other names
	// that the list gives, and the base of a dated version.
	counted map[string]string
	known   map[string]*Model // the snapshot's, shared by all views
	// allFree says that the configuration tells of something free, and the snapshot
	// of no model that it could be: it counts for all then.
	allFree bool
}

// NewView joins the sources of all accounts, in config order. It fails only when
// the embedded snapshot can't be read.
func NewView(accounts []Account) (*View, error) { return (*View)(nil).Renew(accounts) }

// Renew is NewView with what v has of accounts that are the same as before: lists
// come one by one, and most of them tell nothing new of the others. What an
// account's slices hold must not be changed once a view was made of it.
func (v *View) Renew(accounts []Account) (*View, error) {
	next := &View{byName: make(map[string]*shelf, len(accounts))}
	if v != nil {
		next.entries = make([]*Entry, 0, len(v.entries)+len(v.entries)/8)
	}
	for _, a := range accounts {
		var sh *shelf
		if v != nil {
			sh = v.byName[a.Name]
		}
		if sh == nil || !sh.of.same(&a) {
			var err error
			if sh, err = join(a); err != nil {
				return nil, err
			}
		}
		next.entries = append(next.entries, sh.sorted...)
		next.shelves = append(next.shelves, sh)
		next.byName[a.Name] = sh
	}
	return next, nil
}

// same says whether two accounts have the same sources, told by their identity.
func (a *Account) same(b *Account) bool {
	return a.Name == b.Name && a.Catalog == b.Catalog && a.Stale == b.Stale && a.Free == b.Free &&
		one(a.Listed, b.Listed) && one(a.Gone, b.Gone) && one(a.Declared, b.Declared)
}

// one says whether two slices are the same part of the same array.
func one[T any](a, b []T) bool {
	return len(a) == len(b) && (a == nil) == (b == nil) && (len(a) == 0 || &a[0] == &b[0])
}

func join(a Account) (*shelf, error) {
	section, err := load(a.Catalog)
	if err != nil {
		return nil, err
	}
	sh := &shelf{of: a, counted: map[string]string{}}
	var snapshot []Model
	if section != nil {
		snapshot, sh.known = section.models, section.byID
	}
	sh.allFree = a.Free != nil && !tellsOfFree(snapshot)
	if a.Listed == nil {
		sh.entries = make(map[string]*Entry, len(snapshot))
		for _, m := range snapshot {
			sh.put(&Entry{Model: m})
		}
	} else {
		sh.entries = make(map[string]*Entry, len(a.Listed)+len(a.Gone)+len(a.Declared))
	}
	same := newTwins(a.Listed)
	for _, l := range a.Listed {
		if l.ID == "" || same.of(l.ID) != l.ID {
			continue
		}
		facts := sh.facts(l.ID)
		if sh.known[l.ID] == nil && sh.known[l.Of] != nil {
			facts = *sh.known[l.Of]
			facts.ID = l.ID
		}
		e := &Entry{Model: merge(facts, l), Listed: true}
		if l.Chat == nil || *l.Chat || e.Gives(OutEmbedding) {
			sh.put(e)
		}
	}
	for _, l := range a.Listed {
		if id := same.of(l.ID); sh.entries[id] != nil {
			sh.count(l, id)
		}
	}
	for _, id := range a.Gone {
		if sh.entries[id] == nil {
			sh.put(&Entry{Model: sh.facts(id), Gone: true})
		}
	}
	for _, d := range a.Declared {
		e := sh.entries[d.ID]
		if e == nil {
			e = &Entry{Model: sh.facts(d.ID)}
			sh.put(e)
		}
		e.Declared, e.Gone = true, false
		declare(&e.Model, d)
	}
	sh.sorted = make([]*Entry, 0, len(sh.entries))
	for _, e := range sh.entries {
		sh.sorted = append(sh.sorted, e)
	}
	slices.SortFunc(sh.sorted, func(x, y *Entry) int { return strings.Compare(x.ID, y.ID) })
	return sh, nil
}

// put completes an entry and puts it on the shelf.
func (sh *shelf) put(e *Entry) { sh.entries[e.ID] = sh.complete(e) }

func (sh *shelf) complete(e *Entry) *Entry {
	e.Account = sh.of.Name
	if sh.allFree && e.Free == "" {
		e.Free = FreeTier
	}
	e.Quota = quotaOf(sh.of.Free, sh.of.Catalog, e.Free)
	return e
}

// count notes under which names a listed model may be asked for besides its id.
func (sh *shelf) count(l wire.ListedModel, id string) {
	for _, alias := range l.Aliases {
		sh.counted[alias] = id
	}
	if l.ID != id {
		sh.counted[l.ID] = id
	}
	if base, ok := undated(l.ID); ok && sh.counted[base] < id {
		sh.counted[base] = id // the latest of several
	}
}

// at returns the model that has the id itself; nil: none.
func (sh *shelf) at(id string) *Entry {
	if sh == nil {
		return nil
	}
	return sh.entries[id]
}

// lookup returns a model that is there, or counts as being there: by another name
// of the list, or as a dated version of one. nil: it isn't.
func (sh *shelf) lookup(id string) *Entry {
	if e := sh.at(id); e != nil || sh == nil {
		return e
	}
	if listed, ok := sh.counted[id]; ok {
		return sh.renamed(sh.entries[listed], id)
	}
	base, ok := undated(id)
	if !ok || sh.entries[base] == nil {
		return nil
	}
	if own := sh.known[id]; own != nil && own.Lifecycle != nil {
		return nil // dated versions end one by one
	}
	return sh.renamed(sh.entries[base], id)
}

// renamed is an entry under another id, with the snapshot's facts of that id
// where it has any.
func (sh *shelf) renamed(e *Entry, id string) *Entry {
	out := *e
	if own := sh.known[id]; own != nil {
		out.Model = *own
	}
	out.ID = id
	return sh.complete(&out)
}

// unlisted returns a model that only the snapshot knows, beside a list without
// it; nil: it doesn't know it either.
func (sh *shelf) unlisted(id string) *Entry {
	if sh == nil || sh.of.Listed == nil {
		return nil
	}
	if sh.known[id] == nil {
		if base, ok := undated(id); !ok || sh.known[base] == nil {
			return nil
		}
	}
	return sh.complete(&Entry{Model: sh.facts(id), Unlisted: true})
}

// undated cuts the end off a snapshot's name, as in claude-x-20250929,
// gpt-x-2025-04-14 or x-latest.
func undated(id string) (base string, ok bool) {
	if base, ok = strings.CutSuffix(id, "-latest"); ok {
		return base, base != ""
	}
	for _, shape := range []string{"-20dddddd", "-20dd-dd-dd"} {
		if n := len(id) - len(shape); n > 0 && fits(id[n:], shape) {
			return id[:n], true
		}
	}
	return "", false
}

// fits says whether s has a shape, in which d is any digit.
func fits(s, shape string) bool {
	for i := range len(shape) {
		if c := s[i]; c != shape[i] && (shape[i] != 'd' || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// facts returns what the snapshot knows of an id, or of its base when the id
// names a dated or latest version.
func (sh *shelf) facts(id string) Model {
	if m := sh.known[id]; m != nil {
		return *m
	}
	if base, ok := undated(id); ok {
		if m := sh.known[base]; m != nil {
			out := *m
			out.ID = id
			return out
		}
	}
	m := Model{ID: id, Tier: TierOf(id)}
	if out := outputOf(id); out != "" {
		m.Out = []string{out}
	}
	return m
}

// merge puts what a live list says over the snapshot's facts.
func merge(m Model, l wire.ListedModel) Model {
	m.Name = cmp.Or(l.Name, m.Name)
	m.Context = cmp.Or(l.Context, m.Context)
	m.MaxOutput = cmp.Or(l.MaxOutput, m.MaxOutput)
	if m.Released == "" && !l.Created.IsZero() {
		m.Released = l.Created.UTC().Format(time.DateOnly)
	}
	if l.Tools != nil {
		m.Caps.Tools = l.Tools
	}
	if l.Thinking != nil {
		m.Caps.Reasoning = l.Thinking
	}
	if l.Vision != nil && *l.Vision && len(m.In) == 0 {
		m.In = []string{"text", "image"}
	}
	switch {
	case l.Chat != nil && *l.Chat && !m.Gives("text"):
		m.Out = nil // the list knows better than a name
	case l.Chat != nil && !*l.Chat && l.Embeds:
		m.Out = []string{OutEmbedding}
	}
	m.Lifecycle = living(m.Lifecycle, l)
	if len(l.PricePerMillion) > 0 {
		p := Price{}
		for _, of := range []struct {
			name string
			to   **Rate
		}{{"input", &p.Input}, {"output", &p.Output}, {"cache_read", &p.CacheRead}, {"cache_write", &p.CacheWrite}} {
			said, ok := l.PricePerMillion[of.name]
			if !ok {
				continue
			}
			if r, err := ParseRate(said); err == nil {
				*of.to = &r
			}
		}
		m.Price, m.Windows, m.Future = m.Price.with(p), nil, nil
		if p.Input != nil && p.Output != nil {
			m.Free = m.freeAt(*p.Input, *p.Output)
		}
	}
	return m
}

// freeAt is in which way a model is free whose list tells what it costs.
func (m *Model) freeAt(in, out Rate) string {
	switch {
	case in == 0 && out == 0:
		return cmp.Or(m.Free, FreeAlways)
	case m.Free == FreeAlways:
		return ""
	}
	return m.Free
}

// living is how long a listed model is there: what its list says of it, and else
// the snapshot, which knows dates but not better than the list what is there now.
func living(known *Lifecycle, l wire.ListedModel) *Lifecycle {
	if l.State == "" && l.Shutdown.IsZero() {
		if known != nil && known.State == "retired" && known.Shutdown == "" {
			return nil
		}
		return known
	}
	life := Lifecycle{State: cmp.Or(l.State, "deprecated"), Replacement: l.Replacement, Live: true}
	if !l.Shutdown.IsZero() {
		life.Shutdown = l.Shutdown.UTC().Format(time.DateOnly)
	}
	if known != nil {
		life.Replacement = cmp.Or(l.Replacement, known.Replacement)
		life.RedirectsTo = known.RedirectsTo
		if l.Shutdown.IsZero() && l.State == "deprecated" {
			// The list says that there will be an end, the snapshot when; it
			// is over when it leaves the list.
			life.Shutdown, life.Live = known.Shutdown, false
		}
	}
	return &life
}

// declare puts what the configuration says over everything else.
func declare(m *Model, d Model) {
	m.Tier = cmp.Or(d.Tier, m.Tier)
	m.Context = cmp.Or(d.Context, m.Context)
	m.MaxOutput = cmp.Or(d.MaxOutput, m.MaxOutput)
	if len(d.In) > 0 {
		m.In = d.In
	}
	if d.Caps.Tools != nil {
		m.Caps.Tools = d.Caps.Tools
	}
	if d.Caps.Reasoning != nil {
		m.Caps.Reasoning = d.Caps.Reasoning
	}
	if d.Caps.StructuredOutput != nil {
		m.Caps.StructuredOutput = d.Caps.StructuredOutput
	}
	if d.Price != nil {
		m.Price, m.Windows, m.Future = d.Price, nil, nil
	}
}

// All returns every model, accounts in config order, models by id.
func (v *View) All() []*Entry { return v.entries }

// Lookup returns a model of an account: one that is there, or that only the
// snapshot knows. A dated or latest version counts as listed with its base, and
// the base with its dated version. nil: not known there.
func (v *View) Lookup(account, id string) *Entry {
	sh := v.byName[account]
	if e := sh.lookup(id); e != nil {
		return e
	}
	return sh.unlisted(id)
}

// HasAccount says whether an account of this name is connected.
func (v *View) HasAccount(name string) bool { return v.byName[name] != nil }

// Accounts returns the names of the accounts that are one of the catalog's
// provider, in config order.
func (v *View) Accounts(provider string) []string {
	var out []string
	for _, sh := range v.shelves {
		if sh.of.Catalog == provider {
			out = append(out, sh.of.Name)
		}
	}
	return out
}

// Stale says whether the account's last reading of its list failed.
func (v *View) Stale(account string) bool {
	sh := v.byName[account]
	return sh != nil && sh.of.Stale
}

// ByID returns the model of this id at the accounts that have it, in config
// order, those where it is gone last.
func (v *View) ByID(id string) []*Entry {
	var found []*Entry
	for _, sh := range v.shelves {
		if e := sh.lookup(id); e != nil {
			found = append(found, e)
		}
	}
	if len(found) > 1 {
		slices.SortStableFunc(found, func(x, y *Entry) int { return cmp.Compare(rank(x), rank(y)) })
	}
	return found
}

// Unlisted returns the model of this id at the accounts whose list lacks it and
// of which the snapshot has it, in config order.
func (v *View) Unlisted(id string) []*Entry {
	var found []*Entry
	for _, sh := range v.shelves {
		if sh.lookup(id) == nil {
			if e := sh.unlisted(id); e != nil {
				found = append(found, e)
			}
		}
	}
	return found
}

func rank(e *Entry) int {
	if e.Gone {
		return 1
	}
	return 0
}

// Nearest returns up to n names like the one given of those that may be shown,
// best first: bare ids for a bare id, provider/model-id for a name with a known
// provider.
func (v *View) Nearest(name string, n int, may func(*Entry) bool) []string {
	type scored struct {
		name string
		d    int
	}
	account, id, pinned := strings.Cut(name, "/")
	// Whoever may see nothing of an account doesn't learn that it is there.
	if pinned = pinned && slices.ContainsFunc(v.entries, func(e *Entry) bool { return e.Account == account && may(e) }); !pinned {
		id = name
	}
	limit := max(2, len(id)/3)
	var best []scored
	seen := map[string]bool{}
	for _, e := range v.entries {
		if e.Gone || pinned && e.Account != account || !may(e) {
			continue
		}
		shown := e.ID
		if pinned {
			shown = e.Name()
		}
		if seen[shown] {
			continue
		}
		seen[shown] = true
		if d := distance(strings.ToLower(id), strings.ToLower(e.ID), limit); d <= limit {
			best = append(best, scored{shown, d})
		}
	}
	slices.SortStableFunc(best, func(x, y scored) int { return cmp.Compare(x.d, y.d) })
	var out []string
	for _, s := range best[:min(n, len(best))] {
		out = append(out, s.name)
	}
	return out
}

// distance is the edit distance, or something above limit when it exceeds it.
func distance(a, b string, limit int) int {
	if len(a) > 128 || len(b) > 128 || max(len(a), len(b))-min(len(a), len(b)) > limit {
		return limit + 1
	}
	prev, next := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(prev[j]+cost, prev[j+1]+1, next[j]+1)
		}
		prev, next = next, prev
	}
	return prev[len(b)]
}
