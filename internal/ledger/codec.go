package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oidostudio/oido/internal/llm"
)

// Records are written in a compact form of their own rather than JSON: they are
// made twice in every request, and this costs a tenth. Strings and lists are
// preceded by their length, numbers are varints, times are microseconds since
// 1970. The order of fields is the format; segments carry its version.

const formatVersion = 1

type kind byte

const (
	openRecord  kind = 'O' // a turn's head and the head of one of its attempts
	closeRecord kind = 'C' // an attempt that another one follows
	endRecord   kind = 'T' // a turn's end and its last attempt
)

type encoder struct{ b []byte }

// maxText bounds a text of a record: clients and providers write some of them.
// All of a record's texts at this length still fit into maxRecord.
const maxText = 2 << 10

func (e *encoder) str(s string) {
	if len(s) > maxText {
		n := maxText
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, string(utf8.RuneError)) // JSON can't say it otherwise
	}
	e.b = append(binary.AppendUvarint(e.b, uint64(len(s))), s...)
}
func (e *encoder) num(n int64)              { e.b = binary.AppendVarint(e.b, n) }
func (e *encoder) time(t time.Time)         { e.num(t.UnixMicro()) }
func (e *encoder) duration(d time.Duration) { e.num(d.Microseconds()) }
func (e *encoder) bool(v bool) {
	if v {
		e.num(1)
	} else {
		e.num(0)
	}
}

func (e *encoder) head(t *Turn) {
	for _, s := range [...]string{t.ID, t.Org, t.User, t.Key, t.EndUser, t.Agent, t.Session, t.SessionSource, t.Workload, t.Class, t.Purpose, t.RequestedModel, t.Format} {
		e.str(s)
	}
	e.bool(t.Stream)
	e.time(t.Started)
	e.num(t.InputEstimate)
	e.str(string(t.Decision))
}

func (e *encoder) attempt(a *Attempt) {
	e.num(int64(a.Number))
	for _, s := range [...]string{a.Provider, a.Model, a.ServedModel, a.KeyHint, a.Format} {
		e.str(s)
	}
	e.time(a.Started)
	e.duration(a.FirstToken)
	e.duration(a.Duration)
	e.str(string(a.Status))
	e.str(a.ErrorKind)
	e.num(int64(a.ErrorStatus))
	e.str(a.ErrorText)
	e.str(a.Finish)
	u := &a.Usage
	for _, n := range [...]int64{u.Input, u.CacheRead, u.CacheWrite, u.CacheWrite1h, u.Output, u.ReasoningOfOutput, int64(u.Quality)} {
		e.num(n)
	}
	e.bool(a.Cost != nil)
	if a.Cost != nil {
		e.num(int64(*a.Cost))
	}
	if a.Downgrades != "" { // which records of before don't have at all
		e.str(a.Downgrades)
	}
}

func (e *encoder) end(t *Turn) {
	e.str(t.ID)
	e.str(string(t.Status))
	e.duration(t.FirstToken)
	e.duration(t.Duration)
}

var errRecord = errors.New("a record that can't be read")

type decoder struct {
	b     []byte
	bad   bool
	known words
}

// words are the names that records repeat, kept so that each is made once.
type words map[string]string

// The bounds of what is kept.
const (
	maxWords = 4096
	maxWord  = 64
)

func (w words) get(b []byte) string {
	if s, ok := w[string(b)]; ok { // no allocation: the compiler knows this form
		return s
	}
	s := string(b)
	if w != nil && len(s) <= maxWord && len(w) < maxWords {
		w[s] = s
	}
	return s
}

// str reads a string that few records share.
func (d *decoder) str() string { return string(d.bytes()) }

// word reads a string that many records share.
func (d *decoder) word() string { return d.known.get(d.bytes()) }

func (d *decoder) bytes() []byte {
	n, used := binary.Uvarint(d.b)
	if used <= 0 || n > uint64(len(d.b)-used) {
		d.bad, d.b = true, nil
		return nil
	}
	b := d.b[used : used+int(n)]
	d.b = d.b[used+int(n):]
	return b
}

func (d *decoder) num() int64 {
	n, used := binary.Varint(d.b)
	if used <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[used:]
	return n
}

func (d *decoder) time() time.Time         { return time.UnixMicro(d.num()).UTC() }
func (d *decoder) duration() time.Duration { return time.Duration(d.num()) * time.Microsecond }

func (d *decoder) head(t *Turn) {
	t.ID = d.str()
	for _, s := range [...]*string{&t.Org, &t.User, &t.Key, &t.EndUser, &t.Agent} {
		*s = d.word()
	}
	t.Session = d.str()
	for _, s := range [...]*string{&t.SessionSource, &t.Workload, &t.Class, &t.Purpose, &t.RequestedModel, &t.Format} {
		*s = d.word()
	}
	t.Stream = d.num() == 1
	t.Started = d.time()
	t.InputEstimate = d.num()
	if s := d.str(); s != "" {
		t.Decision = []byte(s)
	}
}

func (d *decoder) attempt() (a Attempt) {
	a.Number = int(d.num())
	for _, s := range [...]*string{&a.Provider, &a.Model, &a.ServedModel, &a.KeyHint, &a.Format} {
		*s = d.word()
	}
	a.Started, a.FirstToken, a.Duration = d.time(), d.duration(), d.duration()
	a.Status = Status(d.word())
	a.ErrorKind = d.word()
	a.ErrorStatus = int(d.num())
	a.ErrorText, a.Finish = d.str(), d.word()
	u := &a.Usage
	for _, n := range [...]*int64{&u.Input, &u.CacheRead, &u.CacheWrite, &u.CacheWrite1h, &u.Output, &u.ReasoningOfOutput} {
		*n = d.num()
	}
	u.Quality = llm.Quality(max(0, min(d.num(), int64(llm.QualityExact))))
	if d.num() == 1 {
		c := llm.NanoUSD(d.num())
		a.Cost = &c
	}
	if len(d.b) > 0 {
		a.Downgrades = d.word()
	}
	return a
}

// record is one decoded record.
type record struct {
	kind    kind
	turn    Turn
	attempt Attempt
}

// decodeRecord reads a payload. What it returns shares nothing with b.
func decodeRecord(b []byte, known words) (r record, err error) {
	if len(b) == 0 {
		return r, errRecord
	}
	r.kind = kind(b[0])
	d := decoder{b: b[1:], known: known}
	switch r.kind {
	case openRecord:
		d.head(&r.turn)
	case closeRecord:
		r.turn.ID = d.str()
	case endRecord:
		r.turn.ID = d.str()
		r.turn.Status = Status(d.word())
		r.turn.FirstToken, r.turn.Duration = d.duration(), d.duration()
	default:
		return r, fmt.Errorf("%w: kind %d", errRecord, b[0])
	}
	r.attempt = d.attempt()
	if d.bad || len(d.b) > 0 {
		return r, errRecord
	}
	return r, nil
}
