package dispatch

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/oidostudio/oido/internal/health"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

const (
	// maxTries bounds what one candidate may cost in a round: its keys, and a repair.
	maxTries = 8
	// maxAttempts bounds what a call may cost.
	maxAttempts = 20
)

// Dispatcher carries out calls. It is safe for concurrent use.
type Dispatcher struct {
	// Formats finds the format to call an account in.
	Formats Formats
	// PingAfter is how long a streamed answer may stay silent before it is
	// committed and kept alive; 0 is ten seconds.
	PingAfter time.Duration
	// MaxAnswer bounds an answer that is read whole, in bytes; 0 is 64 MiB.
	MaxAnswer int64
	// MaxAnswers bounds the large answers that are read whole at the same time,
	// in bytes; 0 is 256 MiB.
	MaxAnswers int64

	// Health is told how attempts end, and asked whether a key may be used; nil:
	// every key may.
	Health *health.Tracker

	answers atomic.Int64 // bytes of them now
}

// run is the state of one call.
type run struct {
	*Dispatcher
	call    *Call
	rec     Recorder
	out     *reply
	cands   []Candidate
	held    int64  // of Dispatcher.answers
	watch   *watch // of the attempt under way
	losses  []loss // of the candidates that failed, the last of each
	tooLong int    // the largest window that didn't hold the prompt
	// spared are the candidates of which keys were left alone since they fail of
	// late, or which were since little is left of what is free of them; unspared says
	// that none is any more.
	spared   []spare
	unspared bool
	empty    []int // the candidates whose answer held nothing
	rest     []int // the candidates that come next
	order    [8]int
	// up says that the last answer was of no use, resigned that stronger models gave
	// none and any answer will do.
	up, resigned bool
	outcome      *Outcome
	late         func() bool // the whole call has taken too long, or its client left
	// tracker is Dispatcher.Health; nil for counting, which has limits of its own and
	// says nothing of how the model answers.
	tracker *health.Tracker
	candidacy
}

// candidacy is the state of the candidate whose turn it is.
type candidacy struct {
	at    int // its place in the call's
	cand  Candidate
	tried []provider.Key
	left  []provider.Key // of tried: those that were left alone
	// spares says that it can be asked after all, or that it has keys that nobody
	// asks, since they rest.
	spares bool
	limits provider.Timeout
	strip  strip
	mend   bool // calls and results that don't stand together are to be joined
	// answerID is the id of the answer under way, told beside its body; "": none.
	answerID string
	// expanded says that the attempt tells the whole conversation in the place of
	// the id of an earlier answer, forgotten that the one who gave it must be told.
	expanded, forgotten bool
}

// strip says what reasoning is left out after the provider refused it.
type strip int

const (
	stripNone    strip = iota
	stripForeign       // all that isn't known to be the provider's own
	stripAll
)

// Run carries out a call by the first of its candidates that answers, and returns
// how it ended. When the outcome's status is cut, the client's connection must be
// aborted; the format's error event has been written. A failure with status error
// has written nothing unless committed is true, in which case the error event has
// been written too.
func (d *Dispatcher) Run(ctx context.Context, call *Call, cands []Candidate, rec Recorder, out Output) (o *Outcome, committed bool) {
	if call.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, call.Timeout, overran(call.Timeout))
		defer cancel()
	}
	r := &run{Dispatcher: d, call: call, rec: rec, cands: cands, outcome: &Outcome{}}
	if !call.Count {
		r.tracker = d.Health
	}
	r.out = newReply(call, out, d.pingAfter())
	defer r.out.stop()
	defer func() { r.answers.Add(-r.held) }()
	ended := false
	defer func() {
		if !ended {
			r.crashed()
		}
	}()
	r.loop(ctx)
	r.finish()
	ended = true
	return r.outcome, r.out.isCommitted()
}

// overran is why a call ended that took longer than it may.
type overran time.Duration

func (o overran) Error() string {
	return "no whole answer within " + time.Duration(o).String() + ": ask for a longer X-Oido-Timeout or raise timeout.total of the workload or provider"
}

func (d *Dispatcher) pingAfter() time.Duration {
	if d.PingAfter > 0 {
		return d.PingAfter
	}
	return 10 * time.Second
}

func (d *Dispatcher) maxAnswer() int64 {
	if d.MaxAnswer > 0 {
		return d.MaxAnswer
	}
	return 64 << 20
}

func (d *Dispatcher) maxAnswers() int64 {
	if d.MaxAnswers > 0 {
		return d.MaxAnswers
	}
	return 256 << 20
}

// step is what follows an attempt.
type step int

const (
	over   step = iota // nothing: it answered, or nobody waits for an answer
	again              // another attempt at the same candidate
	onward             // an attempt at the next one
)

// spent says whether no attempt may follow.
func (r *run) spent() bool { return r.remaining() <= 0 }

// remaining is how many attempts may follow.
func (r *run) remaining() int {
	most := maxAttempts
	if r.call.Attempts > 0 {
		most = min(most, r.call.Attempts)
	}
	return most - len(r.outcome.Attempts)
}

