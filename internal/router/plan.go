package router

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router/classify"
)

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
	p.stronger()
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
	route *route   // nil: the model was named
	steps []step   // all that the name leads to
	left  []ranked // those that can serve
	exact bool     // the client named one model at one account
	needs Needs
	stay  Place // where the session was; the zero value: it may be anywhere
	first Place // what its user chose; the zero value: nothing that can be asked
}

// ranked is a step with where it stands in the order that is preferred.
type ranked struct {
	*step
	rank int64
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
		p.under(&rt.chain[0])
		p.choose()
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
	p.under(&p.steps[0])
	return nil
}

// under has the workload that a request with a model of its own is labelled with
// count for what it says besides its chain.
func (p *planner) under(s *step) {
	rt := p.r.workloads[p.f.Workload]
	if rt == nil {
		return
	}
	p.limit(rt)
	if slices.ContainsFunc(rt.other, func(o step) bool { return o.name == s.name }) {
		p.d.Switched, p.d.Choice = true, Place{s.Account, s.Model}
	}
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
	p.d.Class, p.d.ClassBy = cmp.Or(p.r.pol.DefaultClass, ClassInteractive), ByDefaulting
	v := p.verdict()
	p.d.Sure = v.Confidence
	if !p.r.sure(v) {
		return
	}
	p.d.Class, p.d.ClassBy, p.d.Why = string(v.Class), ByContent, reasons(v)
	if v.Class == classify.LongContext {
		p.d.ClassBy, p.d.Why = BySize, fmt.Sprintf("about %d tokens", p.f.Input)
	}
}

// verdict is what the request shows of its class.
func (p *planner) verdict() classify.Verdict {
	if p.f.Input >= classify.LongContextTokens {
		return classify.Classify(classify.Input{Tokens: int(p.f.Input)})
	}
	s := p.f.Look()
	return classify.Classify(classify.Input{System: s.System, User: s.User, MaxOutput: int(p.f.Output), AfterTool: s.EndsInTool, Media: s.Media})
}

// sure says whether a verdict is to be acted on.
func (r *Routes) sure(v classify.Verdict) bool {
	return r.pol.Confidence > 0 && v.Sure(r.pol.Confidence)
}

func reasons(v classify.Verdict) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(v.Why[:]), func(s string) bool { return s == "" }), ", ")
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
	p.choose()
	return nil
}

func (p *planner) takeClass(name string) error {
	rt := p.r.classes[name]
	if rt == nil {
		return unknown(fmt.Sprintf("there is no class %q: there are %s", name, strings.Join(Classes, ", ")))
	}
	p.d.Rule, p.d.Class = "class", name
	p.take(rt)
	if p.d.ClassBy != ByName { // which says itself what it wants
		p.choose()
	}
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
	if p.d.Task = p.f.Task; len(rt.up) > 0 {
		if p.d.Task, p.d.Escalated = p.task(rt); p.d.Escalated != "" {
			p.steps = slices.Clone(rt.up)
			for _, s := range rt.chain {
				if !slices.ContainsFunc(rt.up, func(u step) bool { return u.name == s.name }) {
					p.steps = append(p.steps, s)
				}
			}
		}
	}
	if p.stay = p.f.Stays; p.f.Cold && !rt.Inherit && p.stay.Account != "" && p.newTask() {
		p.stay = Place{}
	}
	if rt.Inherit && p.stay.Account != "" {
		p.add(Candidate{Account: p.stay.Account, Model: p.stay.Model, Entry: p.r.view.Lookup(p.stay.Account, p.stay.Model)})
	}
}

// newTask says that the request begins something: that the model has done nothing
// yet for what the user wrote last.
func (p *planner) newTask() bool {
	s := p.f.Look()
	return s.Steps == 0 && s.ToolCalls == 0
}

// choose has the session stay where its user chose, unless the request chooses
// anew.
func (p *planner) choose() {
	if p.f.Chosen == nil || p.d.Switched {
		return
	}
	c := p.f.Chosen()
	if c.Account == "" {
		return
	}
	p.d.Choice = c
	pol := p.r.pol
	pol.May = p.f.MayAccount
	if !p.r.view.HasAccount(c.Account) || !pol.may(c.Account) {
		p.lose(Exclusion{Name: c.Name(), Reason: ReasonUnknown, Detail: fmt.Sprintf("the session's model %q is at no connected provider", c.Name())})
		return
	}
	res, err := pinned(c.Account, c.Model, pol, p.r.view, p.now.Time)
	switch {
	case errors.Is(err, ErrRetired):
		p.lose(Exclusion{Name: c.Name(), Reason: ReasonEnded})
	case err != nil:
		p.lose(Exclusion{Name: c.Name(), Reason: ReasonUnknown, Detail: llm.AsError(err).Message})
	default:
		p.first = Place{res.Candidates[0].Account, res.Candidates[0].Model}
		p.add(res.Candidates[0])
	}
}

// lose excludes what can't even be asked about.
func (p *planner) lose(x Exclusion) { p.d.Excluded = slices.Insert(p.d.Excluded, 0, x) }

// add puts a candidate among the others.
func (p *planner) add(c Candidate) {
	if !slices.ContainsFunc(p.steps, func(s step) bool { return s.Account == c.Account && s.Model == c.Model }) {
		p.steps = append(slices.Clip(p.steps), newStep(c, p.now.Time))
	}
}

