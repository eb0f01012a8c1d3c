package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/health"
	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/idempotency"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/policy"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/quota"
	"github.com/oidostudio/oido/internal/recall"
	"github.com/oidostudio/oido/internal/responsestore"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/session"
	"github.com/oidostudio/oido/internal/store/sqlite"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/converse"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/messages"
	"github.com/oidostudio/oido/internal/wire/responses"
	"github.com/oidostudio/oido/internal/writebehind"
)

// Server is a running gateway.
type Server struct {
	log       *slog.Logger
	version   string
	cfg       atomic.Pointer[config.Config]
	store     *sqlite.Store
	ledger    *ledger.Ledger
	memory    *recall.Memory
	repeats   *idempotency.Keeper
	answers   *responsestore.Store
	choices   *session.Choices
	directory *identity.Directory
	gateway   *gateway.Gateway
	inference *httpapi.Inference
	meters    *meters
	stopping  context.Context // ends when live tails must
	endTails  context.CancelFunc
	// background is what runs until stopping.
	background sync.WaitGroup
	endings    toldEndings

	now     func() time.Time
	vault   *provider.Vault
	policy  *policy.Keeper
	public  bool       // see provider.Options
	changes sync.Mutex // held while the accounts change

	mu       sync.Mutex // protects following fields
	accounts []connected
	stored   []stored
	spent    []spent // of models that aren't known to be free
	closed   bool
}

// Options are what a server needs beside its configuration.
type Options struct {
	Log     *slog.Logger
	Version string
	// FirstKey is told the key that the first start makes, once.
	FirstKey func(key identity.Secret) error
	// Now is the clock by which models end and prices change; nil is time.Now.
	Now func() time.Time

	public bool
}

// formats are those that clients speak.
func formats() map[llm.Format]wire.Format {
	return map[llm.Format]wire.Format{
		llm.FormatChat: chat.Format{}, llm.FormatMessages: messages.Format{},
		llm.FormatGemini: gemini.Format{}, llm.FormatResponses: responses.Format{},
	}
}

// upstreams are the formats that providers are called in.
func upstreams() map[llm.Format]wire.Upstream {
	out := map[llm.Format]wire.Upstream{llm.FormatConverse: converse.Format{}}
	for name, f := range formats() {
		out[name] = f
	}
	return out
}

// listers are the formats that can read a model list.
func listers() map[llm.Format]wire.Lister {
	out := map[llm.Format]wire.Lister{}
	for name, f := range formats() {
		if l, ok := f.(wire.Lister); ok {
			out[name] = l
		}
	}
	return out
}

// sealedKeys is the purpose that the keys of added accounts are sealed for.
const sealedKeys = "provider keys"

// maxBodies bounds the request bodies of all requests in flight, in bytes.
const maxBodies = 256 << 20

// mostRepeats is how many bytes of answers are kept under idempotency keys.
const mostRepeats = 1 << 30

// choicesInMemory bounds what is remembered of which model users chose for sessions,
// in bytes.
const choicesInMemory = 16 << 20

// newNames is how many new names clients may bring an org and day.
const newNames = 10_000

