package dispatch

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// stream passes a streamed answer on.
func (r *run) stream(a *Attempt, upstream wire.Upstream, t wire.Target, resp *http.Response, body io.Reader) *llm.Error {
	if !streams(upstream, resp.Header) {
		return r.streamOfWhole(a, upstream, t, resp, body)
	}
	if a.Forwarded {
		return r.forward(a, t, body)
	}
	return r.translate(a, t, upstream.DecodeStream(body, t))
}

// forward passes bytes through, event by event, and reads along.
func (r *run) forward(a *Attempt, t wire.Target, body io.Reader) *llm.Error {
	begins := newOpening(r.call.WantOpening, r.call.Client, t)
	r.out.begin(a, nil, begins)
	if f, ok := r.call.Client.(wire.Framer); ok {
		r.out.frame(f.Framing(r.call.Raw))
	}
	meter := r.meter(t)
	events := sse.NewReader(body)
	defer events.Close()
	ended := func() {
		a.Opening = begins.result()
		r.succeed(a)
	}
	e := r.pump(a, meter, events, ended)
	a.Metered = meter.Result()
	if e != nil {
		return e
	}
	if !a.Metered.Complete {
		return llm.Errorf(llm.KindTruncated, "the stream ended before its end was said")
	}
	if r.outcome.Status == "" {
		if e := r.judge(a); e != nil {
			return e
		}
	}
	if !r.out.begun() {
		if e := r.void(a.Metered, false); e != nil {
			return e
		}
		if err := r.begin(a); err != nil {
			return left(err)
		}
	}
	if r.outcome.Status == "" {
		ended()
	}
	if err := r.out.close(false); err != nil {
		return nil // the answer was whole; that the client left at the end changes nothing
	}
	return nil
}

// pump moves events until the stream ends; ended is called before the event that
// says so leaves.
func (r *run) pump(a *Attempt, meter wire.Meter, events *sse.Reader, ended func()) *llm.Error {
	var useless *llm.Error // what follows only tells what such an answer used
	released := false
	for {
		ev, err := events.Next()
		if useless != nil && err != nil {
			return useless
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if r.outcome.Status == StatusOK {
				return nil // nothing more was owed
			}
			return broken(err)
		}
		var v wire.Verdict
		if !ev.Comment {
			v = meter.Event(string(ev.Name), ev.Data)
		}
		if useless != nil {
			if v.Done || v.Err != nil {
				return useless
			}
			continue
		}
		if v.Err != nil {
			// Its own words for it, where they are any; the connection is aborted next.
			if r.out.begun() && jsontext.Value(ev.Data).IsValid(jsontext.AllowDuplicateNames(true)) {
				r.out.rawError(ev)
				r.final(ev.Data)
			}
			return v.Err
		}
		if v.UsageOnly && !r.call.Peeked.StreamUsage {
			continue
		}
		if v.Meaningful {
			r.came(a)
		}
		// What ends at once may be empty, which shows at its end.
		if v.Meaningful && !v.Done && !released && !r.holds(v.Call, len(ev.Raw)) && (!r.follows() || meter.Result().Finish == "") {
			if useless = r.doubt(a, v.Call, meter.Result); useless != nil {
				continue
			}
			released = true
			if err := r.out.release(); err != nil {
				return left(err)
			}
		}
		if v.Done && r.outcome.Status == "" {
			a.Metered = meter.Result()
			if !r.out.begun() && !a.Metered.Complete {
				return llm.Errorf(llm.KindTruncated, "the stream ended before an answer came")
			}
			if e := r.judge(a); e != nil {
				return e
			}
			if !r.out.begun() {
				if e := r.void(a.Metered, false); e != nil {
					return e
				}
				if err := r.begin(a); err != nil {
					return left(err)
				}
			}
			r.final(ev.Data)
			ended()
			r.watch.linger()
		}
		if err := r.out.raw(ev); err != nil {
			if r.outcome.Status == StatusOK {
				return nil
			}
			return left(err)
		}
	}
}

