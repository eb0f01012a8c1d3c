package dispatch

import (
	"io"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// gathered makes a whole answer of a stream: of a model that answers in streams
// alone.
func (r *run) gathered(a *Attempt, upstream wire.Upstream, t wire.Target, body io.Reader) *llm.Error {
	var c llm.Collector
	for e, err := range upstream.DecodeStream(&measured{r: body, run: r}, t) {
		if err != nil {
			return broken(err)
		}
		if a.FirstEvent == 0 && llm.Meaningful(e) {
			a.FirstEvent = time.Since(a.Started)
			r.watch.begins()
		}
		c.Add(e)
	}
	answer := c.Answer()
	if len(answer.Choices) == 0 {
		return llm.Errorf(llm.KindUpstream, "the answer holds no choices")
	}
	if e := r.tell(a, t, answer); e != nil {
		return e
	}
	if e := r.judge(a); e != nil {
		return e
	}
	if r.call.WantOpening > 0 {
		a.Opening = a.Metered.Parts
	}
	r.succeed(a)
	return nil
}

// measured reads a stream that is gathered, within the bounds of answers that are
// read whole.
type measured struct {
	r   io.Reader
	run *run
	n   int64
}

func (m *measured) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	switch limit := m.run.maxAnswer(); {
	case m.n > limit:
		return n, tooBig(limit)
	case m.n > freeAnswer && !m.run.hold(m.n):
		return n, tooMany()
	}
	return n, err
}
