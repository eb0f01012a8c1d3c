package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/responsestore"
	"github.com/oidostudio/oido/internal/tokens"
	"github.com/oidostudio/oido/internal/wire"
)

// previous is the answer that a call goes on from by its id.
type previous struct {
	*responsestore.Answer
	// conversation reads what was said up to it, once, and says its [tokens.Size].
	// The error is an *llm.Error.
	conversation func() (said []llm.Message, size int, err error)
	g            *Gateway
	held         int64 // of Gateway.told
}

// maxTold is Gateway.MaxTold where that is not said.
const maxTold = 256 << 20

// previous finds the answer that a call goes on from; nil when it names none. The
// error is an *llm.Error.
func (g *Gateway) previous(ctx context.Context, st *State, c *Call) (*previous, error) {
	id := c.Peeked.PreviousResponse
	if id == "" {
		return nil, nil //nolint:nilnil // most calls go on from none
	}
	f, ok := c.Format.(wire.Chained)
	if !ok || st.KeepAnswers == 0 || g.Answers == nil {
		return nil, notKept("previous_response_id")
	}
	org, user := c.Caller.Org, c.User()
	a, err := g.Answers.Get(ctx, org, user, id)
	switch {
	case err != nil:
		return nil, unread(err)
	case a == nil:
		return nil, noPrevious("Previous response with id '%s' not found: it was not stored, was deleted or has expired, or belongs to somebody else", cut(id, maxShown))
	case a.Failed:
		return nil, noPrevious("the response '%s' failed: go on from the one before it", cut(id, maxShown))
	}
	type told struct {
		said []llm.Message
		size int
	}
	p := &previous{Answer: a, g: g}
	read := sync.OnceValues(func() (all told, err error) {
		chain, err := g.Answers.Chain(ctx, org, user, id)
		if err != nil {
			return told{}, chainError(err)
		}
		for _, a := range chain {
			p.held += int64(len(a.Asked) + len(a.Whole))
		}
		if g.told.Add(p.held) > cmp.Or(g.MaxTold, maxTold) {
			return told{}, &llm.Error{
				Kind: llm.KindUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: time.Second,
				Message: "too many long conversations are gone on from by their id at once: try again shortly",
			}
		}
		for _, a := range chain {
			said, _ := f.Answered(a.Whole) // it was read when it was kept
			for _, items := range [][]byte{a.Asked, said.Items} {
				messages, err := f.Messages(items, a.Made)
				if err != nil {
					return told{}, noPrevious("the conversation before '%s' can't be put together again: %s", cut(id, maxShown), err)
				}
				all.said, all.size = append(all.said, messages...), all.size+tokens.Size(items)
			}
		}
		return all, nil
	})
	p.conversation = func() ([]llm.Message, int, error) {
		all, err := read()
		return all.said, all.size, err
	}
	return p, nil
}

// maxShown bounds what of a client's id is shown in a message.
const maxShown = 128

// notKept refuses what asks for kept answers where there are none.
func notKept(param string) *llm.Error {
	return &llm.Error{
		Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Param: param,
		Message: "answers are not kept here, responses.store is off in the configuration: send the whole conversation with every request",
	}
}

// unread says that what is kept can't be read just now.
func unread(err error) *llm.Error {
	return &llm.Error{
		Kind: llm.KindUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: restoreAgain, Err: err,
		Message: "the answers that are kept can't be read just now: try again shortly",
	}
}

func noPrevious(format string, args ...any) *llm.Error {
	return &llm.Error{
		Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Param: "previous_response_id", Code: "previous_response_not_found",
		Message: fmt.Sprintf(format, args...),
	}
}

// chainError says why a conversation can't be told to somebody else.
func chainError(err error) *llm.Error {
	switch {
	case errors.Is(err, responsestore.ErrElsewhere):
		return &llm.Error{
			Kind: llm.KindNotBuilt, Status: http.StatusNotImplemented, Param: "previous_response_id",
			Message: "previous_response_id: a part of the conversation is stored with its provider alone: ask that one, or send the whole conversation",
		}
	case errors.Is(err, responsestore.ErrTooLong):
		e := noPrevious("previous_response_id: %s: send what is still needed of it", err)
		e.Code = ""
		return e
	case errors.Is(err, responsestore.ErrMissing):
		return noPrevious("previous_response_id: %s: send the whole conversation", err)
	}
	return unread(err)
}

// can refuses accounts that can't be told what was said before. A nil previous
// refuses none.
func (p *previous) can() func(*provider.Account, string) *llm.Error {
	if p == nil {
		return nil
	}
	return func(a *provider.Account, _ string) *llm.Error {
		if p.Theirs && a.Name == p.Made.Provider {
			return nil
		}
		_, _, err := p.conversation()
		return llm.AsError(err)
	}
}

