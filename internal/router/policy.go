package router

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router/classify"
)

// The classes of requests.
const (
	ClassHighVolume  = string(classify.HighVolume)
	ClassInteractive = string(classify.Interactive)
	ClassReasoning   = string(classify.Reasoning)
	ClassLongContext = string(classify.LongContext)
)

// Classes are all classes.
var Classes = []string{ClassHighVolume, ClassInteractive, ClassReasoning, ClassLongContext}

// Prefer says in which order feasible models are asked.
type Prefer string

// The orders.
const (
	PreferOrder Prefer = "order" // as written
	PreferCheap Prefer = "cheap" // the cheapest for the request first
	PreferFast  Prefer = "fast"  // the soonest first token first
	PreferFree  Prefer = "free"  // what costs nothing first, while it lasts
)

// Workload is a named kind of work.
type Workload struct {
	Name    string
	Class   string   // "" : none is said
	Chain   []string // names of models in order; none: the class's
	Prefer  Prefer
	Switch  []string // what a user may name in their place
	Inherit bool     // stay where the session is, whatever the chain
	// Escalate are the stronger models, EscalateOn what moves to them, and
	// EscalateAfter how many tool calls or steps [OnToolChain] takes; 0: 8.
	Escalate      []string
	EscalateOn    []Trigger
	EscalateAfter int
	// When says which requests for auto are of this workload; nil: none.
	When Rule
	// Timeout takes the place of the account's limits; Attempts bounds the turn's
	// attempts, 0: as many as there are candidates.
	Timeout  Timeout
	Attempts int
	// Default says that nobody configured it.
	Default bool
}

// Timeout limits a turn in time; what is 0 is left to the accounts. Connect,
// FirstByte and Idle are of each attempt, Total of all together.
type Timeout struct{ Connect, FirstByte, Idle, Total time.Duration }

// Rule is a condition on a request.
type Rule interface {
	Holds(*Facts) bool
}

// Routes is a policy with every chain led to the models that are connected. It is
// immutable; a new one is made when the policy or the lists change.
type Routes struct {
	pol       Policy
	view      *catalog.View
	workloads map[string]*route
	classes   map[string]*route
	aliases   map[string]*route
	inOrder   []*route // workloads with a rule, in the file's order
	offers    offers
	defaults  *defaults
	hash      string
}

// route is where requests of a workload or class go.
type route struct {
	Workload
	chain, up, other []step // other: what may be switched to
	// lost are the chain's names that lead nowhere.
	lost  []Exclusion
	alias string // what it is an alias for; "": it is none
	built bool
	// byPrice says that nobody wrote its chain.
	byPrice bool
}

// step is one candidate of a chain, with what is asked of it often.
type step struct {
	Candidate
	name  string // Candidate.Name
	blend llm.NanoUSD
	// priced says that its price is known.
	priced bool
}

// NewRoutes leads a policy's names to the models of the accounts that it may use.
func NewRoutes(pol Policy, view *catalog.View, now time.Time) *Routes {
	return newRoutes(pol, view, newOffers(view, now), now)
}

// With leads another policy's names to the same models. What only the models
// decide is not worked out again.
func (r *Routes) With(pol Policy, now time.Time) *Routes {
	return newRoutes(pol, r.view, r.offers, now)
}

func newRoutes(pol Policy, view *catalog.View, o offers, now time.Time) *Routes {
	r := &Routes{
		pol: pol, view: view, workloads: map[string]*route{}, classes: map[string]*route{}, aliases: map[string]*route{},
		offers: o, defaults: o.defaults(&pol, now), hash: pol.hash(),
	}
	for _, class := range Classes {
		r.classes[class] = &route{Workload: Workload{Name: class, Class: class, Chain: pol.Classes[class], Prefer: PreferOrder}}
	}
	for _, w := range pol.Workloads {
		rt := &route{Workload: w}
		r.workloads[w.Name] = rt
		if w.When != nil {
			r.inOrder = append(r.inOrder, rt)
		}
	}
	for name, chain := range pol.Aliases {
		r.aliases[name] = &route{Workload: Workload{Name: name, Chain: chain, Prefer: PreferOrder}, alias: name}
	}
	for _, class := range Classes {
		r.build(r.classes[class], now)
	}
	for _, rt := range r.aliases {
		r.build(rt, now)
	}
	for _, w := range pol.Workloads {
		r.build(r.workloads[w.Name], now)
	}
	return r
}

