package router

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/nearest"
	"github.com/oidostudio/oido/internal/router/classify"
)

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
	if rt := p.r.aliases[p.f.Model]; rt != nil {
		p.d.Rule = "alias"
		p.take(rt)
		if len(rt.chain) > 0 {
			p.under(&rt.chain[0])
		}
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
	if p.exact = len(p.steps) == 1; !p.exact {
		p.remain(false)
	}
	p.under(&p.steps[0])
	return nil
}

// remain has a session stay where it was. Where its provider has forgotten it, that
// is only for what it is in the middle of, unless the workload inherits its place.
func (p *planner) remain(inherits bool) {
	if p.stay = p.f.Stays; p.f.Cold && !inherits && p.stay.Account != "" && p.newTask() {
		p.stay = Place{}
	}
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
	v := classify.Classify(classify.Input{System: s.System, User: s.User, MaxOutput: int(p.f.Output), AfterTool: s.EndsInTool, Media: s.Media})
	if v.Learned {
		p.d.Classifier = classify.Hash()
	}
	return v
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
		return unknown(fmt.Sprintf("there is no workload %q%s", name, meant(name, p.r.names())))
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
		return unknown(fmt.Sprintf("there is no class %q%s", name, meant(name, Classes)))
	}
	p.d.Rule, p.d.Class = "class", name
	p.take(rt)
	if p.d.ClassBy != ByName { // which says itself what it wants
		p.choose()
	}
	return nil
}

// maxNamed is how many names a refusal lists.
const maxNamed = 20

// meant is the end of a sentence: what a name may have been meant to be.
func meant(name string, names []string) string {
	if near := nearest.To(name, names); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf(": there are %s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	return ": there are " + strings.Join(names, ", ")
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
	p.remain(rt.Inherit)
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