// done says that the conversation is not needed any more. A nil previous has none.
func (p *previous) done() {
	if p != nil {
		p.g.told.Add(-p.held)
	}
}

// session is the conversation of the answer; "" for none.
func (p *previous) session() string {
	if p == nil {
		return ""
	}
	return p.Session
}

// continued has a call go on from an answer, or keep its own. The prompt's size is
// guessed as for the first candidate.
func (g *Gateway) continued(d *dispatch.Call, c *Call, t *Turn, p *previous, st *State, first dispatch.Candidate) {
	if _, ok := c.Format.(wire.Chained); !ok || g.Answers == nil {
		return
	}
	d.Unstored = st.KeepAnswers == 0 && !c.Peeked.Background
	// What is answered in the background isn't an answer yet.
	d.KeepAnswer = st.KeepAnswers > 0 && !c.Peeked.NoStore && !c.Peeked.Background
	if p == nil {
		return
	}
	asked := t.promptSize
	t.partial = true
	d.Previous = &dispatch.Previous{Conversation: func() ([]llm.Message, error) {
		said, size, err := p.conversation()
		if err == nil {
			t.promptSize, t.partial = asked+size, false
			t.InputEstimate, _ = g.tokens.Of(first.Account.Name, first.Model, t.promptSize)
		}
		return said, err
	}}
	if p.Theirs {
		d.Previous.At = p.Made
	}
}

// keepAnswer keeps an answer for calls that go on from it.
func (g *Gateway) keepAnswer(d *dispatch.Call, t *Turn, st *State, o *dispatch.Outcome) {
	f, ok := d.Client.(wire.Chained)
	body := o.Final
	if !d.Peeked.Stream && o.Status == dispatch.StatusOK {
		body = o.Body
	}
	if !ok || !d.KeepAnswer || body == nil {
		return
	}
	said, ok := f.Answered(body)
	asked, err := f.Asked(d.Raw.Body)
	if err != nil || !ok || !said.Whole || said.Failed != (o.Status != dispatch.StatusOK) {
		return
	}
	whole, err := f.KeptAs(body, d.Peeked.PreviousResponse)
	if err != nil {
		return // Answered has read it, so it can be
	}
	last := o.Last()
	account := st.Accounts[last.Provider]
	g.Answers.Keep(t.Org, t.User, said.ID, &responsestore.Answer{
		Previous: d.Peeked.PreviousResponse, Session: t.Session, Made: last.Origin,
		Theirs:    last.Forwarded && said.Stored && account != nil && account.Keeps(last.Format, last.Model),
		Elsewhere: asked.Elsewhere, Failed: said.Failed,
		Asked: bytes.Clone(asked.Items), Whole: whole,
	}, st.KeepAnswers)
}

// Answer returns an answer that is kept for a caller's user, with what was asked.
// The error is an *llm.Error.
func (g *Gateway) Answer(ctx context.Context, c Call, id string) (*responsestore.Answer, error) {
	if g.Answers == nil || g.state.Load().KeepAnswers == 0 {
		return nil, notKept("")
	}
	a, err := g.Answers.Get(ctx, c.Caller.Org, c.User(), id)
	switch {
	case err != nil:
		return nil, unread(err)
	case a == nil:
		return nil, noAnswer(id)
	}
	return a, nil
}

// DeleteAnswer deletes an answer that is kept for a caller's user, also where its
// maker keeps it: theirs says why that may have failed. err is an *llm.Error, and
// says that nothing has been deleted for certain.
func (g *Gateway) DeleteAnswer(ctx context.Context, c Call, id string) (theirs, err error) {
	st := g.state.Load()
	if g.Answers == nil || st.KeepAnswers == 0 {
		return nil, notKept("")
	}
	a, err := g.Answers.Delete(ctx, c.Caller.Org, c.User(), id)
	switch {
	case err != nil:
		return nil, unread(err)
	case a == nil:
		return nil, noAnswer(id)
	}
	f, ok := c.Format.(wire.Chained)
	account := st.Accounts[a.Made.Provider]
	if !a.Theirs || !ok || account == nil || !account.May(c.Caller.Org) {
		return nil, nil
	}
	// There is no second time: here it is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deletePatience)
	defer cancel()
	return account.Delete(ctx, c.Format.Name(), a.Made.Model, f.PathOf(id), a.Made.Account), nil
}

// deletePatience is how long a provider may take to delete its copy.
const deletePatience = 5 * time.Second

func noAnswer(id string) *llm.Error {
	return &llm.Error{
		Kind: llm.KindNotFound, Status: http.StatusNotFound, Code: "not_found",
		Message: fmt.Sprintf("Response with id '%s' not found.", cut(id, maxShown)),
	}
}
