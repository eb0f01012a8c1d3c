package dispatch

import (
	"cmp"
	"context"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/oidostudio/oido/internal/health"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
)

// Formats finds a wire format by its name; ok is false for one that can't be
// spoken to providers.
type Formats func(llm.Format) (f wire.Upstream, ok bool)

// maxErrorBody bounds what is read of a refusal.
const maxErrorBody = 64 << 10

// attempt makes one attempt, and says what follows it.
func (r *run) attempt(ctx context.Context, a *Attempt, key provider.Key) step {
	sent := false
	defer func() {
		if !sent && r.tracker != nil {
			r.tracker.Ended(r.place(key), health.Result{Kind: llm.KindCanceled}) // it may have been the one to probe
		}
	}()
	name := r.format()
	upstream, ok := r.Formats(name)
	if !ok {
		r.lose(llm.Errorf(llm.KindNotBuilt, "%s speaks %s, which can't be spoken yet", a.Provider, name))
		return onward
	}
	a.Format = name
	target := r.target(name, key)
	a.Origin = target.Origin
	out, err := r.encode(a, upstream, &target)
	if err != nil {
		r.lose(llm.AsError(err))
		return onward
	}
	out.Model, out.Stream, out.Embeds, out.Counts = r.cand.Model, target.Stream, r.call.Embed, r.call.Count
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	a.Started = time.Now()
	if err := r.rec.Open(a); err != nil {
		r.lose(llm.AsError(err))
		return over
	}
	if before := r.outcome.Last(); before != nil {
		r.rec.Close(before)
	}
	r.outcome.Attempts = append(r.outcome.Attempts, a)
	sent = true
	w := newWatch(cancel, r.limits)
	defer w.stop()
	r.watch = w
	resp, err := r.cand.Account.Send(provider.WithConnect(ctx, r.call.Limits.Connect), name, out, r.call.Raw.Header, key)
	if err != nil {
		return r.failed(ctx, a, key, llm.AsError(err))
	}
	defer resp.Body.Close()
	w.headersCame()
	a.Header = resp.Header
	body := &watched{r: resp.Body, w: w, ctx: ctx, before: r.out.flush}
	body.whole = resp.StatusCode/100 != 2 || !target.Stream || !streams(upstream, resp.Header)
	if resp.StatusCode/100 != 2 {
		return r.failed(ctx, a, key, r.refusal(resp, body, upstream))
	}
	r.answerID = ""
	if f, ok := upstream.(wire.Identifier); ok {
		r.answerID = f.AnswerID(resp.Header)
	}
	var e *llm.Error
	switch {
	case r.call.Peeked.Stream:
		if r.keepsParts() {
			body.most = framed * r.maxAnswer()
		}
		e = r.stream(a, upstream, target, resp, body)
	case target.Stream && streams(upstream, resp.Header):
		e = r.gathered(a, upstream, target, body)
	default:
		e = r.whole(a, upstream, target, resp, body)
	}
	if e != nil {
		return r.failed(ctx, a, key, r.cand.Account.Judge(e, nil))
	}
	r.learn(a, key)
	return over
}

// learn tells how an attempt ended. What a client cut short says nothing of the
// provider.
func (r *run) learn(a *Attempt, key provider.Key) {
	if r.tracker == nil {
		return
	}
	result := health.Result{FirstToken: a.FirstEvent, Duration: a.Duration, Output: a.Metered.Usage.Output}
	if a.Err != nil {
		result.Kind, result.RetryAfter = a.Err.Kind, a.Err.RetryAfter
		if r.late() {
			result.Kind = llm.KindCanceled
		}
	}
	r.tracker.Ended(r.place(key), result)
}

// format is the one to call the account in.
func (r *run) format() llm.Format {
	if !r.call.Embed {
		return r.cand.Account.Format(r.call.Client.Name(), r.cand.Model)
	}
	name, _ := r.cand.Account.EmbedFormat(r.call.Client.Name(), r.cand.Model)
	return name
}

func (r *run) target(f llm.Format, key provider.Key) wire.Target {
	t := r.cand.Account.Target(r.cand.Model, f, key)
	t.Stream, t.MaxOutput = r.call.Peeked.Stream || t.StreamOnly, r.cand.MaxOutput
	t.NoVision, t.NoPDF, t.NoAudio, t.NoTools = r.cand.NoVision, r.cand.NoPDF, r.cand.NoAudio, r.cand.NoTools
	t.APIVersion = r.call.Raw.Header.Get("Anthropic-Version")
	return t
}

