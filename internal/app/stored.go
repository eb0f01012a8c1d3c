package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/provider/cloudauth"
	"github.com/oidostudio/oido/internal/seal"
)

// stored is an account of the database, and what came of it.
type stored struct {
	provider.Opened
	options config.Provider
	off     string // why it isn't connected; "": it is
	clash   bool   // the configuration has its name
}

// listPatience is how long a new account's list is waited for, so that its models
// are known when it is said to be there.
const listPatience = 10 * time.Second

// maxStored bounds what can be added.
const maxStored = 1000

// join connects the accounts of the database beside those of the configuration,
// which win where the names are the same.
func (s *Server) join(cfg *config.Config, accounts []connected) ([]connected, []stored, error) {
	opened, err := s.vault.All(context.Background())
	if err != nil {
		return nil, nil, err
	}
	var all []stored
	sealed := 0
	for _, o := range opened {
		st, c := admit(cfg, accounts, o, s.now)
		switch {
		case errors.Is(o.Err, seal.ErrNotOpened):
			sealed++
		case st.off != "":
			s.log.Warn("an account that was added is off", "provider", st.Name, "reason", st.off)
		}
		if c != nil {
			accounts = append(accounts, *c)
		}
		all = append(all, st)
	}
	if sealed > 0 {
		s.log.Error("accounts that were added are off: their keys were sealed with another secret_key. Start with that one, or remove the accounts and add them again", "accounts", sealed)
	}
	return accounts, all, nil
}

// admit makes an account of the database ready; nil and a reason where it is off.
func admit(cfg *config.Config, others []connected, o provider.Opened, now func() time.Time) (stored, *connected) {
	st := stored{Opened: o}
	if named(cfg, others, o.Name) {
		st.clash, st.off = true, "the configuration has a provider of this name, which is used instead"
	}
	if o.Err != nil {
		st.off = "its key was sealed with another secret_key: start with that one, or remove it and add it again"
		return st, nil
	}
	types, err := ConfigOptions(config.Options{})
	if err == nil {
		st.options, err = config.ParseProvider(o.Name, o.Options, types.ProviderTypes)
	}
	if err != nil {
		st.off = "its options can't be used: " + err.Error()
		return st, nil
	}
	if st.clash {
		return st, nil
	}
	if o.Org != "" && reaches(&st.options) {
		st.off = ofOperators
		return st, nil
	}
	if o.Org != "" {
		st.options.Orgs = []string{o.Org}
	}
	c, err := connectOne(config.Entry[config.Provider]{Name: o.Name, Value: st.options}, o.Org != "", now)
	if err != nil {
		st.off = err.Error()
		return st, nil
	}
	return st, &c
}

// named says whether the configuration has a name, also for one that is off.
func named(cfg *config.Config, accounts []connected, name string) bool {
	_, said := cfg.Providers.Get(name)
	return said || !cfg.ProvidersFromEnv && slices.ContainsFunc(cfg.ProvidersOff, func(p config.ProviderOff) bool { return p.Name == name }) ||
		slices.ContainsFunc(accounts, func(c connected) bool { return c.account.Name == name })
}

// Stored returns the accounts that were added.
func (s *Server) Stored() []httpapi.StoredAccount {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]httpapi.StoredAccount, len(s.stored))
	for i := range s.stored {
		out[i] = s.stored[i].shown()
	}
	return out
}

func (st *stored) shown() httpapi.StoredAccount {
	out := httpapi.StoredAccount{Name: st.Name, Type: st.Type, Org: st.Org, Revision: st.Revision, Off: st.off, Clash: st.clash, Keys: []string{}}
	for _, k := range st.options.Keys() {
		out.Keys = append(out.Keys, provider.HintOf(k.Reveal()))
	}
	return out
}

func refusal(status int, format string, args ...any) error {
	return &httpapi.Refusal{Status: status, Message: fmt.Sprintf(format, args...)}
}

