package provider

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// List is what is known of an account's model list. It is immutable.
type List struct {
	Models    []wire.ListedModel `json:"models"`
	FetchedAt time.Time          `json:"fetched_at"` // of Models
	// Gone holds ids that were in a good list and left it.
	Gone []string `json:"gone,omitempty"`
	// Err says why the last reading failed; nil when it went well. Models is
	// then an older list.
	Err error `json:"-"`
}

// ListStore keeps lists over restarts.
type ListStore interface {
	SaveList(ctx context.Context, account string, fetchedAt time.Time, list []byte) error
	LoadList(ctx context.Context, account string) ([]byte, error) // nil: none kept
}

// The bounds of one reading of a list.
const (
	maxListPages = 100
	maxListBytes = 32 << 20
	maxListed    = 20_000
	maxGone      = 2_000
	listTimeout  = 30 * time.Second
)

// Refresher reads the model lists of accounts again and again: each every
// models_ttl, give or take a tenth so that they don't come together. A failed or
// empty list keeps the last good one.
type Refresher struct {
	accounts []*Account
	store    ListStore
	changed  func()
	log      *slog.Logger

	lists map[string]*atomic.Pointer[List]
	reads map[string]*reads
	swap  sync.Mutex // held while one list takes another's place
	first sync.WaitGroup
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// reads is the reading of one account's list.
type reads struct {
	mu    sync.Mutex // held while the list is read; protects following fields
	by    listReader
	saved time.Time // when the store was last given it
}

// saveAgain is how old what the store has of an unchanged list may be.
const saveAgain = 10 * time.Minute

// NewRefresher makes a refresher; store may be nil. changed is called after
// every reading that found something else than the one before.
func NewRefresher(accounts []*Account, listers map[llm.Format]wire.Lister, store ListStore, log *slog.Logger, changed func()) *Refresher {
	r := &Refresher{
		accounts: accounts, store: store, changed: changed, log: log,
		lists: map[string]*atomic.Pointer[List]{}, reads: map[string]*reads{}, stop: func() {},
	}
	for _, a := range accounts {
		r.lists[a.Name], r.reads[a.Name] = &atomic.Pointer[List]{}, &reads{by: listReader{account: a, listers: listers}}
	}
	return r
}

// Start loads the kept lists and begins to read. Stop ends it.
func (r *Refresher) Start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(ctx)
	for _, a := range r.accounts {
		r.load(ctx, a)
		r.first.Add(1)
		r.done.Add(1)
		go r.run(ctx, a)
	}
}

// Stop ends all reading and waits for it.
func (r *Refresher) Stop() {
	r.stop()
	r.done.Wait()
}

// WaitFirst waits until every account's list has been tried once, or ctx ends.
func (r *Refresher) WaitFirst(ctx context.Context) {
	tried := make(chan struct{})
	go func() {
		r.first.Wait()
		close(tried)
	}()
	select {
	case <-tried:
	case <-ctx.Done():
	}
}

// List returns what is known of an account's list; nil: nothing yet.
func (r *Refresher) List(account string) *List {
	if p := r.lists[account]; p != nil {
		return p.Load()
	}
	return nil
}

