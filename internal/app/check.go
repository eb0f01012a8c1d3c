package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// Check is how one thing does.
type Check struct {
	What string // "provider NAME" or "clock"
	Says string // for people
	Err  error  // nil when it is well
	Soon bool   // it is well, but won't be for long
	// Step is what was tried: clock, auth, list or call; account where that could
	// not even be tried.
	Step string
	Took time.Duration
}

// stepClock compares clocks.
const stepClock = "clock"

// CheckOptions say what CheckProviders tries.
type CheckOptions struct {
	Only string // one provider; "": all
	Call bool   // have a model of each answer, which may cost a fraction of a cent

	public bool                      // see provider.Options
	orgs   map[string]*config.Config // the configuration with what orgs have added
}

// Bounds of a check: of the model lists, of one call, and how far a clock may be
// from a provider's before days and expiries are off.
const (
	listsPatience = 20 * time.Second
	callPatience  = 90 * time.Second
	clockSlack    = 2 * time.Minute
)

// CheckProviders tries the address, the key and the model list of every provider
// of a configuration, and whether a model of it answers: with a gateway of its
// own that keeps its turns in a folder which is removed again.
func CheckProviders(ctx context.Context, cfg *config.Config, o CheckOptions) func(func(Check) bool) {
	return func(yield func(Check) bool) {
		t, err := newTrial(ctx, cfg, o)
		if err != nil {
			yield(Check{What: "providers", Says: err.Error(), Err: err})
			return
		}
		defer t.close()
		start := time.Now()
		if c, ok := t.clock(ctx); ok {
			c.Took = time.Since(start)
			if !yield(c) {
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
		for _, c := range t.server.accounts {
			auth := t.auth(ctx, c.account)
			if !yield(auth) {
				return
			}
			if auth.Err != nil {
				continue // the rest would only say so again
			}
			list := t.list(ctx, &c)
			if !yield(list) {
				return
			}
			if o.Call && list.Err == nil && !yield(t.call(ctx, c.account)) {
				return
			}
		}
		if o.Only == "" {
			t.endings(o.orgs)(yield)
		}
	}
}

// trial is a gateway that lives for a check.
type trial struct {
	server *Server
	cfg    *config.Config
	url    string
	key    string
	close  func()
	// looks are the types that lists look like which aren't their accounts' own.
	looks map[string]string
}

// trialOrg is whom the turns of a check belong to.
const trialOrg = "doctor"

func newTrial(ctx context.Context, cfg *config.Config, o CheckOptions) (_ *trial, err error) {
	dir, err := os.MkdirTemp("", "oido-doctor-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the check: %w; set TMPDIR to one that can be written", err)
	}
	t := &trial{key: rand.Text(), cfg: cfg, looks: map[string]string{}}
	try := *cfg
	try.DataDir, try.Aliases, try.Keys, try.KeysListed = dir, nil, []config.Key{{Key: config.Secret(t.key), Org: trialOrg, User: trialOrg, Role: "admin"}}, true
	try.TLS = config.TLS{} // it is asked over loopback
	try.Providers, try.ProvidersFromEnv = slices.Clone(cfg.Providers), false
	if cfg.ProvidersFromEnv {
		running, err := local()
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		try.Providers = append(try.Providers, running...)
	}
	if o.Only != "" {
		try.Providers = slices.DeleteFunc(try.Providers, func(e config.Entry[config.Provider]) bool { return e.Name != o.Only })
	}
	for i := range try.Providers {
		try.Providers[i].Value.Orgs = nil
	}
	t.server, err = Open(ctx, &try, Options{Log: slog.New(slog.DiscardHandler), public: o.public})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the check: %w", err), t.server.Close(), os.RemoveAll(dir))
	}
	t.url = "http://" + l.Addr().String()
	serving, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = t.server.Serve(serving, l) // what matters shows in the calls
	}()
	t.close = func() {
		stop()
		<-ended
		_ = os.RemoveAll(dir) // a temporary folder: the system removes what stays
	}
	waiting, cancel := context.WithTimeout(ctx, listsPatience)
	defer cancel()
	t.server.WaitLists(waiting)
	return t, nil
}

// clock compares this machine's clock with the first provider's that tells its.
func (t *trial) clock(ctx context.Context) (Check, bool) {
	ctx, cancel := context.WithTimeout(ctx, listsPatience)
	defer cancel()
	start := time.Now()
	for _, c := range t.server.accounts {
		a := c.account
		key, ok := a.Pick(nil, "")
		if !ok {
			continue
		}
		resp, err := a.GetList(ctx, a.Profile.List.Path, nil, key)
		if err != nil {
			continue // its own check says so
		}
		at, err := http.ParseTime(resp.Header.Get("Date"))
		_ = resp.Body.Close() // only its head was of interest
		if err != nil {
			continue
		}
		off := time.Since(at).Round(time.Second)
		if off.Abs() <= clockSlack {
			return Check{What: "clock", Step: stepClock, Says: fmt.Sprintf("agrees with that of %s (%s)", a.Name, time.Since(start).Round(time.Millisecond))}, true
		}
		err = fmt.Errorf("it is %s away from that of %s: days of usage and the ends of models will be off; set it, best by NTP", off, a.Name)
		return Check{What: "clock", Step: stepClock, Says: err.Error(), Err: err}, true
	}
	return Check{}, false
}