// draft reads an account that somebody wants to add.
func (s *Server) draft(org, name string, options []byte) (stored, error) {
	types, err := ConfigOptions(config.Options{})
	if err != nil {
		return stored{}, err
	}
	p, err := config.ParseProvider(name, options, types.ProviderTypes)
	if err != nil {
		return stored{}, refusal(http.StatusUnprocessableEntity, "%s", err.Error())
	}
	if org != "" && reaches(&p) {
		return stored{}, refusal(http.StatusForbidden, ofOperators)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch taken := slices.ContainsFunc(s.stored, func(st stored) bool { return st.Name == name }); {
	case taken:
		return stored{}, refusal(http.StatusConflict, "there is a provider %s already: choose another name, or remove that one first", name)
	case named(s.cfg.Load(), s.accounts, name):
		return stored{}, refusal(http.StatusConflict, "the configuration or the environment has a provider %s, which would win: choose another name", name)
	case len(s.stored) >= maxStored:
		return stored{}, refusal(http.StatusConflict, "there are %d accounts already: remove some first", maxStored)
	}
	return stored{Opened: provider.Opened{Stored: provider.Stored{Org: org, Name: name, Type: p.Type}, Options: options}, options: p}, nil
}

// ofOperators says what an org's own accounts may not have.
const ofOperators = "proxy, ca_file, orgs, token_file and a path in credentials are for operators to set"

// reaches says whether an account's options reach beyond its org: into the network
// or the files of this machine, of which a token_file would be sent to a base_url
// of anybody's, or to other orgs.
func reaches(p *config.Provider) bool {
	return p.Proxy != "" || p.CAFile != "" || len(p.Orgs) > 0 || p.TokenFile != "" || cloudauth.NamesFile(p.Credentials.Reveal())
}

// TryDraft tries an account before it is added.
func (s *Server) TryDraft(ctx context.Context, org, name string, options []byte, call bool) (func(func(httpapi.Step) bool), error) {
	d, err := s.draft(org, name, options)
	if err != nil {
		return nil, err
	}
	return s.try(ctx, config.Entry[config.Provider]{Name: name, Value: d.options}, CheckOptions{Call: call, public: org != ""}), nil
}

// Add keeps an account and connects it; the others are not touched.
func (s *Server) Add(ctx context.Context, org, name string, options []byte) (httpapi.StoredAccount, error) {
	s.changes.Lock()
	defer s.changes.Unlock()
	d, err := s.draft(org, name, options)
	if err != nil {
		return httpapi.StoredAccount{}, err
	}
	o, err := s.vault.Add(ctx, org, name, d.Type, options)
	if errors.Is(err, provider.ErrNameTaken) {
		return httpapi.StoredAccount{}, refusal(http.StatusConflict, "there is a provider %s already", name)
	}
	if err != nil {
		return httpapi.StoredAccount{}, err
	}
	return s.exchange(ctx, name, &o), nil
}

// Remove disconnects an account and forgets it; requests under way go on.
func (s *Server) Remove(ctx context.Context, name string, revision int64) error {
	s.changes.Lock()
	defer s.changes.Unlock()
	st, err := s.one(name, revision)
	if err != nil {
		return err
	}
	if err := s.vault.Remove(ctx, st.Stored); err != nil {
		return changed(err)
	}
	s.exchange(ctx, name, nil)
	return nil
}

// ChangeKeys adds a key to an account, or takes the one with a hint away.
func (s *Server) ChangeKeys(ctx context.Context, name string, revision int64, add, without string) (httpapi.StoredAccount, error) {
	s.changes.Lock()
	defer s.changes.Unlock()
	st, err := s.one(name, revision)
	if err != nil {
		return httpapi.StoredAccount{}, err
	}
	if st.Err != nil {
		return httpapi.StoredAccount{}, refusal(http.StatusConflict, "%s", st.off)
	}
	var keys []string
	gone := false
	for _, k := range st.options.Keys() {
		if without != "" && provider.HintOf(k.Reveal()) == without {
			gone = true
			continue
		}
		keys = append(keys, k.Reveal())
	}
	switch {
	case without != "" && !gone:
		return httpapi.StoredAccount{}, refusal(http.StatusNotFound, "%s has no such key", name)
	case without != "" && len(keys) == 0:
		return httpapi.StoredAccount{}, refusal(http.StatusConflict, "it is the last key of %s: add another one first, or remove the provider", name)
	case add != "" && !slices.Contains(keys, add):
		keys = append(keys, add)
	}
	options := map[string]jsontext.Value{}
	if err := json.Unmarshal(st.Options, &options); err != nil {
		return httpapi.StoredAccount{}, fmt.Errorf("the options of %s can't be read: %w", name, err)
	}
	delete(options, "api_key")
	if options["api_keys"], err = json.Marshal(keys); err != nil {
		return httpapi.StoredAccount{}, err
	}
	next, err := json.Marshal(options, json.Deterministic(true))
	if err != nil {
		return httpapi.StoredAccount{}, err
	}
	if _, err := config.ParseProvider(name, next, nil); err != nil {
		return httpapi.StoredAccount{}, refusal(http.StatusUnprocessableEntity, "%s", err.Error())
	}
	o, err := s.vault.Change(ctx, st.Stored, next)
	if err != nil {
		return httpapi.StoredAccount{}, changed(err)
	}
	return s.exchange(ctx, name, &o), nil
}

func changed(err error) error {
	if errors.Is(err, provider.ErrChanged) {
		return refusal(http.StatusPreconditionFailed, "it was changed meanwhile: read it again")
	}
	return err
}

// one finds an account that was added; revision 0 is any.
func (s *Server) one(name string, revision int64) (stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.stored, func(st stored) bool { return st.Name == name })
	if i < 0 {
		return stored{}, refusal(http.StatusNotFound, "there is no provider %s that was added", name)
	}
	if revision != 0 && s.stored[i].Revision != revision {
		return stored{}, refusal(http.StatusPreconditionFailed, "it was changed meanwhile: read it again")
	}
	return s.stored[i], nil
}

