package dispatch

import (
	"bytes"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
)

// mended returns the request where its conversation must be written anew, nil where
// it can go as it is; fits is false where more than the conversation must be.
func (r *run) mended(upstream wire.Upstream, t *wire.Target) (restored *llm.Request, fits bool, err error) {
	replayed := t.Reasoning.Replay != ""
	answered := !replayed || r.answered()
	if r.cand.Restore != nil && (replayed && answered || !replayed && r.reasoned()) {
		restored, err = r.restored(t.Origin)
	}
	if restored == nil && err == nil {
		restored, err = r.refitted(t, answered)
	}
	if restored == nil && err == nil && r.expanded {
		restored = claimed(r.call.whole, t.Origin)
	}
	if _, ok := upstream.(Conversationalist); err != nil || restored != nil && !ok {
		return nil, false, err
	}
	f, ok := upstream.(Continuer)
	if !ok || !replayed || !answered {
		return restored, true, nil
	}
	req := restored
	if req == nil {
		if req, err = r.request(); err != nil {
			return nil, false, err
		}
	}
	return restored, f.Continues(req, *t), nil
}

// answered says whether the conversation may hold answers, to which reasoning may
// belong.
func (r *run) answered() bool {
	f, ok := r.call.Client.(Skimmer)
	return !ok || f.HoldsAnswers(r.call.Raw.Body)
}

// reasoned says whether the conversation may hold reasoning, which may be another's.
func (r *run) reasoned() bool {
	f, ok := r.call.Client.(Skimmer)
	return ok && f.HoldsReasoning(r.call.Raw.Body)
}

// Skimmer is a format in which a look at the bytes of a request spares reading most
// of those that nothing must be changed in. Names that are written with escapes
// escape it: then the provider's refusal tells.
type Skimmer interface {
	// HoldsAnswers says whether the conversation may hold answers.
	HoldsAnswers(body []byte) bool
	// HoldsReasoning says whether the conversation may hold reasoning.
	HoldsReasoning(body []byte) bool
}

// torn says whether the conversation is one that the target doesn't go on with. Only
// what was refused is looked at where the model's reasoning isn't, so that what
// passes isn't read for it.
func (r *run) torn(format llm.Format, key provider.Key) bool {
	upstream, _ := r.Formats(format)
	f, ok := upstream.(Continuer)
	if !ok || r.call.Embed || r.call.Count || r.call.Previous != nil && !r.expanded {
		return false
	}
	req, err := r.request()
	return err == nil && !f.Continues(req, r.target(format, key))
}

// Continuer is a format that knows what its models can go on with.
type Continuer interface {
	// Continues says whether the target goes on with a conversation as its client
	// wrote it. It doesn't where another model answered in between or a client left
	// calls without results, for which Encode has words.
	Continues(*llm.Request, wire.Target) bool
}

// spliced is what the client wrote, but for what must differ; restored, where it
// isn't nil, stands in the place of its conversation.
func (r *run) spliced(a *Attempt, upstream wire.Upstream, t *wire.Target, restored *llm.Request) (wire.Outbound, error) {
	a.Forwarded = true
	edits := wire.Edits{
		Model:    t.Model,
		AskUsage: r.call.Peeked.Stream && !r.call.Peeked.StreamUsage && t.StreamUsage,
		Drop:     t.Reject,
		Rename:   t.Rename,
	}
	if r.expanded {
		edits.Drop = append(slices.Clone(edits.Drop), "previous_response_id")
	}
	if r.call.Unstored && !slices.Contains(t.Reject, "store") {
		edits.Set = map[string][]byte{"store": []byte("false")}
	}
	if restored == nil {
		room := roomFor(len(r.call.Raw.Body))
		edits.Room = room.bytes()
		out, err := r.call.Client.Splice(r.call.Raw, r.call.Peeked, edits)
		if b := r.call.Raw.Body; err == nil && len(b) > 0 && len(out.Body) > 0 && &b[0] == &out.Body[0] {
			// A provider may answer before it has read the request. The
			// client's buffer is another request's by then.
			out.Body = append(room.bytes(), out.Body...)
		}
		room.lend(&out)
		return out, err
	}
	// The conversation alone is written anew; every other field stays as
	// the client wrote it.
	var err error
	if conv, ok := upstream.(Conversationalist); ok {
		t.Names = &wire.ToolNames{Own: true}
		edits.Messages, err = conv.EncodeConversation(restored, *t)
	}
	if err != nil {
		return wire.Outbound{}, err
	}
	return r.call.Client.Splice(r.call.Raw, r.call.Peeked, edits)
}

// Conversationalist is a format that can write the conversation's field alone.
type Conversationalist interface {
	// EncodeConversation writes the value of the field that holds the
	// conversation ("messages", "input", "contents").
	EncodeConversation(*llm.Request, wire.Target) ([]byte, error)
}

// restored returns the request with its lost reasoning put back and without
// another's, or nil when there is neither.
func (r *run) restored(at llm.Origin) (*llm.Request, error) {
	req, err := r.request()
	if err != nil {
		return nil, err
	}
	restored, changed, err := r.cand.Restore(req, at)
	if err != nil || !changed {
		return nil, err
	}
	return claimed(restored, at), nil
}

// refitted returns the request where its conversation holds what the model refuses
// and must be written anew; nil where it can go as it is.
func (r *run) refitted(t *wire.Target, answered bool) (*llm.Request, error) {
	refused := slices.ContainsFunc(t.Reject, func(name string) bool {
		member, inside := strings.CutPrefix(name, "messages.")
		return inside && bytes.Contains(r.call.Raw.Body, []byte(`"`+member+`"`))
	})
	if !refused && (t.ToolID == wire.ShapeAny || !answered) {
		return nil, nil
	}
	req, err := r.request()
	if err != nil || !refused && allFit(req, t.ToolID) {
		return nil, err
	}
	return claimed(req, t.Origin), nil
}

// allFit says whether the ids of all calls have a shape.
func allFit(req *llm.Request, shape wire.IDShape) bool {
	for _, m := range req.Messages {
		for _, p := range m.Parts {
			if c, ok := p.(llm.ToolCall); ok && !wire.FitsID(c.ID, shape) {
				return false
			}
		}
	}
	return true
}

// claimed returns the request with the blobs that the client itself sent taken
// for the target's own: in its own format a client sends back what it was given.
// Where it wasn't this model that gave them, the provider's refusal is answered
// by one attempt without.
func claimed(req *llm.Request, at llm.Origin) *llm.Request {
	out := *req
	out.Messages = make([]llm.Message, len(req.Messages))
	for i, m := range req.Messages {
		parts := make([]llm.Part, len(m.Parts))
		for j, p := range m.Parts {
			if b := blobOf(p); b != nil && b.Origin == (llm.Origin{}) {
				mine := *b
				mine.Origin = at
				p = llm.WithBlob(p, mine)
			}
			parts[j] = p
		}
		m.Parts = parts
		out.Messages[i] = m
	}
	return &out
}

func blobOf(p llm.Part) *llm.Blob {
	switch p := p.(type) {
	case llm.Reasoning:
		return p.Blob
	case llm.ToolCall:
		return p.Blob
	case llm.Text:
		return p.Blob
	case llm.Media:
		return p.Blob
	}
	return nil
}
