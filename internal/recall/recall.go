// Package recall keeps the reasoning that clients' formats lose, and puts it
// back when the conversation returns to the model that made it.
//
// A chat client that runs a tool sends the call and its result back, but not the
// signed thoughts before it, which Anthropic, Gemini, DeepSeek and others demand.
// So an answer's reasoning is kept under the hash of its tool call ids, or
// without calls of its text and the user's text before it, and is given back
// only to the same org and user and only for the very origin (provider, model,
// account) that made it.
//
// Keeping never waits for the database. When the table can't be read, that one
// lookup fails; nothing else does.
package recall

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/writebehind"
)

// Memory is the side store. It is safe for concurrent use.
type Memory struct {
	cache *writebehind.Cache[kept]
	log   *slog.Logger
	keep  time.Duration
}

// Options configure a Memory.
type Options struct {
	Cache writebehind.Options
	Keep  time.Duration // how long reasoning lives; default 30 days
}

// kept is what is remembered of an answer.
type kept struct {
	User  string     `json:"user"`
	Parts []keptPart `json:"parts"`
}

// keptPart is a part of the answer: reasoning whole, of the others only what
// finds them again.
type keptPart struct {
	Reasoning *llm.Reasoning `json:"reasoning,omitzero"`
	CallID    string         `json:"call_id,omitzero"`
	Blob      *llm.Blob      `json:"blob,omitzero"`
}

// New makes a memory; Close ends it.
func New(o Options) *Memory {
	o.Cache.What = "reasoning"
	if o.Keep <= 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	return &Memory{cache: writebehind.New[kept](o.Cache), log: o.Cache.Log, keep: o.Keep}
}

// Close stores what waits, as far as the table takes it in a short time. What is
// kept after it is kept in memory only.
func (m *Memory) Close() { m.cache.Close() }

// Keep remembers an answer's reasoning. before is the user's text that the
// answer follows. Answers without anything to send back cost nothing.
func (m *Memory) Keep(org, user, before string, parts []llm.Part) {
	k := &kept{User: user}
	worth := false
	for _, p := range parts {
		var kp keptPart
		switch p := p.(type) {
		case llm.Reasoning:
			r := p
			kp.Reasoning = &r
			worth = worth || p.Blob != nil
		case llm.ToolCall:
			kp.CallID, kp.Blob = p.ID, p.Blob
		case llm.Text:
			kp.Blob = p.Blob
		default:
			continue
		}
		worth = worth || kp.Blob != nil
		k.Parts = append(k.Parts, kp)
	}
	if !worth {
		return
	}
	if err := m.cache.Keep(org, user, keyOf(before, parts), k, m.keep); err != nil {
		m.log.Warn("reasoning not kept", "error", err)
	}
	for _, kp := range k.Parts {
		// Whose a seal is that a client sends back spares the maker's refusal, and no
		// request waits for the table to say it.
		if b := kp.seal(); b != nil {
			m.cache.Note(org, keyOfSeal(b), &kept{User: user, Parts: []keptPart{{Blob: &llm.Blob{Kind: b.Kind, Origin: b.Origin}}}}, noted, m.keep)
		}
	}
}

// noted is about what the memory of a seal's maker takes.
const noted = 256

// patience is how long all lookups for one request together may take.
const patience = 5 * time.Second

// Restore returns the request with the reasoning put back that was made by
// origin and is missing in it, and without what the client sends back of another
// maker's; changed is false when there is neither. What the client sends back of
// origin's own seals says so then. only limits what is put back to the messages for
// which it answers true; where it is nil nothing is, and what the memory doesn't know
// nobody waits for. The error says that the table could not be read.
func (m *Memory) Restore(ctx context.Context, org, user string, req *llm.Request, origin llm.Origin, only func(llm.Message) bool) (out *llm.Request, changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	find := m.find
	if only == nil {
		find, only = m.peek, func(llm.Message) bool { return false }
	}
	out = req
	before := ""
	for i, msg := range req.Messages {
		if msg.Role == llm.RoleUser {
			before = msg.Text()
		}
		if msg.Role != llm.RoleAssistant || !thought(msg.Parts) && !only(msg) {
			continue
		}
		k, err := find(ctx, org, before, msg.Parts)
		if err != nil {
			return req, false, err
		}
		if k == nil || k.User != user {
			continue
		}
		parts, differs, known := k.mend(msg.Parts, origin, only(msg))
		if !differs && !known {
			continue
		}
		if out == req {
			fresh := *req
			fresh.Messages = append([]llm.Message(nil), req.Messages...)
			out = &fresh
		}
		out.Messages[i].Parts = parts
		changed = changed || differs
	}
	return out, changed, nil
}

// find returns what is kept of an answer: of one that comes with seals, whose they
// are, as far as the memory knows.
func (m *Memory) find(ctx context.Context, org, before string, parts []llm.Part) (*kept, error) {
	if b := sealIn(parts); b != nil {
		return m.cache.Peek(org, keyOfSeal(b)), nil
	}
	return m.cache.Get(ctx, org, keyOf(before, parts))
}

// peek is find without a look at the table.
func (m *Memory) peek(_ context.Context, org, before string, parts []llm.Part) (*kept, error) {
	key := keyOf(before, parts)
	if b := sealIn(parts); b != nil {
		key = keyOfSeal(b)
	}
	return m.cache.Peek(org, key), nil
}