// exchange puts an account in the place of the one of its name; nil: none. All
// others stay as they are, with their connections, keys at rest and lists.
func (s *Server) exchange(ctx context.Context, name string, o *provider.Opened) (shown httpapi.StoredAccount) {
	mine := func(c connected) bool { return c.account.Name == name }
	s.mu.Lock()
	clash := slices.ContainsFunc(s.stored, func(st stored) bool { return st.Name == name && st.clash })
	rest := slices.Clone(s.accounts)
	var old []connected
	if !clash {
		if i := slices.IndexFunc(rest, mine); i >= 0 {
			old = append(old, rest[i])
			rest = slices.Delete(rest, i, i+1)
		}
	}
	all := slices.DeleteFunc(slices.Clone(s.stored), func(st stored) bool { return st.Name == name })
	s.mu.Unlock()
	var c *connected
	if o != nil {
		var st stored
		st, c = admit(s.cfg.Load(), rest, *o, s.now)
		shown = st.shown()
		all = append(all, st)
	}
	if c != nil {
		s.follow(c)
		rest = append(rest, *c)
		first, cancel := context.WithTimeout(ctx, listPatience)
		c.lists.WaitFirst(first)
		cancel()
	}
	s.mu.Lock()
	if s.closed {
		rest, old = nil, rest // nobody else lets go of them now
	}
	s.accounts, s.stored = rest, all
	s.mu.Unlock()
	s.publish(nil)
	drop(old)
	s.log.Info("accounts changed", "provider", name, "there", c != nil)
	return shown
}

// follow begins to read an account's list.
func (s *Server) follow(c *connected) {
	var lists *provider.Refresher
	lists = provider.NewRefresher([]*provider.Account{c.account}, listers(), s.store, s.log, func() { s.publish(lists) })
	c.lists = lists
	lists.Start(context.Background())
}

// drop lets go of accounts that no new request reaches.
func drop(accounts []connected) {
	for _, c := range accounts {
		if c.lists != nil {
			c.lists.Stop()
		}
		c.account.Close()
	}
}