// Open opens everything that a configuration asks for. The error names what
// can't be opened; then nothing stays open.
func Open(ctx context.Context, cfg *config.Config, o Options) (_ *Server, err error) {
	s := &Server{log: o.Log, version: o.Version, public: o.public, now: o.Now, directory: &identity.Directory{}}
	if s.now == nil {
		s.now = time.Now
	}
	s.stopping, s.endTails = context.WithCancel(context.Background())
	s.cfg.Store(cfg)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(time.Second))
		}
	}()
	if s.store, err = sqlite.Open(ctx, cfg.DataDir, cfg.Location()); err != nil {
		return nil, err
	}
	secret, err := seal.Secret(cfg.SecretKey.Reveal(), cfg.DataDir)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.New(secret, "reasoning")
	if err != nil {
		return nil, err
	}
	repeats, err := seal.New(secret, "repeats")
	if err != nil {
		return nil, err
	}
	keys, err := seal.New(secret, sealedKeys)
	if err != nil {
		return nil, err
	}
	s.vault = &provider.Vault{Store: s.store, Sealer: keys, Now: s.now}
	day := 24 * time.Hour
	s.memory = recall.New(recall.Options{
		Cache: writebehind.Options{Sealer: sealer, Table: s.store.Reasoning(), Log: o.Log, Now: s.now},
		Keep:  time.Duration(cfg.Retention.ReasoningDays) * day,
	})
	answers, err := seal.New(secret, "responses")
	if err != nil {
		return nil, err
	}
	s.answers = responsestore.New(writebehind.Options{Sealer: answers, Table: s.store.Responses(), Log: o.Log, Now: s.now})
	choices, err := seal.New(secret, "choices")
	if err != nil {
		return nil, err
	}
	s.choices = session.NewChoices(writebehind.Options{Sealer: choices, Table: s.store.Choices(), Log: o.Log, Now: s.now, Bytes: choicesInMemory})
	s.repeats = idempotency.New(idempotency.Options{Cache: writebehind.Options{Sealer: repeats, Table: s.store.Repeats(mostRepeats), Log: o.Log, Now: s.now}})
	s.ledger, err = ledger.Open(ctx, ledger.Options{
		Dir: cfg.DataDir, Store: s.store, Log: o.Log, Serve: cfg.Ledger.OnFull == "serve",
		Sync: cfg.Ledger.Sync.Every, SyncEach: cfg.Ledger.Sync.Always, Keep: time.Duration(cfg.Retention.RawDays) * day,
	})
	if err != nil {
		return nil, err
	}
	stored, err := identity.EnsureFirstKey(ctx, s.store, cfg.KeysListed, rand.Reader, s.now(), o.FirstKey)
	if err != nil {
		return nil, err
	}
	s.directory.SetStored(stored)
	all, spoken := formats(), upstreams()
	s.gateway = &gateway.Gateway{
		Dispatcher: &dispatch.Dispatcher{Formats: func(f llm.Format) (wire.Upstream, bool) { w, ok := spoken[f]; return w, ok }, Health: health.New(s.now)},
		Recorder:   recorder{s.ledger}, Sessions: session.New(s.now), Memory: s.memory, Answers: s.answers,
		Places: gateway.NewPlaces(s.now), Tasks: gateway.NewTasks(), Choices: s.choices, Now: s.now, Quotas: quota.New(s.now),
		Gone: s.gone,
	}
	s.inference = &httpapi.Inference{
		Gateway: s.gateway, Directory: s.directory, Names: identity.NewNames(s.now, newNames), Repeats: s.repeats, Log: o.Log,
		Host: s.host, BodyLimit: func() int64 { return int64(s.cfg.Load().BodyLimit) }, Budget: httpapi.NewBudget(maxBodies),
		Chat: all[llm.FormatChat], Messages: all[llm.FormatMessages], Gemini: all[llm.FormatGemini], Responses: all[llm.FormatResponses],
	}
	s.meters = newMeters(s)
	if s.policy, err = policy.Open(ctx, s.store, cfg, s.now); err != nil {
		return nil, err
	}
	s.gateway.Ended, s.inference.Refused = s.meters.ended, s.meters.refuse
	if err := s.readSpent(ctx); err != nil {
		return nil, err
	}
	if err := s.Apply(cfg); err != nil {
		return nil, err
	}
	s.background.Go(s.followDays)
	return s, nil
}

// Apply puts a configuration in force for the requests that follow. On an error
// the one before stays.
func (s *Server) Apply(cfg *config.Config) error {
	keys, err := fileKeys(cfg)
	if err != nil {
		return err
	}
	s.changes.Lock()
	defer s.changes.Unlock()
	accounts, err := connect(cfg, s.public, s.now)
	if err != nil {
		return err
	}
	accounts, added, err := s.join(cfg, accounts)
	if err != nil {
		return err
	}
	if len(cfg.Infeasible) > 0 && len(added) == 0 {
		drop(accounts)
		return cfg.Infeasible
	}
	for i := range accounts {
		s.follow(&accounts[i])
	}
	s.watchRules(cfg)
	s.mu.Lock()
	old := s.accounts
	s.accounts, s.stored = accounts, added
	s.cfg.Store(cfg)
	s.mu.Unlock()
	s.directory.SetFile(keys)
	s.policy.SetFile(cfg)
	s.endings.forget()
	s.publish(nil)
	drop(old)
	s.warnOfClashes()
	s.warnOrgsOfEnds()
	s.log.Info("configuration in force", "providers", describe(accounts), "keys", s.directory.Len())
	if len(accounts) == 0 {
		s.log.Warn("no provider is connected, so no model can answer: set a key like OPENAI_API_KEY and start again, or name providers in a configuration file; `oido demo` needs none")
	}
	return nil
}