// encode writes the request: the client's bytes where the format is the same
// and nothing in them must change, else anew from its meaning.
func (r *run) encode(a *Attempt, upstream wire.Upstream, t *wire.Target) (wire.Outbound, error) {
	switch {
	case r.call.Embed:
		return r.encodeEmbed(a, upstream, *t)
	case r.call.Count:
		return r.encodeCount(a, upstream, *t)
	}
	same := upstream.Name() == r.call.Client.Name()
	if p := r.call.Previous; p != nil {
		if r.expanded = r.forgotten || !same || !r.cand.KeepsAnswers || !p.keeps(t.Origin); r.expanded {
			if err := r.call.expand(); err != nil {
				return wire.Outbound{}, err
			}
		}
	}
	if same && r.strip == stripNone && !r.mend && t.Stream == r.call.Peeked.Stream {
		restored, fits, err := r.mended(upstream, t)
		if err != nil {
			return wire.Outbound{}, err
		}
		if fits {
			return r.spliced(a, upstream, t, restored)
		}
	}
	req, err := r.request()
	if err != nil {
		return wire.Outbound{}, err
	}
	if r.strip != stripNone {
		req = withoutReasoning(req)
	}
	known := false
	if r.strip != stripAll && r.cand.Restore != nil {
		if req, known, err = r.cand.Restore(req, t.Origin); err != nil {
			return wire.Outbound{}, err
		}
	}
	if r.strip == stripForeign && !known {
		r.strip = stripAll
	}
	if same {
		req = claimed(req, t.Origin)
	} else if err := r.complete(req); err != nil {
		return wire.Outbound{}, err
	}
	t.Names = &wire.ToolNames{Own: same}
	out, downgrades, err := upstream.Encode(req, *t)
	a.Downgrades = downgrades
	return out, err
}

// withoutReasoning returns the request without any reasoning and blobs.
func withoutReasoning(req *llm.Request) *llm.Request {
	out := *req
	out.Messages = make([]llm.Message, 0, len(req.Messages))
	for _, m := range req.Messages {
		parts := make([]llm.Part, 0, len(m.Parts))
		for _, p := range m.Parts {
			if _, ok := p.(llm.Reasoning); ok {
				continue
			}
			parts = append(parts, llm.WithoutBlob(p))
		}
		if len(parts) > 0 {
			m.Parts = parts
			out.Messages = append(out.Messages, m)
		}
	}
	return &out
}

// framed is how many times as large as the answer in it a stream may be, since
// each of its words comes in an event.
const framed = 4

// refusal reads an answer whose status isn't 2xx.
func (r *run) refusal(resp *http.Response, body io.Reader, f wire.Upstream) *llm.Error {
	data, err := io.ReadAll(io.LimitReader(body, maxErrorBody))
	if err != nil && len(data) == 0 {
		return llm.AsError(err)
	}
	e := f.DecodeError(resp.StatusCode, resp.Header, data)
	if e.Status == 0 {
		e.Status = resp.StatusCode
	}
	return r.cand.Account.Judge(e, resp.Header)
}

// failed closes an attempt that the client has seen nothing of, or that broke.
func (r *run) failed(ctx context.Context, a *Attempt, key provider.Key, e *llm.Error) step {
	a.Duration = time.Since(a.Started)
	// What is of no use is so however its rest came to an end.
	if cause := context.Cause(ctx); cause != nil && (e.Kind != llm.KindUseless || r.late()) {
		e = causeOf(cause)
	}
	if e.Provider == "" {
		named := *e
		named.Provider, named.Model = a.Provider, a.Model
		e = &named
	}
	e = r.cand.Account.Redact(e)
	a.Err = e
	r.learn(a, key)
	switch {
	case e.Kind == llm.KindCanceled:
		a.Status = StatusCanceled
		return over
	case r.out.begun():
		a.Status = StatusCut
		return over
	}
	a.Status = StatusError
	return r.next(a, key, e)
}

// causeOf turns why a context ended into an error.
func causeOf(cause error) *llm.Error {
	if e := llm.AsError(cause); e.Kind != llm.KindUpstream {
		return e
	}
	if total, ok := cause.(overran); ok { //nolint:errorlint // a cause is kept as it was given
		return llm.Errorf(llm.KindTimeout, "%w", total)
	}
	return llm.Errorf(llm.KindCanceled, "the client left: %w", cause)
}

// whole reads an answer that isn't a stream.
func (r *run) whole(a *Attempt, upstream wire.Upstream, t wire.Target, resp *http.Response, body io.Reader) *llm.Error {
	data, e := r.readAll(body, resp.ContentLength)
	if e != nil {
		return e
	}
	a.FirstEvent = time.Since(a.Started)
	switch {
	case r.call.Embed:
		e = r.embedded(a, upstream, data)
	case r.call.Count:
		e = r.counted(upstream, data)
	case a.Forwarded:
		e = r.passed(a, t, data)
	default:
		e = r.translated(a, upstream, t, data)
	}
	if e == nil {
		e = r.judge(a)
	}
	if e != nil {
		return e
	}
	if r.call.WantOpening > 0 {
		a.Opening = a.Metered.Parts
	}
	r.succeed(a)
	return nil
}

