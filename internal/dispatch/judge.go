package dispatch

import (
	"slices"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// maxJudged is how much of a streamed answer is held back until its tool calls are
// whole, in bytes.
const maxJudged = maxHeld / 2

// watches says whether somebody wants to know if answers are of use.
func (r *run) watches() bool { return r.call.Useless != nil }

// judges says whether an answer of the attempt under way can be given up for one of
// a stronger model, and asked for once more where that gives none.
func (r *run) judges() bool {
	return r.watches() && !r.cand.Up && !r.resigned && r.remaining() >= 2 && slices.ContainsFunc(r.cands, func(c Candidate) bool { return c.Up })
}

// keepsParts says whether the parts of the answer are needed.
func (r *run) keepsParts() bool { return r.cand.KeepParts || r.watches() }

// judge refuses an answer of no use that the client has seen nothing of; of one
// that goes on to the client it notes that.
func (r *run) judge(a *Attempt) *llm.Error {
	if !r.watches() {
		return nil
	}
	why := r.call.Useless(a.Metered.Parts, a.Metered.Finish)
	if why != "" && r.judges() && !r.out.begun() {
		r.outcome.Body = nil
		return llm.Errorf(llm.KindUseless, "%s", why)
	}
	r.outcome.Useless = why
	return nil
}

// doubt judges what was held back of a stream before it leaves; of an answer of no use
// what is still to come is read for a moment, since it tells what that used. A call
// that is more than can be held leaves unseen.
func (r *run) doubt(a *Attempt, call bool, so func() wire.Metered) *llm.Error {
	if call || !r.judges() {
		return nil
	}
	a.Metered = so()
	e := r.judge(a)
	if e != nil {
		r.watch.linger()
	}
	return e
}

// holds says whether an event of a stream whose client has seen nothing is held back,
// which is what calls of tools are until they are whole; size is about that of the
// event.
func (r *run) holds(call bool, size int) bool {
	return call && r.judges() && r.out.holding()+size < maxJudged
}

// sizeOf is about how large an event of a call gets when it is written: its arguments
// are JSON inside of JSON.
func sizeOf(e llm.Event) int {
	if d, ok := e.(llm.ArgumentsDelta); ok {
		return 2 * len(d.Arguments)
	}
	return 0
}