// tiny is the least that shows whether streams and tools work.
const tiny = `{"model":%q,"stream":true,"stream_options":{"include_usage":true},"max_tokens":300,"messages":[{"role":"user","content":"Call the tool once with ok=true."}],` +
	`"tools":[{"type":"function","function":{"name":"report","description":"Report that all is well.","parameters":{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}}}]}`

// call has a cheap model of an account answer.
func (t *trial) call(ctx context.Context, a *provider.Account) Check {
	out := Check{What: "provider " + a.Name, Step: "call"}
	model := t.cheapest(a)
	if model == "" {
		out.Err = errors.New("no model to try")
		out.Says = "none of its models is known to write text: declare one under its `models` in the configuration"
		return out
	}
	start := time.Now()
	answer, err := t.ask(ctx, model)
	out.Took = time.Since(start)
	took := out.Took.Round(time.Millisecond)
	if err != nil {
		f := t.fault(ctx, a.Name, err)
		out.Err = &llm.Error{Kind: f.kind, Message: "a model does not answer", Err: err}
		out.Says = fmt.Sprintf("%s does not answer a small streamed request with a tool (%s): %s. What was said: %s", model, took, t.cause(a, f), a.Masked(f.said))
		return out
	}
	called := "answered without it"
	for _, p := range answer.Choices[0].Parts {
		if _, ok := p.(llm.ToolCall); ok {
			called = "called it"
		}
	}
	out.Says = fmt.Sprintf("%s was asked for a tool call, streamed, and %s (%s, %d tokens)", model, called, took, answer.Usage.Total())
	return out
}

// cheapest is the model of an account to try: known to call tools and priced
// lowest where that is known.
func (t *trial) cheapest(a *provider.Account) string {
	now := t.server.now()
	best, least := "", [3]int64{}
	for _, e := range t.server.gateway.State().View().All() {
		if e.Account != a.Name || e.Gone || !a.Serves(e.ID) || !e.Generates() || e.Ended(now) || e.Redirected(now) || e.Caps.Tools != nil && !*e.Caps.Tools {
			continue
		}
		// A list that isn't trusted has models that the account may not have.
		there := e.Declared || e.Listed && a.Profile.List.Trust != provider.TrustNone
		rank := [3]int64{unless(there) + unless(e.Declared || e.Listed), unless(e.Caps.Tools != nil), expense(e, now)}
		if best == "" || slices.Compare(rank[:], least[:]) < 0 {
			best, least = e.Name(), rank
		}
	}
	return best
}

func unless(v bool) int64 {
	if v {
		return 0
	}
	return 1
}

// expense is what a million tokens cost, three parts input and one output.
func expense(e *catalog.Entry, now time.Time) int64 {
	p := e.PriceAt(now)
	if p == nil || p.Input == nil || p.Output == nil {
		return 1 << 62
	}
	return 3*int64(*p.Input) + int64(*p.Output)
}

func (t *trial) ask(ctx context.Context, model string) (*llm.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(tiny, model)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+t.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err != nil {
			return nil, err
		}
		return nil, chat.Format{}.DecodeError(resp.StatusCode, resp.Header, body)
	}
	return llm.Collect(chat.Format{}.DecodeStream(resp.Body, wire.Target{}))
}

// fault is why a call failed: what the provider said, which clients are not told
// of the account, or else what the gateway did.
func (t *trial) fault(ctx context.Context, account string, err error) fault {
	ctx, cancel := context.WithTimeout(ctx, listsPatience)
	defer cancel()
	if t.server.ledger.Drain(ctx) == nil {
		turns, readErr := t.server.store.Turns(ctx, trialOrg, ledger.TurnFilter{Provider: account, Limit: 1})
		if readErr == nil && len(turns) > 0 {
			if a := turns[0].Answered(); a != nil && a.ErrorText != "" {
				said := a.ErrorText
				if a.ErrorStatus != 0 {
					said += fmt.Sprintf(" (status %d)", a.ErrorStatus)
				}
				return fault{kind: llm.Kind(a.ErrorKind), said: said, begun: a.FirstToken > 0}
			}
		}
	}
	return fault{kind: llm.AsError(err).Kind, said: err.Error()}
}

// checkProvider tries one connected account for the management API.
func (s *Server) checkProvider(ctx context.Context, name string) func(func(httpapi.Step) bool) {
	if st, err := s.one(name, 0); err == nil && !st.clash {
		return s.try(ctx, config.Entry[config.Provider]{Name: name, Value: st.options}, CheckOptions{Call: true, public: st.Org != ""})
	}
	return steps(CheckProviders(ctx, s.cfg.Load(), CheckOptions{Only: name, Call: true}))
}

// try tries an account that isn't of the configuration.
func (s *Server) try(ctx context.Context, e config.Entry[config.Provider], o CheckOptions) func(func(httpapi.Step) bool) {
	cfg := *s.cfg.Load()
	cfg.Providers, cfg.ProvidersFromEnv = config.Named[config.Provider]{e}, false
	return steps(CheckProviders(ctx, &cfg, o))
}

func steps(checks func(func(Check) bool)) func(func(httpapi.Step) bool) {
	return func(yield func(httpapi.Step) bool) {
		for c := range checks {
			var refused *llm.Error
			badKey := c.Step == "auth" && c.Err != nil || errors.As(c.Err, &refused) && (refused.Kind == llm.KindAuth || refused.Kind == llm.KindPermission)
			if !yield(httpapi.Step{What: c.What, Step: c.Step, Says: c.Says, OK: c.Err == nil, Took: c.Took.Milliseconds(), Refused: badKey}) {
				return
			}
		}
	}
}
