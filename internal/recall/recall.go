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
}

// patience is how long all lookups for one request together may take.
const patience = 5 * time.Second

// Restore returns the request with the reasoning put back that was made by
// origin and is missing in it; changed is false, and the request the same, when
// nothing is. only limits it to the messages for which it answers true. The
// error says that the table could not be read.
func (m *Memory) Restore(ctx context.Context, org, user string, req *llm.Request, origin llm.Origin, only func(llm.Message) bool) (out *llm.Request, changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out = req
	before := ""
	for i, msg := range req.Messages {
		if msg.Role == llm.RoleUser {
			before = msg.Text()
		}
		if msg.Role != llm.RoleAssistant || holds(msg.Parts, sealed) || !only(msg) {
			continue
		}
		k, err := m.cache.Get(ctx, org, keyOf(before, msg.Parts))
		if err != nil {
			return req, false, err
		}
		if k == nil || k.User != user || holds(msg.Parts, plain) && !k.sealedBy(origin) {
			continue
		}
		parts, ok := k.restore(msg.Parts, origin)
		if !ok {
			continue
		}
		if !changed {
			fresh := *req
			fresh.Messages = append([]llm.Message(nil), req.Messages...)
			out, changed = &fresh, true
		}
		out.Messages[i].Parts = parts
	}
	return out, changed, nil
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

func withoutReasoning(parts []llm.Part) []llm.Part {
	out := make([]llm.Part, 0, len(parts))
	for _, p := range parts {
		if _, ok := p.(llm.Reasoning); !ok {
			out = append(out, p)
		}
	}
	return out
}

// holds says whether any part has a blob of a sort.
func holds(parts []llm.Part, sort func(*llm.Blob) bool) bool {
	for _, p := range parts {
		var b *llm.Blob
		switch p := p.(type) {
		case llm.Reasoning:
			b = p.Blob
		case llm.ToolCall:
			b = p.Blob
		case llm.Text:
			b = p.Blob
		}
		if b != nil && sort(b) {
			return true
		}
	}
	return false
}

// plain reasoning is text that any client can send back. It proves nothing to a
// maker that seals, so only a sealed blob says that nothing is missing.
func plain(b *llm.Blob) bool { return b.Kind == llm.BlobPlain }

func sealed(b *llm.Blob) bool { return !plain(b) }

// sealedBy says whether what is kept holds a seal of origin.
func (k *kept) sealedBy(origin llm.Origin) bool {
	for _, p := range k.Parts {
		b := p.Blob
		if p.Reasoning != nil {
			b = p.Reasoning.Blob
		}
		if b != nil && sealed(b) && b.Origin == origin {
			return true
		}
	}
	return false
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