func fileKeys(cfg *config.Config) ([]identity.Key, error) {
	var out []identity.Key
	for i, k := range cfg.Keys {
		if k.Key == "" {
			continue // off, which the configuration's warnings say
		}
		key, err := identity.StaticKey(k.Key.Reveal(), identity.Key{
			Org: k.Org, User: k.User, Role: identity.Role(k.Role), Agent: k.Agent, Workload: k.Workload, Agents: k.Agents, Models: k.Models,
		})
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		out = append(out, key)
	}
	return out, nil
}

// publish makes a state of the accounts and their lists: after lists changed,
// unless others have taken their place; nil: in any case.
func (s *Server) publish(lists *provider.Refresher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || lists != nil && !slices.ContainsFunc(s.accounts, func(c connected) bool { return c.lists == lists }) {
		return
	}
	var older *catalog.View
	if st := s.gateway.State(); st != nil {
		older = st.View()
	}
	v, err := view(s.accounts, older)
	if err != nil {
		s.log.Error("the model catalog can't be read", "error", err)
		return
	}
	cfg := s.cfg.Load()
	st := &gateway.State{Accounts: map[string]*provider.Account{}, ByOrg: map[string]func() *router.Routes{}, QuietEnds: cfg.Replace == replaceOff}
	complete := map[string]bool{}
	for _, c := range s.accounts {
		st.Accounts[c.account.Name] = c.account
		complete[c.account.Name] = c.account.Profile.List.Trust == provider.TrustComplete
	}
	now := s.now()
	policyFor := func(cfg *config.Config, org string) router.Policy {
		pol := policyOf(cfg, complete)
		pol.May = st.May(org)
		return pol
	}
	routes := router.NewRoutes(policyFor(cfg, ""), v, now)
	st.Routes = routes
	own := s.policy.Merged()
	for org := range orgsApart(s.accounts, own) {
		st.ByOrg[org] = sync.OnceValue(func() *router.Routes { return routes.With(policyFor(cmp.Or(own[org], cfg), org), now) })
	}
	if cfg.Responses.Store {
		st.KeepAnswers = time.Duration(cfg.Retention.ResponsesDays) * 24 * time.Hour
	}
	s.gateway.Swap(st)
	s.countSpent(v)
	s.warnOfEnds(st, cfg)
	for _, e := range v.LeftSince(older) {
		s.log.Warn("a model has left its provider's list", "model", e.Name(), "replacement", strings.Join(v.Replacements(e, s.now()), ", then "))
	}
}

// orgsApart are the orgs with an account or a policy of their own.
func orgsApart(accounts []connected, own map[string]*config.Config) map[string]bool {
	out := map[string]bool{}
	for _, c := range accounts {
		for _, org := range c.account.Orgs {
			out[org] = true
		}
	}
	for org := range own {
		out[org] = true
	}
	return out
}

// connected returns the accounts in force; none once the server is closed.
func (s *Server) connected() []connected {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	return s.accounts
}

// gone takes a model out of the lists that its provider says isn't there.
func (s *Server) gone(account, model string) {
	for _, c := range s.connected() {
		if c.account.Name == account {
			c.lists.MarkGone(account, model)
		}
	}
}

// WaitLists waits until every provider's model list has been tried once.
func (s *Server) WaitLists(ctx context.Context) {
	for _, c := range s.connected() {
		c.lists.WaitFirst(ctx)
	}
}

// Handler serves the wire APIs and the operations paths.
func (s *Server) Handler() (http.Handler, error) {
	mux := http.NewServeMux()
	s.inference.Register(mux)
	s.operations(mux)
	mux.Handle("GET /metrics", s.operatorsOnly(s.meters.handler()))
	for path, what := range map[string]string{
		"/{$}":  "OIDO serves here. The Studio is not built yet: look with `oido usage`, `oido turns` and `oido models`, and point clients at /v1\n",
		"/mcp":  "the Model Context Protocol is not built yet\n",
		"/mcp/": "the Model Context Protocol is not built yet\n",
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { s.say(w, http.StatusNotImplemented, what) })
	}
	m := &httpapi.Management{
		Gateway: s.gateway, Inference: s.inference, Directory: s.directory, Reader: s.store, Zone: s.cfg.Load().Location(), Version: s.version,
		RowDays: s.cfg.Load().Retention.RawDays,
		Log:     s.log, Now: s.now, Lists: s.listed, Check: s.checkProvider, Accounts: s, Policies: s, Follow: s.ledger.Follow, Stopping: s.stopping.Done(),
	}
	if err := m.Register(mux); err != nil {
		return nil, fmt.Errorf("describe the management API: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The wire APIs look by themselves, and refuse in their formats.
		if !strings.HasPrefix(r.URL.Path, "/v1") {
			if err := s.host(r); err != nil {
				s.say(w, http.StatusForbidden, err.Error()+"\n")
				return
			}
		}
		mux.ServeHTTP(w, r)
	}), nil
}