// limit notes a route's limits.
func (p *planner) limit(rt *route) {
	p.d.Timeout, p.d.Attempts = rt.Timeout, rt.Attempts
}

// sift takes out what can't serve the request.
func (p *planner) sift() {
	p.needs = p.f.Needs
	if !p.exact {
		s, n := p.f.Look(), &p.needs
		n.Tools, n.Schema = n.Tools || s.Tools, n.Schema || s.Schema
		n.Image, n.PDF, n.Audio = n.Image || s.Image, n.PDF || s.PDF, n.Audio || s.Audio
	}
	p.left = make([]ranked, 0, len(p.steps))
	for i := range p.steps {
		s := &p.steps[i]
		if !p.visible(s) {
			continue
		}
		if x := p.against(s); x.Reason != "" {
			if p.d.Excluded == nil {
				p.d.Excluded = make([]Exclusion, 0, len(p.steps)-i)
			}
			p.d.Excluded = append(p.d.Excluded, x)
			continue
		}
		p.left = append(p.left, ranked{step: s})
	}
}

// visible says whether an account is for the caller: whom it isn't for doesn't learn
// of it.
func (p *planner) visible(s *step) bool { return p.f.MayAccount == nil || p.f.MayAccount(s.Account) }

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
func (p *planner) against(s *step) Exclusion {
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
		if x.Reason = lacks(s.Entry, p.needs); x.Reason != "" {
			return x
		}
		want, fits := room(s.Entry, p.f.Input, p.f.Output)
		if !fits {
			x.Reason, x.Want, x.Have = ReasonContext, want, int64(s.Entry.Context)
			return x
		}
	}
	switch c := p.condition(s); {
	case c.Pretended:
		x.Reason = ReasonPretend
	case c.Resting:
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
	if p.d.Escalated != "" {
		for head < len(p.left) && slices.ContainsFunc(p.route.up, func(s step) bool { return s.name == p.left[head].name }) {
			head++
		}
		if head == 0 {
			p.d.Escalated = ""
		}
	}
	p.prefer(p.left[head:])
	p.spare(p.left[head:])
	if i := p.at(p.stay); i >= 0 && !p.later(p.left[i].name) && (head == 0 || i < head) {
		p.lead(i)
		p.d.Stayed = true
	}
	if i := p.at(p.first); i >= 0 {
		p.lead(i)
		p.d.Chosen, p.d.Stayed, p.d.Escalated = true, false, ""
	}
}

// at is where a place stands among those that are left; -1: nowhere.
func (p *planner) at(place Place) int {
	if place.Account == "" {
		return -1
	}
	return slices.IndexFunc(p.left, func(s ranked) bool { return s.Account == place.Account && s.Model == place.Model })
}

// lead puts one of those that are left before the others.
func (p *planner) lead(i int) {
	s := p.left[i]
	copy(p.left[1:i+1], p.left[:i])
	p.left[0] = s
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
	if s.Entry == nil {
		return last
	}
	if cost, ok := s.Entry.Estimate(p.f.Input, p.f.Answer(), p.now.Time); ok {
		return int64(cost)
	}
	return last
}

// notFree ranks a model by what it costs to use it: nothing, money, a refusal of
// what is used up.
func (p *planner) notFree(s *step) int64 {
	switch {
	case s.Entry == nil || s.Entry.Free == "" && (!s.priced || s.blend > 0):
		return 1
	case p.condition(s).Dry:
		p.d.Later = append(p.d.Later, Exclusion{Name: s.name, Reason: ReasonDry})
		return 2
	}
	return 0
}

// spare puts what is free, and of which little is left, behind the others where
// nobody wrote chain or preference: there it comes first for its price alone, and
// those that
// prefer what is free would find nothing.
func (p *planner) spare(steps []ranked) {
	if p.route == nil || !p.route.byPrice || p.d.Prefer != PreferOrder {
		return
	}
	for i := range steps {
		s := &steps[i]
		if s.rank = 0; s.Entry == nil || s.Entry.Quota == nil {
			continue
		}
		if p.condition(s.step).Kept {
			s.rank = 1
			p.d.Later = append(p.d.Later, Exclusion{Name: s.name, Reason: ReasonKept})
		}
	}
	if len(p.d.Later) > 0 {
		slices.SortStableFunc(steps, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	}
}

// later says whether a candidate was put behind others.
func (p *planner) later(name string) bool {
	return slices.ContainsFunc(p.d.Later, func(x Exclusion) bool { return x.Name == name && x.Reason == ReasonDry })
}

// refusal says why no model can serve, each on a line.
func (p *planner) refusal() error {
	e := &llm.Error{Kind: llm.KindUnavailable, Param: "model"}
	reasons := map[Reason]int{}
	for _, x := range p.d.Excluded {
		reasons[x.Reason]++
	}
	all := len(p.d.Excluded) - reasons[ReasonReplaced] // of what replaces it, it is said beside
	switch {
	case all == 0:
		e.Message = fmt.Sprintf("%q leads to no model: connect a provider, or name models for it in the configuration", p.f.Model)
		return e
	case reasons[ReasonPretend] > 0: // without it there would be one
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
