package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
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
	listers  map[llm.Format]wire.Lister
	store    ListStore
	changed  func()
	log      *slog.Logger

	lists map[string]*atomic.Pointer[List]
	busy  map[string]*sync.Mutex // held while a list is read
	swap  sync.Mutex             // held while one list takes another's place
	first sync.WaitGroup
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// NewRefresher makes a refresher; store may be nil. changed is called after
// every reading that changed a list.
func NewRefresher(accounts []*Account, listers map[llm.Format]wire.Lister, store ListStore, log *slog.Logger, changed func()) *Refresher {
	r := &Refresher{
		accounts: accounts, listers: listers, store: store, changed: changed, log: log,
		lists: map[string]*atomic.Pointer[List]{}, busy: map[string]*sync.Mutex{}, stop: func() {},
	}
	for _, a := range accounts {
		r.lists[a.Name], r.busy[a.Name] = &atomic.Pointer[List]{}, &sync.Mutex{}
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
	mu := r.busy[a.Name]
	if mu == nil {
		return fmt.Errorf("list models of %s: not a configured account", a.Name)
	}
	mu.Lock()
	defer mu.Unlock()
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
	models, err := a.listModels(ctx, r.listers)
	if err == nil && len(models) == 0 {
		err = fmt.Errorf("list models of %s: the list is empty: its account may use no model yet, or base_url is not the vendor's; models that it has can be named under `models`", a.Name)
	}
	next := r.take(a.Name, models, err)
	r.changed()
	if err == nil {
		r.keep(ctx, a.Name, next)
	}
	return err
}

// take puts what was read, or why it wasn't, in the place of the last list.
func (r *Refresher) take(account string, models []wire.ListedModel, err error) *List {
	r.swap.Lock()
	defer r.swap.Unlock()
	old := r.List(account)
	next := &List{Models: models, FetchedAt: time.Now().UTC(), Gone: goneSince(old, models)}
	if err != nil {
		next = &List{Err: err}
		if old != nil {
			*next = List{Models: old.Models, FetchedAt: old.FetchedAt, Gone: old.Gone, Err: err}
		}
	}
	r.lists[account].Store(next)
	return next
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

// listModels reads all pages of the account's list, by the next key where one is
// refused.
func (a *Account) listModels(ctx context.Context, listers map[llm.Format]wire.Lister) ([]wire.ListedModel, error) {
	p := a.Profile.List
	lister := listers[p.Format]
	if p.Shape == bedrockList {
		lister = bedrockLister{}
	}
	if lister == nil || p.Path == "" {
		return nil, fmt.Errorf("list models of %s: the type has no list", a.Name)
	}
	var tried []Key
	var refused error
	for {
		key, ok := a.Pick(tried, "")
		if !ok && refused != nil {
			return nil, refused
		}
		all, err := a.listBy(ctx, lister, key)
		var e *llm.Error
		if !ok || !errors.As(err, &e) || e.Kind != llm.KindAuth && e.Kind != llm.KindPermission {
			return all, err
		}
		// The key doesn't rest for it: some may use models and not list them.
		refused = err
		tried = append(tried, key)
	}
}

func (a *Account) listBy(ctx context.Context, lister wire.Lister, key Key) ([]wire.ListedModel, error) {
	var all []wire.ListedModel
	for _, path := range append([]string{a.Profile.List.Path}, a.Profile.List.More...) {
		some, err := a.listAt(ctx, lister, path, key)
		if err != nil {
			return nil, fmt.Errorf("list models of %s: %w", a.Name, err)
		}
		if all = append(all, some...); len(all) > maxListed {
			return nil, fmt.Errorf("list models of %s: more than %d models, which no vendor has: check base_url", a.Name, maxListed)
		}
	}
	return all, nil
}

// listAt reads all pages at one path.
func (a *Account) listAt(ctx context.Context, lister wire.Lister, path string, key Key) ([]wire.ListedModel, error) {
	query := url.Values{}
	for k, v := range a.Profile.List.Query {
		query.Set(k, v)
	}
	var all []wire.ListedModel
	for range maxListPages {
		body, err := a.listPage(ctx, lister, path, query, key)
		if err != nil {
			return nil, err
		}
		models, next, err := lister.DecodeModels(body)
		if err != nil {
			return nil, fmt.Errorf("the answer is no list of models: check base_url and the type: %w", err)
		}
		if all = append(all, models...); len(all) > maxListed || next == nil {
			return all, nil
		}
		for k, v := range next {
			query[k] = v
		}
	}
	return nil, fmt.Errorf("more than %d pages, which no vendor has: check base_url", maxListPages)
}

// GetList asks for a page of the account's model list.
func (a *Account) GetList(ctx context.Context, path string, query url.Values, key Key) (*http.Response, error) {
	ep := a.listing
	if ep == nil {
		if ep = a.endpoint(a.Profile.List.Format, ""); ep == nil {
			ep = &a.endpoints[0]
		}
	}
	return a.deliver(ctx, http.MethodGet, ep, wire.Outbound{Path: path, Query: query}, nil, key)
}

func (a *Account) listPage(ctx context.Context, lister wire.Lister, path string, query url.Values, key Key) ([]byte, error) {
	resp, err := a.GetList(ctx, path, query, key)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxListBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxListBytes {
		return nil, fmt.Errorf("the answer is larger than %d MiB, as no list of models is: check base_url", maxListBytes>>20)
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, a.listRefused(lister, resp, body)
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return nil, fmt.Errorf("the answer is a web page, not a list: check base_url")
	}
	return body, nil
}

// listRefused says why a list was refused, in words of ours: the provider's could
// repeat the key.
func (a *Account) listRefused(lister wire.Lister, resp *http.Response, body []byte) *llm.Error {
	e := &llm.Error{
		Kind: kindOfStatus(resp.StatusCode), Status: resp.StatusCode, Provider: a.Name,
		Message: fmt.Sprintf("the list was answered with status %d", resp.StatusCode),
	}
	if f, ok := lister.(interface {
		DecodeError(status int, h http.Header, body []byte) *llm.Error
	}); ok && (resp.StatusCode == http.StatusBadRequest || len(a.Profile.Errors) > 0) {
		e.Kind = a.Judge(f.DecodeError(resp.StatusCode, resp.Header, body), resp.Header).Kind
	}
	switch e.Kind {
	case llm.KindAuth:
		e.Message += ": its API key is wrong, expired or missing"
	case llm.KindPermission:
		e.Message += ": its API key may not list models, or not from here"
	case llm.KindNotFound:
		e.Message += ": there is no list at this address, check base_url"
	}
	return e
}

func kindOfStatus(status int) llm.Kind {
	switch status {
	case http.StatusUnauthorized:
		return llm.KindAuth
	case http.StatusForbidden:
		return llm.KindPermission
	case http.StatusNotFound, http.StatusGone:
		return llm.KindNotFound
	case http.StatusTooManyRequests:
		return llm.KindRateLimit
	}
	return llm.KindUpstream
}
