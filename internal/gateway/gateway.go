package gateway

import (
	"context"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/quota"
	"github.com/oidostudio/oido/internal/recall"
	"github.com/oidostudio/oido/internal/responsestore"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/session"
	"github.com/oidostudio/oido/internal/tokens"
	"github.com/oidostudio/oido/internal/wire"
)

// State is what the configuration and the live lists say. It is immutable.
type State struct {
	Accounts map[string]*provider.Account
	// Routes are those of orgs that have neither accounts nor a policy of their own,
	// ByOrg those of the others; each of these is led to its models when it is first
	// asked for.
	Routes *router.Routes
	ByOrg  map[string]func() *router.Routes
	// QuietEnds says that nobody wants to hear of models that end.
	QuietEnds bool
	// KeepAnswers is how long answers are kept for requests that go on from them;
	// 0: none are.
	KeepAnswers time.Duration
}

// Recorder keeps turns. Its methods are called in this order for each turn, from
// one goroutine, and must not wait for a database.
type Recorder interface {
	// OpenAttempt is called before an attempt is sent; an error refuses it.
	OpenAttempt(*Turn, *dispatch.Attempt) error
	// CloseAttempt is called for an attempt that another one follows, which was
	// opened just before.
	CloseAttempt(*Turn, *dispatch.Attempt, Charge)
	// CloseTurn is called once, with the charges of all attempts in order. The
	// last attempt has not been closed before.
	CloseTurn(*Turn, *dispatch.Outcome, []Charge)
}

// Charge is what an attempt used and cost.
type Charge struct {
	Usage llm.Usage
	Cost  *llm.NanoUSD // nil: unknown
}

// Turn is what is known of a turn before it ends.
type Turn struct {
	ID, RequestID  string
	Org, User, Key string
	EndUser        string
	Agent          string
	Session        string
	SessionSource  session.Source
	Workload       string
	Class          string
	Purpose        string
	RequestedModel string
	Format         llm.Format
	Stream         bool
	Started        time.Time
	Rule           string // how the model's name was understood
	// Decision is which models were chosen and why, as [router.Tell] reads it.
	Decision []byte
	// InputEstimate is the prompt's size in tokens, as far as it can be guessed.
	InputEstimate int64

	promptSize int  // see tokens.Size
	fresh      bool // its session begins with it
	partial    bool // the provider knows more of the prompt than we have sized
}

// Labels are what the request headers say of a turn.
type Labels struct{ Workload, Class, Agent, Session, Purpose, User string }

// Call is a request to have a model answer.
type Call struct {
	Format    wire.Format // the client's
	Raw       wire.RawRequest
	Peeked    wire.Peeked
	Caller    identity.Caller
	Labels    Labels
	Timeout   time.Duration // 0: not said
	RequestID string
}

// Head is what is known of an answer when it begins.
type Head struct {
	Turn, Session, Workload, Class string
	// Early says that the provider hasn't begun: what follows isn't known.
	Early bool
	// BodyFree says that the request's body is not needed any more.
	BodyFree        bool
	Provider, Model string
	Attempts        int
	Fallback        bool
	Downgrades      []string
}

// Output is where a streamed answer goes; see dispatch.Output.
type Output interface {
	Commit(Head)
	Write(p []byte) (int, error)
	Flush() error
}

// Exchange is a turn that ended.
type Exchange struct {
	Head
	Body []byte       // the whole answer, for a call that isn't a stream
	Cost *llm.NanoUSD // nil: unknown
	// Sent says that at least one attempt was sent, so that there is a turn;
	// Committed that the answer's head was.
	Sent, Committed bool
	// Failed says that the answer itself says that its provider couldn't end it.
	Failed bool
}

// Gateway has models answer. It is safe for concurrent use; its fields must not
// change after the first call.
type Gateway struct {
	Dispatcher *dispatch.Dispatcher
	Recorder   Recorder
	Sessions   *session.Recogniser
	Memory     *recall.Memory
	Places     *Places
	Tasks      *Tasks
	Choices    *session.Choices     // nil: users can choose no model for a session
	Answers    *responsestore.Store // nil: none are kept
	Quotas     *quota.Tracker       // of what is free; nil: nothing is counted
	Now        func() time.Time
	// MaxTold bounds the conversations that are told at the same time for the id of
	// their last answer, in bytes: a short request can stand for a long one. 0 is
	// 256 MiB.
	MaxTold int64
	// Gone is told of a model that a provider says isn't there.
	Gone func(account, model string)
	// Ended is told of every turn that ended; it must be quick.
	Ended func(*Turn, *dispatch.Outcome, []Charge)

	state  atomic.Pointer[State]
	tokens tokens.Estimator
	told   atomic.Int64 // see MaxTold
}

