package router

import (
	"slices"

	"github.com/oidostudio/oido/internal/catalog"
)

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

// lacks says what a model can't do that a request needs; "" when nothing is known
// to be missing. What isn't known of a model is no reason against it.
func lacks(e *catalog.Entry, n Needs) Reason {
	switch {
	case e == nil:
		return ""
	case n.Tools && no(e.Caps.Tools):
		return ReasonTools
	case n.Image && !e.Takes("image"):
		return ReasonImage
	case n.PDF && !e.Takes("pdf"):
		return ReasonPDF
	case n.Audio && !e.Takes("audio"):
		return ReasonAudio
	case n.Schema && no(e.Caps.StructuredOutput):
		return ReasonSchema
	case !n.Embed && len(e.Out) > 0 && !e.Generates():
		return ReasonNoAnswer
	}
	return ""
}

func no(b *bool) bool { return b != nil && !*b }

// unsaid is how long an answer is taken to be of which nothing is said.
const unsaid = 1024

// room says whether a prompt and its answer fit a model, with a tenth more than
// was guessed, and how much is needed.
func room(e *catalog.Entry, input, output int64) (want int64, ok bool) {
	if e == nil || e.Context <= 0 {
		return 0, true
	}
	if output <= 0 {
		output = unsaid
	}
	if e.MaxOutput > 0 {
		output = min(output, int64(e.MaxOutput))
	}
	want = input + input/10 + output
	return want, want <= int64(e.Context)
}
