package catalog

import (
	"cmp"
	"regexp"
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
	// ListedAt is when it was read; Stale says that a later reading failed.
	ListedAt time.Time
	Stale    bool
	// Gone holds ids that were in a good list and left it.
	Gone []string
	// Declared models stand in the configuration.
	Declared []Model
}

// Entry is one model at one connected account.
type Entry struct {
	Account string
	Model
	// Listed says that the live list has it; Declared that the configuration has.
	Listed, Declared bool
	// Gone says that it was listed and isn't any more.
	Gone bool
}

// Name is provider/model-id.
func (e *Entry) Name() string { return e.Account + "/" + e.ID }

// View is everything known of the connected accounts' models. It is immutable.
type View struct {
	entries   []*Entry // in config order of accounts, then by id
	byAccount map[string]map[string]*Entry
	byID      map[string][]*Entry
	stale     map[string]bool
}

// NewView joins the sources of all accounts, in config order. It fails only when
// the embedded snapshot can't be read.
func NewView(accounts []Account) (*View, error) {
	v := &View{byAccount: map[string]map[string]*Entry{}, byID: map[string][]*Entry{}, stale: map[string]bool{}}
	for _, a := range accounts {
		entries, err := join(a)
		if err != nil {
			return nil, err
		}
		byID := make(map[string]*Entry, len(entries))
		for _, e := range entries {
			byID[e.ID] = e
			v.byID[e.ID] = append(v.byID[e.ID], e)
		}
		v.entries = append(v.entries, entries...)
		v.byAccount[a.Name] = byID
		v.stale[a.Name] = a.Stale
	}
	return v, nil
}

func join(a Account) ([]*Entry, error) {
	snapshot, err := Snapshot(a.Catalog)
	if err != nil {
		return nil, err
	}
	known := make(map[string]*Model, len(snapshot))
	for i := range snapshot {
		known[snapshot[i].ID] = &snapshot[i]
	}
	out := make(map[string]*Entry, max(len(a.Listed), len(snapshot)))
	if a.Listed == nil {
		for _, m := range snapshot {
			out[m.ID] = &Entry{Account: a.Name, Model: m}
		}
	}
	for _, l := range a.Listed {
		if l.NotChat && !l.Embeds || l.ID == "" {
			continue
		}
		e := &Entry{Account: a.Name, Model: merge(facts(known, l.ID), l), Listed: true}
		if l.NotChat {
			e.Out = []string{"embedding"}
		}
		out[l.ID] = e
	}
	for _, id := range a.Gone {
		if out[id] == nil {
			out[id] = &Entry{Account: a.Name, Model: facts(known, id), Gone: true}
		}
	}
	for _, d := range a.Declared {
		e := out[d.ID]
		if e == nil {
			e = &Entry{Account: a.Name, Model: facts(known, d.ID)}
			out[d.ID] = e
		}
		e.Declared, e.Gone = true, false
		declare(&e.Model, d)
	}
	entries := make([]*Entry, 0, len(out))
	for _, e := range out {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(x, y *Entry) int { return strings.Compare(x.ID, y.ID) })
	return entries, nil
}

// dated matches the end of a snapshot's name: claude-x-20250929, gpt-x-2025-04-14, x-latest.
var dated = regexp.MustCompile(`-(20\d{6}|20\d\d-\d\d-\d\d|latest)$`)

// facts returns what the snapshot knows of an id, or of its base when the id
// names a dated or latest version.
func facts(known map[string]*Model, id string) Model {
	if m := known[id]; m != nil {
		return *m
	}
	if at := dated.FindStringIndex(id); at != nil {
		if m := known[id[:at[0]]]; m != nil {
			out := *m
			out.ID = id
			return out
		}
	}
	return Model{ID: id, Tier: TierOf(id)}
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
	if l.State != "" || !l.Shutdown.IsZero() {
		life := Lifecycle{State: cmp.Or(l.State, "deprecated"), Replacement: l.Replacement}
		if m.Lifecycle != nil {
			life.Replacement = cmp.Or(l.Replacement, m.Lifecycle.Replacement)
			life.RedirectsTo = m.Lifecycle.RedirectsTo
		}
		if !l.Shutdown.IsZero() {
			life.Shutdown = l.Shutdown.UTC().Format(time.DateOnly)
		}
		m.Lifecycle = &life
	} else if m.Lifecycle != nil && m.Lifecycle.State == "retired" && m.Lifecycle.Shutdown == "" {
		m.Lifecycle = nil // it is listed: the list knows better than the snapshot
	}
	if len(l.PricePerMillion) > 0 {
		p := Price{}
		for name, to := range map[string]**Rate{"input": &p.Input, "output": &p.Output, "cache_read": &p.CacheRead, "cache_write": &p.CacheWrite} {
			if r, err := ParseRate(l.PricePerMillion[name]); err == nil {
				*to = &r
			}
		}
		m.Price, m.Windows, m.Future = m.Price.with(p), nil, nil
	}
	return m
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

// Lookup returns a model of an account. A dated or latest version counts as
// listed with its base. nil: not known there.
func (v *View) Lookup(account, id string) *Entry {
	models := v.byAccount[account]
	if e := models[id]; e != nil {
		return e
	}
	at := dated.FindStringIndex(id)
	if at == nil {
		return nil
	}
	base := models[id[:at[0]]]
	if base == nil {
		return nil
	}
	e := *base
	e.ID = id
	return &e
}

// HasAccount says whether an account of this name is connected.
func (v *View) HasAccount(name string) bool { _, ok := v.byAccount[name]; return ok }

// Stale says whether the account's last reading of its list failed.
func (v *View) Stale(account string) bool { return v.stale[account] }

// ByID returns the accounts that have a model of this id, in config order, those
// where it is gone last.
func (v *View) ByID(id string) []*Entry {
	found := v.byID[id]
	if found == nil {
		if at := dated.FindStringIndex(id); at != nil {
			for _, base := range v.byID[id[:at[0]]] {
				e := *base
				e.ID = id
				found = append(found, &e)
			}
		}
	}
	if len(found) > 1 && slices.ContainsFunc(found, func(e *Entry) bool { return e.Gone }) {
		found = slices.Clone(found)
		slices.SortStableFunc(found, func(x, y *Entry) int { return cmp.Compare(rank(x), rank(y)) })
	}
	return found
}

func rank(e *Entry) int {
	if e.Gone {
		return 1
	}
	return 0
}

// Nearest returns up to n names like the one given, best first, out of the
// accounts that may be named: bare ids for a bare id, provider/model-id for a name
// with a known provider.
func (v *View) Nearest(name string, n int, may func(account string) bool) []string {
	type scored struct {
		name string
		d    int
	}
	account, id, pinned := strings.Cut(name, "/")
	if pinned = pinned && v.HasAccount(account) && may(account); !pinned {
		id = name
	}
	limit := max(2, len(id)/3)
	var best []scored
	seen := map[string]bool{}
	for _, e := range v.entries {
		if e.Gone || !may(e.Account) || pinned && e.Account != account {
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