// Swap puts a new state in force for the calls that follow.
func (g *Gateway) Swap(s *State) { g.state.Store(s) }

// Resolve says which models a name stands for in an org. The error is an
// *llm.Error, as of [router.Resolve].
func (st *State) Resolve(name, org string, now time.Time) (router.Resolution, error) {
	pol := st.RoutesOf(org).Policy()
	pol.May = st.May(org)
	return router.Resolve(name, pol, st.View(), now)
}

// RoutesOf are the routes in force for an org.
func (st *State) RoutesOf(org string) *router.Routes {
	if own := st.ByOrg[org]; own != nil {
		return own()
	}
	return st.Routes
}

// May says which accounts an org may use.
func (st *State) May(org string) func(account string) bool {
	return func(account string) bool { a := st.Accounts[account]; return a != nil && a.May(org) }
}

// Endings are the places of an org's policy that name models which have ended or
// will before a time has passed, as far as the org knows the accounts.
func (st *State) Endings(org string, now time.Time, within time.Duration) []router.Ending {
	return st.RoutesOf(org).Endings(now, within, st.May(org))
}

// View is what is known of the connected models.
func (st *State) View() *catalog.View { return st.Routes.View() }

// State returns the state in force.
func (g *Gateway) State() *State { return g.state.Load() }

// Generate has a model answer. A streamed answer goes to out while it comes, a
// whole one is in the exchange. The error is an *llm.Error fit for the caller;
// the exchange beside it is nil when the call was refused before it was named.
func (g *Gateway) Generate(ctx context.Context, c Call, out Output) (*Exchange, error) {
	st := g.state.Load()
	before, err := g.previous(ctx, st, &c)
	if err != nil {
		return nil, err
	}
	defer before.done()
	t := g.turn(&c)
	s := g.Sessions.Recognise(session.Request{
		Org: t.Org, KeyID: t.Key, Header: c.Labels.Session, Previous: before.session(),
		InBody: c.Peeked.Session, Format: t.Format, Body: c.Raw.Body,
	})
	t.Session, t.SessionSource, t.fresh = s.ID, s.Source, s.First
	p, err := g.plan(ctx, st, &c, t, router.Needs{Tools: c.Peeked.HasTools}, before.can())
	if err != nil {
		return nil, err
	}
	d := &dispatch.Call{
		Client: c.Format, Raw: c.Raw, Peeked: c.Peeked, Session: t.Session, AnswerID: t.ID,
		Timeout: shorter(c.Timeout, p.Timeout.Total), Limits: provider.Timeout(p.Timeout), Attempts: p.Attempts, InputEstimate: t.InputEstimate,
	}
	if len(p.Up) > 0 {
		d.Useless = func(parts []llm.Part, finish llm.FinishReason) string {
			return faultOf(d.Request, parts, finish)
		}
	}
	if s.First {
		d.WantOpening = session.Enough
	}
	for i := range p.cands {
		cand := &p.cands[i]
		replay := cand.Account.Target(cand.Model, cand.Account.Format(c.Format.Name(), cand.Model), provider.Key{}).Reasoning.Replay
		if g.Memory != nil && (replay != "" || !s.First) {
			cand.KeepParts, cand.Restore = replay != "", g.restorer(ctx, t, replay)
		}
		cand.KeepsAnswers = cand.Account.Keeps(c.Format.Name(), cand.Model)
	}
	g.continued(d, &c, t, before, st, p.cands[0])
	rec := g.recording(t, st, freeNeed(&c, t))
	rec.admit(p)
	rec.remember = func(o *dispatch.Outcome) {
		if o.Status == dispatch.StatusOK {
			g.settle(ctx, t, st, p, o)
			g.remember(d, t, s, o)
		}
		g.keepAnswer(d, t, st, o)
	}
	return g.run(ctx, d, p.cands, rec, out)
}

