// Package sse reads and writes server-sent events, the framing of every streamed
// answer.
//
// The [Reader] promises that the Raw bytes of its events, one after the other,
// are the input byte for byte, so that a stream can be forwarded unchanged; that
// an event is delivered as soon as its blank line has come; that what it holds
// is bounded; and that a steady stream costs no allocation. It takes what is
// sent in practice: any line ending, a byte order mark, comments anywhere, a
// last event without its blank line. Reconnection (id, retry) is left out: no
// vendor's stream can be resumed.
package sse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Event is one event. Its slices are valid until the next call of Next.
type Event struct {
	Name []byte // of the "event:" field; empty when there was none
	Data []byte // lines of "data:" fields joined by \n
	Raw  []byte // the event as it came, blank line included
	// Comment says that there was no field at all: comments or stray blank
	// lines, which keep connections alive.
	Comment bool
}

// ErrTooLong says that an event exceeds the reader's limit.
var ErrTooLong = errors.New("event too long")

// MaxEvent is the largest event that a reader takes, in bytes.
const MaxEvent = 16 << 20

const (
	firstBuffer = 4 << 10
	maxPooled   = 64 << 10
)

var pool = sync.Pool{New: func() any { b := make([]byte, firstBuffer); return &b }}

// Reader reads events. It is used by one goroutine.
type Reader struct {
	r    io.Reader
	box  *[]byte
	buf  []byte
	from int // start of the current event
	end  int // end of what has been read
	err  error

	joined []byte // an event's data, when it came in several lines
	began  bool   // a byte order mark can't come any more
	// afterCR says that the last event ended with a CR: a LF at the start of the
	// next one belongs to it.
	afterCR bool
}

// NewReader makes a reader. Close gives its buffer back.
func NewReader(r io.Reader) *Reader {
	box, ok := pool.Get().(*[]byte)
	if !ok {
		b := make([]byte, firstBuffer)
		box = &b
	}
	return &Reader{r: r, box: box, buf: *box}
}

// Close gives the buffer back. The last event must not be used after it.
func (r *Reader) Close() {
	if r.box == nil {
		return
	}
	if len(r.buf) <= maxPooled {
		*r.box = r.buf
		pool.Put(r.box)
	}
	r.box, r.buf, r.from, r.end, r.err = nil, nil, 0, 0, io.EOF
}

// Next returns the next event. It returns io.EOF at the end, ErrTooLong for an
// event beyond MaxEvent, or what reading failed with; then always the same.
func (r *Reader) Next() (Event, error) {
	line := r.from // start of the line that is being looked for
	seek := line   // up to where it was looked at: a long line comes in many reads
	cr := r.afterCR
	for {
		if cr && line < r.end {
			// The LF of a CRLF that came in two pieces.
			if r.buf[line] == '\n' {
				line++
			}
			cr, seek = false, line
		}
		stop, next := lineEnd(r.buf[seek:r.end])
		switch {
		case next > 0 && seek+stop == line:
			return r.deliver(seek + next), nil
		case next > 0:
			line = seek + next
			seek = line
			cr = r.buf[line-1] == '\r'
		case r.err != nil:
			return r.last()
		default:
			seek = r.end
			moved := r.fill()
			line, seek = line-moved, seek-moved
		}
	}
}

// window is how far is looked for a LF before a CR is looked for: in a stream of
// lines that end in CR alone, each would be looked for to the end of all.
const window = 512

// lineEnd finds the end of the first line of b: its length without the ending,
// and with it. next is 0 when the line hasn't ended. A CR at the very end of b
// is taken for an ending by itself, so that nobody waits for a LF that doesn't
// come.
func lineEnd(b []byte) (stop, next int) {
	for at := 0; at < len(b); at += window {
		line := b[at:min(at+window, len(b))]
		lf := bytes.IndexByte(line, '\n')
		if lf >= 0 {
			line = line[:lf]
		}
		if cr := bytes.IndexByte(line, '\r'); cr >= 0 {
			stop = at + cr
			if stop+1 < len(b) && b[stop+1] == '\n' {
				return stop, stop + 2
			}
			return stop, stop + 1
		}
		if lf >= 0 {
			return at + lf, at + lf + 1
		}
	}
	return 0, 0
}

