package dispatch

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// maxAttempts bounds what one candidate may cost: its keys, and one repair.
const maxAttempts = 8

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

	answers atomic.Int64 // bytes of them now
}

// run is the state of one call.
type run struct {
	*Dispatcher
	call  *Call
	rec   Recorder
	out   *reply
	cand  Candidate
	tried []provider.Key
	held  int64  // of Dispatcher.answers
	watch *watch // of the attempt under way
	strip strip
	mend  bool // calls and results that don't stand together are to be joined
	// answerID is the id of the answer under way, told beside its body; "": none.
	answerID string
	outcome  *Outcome
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

// Run carries out a call and returns how it ended. When the outcome's status is
// cut, the client's connection must be aborted; the format's error event has
// been written. A failure with status error has written nothing unless
// committed is true, in which case the error event has been written too.
func (d *Dispatcher) Run(ctx context.Context, call *Call, cand Candidate, rec Recorder, out Output) (o *Outcome, committed bool) {
	if total := shorter(call.Timeout, cand.Account.Timeout.Total); total > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, total, overran(total))
		defer cancel()
	}
	r := &run{Dispatcher: d, call: call, rec: rec, cand: cand, outcome: &Outcome{}}
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
	ended = true
	return r.outcome, r.out.isCommitted()
}

// overran is why a call ended that took longer than it may.
type overran time.Duration

func (o overran) Error() string {
	return "no whole answer within " + time.Duration(o).String() + ": ask for a longer X-Oido-Timeout or raise the provider's timeout.total"
}

func shorter(a, b time.Duration) time.Duration {
	if a > 0 && (b <= 0 || a < b) {
		return a
	}
	return b
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

// loop makes attempts until one answers or none may follow.
func (r *run) loop(ctx context.Context) {
	for number := range maxAttempts {
		key, ok := r.cand.Account.Pick(r.tried, r.call.Session)
		if !ok {
			if number == 0 {
				e := llm.Errorf(llm.KindUnavailable, "%s: every key rests after errors", r.cand.Account.Name)
				e.RetryAfter = max(r.cand.Account.Resting(), time.Second)
				r.fail(e)
			}
			break
		}
		a := &Attempt{Number: number, Provider: r.cand.Account.Name, Model: r.cand.Model, KeyHint: key.Hint}
		if !r.attempt(ctx, a, key) {
			break
		}
	}
	r.finish()
}

// next says what follows a failed attempt that the client has seen nothing of:
// true is another attempt at the same candidate.
func (r *run) next(a *Attempt, key provider.Key, e *llm.Error) bool {
	if !r.call.Count { // which has limits of its own
		r.cand.Account.Rest(key, e)
	}
	if r.unknown(e) {
		r.forgotten = true
		return true
	}
	switch e.Kind {
	case llm.KindAuth, llm.KindQuota, llm.KindRateLimit, llm.KindPermission:
		r.tried = append(r.tried, key)
		return true
	case llm.KindReasoning:
		if r.strip == stripAll {
			return false
		}
		r.strip++
		return true
	case llm.KindBadRequest, llm.KindTooLarge: // which may be said of an id
		if a.Forwarded && !r.mend && r.torn(a.Format, key) {
			r.mend = true
			return true
		}
	}
	return !e.MissesModel(a.Model) && r.cand.Account.Refused(a.Format, e.Status)
}

// fail ends a call whose next attempt can't be sent. Where one was sent before,
// how that one ended is how the call ends.
func (r *run) fail(e *llm.Error) {
	if r.outcome.Last() != nil {
		return
	}
	r.outcome.Status, r.outcome.Err = StatusError, e
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
		if r.out.isCommitted() {
			r.out.fail(r.outcome.Err)
		}
		return
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