func (g *Gateway) recording(t *Turn, st *State, need int64) *recording {
	return &recording{g: g, t: t, st: st, free: free{need: need}, head: Head{Turn: t.ID, Session: t.Session, Workload: t.Workload, Class: t.Class}}
}

// run carries out a call that was prepared.
func (g *Gateway) run(ctx context.Context, d *dispatch.Call, cands []dispatch.Candidate, rec *recording, out Output) (*Exchange, error) {
	defer rec.unused()
	o, committed := g.Dispatcher.Run(ctx, d, cands, rec, output{out, rec, d})
	for _, a := range o.Attempts {
		if a.Err != nil && g.Gone != nil && !d.Embed && a.Err.MissesModel(a.Model) {
			g.Gone(a.Provider, a.Model)
		}
	}
	x := &Exchange{Head: rec.describe(o.Last(), false), Body: o.Body, Sent: len(o.Attempts) > 0, Committed: committed}
	if o.Err != nil {
		return x, wire.Shown(o.Err)
	}
	x.Cost, x.Failed = rec.total(), o.Last().Metered.Finish == llm.FinishError
	return x, nil
}

// Bounds of what a client's body names: it comes into rows, logs and messages.
const (
	maxModel   = 512
	maxEndUser = 128
)

func (g *Gateway) turn(c *Call) *Turn {
	t := &Turn{
		ID: newID(), RequestID: c.RequestID, Org: c.Caller.Org, User: c.User(), Key: c.Caller.KeyID,
		EndUser: cut(c.Peeked.EndUser, maxEndUser), Agent: c.Labels.Agent, Workload: c.Labels.Workload, Class: c.Labels.Class,
		Purpose: c.Labels.Purpose, RequestedModel: c.Peeked.Model, Format: c.Format.Name(), Stream: c.Peeked.Stream,
		Started: g.Now(), promptSize: tokens.Size(c.Raw.Body),
	}
	t.InputEstimate = tokens.Rough(t.promptSize)
	// Who leaves the choice to us is led by its key before its headers.
	auto := c.Peeked.Model == "auto"
	if t.Agent == "" || auto && c.Caller.Agent != "" {
		t.Agent = c.Caller.Agent
	}
	if t.Workload == "" || auto && c.Caller.Workload != "" {
		t.Workload = c.Caller.Workload
	}
	return t
}

// User is whose call it is.
func (c *Call) User() string {
	if c.Labels.User != "" {
		return c.Labels.User
	}
	return c.Caller.User
}

// cut returns the beginning of s in at most n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.NewString()
	}
	return id.String()
}

// restoreAgain is when to try again where the database doesn't answer.
const restoreAgain = 5 * time.Second

// restorer puts lost reasoning back into the messages for which it is required, and
// leaves out what others reasoned.
func (g *Gateway) restorer(ctx context.Context, t *Turn, replay string) func(*llm.Request, llm.Origin) (*llm.Request, bool, error) {
	only := func(m llm.Message) bool {
		if replay == "always" {
			return true
		}
		for _, p := range m.Parts {
			if _, ok := p.(llm.ToolCall); ok {
				return true
			}
		}
		return false
	}
	if replay == "" {
		only = nil
	}
	return func(req *llm.Request, at llm.Origin) (*llm.Request, bool, error) {
		restored, changed, err := g.Memory.Restore(ctx, t.Org, t.User, req, at, only)
		if err != nil {
			err = &llm.Error{
				Kind: llm.KindUnavailable, RetryAfter: restoreAgain, Err: err,
				Message: "the reasoning that belongs to this conversation can't be read just now: try again shortly",
			}
		}
		return restored, changed, err
	}
}

// remember keeps what later turns of the conversation will need.
func (g *Gateway) remember(d *dispatch.Call, t *Turn, s session.Session, o *dispatch.Outcome) {
	last := o.Last()
	if s.First {
		g.Sessions.Answered(s, session.Opening(last.Opening))
	}
	if !d.KeepsParts() || len(last.Metered.Parts) == 0 {
		return
	}
	before := ""
	if req, err := d.Conversation(); err == nil {
		for _, m := range req.Messages {
			if m.Role == llm.RoleUser {
				before = m.Text()
			}
		}
	}
	g.Memory.Keep(t.Org, t.User, before, last.Metered.Parts)
}
