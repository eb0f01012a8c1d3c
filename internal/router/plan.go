package router

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
)

// longPrompt is from how many tokens on a prompt is a long document.
const longPrompt = 100_000

// Plan says which models may answer a request, in order, and why. It is pure: the
// same facts, routes and state of the world give the same decision. The error is
// an *llm.Error that names what would have to change: as of [Resolve] for a name
// that leads nowhere; KindContextLength, KindBadRequest, KindPermission or
// KindUnavailable where it leads to models and none of them can serve.
func Plan(f *Facts, r *Routes, now Now) (Decision, error) {
	p := planner{f: f, r: r, now: now}
	if err := p.find(); err != nil {
		return p.d, err
	}
	p.sift()
	if len(p.left) == 0 {
		p.lastResort()
	}
	if len(p.left) == 0 {
		return p.d, p.refusal()
	}
	p.order()
	p.d.Candidates = make([]Candidate, len(p.left))
	for i := range p.left {
		p.d.Candidates[i] = p.left[i].Candidate
	}
	p.resort()
	return p.d, nil
}

// planner is the making of one plan.
type planner struct {
	f     *Facts
	r     *Routes
	now   Now
	d     Decision
	work  *Work
	route *route   // nil: the model was named
	steps []step   // all that the name leads to
	left  []ranked // those that can serve
	exact bool     // the client named one model at one account
}

// ranked is a step with where it stands in the order that is preferred.
type ranked struct {
	*step
	rank int64
}

// look is what the conversation shows.
func (p *planner) look() *Work {
	if p.work == nil {
		p.work = &Work{}
		if p.f.Work != nil {
			*p.work = p.f.Work()
		}
	}
	return p.work
}

// find says which models the request's name leads to.
func (p *planner) find() error {
	p.d.Workload, p.d.Class = p.f.Workload, p.f.Class
	kind, rest, slashed := strings.Cut(p.f.Model, "/")
	switch {
	case p.f.Model == "auto":
		return p.auto()
	case slashed && kind == "workload":
		return p.takeWorkload(rest)
	case slashed && kind == "class":
		p.d.ClassBy = ByName
		return p.takeClass(rest)
	}
	if p.f.Class != "" {
		p.d.ClassBy = ByLabel
	}
	if rt := p.r.aliases[p.f.Model]; rt != nil && len(rt.chain) > 0 {
		p.d.Rule = "alias"
		p.take(rt)
		p.under(rt.chain[0].name)
		return nil
	}
	pol := p.r.pol
	pol.May = p.f.MayAccount
	res, err := Resolve(p.f.Model, pol, p.r.view, p.now.Time)
	if err != nil {
		return err
	}
	p.d.Rule = res.Rule
	p.steps = make([]step, 0, len(res.Candidates))
	for _, c := range res.Candidates {
		p.steps = append(p.steps, newStep(c, p.now.Time))
	}
	p.exact = len(p.steps) == 1
	p.under(p.steps[0].name)
	return nil
}

// under has the workload that a request with a model of its own is labelled with
// count for what it says besides its chain.
func (p *planner) under(model string) {
	rt := p.r.workloads[p.f.Workload]
	if rt == nil {
		return
	}
	p.limit(rt)
	p.d.Switched = slices.ContainsFunc(rt.other, func(s step) bool { return s.name == model })
}

// auto is a request that names no model: of its workload, else of the first whose
// rule holds, else of its class.
func (p *planner) auto() error {
	if p.f.Workload != "" {
		return p.takeWorkload(p.f.Workload)
	}
	for _, rt := range p.r.inOrder {
		if rt.When.Holds(p.f) {
			p.d.Why = "its rule holds"
			return p.takeWorkload(rt.Name)
		}
	}
	if p.f.Class != "" {
		p.d.ClassBy = ByLabel
		return p.takeClass(p.f.Class)
	}
	p.classify()
	return p.takeClass(p.d.Class)
}

// classify works out the class of a request that says nothing of it.
func (p *planner) classify() {
	if p.f.Input >= longPrompt {
		p.d.Class, p.d.ClassBy, p.d.Sure = ClassLongContext, BySize, 1
		p.d.Why = fmt.Sprintf("about %d tokens", p.f.Input)
		return
	}
	p.d.Class, p.d.ClassBy = cmp.Or(p.r.pol.DefaultClass, ClassInteractive), ByDefaulting
	if p.r.pol.Classifier == nil {
		return
	}
	class, sure, why := p.r.pol.Classifier.Classify(p.f)
	p.d.Sure = sure
	if class != "" && sure >= p.r.pol.Confidence {
		p.d.Class, p.d.ClassBy, p.d.Why = class, ByContent, why
	}
}

