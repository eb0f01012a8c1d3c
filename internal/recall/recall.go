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
// It is a bounded cache in front of a sealed table, written behind: keeping
// never waits for the database. When the table can't be read, that one lookup
// fails; nothing else does.
package recall

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/writebehind"
)

// Store keeps sealed reasoning; see Row.
type Store interface {
	PutReasoning(ctx context.Context, rows []Row) error
	// GetReasoning returns nil when there is none, or when it has expired.
	GetReasoning(ctx context.Context, org, key string, now time.Time) ([]byte, error)
}

// Row is one answer's reasoning, sealed.
type Row struct {
	Org, User, Key   string
	Data             []byte
	Created, Expires time.Time
}

// Options configure a Memory; the zero value of a bound is its default.
type Options struct {
	Sealer *seal.Sealer
	Store  Store // nil: memory alone
	Log    *slog.Logger
	Now    func() time.Time
	Keep   time.Duration // how long rows live; default 30 days
	Bytes  int           // of the cache, and of what waits to be stored; default 64 MiB
	Queue  int           // answers waiting to be stored; default 4096
}

// Memory is the side store. It is safe for concurrent use.
type Memory struct {
	o     Options
	queue *writebehind.Queue[Row] // nil without a store

	mu      sync.Mutex // protects following fields
	order   *list.List // of *cached, most recently used first
	entries map[string]*list.Element
	size    int
}

type cached struct {
	id   string
	kept *kept // nil: known not to be there
	size int
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

// New makes a memory and starts its writer; Close ends it.
func New(o Options) *Memory {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep <= 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	if o.Bytes <= 0 {
		o.Bytes = 64 << 20
	}
	m := &Memory{o: o, order: list.New(), entries: map[string]*list.Element{}}
	if o.Store != nil {
		m.queue = writebehind.New(writebehind.Options[Row]{
			Write: o.Store.PutReasoning, Rows: o.Queue, Bytes: int64(o.Bytes),
			Lost: func(rows int, err error) {
				o.Log.Error("reasoning not stored: conversations that return after a restart lose it", "answers", rows, "error", err)
			},
		})
	}
	return m
}

// Close stores what waits, as far as the store takes it in a short time, and ends
// the writer. What is kept after it is kept in memory only.
func (m *Memory) Close() {
	if m.queue != nil {
		m.queue.Close()
	}
}

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
	key := keyOf(before, parts)
	id := org + "\x00" + key
	doc, err := json.Marshal(k)
	if err != nil {
		m.o.Log.Warn("reasoning not kept", "error", err)
		return
	}
	m.put(id, k, len(doc))
	if m.queue == nil {
		return
	}
	now := m.o.Now().UTC()
	row := Row{Org: org, User: user, Key: key, Data: m.o.Sealer.Seal(id, doc), Created: now, Expires: now.Add(m.o.Keep)}
	if !m.queue.Put(row, len(row.Data)) {
		m.o.Log.Warn("reasoning kept in memory only: the database is behind", "waiting_bytes", m.queue.Waiting())
	}
}

// Restore returns the request with the reasoning put back that was made by
// origin and is missing in it; changed is false, and the request the same, when
// nothing is. only limits it to the messages for which it answers true. The
// error says that the table could not be read.
func (m *Memory) Restore(ctx context.Context, org, user string, req *llm.Request, origin llm.Origin, only func(llm.Message) bool) (out *llm.Request, changed bool, err error) {
	out = req
	before := ""
	for i, msg := range req.Messages {
		if msg.Role == llm.RoleUser {
			before = msg.Text()
		}
		if msg.Role != llm.RoleAssistant || holds(msg.Parts, sealed) || !only(msg) {
			continue
		}
		k, err := m.get(ctx, org, keyOf(before, msg.Parts))
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

// patience is how long a request waits for the database.
const patience = 2 * time.Second

func (m *Memory) get(ctx context.Context, org, key string) (*kept, error) {
	id := org + "\x00" + key
	m.mu.Lock()
	if e, ok := m.entries[id]; ok {
		m.order.MoveToFront(e)
		c, _ := e.Value.(*cached)
		m.mu.Unlock()
		return c.kept, nil
	}
	m.mu.Unlock()
	if m.o.Store == nil {
		return nil, nil //nolint:nilnil // absent is a good answer
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	data, err := m.o.Store.GetReasoning(ctx, org, key, m.o.Now().UTC())
	if err != nil {
		return nil, fmt.Errorf("look for the conversation's reasoning: %w", err)
	}
	var k *kept
	size := 0
	if data != nil {
		opened, err := m.o.Sealer.Open(id, data)
		if err == nil {
			k = new(kept)
			err = json.Unmarshal(opened, k)
			size = len(opened)
		}
		if err != nil {
			// Another secret_key sealed it: the reasoning is lost, the request isn't.
			m.o.Log.Warn("kept reasoning can't be read", "error", err)
			k = nil
		}
	}
	return m.found(id, k, size), nil
}

// found keeps what a look at the table showed, unless it has been kept meanwhile.
func (m *Memory) found(id string, k *kept, size int) *kept {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.entries[id]; ok {
		c, _ := e.Value.(*cached)
		return c.kept
	}
	m.putLocked(id, k, size)
	return k
}

// overhead is about what an entry costs beside its content.
const overhead = 256

func (m *Memory) put(id string, k *kept, size int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putLocked(id, k, size)
}

func (m *Memory) putLocked(id string, k *kept, size int) {
	size += overhead + len(id)
	if e, ok := m.entries[id]; ok {
		c, _ := e.Value.(*cached)
		m.size += size - c.size
		c.kept, c.size = k, size
		m.order.MoveToFront(e)
	} else {
		m.entries[id] = m.order.PushFront(&cached{id, k, size})
		m.size += size
	}
	for m.size > m.o.Bytes {
		last := m.order.Back()
		c, _ := last.Value.(*cached)
		m.order.Remove(last)
		delete(m.entries, c.id)
		m.size -= c.size
	}
}
