// Package session recognises which conversation a request belongs to.
//
// Clients that name their conversations are believed; for the others the hash of
// how a conversation begins stands for it: key, system text, first user message
// and first answer. Before the first answer there is nothing to tell two equal
// beginnings apart, so a first turn gets a fresh id, which is found again by
// what was answered. That memory is bounded and forgets after four idle hours;
// it is a convenience of accounting, nothing depends on it for its safety.
//
// It also keeps which models users chose for their sessions.
package session

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/oidostudio/oido/internal/llm"
)

// Source says how a session was recognised.
type Source string

// The sources, in the order in which they are looked at.
const (
	SourceHeader   Source = "header"
	SourcePrevious Source = "previous_response_id"
	SourceBody     Source = "body"
	SourceHash     Source = "hash"
)

// Request is what a session is recognised by.
type Request struct {
	Org, KeyID string
	Header     string // X-Oido-Session
	Previous   string // the session of the answer that previous_response_id names
	InBody     string // what the body names
	Format     llm.Format
	Body       []byte
}

// Session is a recognised conversation.
type Session struct {
	ID     string
	Source Source
	// First says that this is a first turn recognised by its hash: Answered
	// should be told how its answer begins.
	First bool

	beginning digest
}

type digest [16]byte

// The bounds of what is remembered.
const (
	idle       = 4 * time.Hour
	maxTracked = 50_000
)

// Recogniser recognises sessions. It is safe for concurrent use.
type Recogniser struct {
	now func() time.Time

	mu    sync.Mutex // protects following fields
	order *list.List // of *tracked, most recently used first
	known map[digest]*list.Element
}

type tracked struct {
	at   digest
	id   string
	seen time.Time
}

// New makes a recogniser that reads the time from now.
func New(now func() time.Time) *Recogniser {
	return &Recogniser{now: now, order: list.New(), known: map[digest]*list.Element{}}
}

// Recognise says which session a request belongs to.
func (r *Recogniser) Recognise(q Request) Session {
	s, at := begin(q)
	if s.Source != SourceHash {
		return s
	}
	if s.First {
		s.ID = freshID()
		return s
	}
	if id, ok := r.find(at); ok {
		s.ID = id
		return s
	}
	s.ID = unseen(at)
	r.remember(at, s.ID)
	return s
}

// Known is the session that a request would belong to, which it leaves as it is;
// "" for one that would begin a session.
func (r *Recogniser) Known(q Request) string {
	s, at := begin(q)
	if s.Source != SourceHash || s.First {
		return s.ID
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.known[at]; ok {
		if t, _ := e.Value.(*tracked); r.now().Sub(t.seen) <= idle {
			return t.id
		}
	}
	return unseen(at)
}

// begin is what a request itself tells of its session; of one that is recognised by
// its hash, that hash.
func begin(q Request) (s Session, at digest) {
	switch {
	case q.Header != "":
		return Session{ID: q.Header, Source: SourceHeader}, at
	case q.Previous != "":
		return Session{ID: bounded(q.Previous), Source: SourcePrevious}, at
	case q.InBody != "":
		return Session{ID: bounded(q.InBody), Source: SourceBody}, at
	}
	o := openingOf(q.Format, q.Body)
	s = Session{Source: SourceHash, beginning: sum([]byte(q.Org), []byte(q.KeyID), o.system, o.user)}
	if s.First = o.answer == ""; s.First {
		return s, at
	}
	return s, s.beginning.with(o.answer)
}

// unseen is the id of a session that began before we knew of it.
func unseen(at digest) string { return "s-" + hex.EncodeToString(at[:]) }

// Answered remembers how the answer of a first turn begins (see Opening).
func (r *Recogniser) Answered(s Session, opening string) {
	if s.First && opening != "" {
		r.remember(s.beginning.with(opening), s.ID)
	}
}

// maxID is how long a session's name may be: it stands in rows and in a header.
const maxID = 128

// bounded returns a name as it is, or a hash of one that is too long or can't
// be printed.
func bounded(name string) string {
	if len(name) <= maxID && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return name
	}
	h := sha256.Sum256([]byte(name))
	return "s-" + hex.EncodeToString(h[:16])
}

// freshID is in the order of time, which keeps the rows of sessions that were
// begun together beside each other.
func freshID() string {
	id, err := uuid.NewV7()
	if err != nil {
		id = uuid.New()
	}
	return "s-" + hex.EncodeToString(id[:])
}

// maxHashed is up to how many bytes of a part are hashed whole; of a longer one
// its length, beginning and end tell it apart well enough.
const maxHashed = 8 << 10

func sum(parts ...[]byte) (d digest) {
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		if len(p) > maxHashed {
			h.Write(p[:maxHashed/2])
			p = p[len(p)-maxHashed/2:]
		}
		h.Write(p)
	}
	var out [sha256.Size]byte
	copy(d[:], h.Sum(out[:0]))
	return d
}

func (d digest) with(answer string) digest { return sum(d[:], []byte(answer)) }

func (r *Recogniser) find(at digest) (string, bool) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.known[at]
	if !ok {
		return "", false
	}
	t, _ := e.Value.(*tracked)
	if now.Sub(t.seen) > idle {
		r.order.Remove(e)
		delete(r.known, at)
		return "", false
	}
	t.seen = now
	r.order.MoveToFront(e)
	return t.id, true
}

func (r *Recogniser) remember(at digest, id string) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.known[at]; ok {
		t, _ := e.Value.(*tracked)
		t.id, t.seen = id, now
		r.order.MoveToFront(e)
		return
	}
	r.known[at] = r.order.PushFront(&tracked{at, id, now})
	if r.order.Len() > maxTracked {
		last := r.order.Back()
		t, _ := last.Value.(*tracked)
		delete(r.known, t.at)
		r.order.Remove(last)
	}
}

// maxOpening is how much of an answer's text is compared.
const maxOpening = 48

// Enough is from which length on of an answer's text, in bytes, no further part
// of it is looked at.
const Enough = 2 * maxOpening

// Opening is how an answer begins: the first characters of its text, or the id
// (or else the name) of its first tool call when it has no text; "" when it has
// neither.
func Opening(parts []llm.Part) string {
	call, text := "", ""
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Text:
			if text == "" {
				text = p.Text
			} else if len(text) < Enough {
				text += p.Text
			}
		case llm.ToolCall:
			if call == "" {
				call = "call:" + p.Name
			}
		}
	}
	if text != "" {
		return cut(text)
	}
	return call
}

// cut shortens a text; trailing space is left out, since clients trim answers.
func cut(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxOpening {
		s = s[:maxOpening]
	}
	return strings.TrimSpace(s)
}