// host says why a request isn't served under the name that it came by.
func (s *Server) host(r *http.Request) error {
	if identity.HasKeyHeader(r.Header) {
		return nil
	}
	var local netip.Addr
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		local = a.AddrPort().Addr()
	}
	if identity.HostAllowed(local, r.Host, s.cfg.Load().PublicURL) {
		return nil
	}
	return errors.New("under this name only requests with a key in a header are served: send one, ask under a local address, or set public_url to the name in the configuration")
}

// listed says when an account's model list was read, and why the last reading
// failed.
func (s *Server) listed(account string) (at time.Time, problem string) {
	var l *provider.List
	for _, c := range s.connected() {
		if c.account.Name == account {
			l = c.list()
		}
	}
	switch {
	case l == nil:
		return at, "its model list has not been read yet"
	case l.Err != nil:
		return l.FetchedAt, l.Err.Error()
	}
	return l.FetchedAt, ""
}

// grace is how long streams may go on after a server was told to stop.
const grace = 30 * time.Second

// Serve answers on l until ctx ends; then streams finish, and what was recorded
// is brought to the database.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	handler, err := s.Handler()
	if err != nil {
		return errors.Join(err, s.close(grace))
	}
	srv := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		// For bodies that no handler reads; those that do have limits of their own.
		ReadTimeout: 30 * time.Second,
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	srv.RegisterOnShutdown(s.endTails)
	failed := make(chan error, 1)
	cfg := s.cfg.Load()
	go func() {
		if cfg.TLS.On() {
			failed <- srv.ServeTLS(l, cfg.TLS.Cert, cfg.TLS.Key)
			return
		}
		failed <- srv.Serve(l)
	}()
	select {
	case err := <-failed:
		return errors.Join(err, s.close(grace))
	case <-ctx.Done():
	}
	s.log.Info("stopping: streams in flight may finish", "in_flight", s.inference.InFlight(), "within", grace)
	stop, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err = srv.Shutdown(stop); err != nil {
		err = errors.Join(fmt.Errorf("stop: %w", err), srv.Close())
		s.settle(lastWord)
	}
	return errors.Join(err, s.close(grace))
}

// lastWord is how long requests may take to record how they ended, whose
// connections were closed.
const lastWord = 5 * time.Second

// settle waits for the requests in flight.
func (s *Server) settle(limit time.Duration) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); s.inference.InFlight() > 0 && time.Now().Before(end); {
		<-tick.C
	}
}

// Close closes what Open opened, for a server that never served.
func (s *Server) Close() error { return s.close(grace) }

func (s *Server) close(limit time.Duration) error {
	s.endTails()
	var errs []error
	s.mu.Lock()
	accounts := s.accounts
	s.closed = true
	s.mu.Unlock()
	drop(accounts)
	s.background.Wait()
	if s.ledger != nil {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		errs = append(errs, s.ledger.Close(ctx))
		cancel()
	}
	if s.memory != nil {
		s.memory.Close()
	}
	if s.answers != nil {
		s.answers.Close()
	}
	if s.choices != nil {
		s.choices.Close()
	}
	if s.repeats != nil {
		s.repeats.Close()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// operations serves what keeps a server running.
func (s *Server) operations(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { s.say(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		s.WaitLists(ctx)
		if err := s.store.Ping(ctx); err != nil {
			s.say(w, http.StatusServiceUnavailable, "the database does not answer\n")
			return
		}
		s.say(w, http.StatusOK, "ready\n")
	})
}

func (s *Server) say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	if _, err := io.WriteString(w, text); err != nil {
		s.log.Debug("answer not delivered", "error", err)
	}
}

// Operations serves health and profiles, for a port that only operators reach.
func (s *Server) Operations() http.Handler {
	mux := http.NewServeMux()
	s.operations(mux)
	mux.Handle("GET /metrics", s.meters.handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	return mux
}
