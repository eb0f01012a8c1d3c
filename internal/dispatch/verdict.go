package dispatch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// loss is how a candidate failed.
type loss struct {
	at    int    // which of the call's
	who   string // provider/model
	err   *llm.Error
	until time.Time // until when it asks to be left alone
}

// lose notes how the candidate failed: what its provider said counts for more than
// what kept us from asking it once more.
func (r *run) lose(e *llm.Error) {
	l := loss{r.at, r.cand.Account.Name + "/" + r.cand.Model, e, time.Now().Add(e.RetryAfter)}
	for i := range r.losses {
		if r.losses[i].at == r.at {
			if e.Provider != "" || r.losses[i].err.Provider == "" {
				r.losses[i] = l
			}
			return
		}
	}
	r.losses = append(r.losses, l)
}

// verdict is how a call ended that no candidate answered: in the words of the only
// one, or of the last where all refuse the request itself; else that nothing is
// available, with a line for each.
func (r *run) verdict() *llm.Error {
	// What we didn't ask, and for which the prompt is too long, has no say.
	losses := slices.DeleteFunc(slices.Clone(r.losses), func(l loss) bool { return l.err.Provider == "" && !r.fits(l.at) })
	if len(losses) == 0 {
		return llm.Errorf(llm.KindUnavailable, "no model could be asked")
	}
	last := losses[len(losses)-1].err
	refused, limited := true, true
	var wait time.Duration
	for _, l := range losses {
		refused = refused && faultOfRequest(l.err)
		limited = limited && l.err.Kind == llm.KindRateLimit
		if d := l.err.RetryAfter; d > 0 && (wait == 0 || d < wait) {
			wait = d
		}
	}
	if len(losses) == 1 || refused {
		return last
	}
	var b strings.Builder
	b.WriteString("no model could answer this request:")
	for _, l := range losses {
		fmt.Fprintf(&b, "\n- %s: %s", l.who, wire.Shown(l.err).Message)
	}
	e := &llm.Error{Kind: llm.KindUnavailable, Message: b.String(), RetryAfter: max(wait, time.Second)}
	if limited {
		e.Kind = llm.KindRateLimit
	}
	return e
}

// faultOfRequest says whether every provider would refuse the request.
func faultOfRequest(e *llm.Error) bool {
	switch e.Kind {
	case llm.KindBadRequest, llm.KindTooLarge, llm.KindContextLength, llm.KindContentFilter:
		return true
	}
	return false
}

// passes says whether a candidate may answer when it is asked again.
func (r *run) passes(l loss) bool {
	switch l.err.Kind {
	case llm.KindRateLimit, llm.KindOverloaded, llm.KindUpstream, llm.KindTimeout, llm.KindTruncated:
		return r.fits(l.at)
	}
	return false
}

// ofProvider says whether other models at the same provider are likely to fail too.
func ofProvider(e *llm.Error) bool {
	switch e.Kind {
	case llm.KindOverloaded, llm.KindUpstream, llm.KindTimeout:
		return true
	}
	return false
}

const (
	// firstPause is between the first two rounds, about; each is twice the one
	// before, up to longestPause.
	firstPause   = 250 * time.Millisecond
	longestPause = 8 * time.Second
)

// pause waits before another round, where the call may make one, and returns the
// candidates that may answer then: those whose failure may pass and that don't ask
// to be left alone for longer. None: there is no other round.
func (r *run) pause(ctx context.Context, round int) []int {
	if r.call.Attempts <= 0 || r.spent() {
		return nil
	}
	wait := min(firstPause<<min(round, 10), longestPause)
	wait = wait/2 + rand.N(wait)
	hope, now := false, time.Now()
	var first time.Time // when the first may be asked
	for _, l := range r.losses {
		if r.passes(l) && (!hope || l.until.Before(first)) {
			hope, first = true, l.until
		}
	}
	asked := first.Sub(now)
	if !hope || asked > longestPause {
		return nil
	}
	wait = max(wait, asked)
	if end, limited := ctx.Deadline(); limited && end.Sub(now) <= wait {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return nil
	}
	now = time.Now()
	var next []int
	for i := range r.cands {
		if slices.ContainsFunc(r.losses, func(l loss) bool { return l.at == i && r.passes(l) && !l.until.After(now) }) {
			next = append(next, i)
		}
	}
	return next
}
