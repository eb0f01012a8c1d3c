package dispatch

import (
	"bytes"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// Previous is an answer that a request goes on from by its id. Who keeps it is
// sent the id as it is; everybody else the conversation that it stands for.
type Previous struct {
	// At is who keeps it under this id; the zero value: nobody.
	At llm.Origin
	// Conversation returns what was said up to the answer. The error is an
	// *llm.Error.
	Conversation func() ([]llm.Message, error)
}

// keeps says whether it can be named to a key of an account. The same key may ask
// another of its models.
func (p *Previous) keeps(at llm.Origin) bool {
	return p.At.Provider != "" && p.At.Provider == at.Provider && p.At.Account == at.Account
}

// Conversation is the request with the whole conversation, where an attempt needed
// that, else as the client sent it. The error is an *llm.Error.
func (c *Call) Conversation() (*llm.Request, error) {
	if c.whole != nil {
		return c.whole, nil
	}
	return c.Request()
}

// expand puts the conversation in the place of the earlier answer's id, once.
func (c *Call) expand() error {
	if c.whole != nil {
		return nil
	}
	f, ok := c.Client.(wire.Chained)
	if !ok {
		return llm.Errorf(llm.KindBadRequest, "this format can't go on from an earlier answer")
	}
	before, err := c.Previous.Conversation()
	if err != nil {
		return err
	}
	q, err := f.DecodeAfter(c.Raw, before)
	if err != nil {
		return err
	}
	c.prepare(q)
	c.whole = q
	return nil
}

// request is what an attempt asks: the client's request, with the whole
// conversation where it must be told.
func (r *run) request() (*llm.Request, error) {
	if r.expanded {
		return r.call.Conversation()
	}
	return r.call.Request()
}

// unknown says that a provider doesn't know the answer any more that it was named.
// Not all have a word for it, but all name it.
func (r *run) unknown(e *llm.Error) bool {
	if r.call.Previous == nil || r.expanded || e.Kind != llm.KindBadRequest && e.Kind != llm.KindNotFound {
		return false
	}
	return e.Param == "previous_response_id" || strings.Contains(e.Message, r.call.Peeked.PreviousResponse)
}

// final keeps the answer that the event at a stream's end holds.
func (r *run) final(event []byte) {
	if f, ok := r.call.Client.(wire.Chained); ok && r.call.KeepAnswer {
		r.outcome.Final = bytes.Clone(f.Final(event))
	}
}

// finalIn keeps the answer that the end of an encoded stream holds.
func (r *run) finalIn(end []byte) {
	events := sse.NewReader(bytes.NewReader(end))
	defer events.Close()
	for {
		ev, err := events.Next()
		if err != nil {
			return // what was encoded here has no other end
		}
		r.final(ev.Data)
	}
}