// build leads a route's names to models, once; those that it stands on before it.
func (r *Routes) build(rt *route, now time.Time) {
	if rt.built {
		return
	}
	rt.built = true // a route that leads to itself finds nothing there
	switch class := r.classes[cmp.Or(rt.Class, r.pol.DefaultClass, ClassInteractive)]; {
	case len(rt.Chain) > 0:
		rt.chain, rt.lost = r.lead(rt.Chain, rt.alias, now)
	case rt == class:
		rt.chain, rt.Default, rt.byPrice = r.defaults.of(rt.Class), true, true
	default:
		r.build(class, now)
		rt.chain, rt.lost, rt.byPrice = class.chain, class.lost, class.byPrice
	}
	rt.up, _ = r.lead(rt.Escalate, "", now)
	rt.other, _ = r.lead(rt.Switch, "", now)
}

// Workload returns a workload by its name; false: there is none.
func (r *Routes) Workload(name string) (Workload, bool) {
	rt := r.workloads[name]
	if rt == nil {
		return Workload{}, false
	}
	return rt.Workload, true
}

// View is what is known of the connected models.
func (r *Routes) View() *catalog.View { return r.view }

// Policy is what the configuration says.
func (r *Routes) Policy() Policy { return r.pol }

// Hash names the policy in explanations.
func (r *Routes) Hash() string { return r.hash }

// maxChain bounds the models that a chain leads to, by way of others too.
const maxChain = 128

// lead follows the names that an alias or another route has to models. Each model
// stands once, at its first place.
func (r *Routes) lead(names []string, alias string, now time.Time) (out []step, lost []Exclusion) {
	for _, name := range names {
		res, not := r.follow(name, alias, now)
		if not.Reason != "" {
			lost = append(lost, not)
		}
		for _, s := range res {
			if len(out) < maxChain && !slices.ContainsFunc(out, func(had step) bool { return had.name == s.name }) {
				out = append(out, s)
			}
		}
	}
	return out, lost
}

// follow leads one name of a chain to models; that of a class, workload or alias
// to its chain. An alias is inside of itself the model of that name. The exclusion
// says why the name itself leads nowhere, or what stands in for it.
func (r *Routes) follow(name, alias string, now time.Time) ([]step, Exclusion) {
	kind, rest, _ := strings.Cut(name, "/")
	for _, named := range []struct {
		kind   string
		routes map[string]*route
	}{{"class", r.classes}, {"workload", r.workloads}} {
		if kind != named.kind {
			continue
		}
		rt := named.routes[rest]
		if rt == nil {
			return nil, Exclusion{Name: name, Reason: ReasonUnknown, Detail: fmt.Sprintf("there is no %s %q", kind, rest)}
		}
		r.build(rt, now)
		return rt.chain, Exclusion{}
	}
	at := &trail{}
	if alias != "" {
		at.way = []string{alias}
	}
	if rt := r.aliases[name]; rt != nil && name != alias {
		r.build(rt, now)
		return rt.chain, Exclusion{}
	}
	if r.view.HasAccount(kind) && !r.pol.may(kind) {
		return nil, Exclusion{} // whom an account isn't for doesn't learn of it
	}
	pol := r.pol
	pol.terse = true
	res, err := resolve(name, at, pol, r.view, now)
	if err != nil {
		said := llm.AsError(err).Message
		if errors.Is(err, ErrRetired) {
			_, more, _ := strings.Cut(said, isRetired)
			return nil, Exclusion{Name: name, Reason: ReasonEnded, Detail: more}
		}
		return nil, Exclusion{Name: name, Reason: ReasonUnknown, Detail: said}
	}
	out := make([]step, 0, len(res.Candidates))
	for _, c := range res.Candidates {
		out = append(out, newStep(c, now))
	}
	if res.Rule == ruleReplaced {
		return out, Exclusion{Name: name, Reason: ReasonReplaced, Detail: out[0].name}
	}
	return out, Exclusion{}
}

func newStep(c Candidate, now time.Time) step {
	s := step{Candidate: c, name: c.Name()}
	s.blend, s.priced = blend(c.Entry, now)
	return s
}

// blend is what a model costs, for comparing it: three million tokens of input and
// one of output. False: nobody knows.
func blend(e *catalog.Entry, now time.Time) (llm.NanoUSD, bool) {
	if e == nil {
		return 0, false
	}
	if p := e.PriceAt(now); p != nil && p.Input != nil && p.Output != nil {
		return llm.NanoUSD(3*int64(*p.Input) + int64(*p.Output)), true
	}
	return 0, false
}

// hash is of all that decides.
func (p Policy) hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%v\n%v\n%s %v %v\n", p.Aliases, p.Classes, p.DefaultClass, p.Confidence, p.Replace)
	for _, w := range p.Workloads {
		fmt.Fprintf(h, "%s %s %q %s %q %v %q %q %d %v %s %d\n", w.Name, w.Class, w.Chain, w.Prefer, w.Switch, w.Inherit, w.Escalate, w.EscalateOn, w.EscalateAfter, w.When, w.Timeout, w.Attempts)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}