// fill reads more. It returns by how much what was there has moved down.
func (r *Reader) fill() (moved int) {
	if r.end == len(r.buf) {
		if r.from > 0 {
			moved = r.from
			copy(r.buf, r.buf[r.from:r.end])
			r.end -= r.from
			r.from = 0
		} else {
			if len(r.buf) >= MaxEvent {
				r.err = fmt.Errorf("%w: more than %d bytes without a blank line", ErrTooLong, MaxEvent)
				return 0
			}
			grown := make([]byte, min(2*len(r.buf), MaxEvent))
			copy(grown, r.buf[:r.end])
			r.buf = grown
		}
	}
	for range 100 {
		n, err := r.r.Read(r.buf[r.end:])
		r.end += n
		if err != nil {
			r.err = err
		}
		if n > 0 || err != nil {
			return moved
		}
	}
	r.err = io.ErrNoProgress
	return moved
}

// last delivers what stands at the end of the input without a blank line.
func (r *Reader) last() (Event, error) {
	if r.from == r.end || !errors.Is(r.err, io.EOF) {
		return Event{}, r.err
	}
	return r.deliver(r.end), nil
}

// deliver parses the event that ends at end.
func (r *Reader) deliver(end int) Event {
	ev := Event{Raw: r.buf[r.from:end], Comment: true}
	rest := ev.Raw
	if !r.began {
		r.began = true
		rest = bytes.TrimPrefix(rest, bom)
	}
	if r.afterCR && rest[0] == '\n' {
		rest = rest[1:]
	}
	lines := 0
	for len(rest) > 0 {
		stop, next := lineEnd(rest)
		if next == 0 {
			stop, next = len(rest), len(rest)
		}
		name, value := field(rest[:stop])
		rest = rest[next:]
		switch string(name) {
		case "data":
			lines++
			ev.Comment = false
			switch lines {
			case 1:
				ev.Data = value
			case 2:
				r.joined = append(append(append(r.joined[:0], ev.Data...), '\n'), value...)
				ev.Data = r.joined
			default:
				r.joined = append(append(r.joined, '\n'), value...)
				ev.Data = r.joined
			}
		case "event":
			ev.Name, ev.Comment = value, false
		}
	}
	r.afterCR = ev.Raw[len(ev.Raw)-1] == '\r'
	r.from = end
	if r.from == r.end {
		// Nothing is waiting: the next event can begin at the front. Its bytes
		// overwrite these only when Next is called.
		r.from, r.end = 0, 0
	}
	if cap(r.joined) > maxPooled && lines < 2 {
		r.joined = nil
	}
	return ev
}

var bom = []byte("\xef\xbb\xbf")

// field splits a line into name and value; a comment has no name.
func field(line []byte) (name, value []byte) {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return line, nil
	}
	value = line[colon+1:]
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return line[:colon], value
}

// AppendEvent appends an event with a name ("" for none) and data, which may
// hold line breaks.
func AppendEvent(dst []byte, name string, data []byte) []byte {
	if name != "" {
		dst = append(append(append(dst, "event: "...), name...), '\n')
	}
	for {
		stop, next := lineEnd(data)
		if next == 0 {
			break
		}
		dst = append(append(append(dst, "data: "...), data[:stop]...), '\n')
		data = data[next:]
	}
	dst = append(append(dst, "data: "...), data...)
	return append(dst, '\n', '\n')
}

// AppendData appends an event without a name.
func AppendData(dst, data []byte) []byte { return AppendEvent(dst, "", data) }

// AppendComment appends a comment, which clients ignore.
func AppendComment(dst []byte, text string) []byte {
	return append(append(append(dst, ": "...), text...), '\n', '\n')
}