// mend gives a message the reasoning that origin wants in it: its own where that is
// missing and wanted, none where another maker reasoned. differs says whether that is
// another than came, known that what came is origin's own.
func (k *kept) mend(parts []llm.Part, origin llm.Origin, wanted bool) (mended []llm.Part, differs, known bool) {
	switch {
	case !k.madeBy(origin):
		// Ids that servers count may stand for several answers: text must be the same.
		return bare(parts), sealIn(parts) != nil || thought(parts) && wordsOf(parts) == k.words(), false
	case sealIn(parts) != nil:
		return owned(parts, origin), false, true
	case !wanted || plainIn(parts) && !k.sealed():
		return parts, false, false
	}
	mended, differs = k.restore(parts, origin)
	return mended, differs, false
}

// owned are the parts with what is sealed in them taken for origin's.
func owned(parts []llm.Part, origin llm.Origin) []llm.Part {
	out := slices.Clone(parts)
	for i, p := range out {
		if b := sealed(blobOf(p)); b != nil {
			mine := *b
			mine.Origin = origin
			out[i] = llm.WithBlob(p, mine)
		}
	}
	return out
}

// wordsOf joins the readable reasoning.
func wordsOf(parts []llm.Part) (text string) {
	for _, p := range parts {
		if r, ok := p.(llm.Reasoning); ok {
			text += r.Text
		}
	}
	return text
}

func (k *kept) words() (text string) {
	for _, p := range k.Parts {
		if p.Reasoning != nil {
			text += p.Reasoning.Text
		}
	}
	return text
}

// restore puts the kept reasoning between the parts of a message, each before
// the part that it stood before.
func (k *kept) restore(parts []llm.Part, origin llm.Origin) ([]llm.Part, bool) {
	var out []llm.Part
	rest, changed := withoutReasoning(parts), false
	for _, kp := range k.Parts {
		switch {
		case kp.Reasoning != nil:
			if kp.Reasoning.Blob == nil || kp.Reasoning.Blob.Origin == origin {
				out = append(out, *kp.Reasoning)
				changed = changed || kp.Reasoning.Blob != nil
			}
		case len(rest) > 0:
			p := rest[0]
			rest = rest[1:]
			if kp.Blob != nil && kp.Blob.Origin == origin {
				p, changed = llm.WithBlob(p, *kp.Blob), true
			}
			out = append(out, p)
		}
	}
	return append(out, rest...), changed
}

// bare are the parts without what another maker sealed.
func bare(parts []llm.Part) []llm.Part {
	out := withoutReasoning(parts)
	for i, p := range out {
		out[i] = llm.WithoutBlob(p)
	}
	return out
}

func withoutReasoning(parts []llm.Part) []llm.Part {
	out := make([]llm.Part, 0, len(parts))
	for _, p := range parts {
		if _, ok := p.(llm.Reasoning); !ok {
			out = append(out, p)
		}
	}
	return out
}

// thought says whether the client sends any reasoning back.
func thought(parts []llm.Part) bool {
	return sealIn(parts) != nil || slices.ContainsFunc(parts, func(p llm.Part) bool {
		_, ok := p.(llm.Reasoning)
		return ok
	})
}

// sealIn is the first blob that only its maker can have made. Plain reasoning is
// text that any client can send back: it proves nothing to a maker that seals.
func sealIn(parts []llm.Part) *llm.Blob {
	for _, p := range parts {
		if b := sealed(blobOf(p)); b != nil {
			return b
		}
	}
	return nil
}

func blobOf(p llm.Part) *llm.Blob {
	switch p := p.(type) {
	case llm.Reasoning:
		return p.Blob
	case llm.ToolCall:
		return p.Blob
	case llm.Text:
		return p.Blob
	}
	return nil
}

// sealed is the blob, or nil for plain reasoning.
func sealed(b *llm.Blob) *llm.Blob {
	if b != nil && b.Kind == llm.BlobPlain {
		return nil
	}
	return b
}

// plainIn says whether a message holds reasoning as text.
func plainIn(parts []llm.Part) bool {
	return slices.ContainsFunc(parts, func(p llm.Part) bool { b := blobOf(p); return b != nil && b.Kind == llm.BlobPlain })
}

// blob is that of the part, if any.
func (p *keptPart) blob() *llm.Blob {
	if p.Reasoning != nil {
		return p.Reasoning.Blob
	}
	return p.Blob
}

func (p *keptPart) seal() *llm.Blob { return sealed(p.blob()) }

// madeBy says whether what is kept is of origin.
func (k *kept) madeBy(origin llm.Origin) bool {
	return slices.ContainsFunc(k.Parts, func(p keptPart) bool { b := p.blob(); return b != nil && b.Origin == origin })
}

// sealed says whether what is kept holds a seal.
func (k *kept) sealed() bool {
	return slices.ContainsFunc(k.Parts, func(p keptPart) bool { return p.seal() != nil })
}

// keyOf names an answer: by its tool call ids, else by its text and the text
// before it.
func keyOf(before string, parts []llm.Part) string {
	h := sha256.New()
	calls := false
	for _, p := range parts {
		if c, ok := p.(llm.ToolCall); ok {
			calls = true
			fmt.Fprintf(h, "call %d %s\n", len(c.ID), c.ID)
		}
	}
	if !calls {
		fmt.Fprintf(h, "text %d %s\n%s", len(before), before, llm.Message{Parts: parts}.Text())
	}
	return hex.EncodeToString(h.Sum(nil)[:20])
}

// keyOfSeal names the answer that a blob is of.
func keyOfSeal(b *llm.Blob) string {
	sum := sha256.Sum256([]byte("seal " + b.Data))
	return hex.EncodeToString(sum[:20])
}