// passed takes a whole answer as it is, and reads along.
func (r *run) passed(a *Attempt, t wire.Target, data []byte) *llm.Error {
	meter := r.call.Client.NewMeter(t)
	if k, ok := meter.(wire.Keeper); ok && (r.keepsParts() || r.call.WantOpening > 0) {
		k.Keep()
	}
	verdict := meter.Body(data)
	a.Metered = meter.Result()
	if verdict.Err != nil {
		return verdict.Err
	}
	if e := r.void(a.Metered, false); e != nil {
		return e
	}
	r.outcome.Body = data
	return nil
}

// translated writes a whole answer in the client's format.
func (r *run) translated(a *Attempt, upstream wire.Upstream, t wire.Target, data []byte) *llm.Error {
	answer, err := upstream.DecodeAnswer(data, t)
	if err != nil {
		return llm.AsError(err)
	}
	return r.tell(a, t, answer)
}

// tell writes an answer that is whole in the client's format.
func (r *run) tell(a *Attempt, t wire.Target, answer *llm.Answer) *llm.Error {
	tally := tally{}
	for e, err := range llm.Events(answer) {
		if err != nil {
			return llm.AsError(err)
		}
		tally.add(e)
	}
	a.Metered = tally.result()
	if e := r.void(a.Metered, tally.said); e != nil {
		return e
	}
	a.Metered.Parts = answer.Choices[0].Parts
	var err error
	if r.outcome.Body, err = r.call.Client.EncodeAnswer(answer, r.caller(a, t)); err != nil {
		return llm.AsError(err)
	}
	return nil
}

func (r *run) succeed(a *Attempt) {
	a.Duration = time.Since(a.Started)
	a.Status = StatusOK
	r.done(a)
}

// freeAnswer is how much of an answer is read whole without asking how much is
// held already.
const freeAnswer = 1 << 20

// readAll reads a body whole within the bounds for one and for all; size is the
// announced one or -1.
func (r *run) readAll(body io.Reader, size int64) ([]byte, *llm.Error) {
	limit := r.maxAnswer()
	if size > limit {
		return nil, tooBig(limit)
	}
	if size < 0 {
		size = 4 << 10
	}
	// One byte more than announced, so that the last read can say that it was.
	buf := make([]byte, 0, min(size, freeAnswer)+1)
	for {
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return nil, tooBig(limit)
		}
		switch {
		case err == io.EOF:
			return buf, nil
		case err != nil:
			e := llm.Errorf(llm.KindTruncated, "the answer broke off after %d bytes: %w", len(buf), err)
			return nil, e
		case len(buf) == cap(buf):
			grown := min(2*int64(cap(buf)), limit+1)
			if grown > freeAnswer && !r.hold(grown) {
				return nil, tooMany()
			}
			buf = append(make([]byte, 0, grown), buf...)
		}
	}
}

// hold takes n bytes for the answer of this call in all, unless too much is held
// by all calls.
func (r *run) hold(n int64) bool {
	more := n - r.held
	if more <= 0 {
		return true
	}
	if r.answers.Add(more) > r.maxAnswers() {
		r.answers.Add(-more)
		return false
	}
	r.held = n
	return true
}

func tooBig(limit int64) *llm.Error {
	return llm.Errorf(llm.KindUpstream, "the provider's answer is larger than %d bytes", limit)
}

func tooMany() *llm.Error {
	return llm.Errorf(llm.KindUnavailable, "too many large answers are being read at once: try again shortly")
}

func (r *run) meter(t wire.Target) wire.Meter {
	m := r.call.Client.NewMeter(t)
	if k, ok := m.(wire.Keeper); ok && r.keepsParts() {
		k.Keep()
	}
	return m
}

func (r *run) caller(a *Attempt, t wire.Target) wire.Caller {
	req, err := r.call.Request()
	if err != nil {
		req = &llm.Request{}
	}
	return wire.Caller{
		Request: req, Model: a.Model, ID: cmp.Or(r.answerID, r.call.AnswerID), Now: time.Now(), Origin: t.Origin,
		InputEstimate: r.call.InputEstimate,
	}
}

// streams says whether an answer comes as a stream of its format.
func streams(f wire.Upstream, h http.Header) bool {
	want := "text/event-stream"
	if s, ok := f.(wire.Streamer); ok {
		want = s.StreamType()
	}
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && media == want
}