// candidate makes attempts at one candidate, by one key after the other; true says
// that all of them failed and the next candidate may be asked.
func (r *run) candidate(ctx context.Context) bool {
	r.limits = r.cand.Account.Timeout.Under(r.call.Limits)
	if total := r.limits.Total; total > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, total, overran(total))
		defer cancel()
	}
	if r.cand.Admit != nil && !r.unspared && !r.cand.Admit() {
		r.spares = true
		return true
	}
	for tries := 0; tries < maxTries && !r.spent(); tries++ {
		key, ok := r.key()
		if !ok {
			if tries == 0 {
				e := llm.Errorf(llm.KindUnavailable, "%s: every key rests after errors", r.cand.Account.Name)
				e.RetryAfter = max(r.cand.Account.Resting(), time.Second)
				r.lose(e)
			}
			return true
		}
		a := &Attempt{
			Number: len(r.outcome.Attempts), Candidate: r.at, Provider: r.cand.Account.Name, Model: r.cand.Model, KeyHint: key.Hint,
		}
		next := r.attempt(ctx, a, key)
		if next == over {
			return false
		}
		if a.Err != nil {
			r.lose(a.Err)
		}
		if next == onward {
			break
		}
	}
	return true
}

// key is the next one to use: none that rests, unless the candidate is asked in
// spite of that. Without a tracker the account's own word on it is final.
func (r *run) key() (provider.Key, bool) {
	for {
		key, ok := r.cand.Account.Same(r.tried, r.cand.KeyHint)
		if !ok {
			key, ok = r.cand.Account.Pick(r.tried, r.call.Session)
		}
		switch {
		case r.tracker == nil:
			return key, ok
		case !ok && r.cand.Resting:
			return r.cand.Account.Soonest(r.tried)
		case !ok:
			_, r.spares = r.cand.Account.Soonest(r.tried)
			r.spares = r.spares || len(r.left) > 0
			return key, false
		case r.cand.Resting || r.tracker.Allow(r.place(key)):
			return key, true
		}
		r.tried, r.left = append(r.tried, key), append(r.left, key)
	}
}

func (r *run) place(key provider.Key) health.Place {
	return health.Place{Account: r.cand.Account.Name, Key: key.Hint, Model: r.cand.Model}
}

// next says what follows a failed attempt that the client has seen nothing of.
func (r *run) next(a *Attempt, key provider.Key, e *llm.Error) step {
	// Limits are a model's, and those of counting its own; a key that is refused is
	// so whatever is asked.
	if r.Health != nil && e.Kind == llm.KindAuth || r.Health == nil && !r.call.Count {
		r.cand.Account.Rest(key, e)
	}
	if r.unknown(e) {
		r.forgotten = true
		return again
	}
	switch e.Kind {
	case llm.KindAuth, llm.KindQuota, llm.KindRateLimit, llm.KindPermission:
		r.tried = append(r.tried, key)
		return again
	case llm.KindContextLength:
		r.tooLong = max(r.tooLong, r.cand.Context)
	case llm.KindUseless:
		r.up = true
	case llm.KindReasoning:
		if r.strip != stripAll && (a.Forwarded || r.reasons()) {
			r.strip++
			return again
		}
	case llm.KindBadRequest, llm.KindTooLarge: // which may be said of an id
		if a.Forwarded && !r.mend && r.torn(a.Format, key) {
			r.mend = true
			return again
		}
	}
	if !e.MissesModel(a.Model) && r.cand.Account.Refused(a.Format, e.Status) {
		return again
	}
	return onward
}

// reasons says whether the attempt may have told of reasoning.
func (r *run) reasons() bool {
	req, err := r.request()
	return err != nil || r.cand.Restore != nil || slices.ContainsFunc(req.Messages, func(m llm.Message) bool {
		return slices.ContainsFunc(m.Parts, func(p llm.Part) bool {
			_, ok := p.(llm.Reasoning)
			return ok || blobOf(p) != nil
		})
	})
}

// crashed records a call that a panic ends, which goes on: a turn that never ends
// would keep its place in the books.
func (r *run) crashed() {
	last := r.outcome.Last()
	if last == nil {
		return
	}
	last.Duration = time.Since(last.Started)
	last.Status, last.Err = StatusError, llm.Errorf(llm.KindUpstream, "the gateway failed over this answer")
	if r.out.begun() {
		last.Status = StatusCut
	}
	r.done(last)
}

// finish records the outcome, unless the answer's end already did.
func (r *run) finish() {
	last := r.outcome.Last()
	if last == nil {
		r.outcome.Status, r.outcome.Err = StatusError, r.verdict()
		if r.out.isCommitted() {
			r.out.fail(r.outcome.Err)
		}
		return
	}
	if last.Status == StatusError && r.outcome.Status == "" {
		r.outcome.Status, r.outcome.Err = StatusError, r.verdict()
		r.rec.Done(r.outcome)
	}
	r.done(last)
	if r.outcome.Err != nil && r.out.isCommitted() && r.outcome.Status != StatusCanceled {
		r.out.fail(r.outcome.Err)
	}
}

// done records the outcome once.
func (r *run) done(a *Attempt) {
	if r.outcome.Status != "" {
		return
	}
	r.outcome.Status, r.outcome.Err = a.Status, a.Err
	r.rec.Done(r.outcome)
}
