package router

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/router/classify"
	"github.com/oidostudio/oido/internal/wire"
)

// Task is the piece of work that a session is at. It begins with words of the
// user's own that neither correct what was done before nor only have it go on, and
// it stays with the stronger models once it has moved up to them.
type Task struct {
	// Began tells the words that it began with from others, in this process; 0: they
	// aren't known.
	Began uint64
	// Escalated is what moved it up; "": nothing has.
	Escalated Trigger
	// Failed says that its last answer was of no use and had been sent already.
	Failed bool
}

// Trigger is what moves a task up to stronger models.
type Trigger string

// The triggers.
const (
	// OnComplex: the request is sure to be of a class above the chain's.
	OnComplex Trigger = "complex"
	// OnToolChain: the model has made many calls or steps.
	OnToolChain Trigger = "tool_chain"
	// OnFailure: an answer was empty, refused, or not in the form that was asked for;
	// a tool failed, or was called in the same way again.
	OnFailure Trigger = "failure"
	// OnCorrection: the user says that it was wrong.
	OnCorrection Trigger = "user_correction"
)

// text is what a trigger says of a task.
func (t Trigger) text() string {
	switch t {
	case OnComplex:
		return "asks for more than the workload's first models are for"
	case OnToolChain:
		return "takes many tool calls"
	case OnFailure:
		return "ran into failures"
	case OnCorrection:
		return "was corrected by the user"
	}
	return "turned out harder"
}

// manyCalls is how many tool calls or steps are a chain where nothing is said. From
// eight on most such tasks fail (reference: tool trouble of recorded agents, .79).
const manyCalls = 8

// taskSeed makes the words' hashes differ from process to process.
var taskSeed = maphash.MakeSeed()

// task is what the session is at with this request, and what has moved that up. What
// a client asks for its own housekeeping is no part of it.
func (p *planner) task(rt *route) (t Task, up Trigger) {
	s := p.f.Look()
	if t = p.f.Task; classify.Housekeeping(s.System, s.User) != "" {
		return t, ""
	}
	stance := classify.GoesOn
	if s.EndsInUser {
		words := hashOf(s.User)
		if stance = classify.StanceOf(s.User); words != t.Began && stance == classify.Begins || t.Began == 0 {
			t = Task{Began: words}
		}
	}
	if len(s.Aside) > 0 && classify.StanceOf(s.Aside) == classify.Corrects {
		stance = classify.Corrects // said while tools ran
	}
	if t.Escalated != "" {
		return t, t.Escalated
	}
	for _, on := range rt.EscalateOn {
		if p.pulls(on, rt, t, s, stance) {
			t.Escalated = on
			break
		}
	}
	return t, t.Escalated
}

// pulls says whether a trigger moves a task up.
func (p *planner) pulls(on Trigger, rt *route, t Task, s *wire.Survey, stance classify.Stance) bool {
	switch on {
	case OnComplex:
		if !s.EndsInUser {
			return false
		}
		v := p.verdict()
		level := rank(rt.level())
		return level >= 0 && p.r.sure(v) && rank(string(v.Class)) > level
	case OnToolChain:
		return max(s.ToolCalls, s.Steps) >= cmp.Or(rt.EscalateAfter, manyCalls)
	case OnFailure:
		return s.ToolFailed || s.Repeats > 0 || t.Failed
	case OnCorrection:
		return stance == classify.Corrects
	}
	return false
}

func hashOf(texts []string) uint64 {
	var h maphash.Hash
	h.SetSeed(taskSeed)
	for _, t := range texts {
		_, _ = h.WriteString(t) // it never fails
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// level is the class that a route's chain is for: what is said, else that of its
// first model's tier.
func (rt *route) level() string {
	if rt.Class != "" {
		return rt.Class
	}
	if len(rt.chain) > 0 && rt.chain[0].Entry != nil {
		switch rt.chain[0].Entry.Tier {
		case catalog.TierFast:
			return ClassHighVolume
		case catalog.TierFrontier:
			return ClassReasoning
		}
	}
	return ClassInteractive
}

// ranks are the classes by how much they ask of a model; a long context asks for
// none in particular.
var ranks = []string{ClassHighVolume, ClassInteractive, ClassReasoning}

// rank is -1 where a class has none.
func rank(class string) int { return slices.Index(ranks, class) }

// stronger are the models that may be asked where an answer is of no use.
func (p *planner) stronger() {
	if p.route == nil || p.d.Escalated != "" || p.d.Chosen || !slices.Contains(p.route.EscalateOn, OnFailure) {
		return
	}
	for i := range p.route.up {
		s := &p.route.up[i]
		if p.visible(s) && p.against(s).Reason == "" {
			p.d.Up = append(p.d.Up, s.Candidate)
		}
	}
}
