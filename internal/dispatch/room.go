package dispatch

import (
	"sync"

	"github.com/oidostudio/oido/internal/wire"
)

// room is where the body of a forwarded request is written that is large. It is
// used again once the body has been sent: long prompts would else be the most of
// what has to be collected.
type room struct{ b []byte }

const (
	// smallRoom is up to which size a body is not worth it, largeRoom from which on
	// it would keep too much.
	smallRoom = 16 << 10
	largeRoom = 1 << 20
	// edited is how much longer than the client's a body may get and still fit.
	edited = 1 << 10
)

var rooms = sync.Pool{New: func() any { return new(room) }}

// roomFor returns room for a body of about this size; nil where it wants none.
func roomFor(size int) *room {
	if size < smallRoom || size > largeRoom {
		return nil
	}
	r, ok := rooms.Get().(*room)
	if !ok {
		r = new(room)
	}
	if cap(r.b) < size+edited {
		r.b = make([]byte, 0, size+edited)
	}
	return r
}

// bytes is the room, empty.
func (r *room) bytes() []byte {
	if r == nil {
		return nil
	}
	return r.b[:0]
}

// lend has the room come back when the body that stands in it has been sent. One
// that stands elsewhere leaves it to be collected.
func (r *room) lend(out *wire.Outbound) {
	if r == nil || len(out.Body) == 0 || &out.Body[0] != &r.b[:1][0] {
		return
	}
	out.Sent = func() { rooms.Put(r) }
}