// Refresh reads an account's list now. Callers that come while it is being read
// wait for that reading's end and then read anew.
func (r *Refresher) Refresh(ctx context.Context, a *Account) error {
	reading := r.reads[a.Name]
	if reading == nil {
		return fmt.Errorf("list models of %s: not a configured account", a.Name)
	}
	reading.mu.Lock()
	defer reading.mu.Unlock()
	if a.Profile.List.Path == "" {
		// Nothing to read: its models are the catalog's and those declared by hand.
		if r.List(a.Name) == nil {
			r.lists[a.Name].Store(&List{FetchedAt: time.Now().UTC()})
			r.changed()
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	models, err := reading.by.read(ctx)
	if err == nil && len(models) == 0 {
		err = fmt.Errorf("list models of %s: the list is empty: its account may use no model yet, or base_url is not the vendor's; models that it has can be named under `models`", a.Name)
	}
	next, news := r.take(a.Name, models, err)
	if news {
		r.changed()
	}
	if err == nil && (news || next.FetchedAt.Sub(reading.saved) > saveAgain) {
		r.keep(ctx, a.Name, next)
		reading.saved = next.FetchedAt
	}
	return err
}

// take puts what was read, or why it wasn't, in the place of the last list, and
// says whether there is anything new in it but the time.
func (r *Refresher) take(account string, models []wire.ListedModel, err error) (_ *List, news bool) {
	r.swap.Lock()
	defer r.swap.Unlock()
	old := r.List(account)
	if err == nil && old != nil && old.Err == nil && len(models) == len(old.Models) && &models[0] == &old.Models[0] {
		next := &List{Models: old.Models, FetchedAt: time.Now().UTC(), Gone: old.Gone}
		r.lists[account].Store(next)
		return next, false
	}
	next := &List{Models: models, FetchedAt: time.Now().UTC(), Gone: goneSince(old, models)}
	if err != nil {
		next = &List{Err: err}
		if old != nil {
			*next = List{Models: old.Models, FetchedAt: old.FetchedAt, Gone: old.Gone, Err: err}
		}
	}
	r.lists[account].Store(next)
	return next, true
}

// MarkGone takes a model out that the provider says isn't there. It doesn't wait
// for a reading.
func (r *Refresher) MarkGone(account, model string) {
	if r.without(account, model) {
		r.changed()
	}
}

func (r *Refresher) without(account, model string) bool {
	r.swap.Lock()
	defer r.swap.Unlock()
	old := r.List(account)
	if old == nil || !slices.ContainsFunc(old.Models, func(m wire.ListedModel) bool { return m.ID == model }) {
		return false
	}
	next := *old
	next.Models = slices.DeleteFunc(slices.Clone(old.Models), func(m wire.ListedModel) bool { return m.ID == model })
	next.Gone = append(slices.Clone(old.Gone), model)
	r.lists[account].Store(&next)
	return true
}

func goneSince(old *List, now []wire.ListedModel) []string {
	if old == nil {
		return nil
	}
	there := make(map[string]bool, len(now))
	for _, m := range now {
		there[m.ID] = true
	}
	var gone []string
	for _, id := range old.Gone {
		if !there[id] {
			gone = append(gone, id)
		}
	}
	for _, m := range old.Models {
		if !there[m.ID] {
			gone = append(gone, m.ID)
		}
	}
	return gone[max(0, len(gone)-maxGone):]
}

func (r *Refresher) run(ctx context.Context, a *Account) {
	defer r.done.Done()
	first := sync.OnceFunc(r.first.Done)
	defer first()
	for {
		if err := r.Refresh(ctx, a); err != nil && ctx.Err() == nil {
			r.log.Warn("model list not read", "provider", a.Name, "error", err)
		}
		first()
		wait := a.ModelsTTL
		if wait <= 0 {
			wait = 5 * time.Minute
		}
		wait += time.Duration((rand.Float64() - 0.5) * 0.2 * float64(wait))
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (r *Refresher) load(ctx context.Context, a *Account) {
	if r.store == nil {
		return
	}
	data, err := r.store.LoadList(ctx, a.Name)
	if err != nil || data == nil {
		if err != nil {
			r.log.Warn("kept model list not loaded", "provider", a.Name, "error", err)
		}
		return
	}
	var l List
	if err := json.Unmarshal(data, &l); err != nil {
		r.log.Warn("kept model list not readable", "provider", a.Name, "error", err)
		return
	}
	r.lists[a.Name].Store(&l)
	r.changed()
}

func (r *Refresher) keep(ctx context.Context, account string, l *List) {
	if r.store == nil {
		return
	}
	data, err := json.Marshal(l)
	if err == nil {
		err = r.store.SaveList(ctx, account, l.FetchedAt, data)
	}
	if err != nil && ctx.Err() == nil {
		r.log.Warn("model list not kept", "provider", account, "error", err)
	}
}
