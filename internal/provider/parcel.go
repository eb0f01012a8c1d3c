package provider

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/oidostudio/oido/internal/wire"
)

// parcel is a request's body on its way. A provider may answer before it has read
// all of it, and a connection may break and have it sent by another, so it is known
// to be sent only when everybody who reads it has said so.
type parcel struct {
	b []byte

	mu   sync.Mutex // protects following fields, and reading b
	uses int
	sent func() // nil: nobody is told
}

// newParcel makes the parcel of a request, used by its maker until let.
func newParcel(out wire.Outbound) *parcel { return &parcel{b: out.Body, uses: 1, sent: out.Sent} }

// open starts to read the body.
func (p *parcel) open() io.ReadCloser {
	if p.sent == nil {
		// Of these the transport knows that they don't wait for anything.
		return io.NopCloser(bytes.NewReader(p.b))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uses++
	return &reading{p: p}
}

// let ends a use.
func (p *parcel) let() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.letLocked()
}

func (p *parcel) letLocked() {
	if p.uses--; p.uses == 0 && p.sent != nil {
		p.b = nil
		p.sent()
	}
}

// reading is one reading of a parcel. It may be closed while it is read.
type reading struct {
	p      *parcel
	at     int
	closed bool
}

var errClosed = errors.New("the request's body was closed")

func (r *reading) Read(to []byte) (int, error) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	switch {
	case r.closed:
		return 0, errClosed
	case r.at == len(r.p.b):
		return 0, io.EOF
	}
	n := copy(to, r.p.b[r.at:])
	r.at += n
	return n, nil
}

// Close ends the reading; once more does nothing.
func (r *reading) Close() error {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	if !r.closed {
		r.closed = true
		r.p.letLocked()
	}
	return nil
}