// translate re-encodes an answer event by event.
func (r *run) translate(a *Attempt, t wire.Target, events llm.Stream) *llm.Error {
	caller := r.caller(a, t)
	begins := &opening{want: r.call.WantOpening}
	r.out.begin(a, r.call.Client.NewStream(replyWriter{r.out}, caller), begins)
	tally := tally{keep: r.keepsParts()}
	defer func() { a.Metered = tally.result() }()
	var useless *llm.Error // what follows only tells what such an answer used
	released := false
	for e, err := range events {
		if useless != nil && err != nil {
			return useless
		}
		if err != nil {
			return broken(err)
		}
		tally.add(e)
		if useless != nil {
			continue
		}
		meaningful := llm.Meaningful(e)
		if meaningful {
			r.came(a)
		}
		if meaningful && !released && (tally.said || !r.follows() && !r.judges()) && !r.holds(llm.OfCall(e), sizeOf(e)) {
			if useless = r.doubt(a, llm.OfCall(e), tally.result); useless != nil {
				continue
			}
			released = true
			if err := r.out.release(); err != nil {
				return left(err)
			}
		}
		if err := r.out.event(e); err != nil {
			return left(err)
		}
	}
	a.Metered = tally.result()
	if useless == nil {
		useless = r.judge(a)
	}
	if useless != nil {
		return useless
	}
	a.Opening = begins.result()
	if !r.out.begun() {
		if e := r.void(a.Metered, tally.said); e != nil {
			return e
		}
		if err := r.begin(a); err != nil {
			return left(err)
		}
	}
	if r.call.KeepAnswer {
		end, err := r.out.end()
		if err != nil {
			return left(err)
		}
		r.finalIn(end)
	}
	r.succeed(a)
	_ = r.out.close(true) // the answer was whole; that the client left at the end changes nothing
	return nil
}

// begin lets the answer out, of which the first meaningful event has come.
func (r *run) begin(a *Attempt) error {
	r.came(a)
	return r.out.release()
}

// came notes that the first meaningful event has come.
func (r *run) came(a *Attempt) {
	if a.FirstEvent == 0 {
		a.FirstEvent = time.Since(a.Started)
		r.watch.begins()
	}
}

// void says that an answer is a failure, since it is empty without a reason and
// another candidate may do better. said is whether anything of it has a meaning.
func (r *run) void(m wire.Metered, said bool) *llm.Error {
	if r.judges() || said || m.OutputBytes > 0 || len(m.ToolCalls) > 0 || m.Usage.Output > 0 || !r.follows() {
		return nil
	}
	switch m.Finish {
	case llm.FinishStop, llm.FinishToolCalls, llm.FinishError, "":
		r.empty = append(r.empty, r.at)
		return llm.Errorf(llm.KindUpstream, "the answer is empty")
	}
	return nil
}

// streamOfWhole makes a stream of an answer that came whole although a stream
// was asked for.
func (r *run) streamOfWhole(a *Attempt, upstream wire.Upstream, t wire.Target, resp *http.Response, body io.Reader) *llm.Error {
	data, e := r.readAll(body, resp.ContentLength)
	if e != nil {
		return e
	}
	answer, err := upstream.DecodeAnswer(data, t)
	if err != nil {
		if as := llm.AsError(err); as.Kind != llm.KindBadRequest {
			return as
		}
		return llm.Errorf(llm.KindUpstream, "asked for a stream, the provider answered %s that is no answer: %w", resp.Header.Get("Content-Type"), err)
	}
	a.Forwarded = false
	return r.translate(a, t, llm.Events(answer))
}

// broken classes an error while reading a provider's stream.
func broken(err error) *llm.Error {
	var e *llm.Error
	if errors.As(err, &e) {
		return e
	}
	return llm.Errorf(llm.KindTruncated, "the stream broke: %w", err)
}

// left classes an error while writing to the client.
func left(err error) *llm.Error {
	var e *llm.Error
	if errors.As(err, &e) {
		return e
	}
	return llm.Errorf(llm.KindCanceled, "the client left: %w", err)
}

// tally sums up a translated answer.
type tally struct {
	m    wire.Metered
	keep bool
	said bool // something of a meaning, besides that it ended
	c    llm.Collector
}

func (t *tally) add(e llm.Event) {
	if t.keep {
		t.c.Add(e)
	}
	if _, ends := e.(llm.Finish); !ends {
		t.said = t.said || llm.Meaningful(e)
	}
	switch e := e.(type) {
	case llm.Start:
		t.m.ID, t.m.Model = e.ID, e.Model
	case llm.TextDelta:
		t.m.OutputBytes += int64(len(e.Text))
	case llm.ReasoningDelta:
		t.m.OutputBytes += int64(len(e.Text))
	case llm.ArgumentsDelta:
		t.m.OutputBytes += int64(len(e.Arguments))
	case llm.UsageUpdate:
		t.m.Usage = e.Usage
	case llm.Finish:
		t.m.Finish, t.m.Complete = e.Reason, true
	}
}

func (t *tally) result() wire.Metered {
	m := t.m
	if t.keep {
		m.Parts = t.c.Answer().Choices[0].Parts
	}
	return m
}