func (p *planner) takeWorkload(name string) error {
	rt := p.r.workloads[name]
	if rt == nil {
		return unknown(fmt.Sprintf("there is no workload %q: there are %s", name, strings.Join(p.r.names(), ", ")))
	}
	p.d.Rule, p.d.Workload = "workload", name
	if p.d.Class == "" && rt.Class != "" {
		p.d.Class, p.d.ClassBy = rt.Class, ByWorkload
	}
	p.take(rt)
	return nil
}

func (p *planner) takeClass(name string) error {
	rt := p.r.classes[name]
	if rt == nil {
		return unknown(fmt.Sprintf("there is no class %q: there are %s", name, strings.Join(Classes, ", ")))
	}
	p.d.Rule, p.d.Class = "class", name
	p.take(rt)
	return nil
}

// names are those of the workloads.
func (r *Routes) names() []string {
	out := make([]string, 0, len(r.workloads))
	for name := range r.workloads {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (p *planner) take(rt *route) {
	p.route, p.d.Prefer = rt, rt.Prefer
	p.limit(rt)
	p.d.Excluded = append(p.d.Excluded, rt.lost...)
	p.steps = rt.chain
	if p.f.Escalated && len(rt.up) > 0 {
		p.d.Escalated = true
		p.steps = slices.Clone(rt.up)
		for _, s := range rt.chain {
			if !slices.ContainsFunc(rt.up, func(up step) bool { return up.name == s.name }) {
				p.steps = append(p.steps, s)
			}
		}
	}
	if p.f.Stays.Account == "" || !rt.Inherit && !p.f.Stays.Chosen {
		return
	}
	if !slices.ContainsFunc(p.steps, func(s step) bool { return p.stays(&s) }) {
		c := Candidate{Account: p.f.Stays.Account, Model: p.f.Stays.Model, Entry: p.r.view.Lookup(p.f.Stays.Account, p.f.Stays.Model)}
		p.steps = slices.Concat([]step{newStep(c, p.now.Time)}, p.steps)
	}
}

// limit notes a route's limits.
func (p *planner) limit(rt *route) {
	p.d.Timeout, p.d.FirstByte, p.d.Idle, p.d.Attempts = rt.Timeout, rt.FirstByte, rt.Idle, rt.Attempts
}

// stays says whether a step is where the session is.
func (p *planner) stays(s *step) bool {
	return p.f.Stays.Account != "" && s.Model == p.f.Stays.Model && s.Account == p.f.Stays.Account
}

// sift takes out what can't serve the request.
func (p *planner) sift() {
	needs := p.f.Needs
	if !p.exact {
		more := p.look().Needs
		needs = Needs{needs.Tools || more.Tools, needs.Image || more.Image, needs.PDF || more.PDF, needs.Audio || more.Audio, needs.Schema || more.Schema, needs.Embed}
	}
	p.left = make([]ranked, 0, len(p.steps))
	for i := range p.steps {
		s := &p.steps[i]
		if p.f.MayAccount != nil && !p.f.MayAccount(s.Account) {
			continue // whom it isn't for doesn't learn of it
		}
		if x := p.against(s, needs); x.Reason != "" {
			if p.d.Excluded == nil {
				p.d.Excluded = make([]Exclusion, 0, len(p.steps)-i)
			}
			p.d.Excluded = append(p.d.Excluded, x)
			continue
		}
		p.left = append(p.left, ranked{step: s})
	}
}

// lastResort takes back the model whose rest ends first, where nothing but rest
// speaks against all that is left: what its provider says is of more use than a
// refusal of ours.
func (p *planner) lastResort() {
	first := -1
	for i, x := range p.d.Excluded {
		if x.Reason == ReasonResting && (first < 0 || x.Until.Before(p.d.Excluded[first].Until)) {
			first = i
		}
	}
	if first < 0 {
		return
	}
	name := p.d.Excluded[first].Name
	p.d.Excluded = slices.Delete(p.d.Excluded, first, first+1)
	for i := range p.steps {
		if p.steps[i].name == name {
			p.left = append(p.left, ranked{step: &p.steps[i]})
			p.d.Last = true
			return
		}
	}
}

// resort notes what only rests.
func (p *planner) resort() {
	var resting []Exclusion
	for _, x := range p.d.Excluded {
		if x.Reason == ReasonResting {
			resting = append(resting, x)
		}
	}
	slices.SortStableFunc(resting, func(a, b Exclusion) int { return a.Until.Compare(b.Until) })
	for _, x := range resting {
		i := slices.IndexFunc(p.steps, func(s step) bool { return s.name == x.Name })
		p.d.Resort = append(p.d.Resort, p.steps[i].Candidate)
	}
}

// against is what speaks against a model. One that a client named exactly is
// asked all the same where only our knowledge of it speaks against it.
func (p *planner) against(s *step, needs Needs) Exclusion {
	x := Exclusion{Name: s.name}
	switch {
	case p.f.MayModel != nil && !p.f.MayModel(s.name):
		x.Reason = ReasonKey
		return x
	case p.exact:
	case s.Entry != nil && s.Entry.Ended(p.now.Time):
		x.Reason = ReasonEnded
		return x
	case s.Entry != nil && s.Entry.Gone:
		x.Reason = ReasonGone
		return x
	default:
		if x.Reason = lacks(s.Entry, needs); x.Reason != "" {
			return x
		}
		want, fits := room(s.Entry, p.f.Input, p.f.Output)
		if !fits {
			x.Reason, x.Want, x.Have = ReasonContext, want, int64(s.Entry.Context)
			return x
		}
	}
	if c := p.condition(s); c.Resting {
		x.Reason, x.Until, x.Detail = ReasonResting, c.Until, string(c.Last)
	}
	return x
}

func (p *planner) condition(s *step) Condition {
	if p.now.Health == nil {
		return Condition{}
	}
	return p.now.Health.Of(s.Account, s.Model)
}

// order puts what is left in the order in which it is asked.
func (p *planner) order() {
	head := 0
	if p.d.Escalated {
		for head < len(p.left) && slices.ContainsFunc(p.route.up, func(s step) bool { return s.name == p.left[head].name }) {
			head++
		}
		p.d.Escalated = head > 0
	}
	p.prefer(p.left[head:])
	if i := slices.IndexFunc(p.left, func(s ranked) bool { return p.stays(s.step) }); i >= 0 && (head == 0 || i < head) {
		stay := p.left[i]
		copy(p.left[1:i+1], p.left[:i])
		p.left[0] = stay
		p.d.Stayed = true
	}
}

// last is the rank of what nothing is known of.
const last = math.MaxInt64

func (p *planner) prefer(steps []ranked) {
	switch p.d.Prefer {
	case PreferCheap:
		for i := range steps {
			steps[i].rank = p.cost(steps[i].step)
		}
	case PreferFast:
		for i := range steps {
			if steps[i].rank = int64(p.condition(steps[i].step).FirstToken); steps[i].rank <= 0 {
				steps[i].rank = last
			}
		}
	case PreferFree:
		for i := range steps {
			steps[i].rank = p.notFree(steps[i].step)
		}
	default:
		return
	}
	slices.SortStableFunc(steps, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
}

// cost is what the request costs at a model; an unknown price is not a low one.
func (p *planner) cost(s *step) int64 {
	output := p.f.Output
	if output <= 0 {
		output = unsaid
	}
	if cost, ok := s.Entry.Estimate(p.f.Input, output, p.now.Time); ok {
		return int64(cost)
	}
	return last
}

// notFree ranks a model by what it costs to use it: nothing, nothing but for
// today, money.
func (p *planner) notFree(s *step) int64 {
	switch {
	case s.Entry == nil || s.Entry.Free == "" && (!s.priced || s.blend > 0):
		return 2
	case p.condition(s).Dry:
		return 1
	}
	return 0
}

// refusal says why no model can serve, each on a line.
func (p *planner) refusal() error {
	e := &llm.Error{Kind: llm.KindUnavailable, Param: "model"}
	reasons := map[Reason]int{}
	for _, x := range p.d.Excluded {
		reasons[x.Reason]++
	}
	all := len(p.d.Excluded)
	switch {
	case all == 0:
		e.Message = fmt.Sprintf("%q leads to no model: connect a provider, or name models for it in the configuration", p.f.Model)
		return e
	case reasons[ReasonContext] == all:
		e.Kind = llm.KindContextLength
	case reasons[ReasonKey] == all:
		e.Kind = llm.KindPermission
	case reasons[ReasonUnknown]+reasons[ReasonGone]+reasons[ReasonEnded] == all:
		e.Kind, e.Code = llm.KindNotFound, "model_not_found"
	default:
		e.Kind = llm.KindBadRequest
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no model can answer this request for %q:", p.f.Model)
	for _, x := range p.d.Excluded {
		fmt.Fprintf(&b, "\n- %s: %s", x.Name, x)
	}
	e.Message = b.String()
	return e
}
