package dispatch

import (
	"context"
	"slices"

	"github.com/oidostudio/oido/internal/provider"
)

// spare is a candidate with keys that nobody has asked yet.
type spare struct {
	at    int
	tried []provider.Key // which of them were
}

// loop goes over the candidates, in rounds, until one answers or none may follow. A
// round without an attempt is the last: the next one would be the same.
func (r *run) loop(ctx context.Context) {
	r.late = func() bool { return ctx.Err() != nil }
	todo := r.order[:0]
	for i := range r.cands {
		if !r.cands[i].Up {
			todo = append(todo, i)
		}
	}
	for round := 0; len(todo) > 0; round++ {
		made := len(r.outcome.Attempts)
		if r.pass(ctx, todo) || r.lastOnes(ctx) || len(r.outcome.Attempts) == made {
			return
		}
		todo = r.pause(ctx, round)
	}
}

// pass asks candidates one after the other; true says that the call is over.
func (r *run) pass(ctx context.Context, todo []int) bool {
	for n, i := range todo {
		if !r.fits(i) || r.spent() {
			continue
		}
		r.rest = todo[n+1:]
		if r.try(ctx, i, nil) {
			return true
		}
		r.postpone(r.rest)
	}
	r.rest = nil
	return false
}

// try is ask, and climb after an answer of no use.
func (r *run) try(ctx context.Context, i int, tried []provider.Key) bool {
	return r.ask(ctx, i, tried) || r.up && r.climb(ctx, i)
}

// climb asks the stronger models after an answer of no use, and where they give none
// whoever gave it once more: an answer of little use is better than none. True says
// that the call is over.
func (r *run) climb(ctx context.Context, weak int) bool {
	rest := r.rest
	r.up, r.rest = false, nil
	for i := range r.cands {
		if r.cands[i].Up && r.fits(i) && !r.spent() && r.ask(ctx, i, nil) {
			return true
		}
	}
	r.rest, r.resigned = rest, true
	return !r.spent() && r.ask(ctx, weak, nil)
}

// ask makes attempts at a candidate by keys other than these; true says that the
// call is over.
func (r *run) ask(ctx context.Context, i int, tried []provider.Key) bool {
	r.candidacy = candidacy{at: i, cand: r.cands[i], tried: tried}
	r.cand.Resting = r.cand.Resting || r.unspared
	r.call.keeps = r.cand.KeepParts
	if !r.candidate(ctx) || r.late() {
		return true
	}
	if r.spares {
		asked := slices.DeleteFunc(slices.Clone(r.tried), func(k provider.Key) bool { return slices.Contains(r.left, k) })
		r.spared = append(r.spared, spare{i, asked})
	}
	return false
}

// lastOnes asks what is of more use than a refusal of ours: by the keys that were
// left alone, and once more whoever had nothing to say, whose answer is taken as it
// comes. True says that the call is over.
func (r *run) lastOnes(ctx context.Context) bool {
	r.unspared = true
	for len(r.spared) > 0 && !r.spent() {
		s := r.spared[0]
		if r.spared = r.spared[1:]; r.fits(s.at) && r.try(ctx, s.at, s.tried) {
			return true
		}
	}
	for _, i := range r.empty[:min(len(r.empty), 1)] {
		if !r.spent() && r.try(ctx, i, nil) {
			return true
		}
	}
	r.unspared, r.spared, r.empty = false, nil, r.empty[:0]
	return false
}

// postpone puts what is at the account that just failed behind what is elsewhere,
// where the failure is more likely the provider's than the model's.
func (r *run) postpone(rest []int) {
	if !slices.ContainsFunc(r.losses, func(l loss) bool { return l.at == r.at && ofProvider(l.err) }) {
		return
	}
	if resting := slices.IndexFunc(rest, func(i int) bool { return r.cands[i].Resting }); resting >= 0 {
		rest = rest[:resting]
	}
	slices.SortStableFunc(rest, func(a, b int) int { return r.here(a) - r.here(b) })
}

// here is 1 for candidates at the account that is asked, 0 for others.
func (r *run) here(i int) int {
	if r.cands[i].Account == r.cand.Account {
		return 1
	}
	return 0
}

// follows says whether another candidate may be asked after this one.
func (r *run) follows() bool {
	return !r.spent() && (len(r.spared) > 0 || slices.ContainsFunc(r.rest, r.fits))
}

// fits says whether the prompt isn't known to be too long for a candidate.
func (r *run) fits(i int) bool {
	window := r.cands[i].Context
	return window <= 0 || window > r.tooLong
}
