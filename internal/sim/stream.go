package sim

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of what goes on for long.
const (
	maxHang = 10 * time.Minute
	maxHuge = 64 << 20
)

// crawling is the pause between two signs of life that are no words.
const crawling = 20 * time.Millisecond

// outlet is where a stream goes: frame by frame, each in one write and flushed,
// at the script's pace and with its fault.
type outlet struct {
	x      *exchange
	rc     *http.ResponseController
	frames int  // sent
	pieces int  // of them, those with content
	over   bool // nothing more is sent
}

// open sends the headers of a stream.
func (x *exchange) open(contentType string) *outlet {
	h := x.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-cache")
	x.status = http.StatusOK
	x.w.WriteHeader(http.StatusOK)
	o := &outlet{x: x, rc: http.NewResponseController(x.w)}
	o.over = o.rc.Flush() != nil
	return o
}

// frame sends what belongs to the format and carries no content.
func (o *outlet) frame(b []byte) {
	if o.over {
		return
	}
	if _, err := o.x.w.Write(b); err != nil || o.rc.Flush() != nil {
		o.over = true
	}
	o.frames++
}

// piece sends a chunk of content, which is what the script's pace and faults
// count.
func (o *outlet) piece(b []byte) {
	o.fault()
	if o.over {
		return
	}
	if o.pieces > 0 && !o.x.wait(o.x.script.gap) {
		o.over = true
		return
	}
	o.pieces++
	o.frame(b)
}

// fault does what the script wants after the pieces sent so far.
func (o *outlet) fault() {
	s := &o.x.script
	if o.over || s.after > o.pieces {
		return
	}
	switch s.fault {
	case faultStall:
		o.x.hang()
		o.over = true
	case faultCrawl:
		for !o.over && o.x.wait(crawling) {
			o.frame(o.x.format.idle())
		}
		o.over = true
	case faultCut:
		o.x.reset()
		o.over = true
	case faultEnd:
		o.over = true
	case faultError:
		o.frame(o.x.format.broken(o, s.inside()))
		o.over = true
	case faultBad:
		o.frame([]byte("data: {\"this is\": [\"no JSON\n\n"))
		s.fault = faultless
	}
}

// finish stands before what ends an answer: a fault that waited for more content
// than there was happens now.
func (o *outlet) finish() {
	o.pieces = max(o.pieces, o.x.script.after)
	o.fault()
}

// wait pauses for d and says whether the client is still there.
func (x *exchange) wait(d time.Duration) bool {
	if d <= 0 {
		return x.r.Context().Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// hang waits for the client to leave.
func (x *exchange) hang() { x.wait(maxHang) }

// reset breaks the connection, so that the client sees no orderly end.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: what net/http offers instead
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		time.Sleep(2 * time.Millisecond) // a reset discards what wasn't sent yet
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// send writes a whole answer, cut short where the script says so.
func (x *exchange) send(contentType string, body []byte) {
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.status = http.StatusOK
	switch x.script.fault {
	case faultStall:
		x.half(body)
		x.hang()
	case faultCrawl:
		x.w.Header().Del("Content-Length")
		for x.wait(crawling) {
			_, _ = x.w.Write([]byte("\n"))
			_ = http.NewResponseController(x.w).Flush()
		}
	case faultCut, faultEnd:
		x.half(body)
		x.reset()
	case faultBad:
		body[len(body)-1] = ']'
		_, _ = x.w.Write(body)
	default:
		_, _ = x.w.Write(body)
	}
}

// half sends the first half of a body.
func (x *exchange) half(body []byte) {
	_, _ = x.w.Write(body[:len(body)/2])
	_ = http.NewResponseController(x.w).Flush()
}

// huge sends a line that doesn't end.
func (x *exchange) huge(stream bool) {
	x.status = http.StatusOK
	x.w.Header().Set("Content-Type", "application/json")
	line := []byte(strings.Repeat("endless ", 8<<10))
	start := `{"id":"`
	if stream {
		x.w.Header().Set("Content-Type", "text/event-stream")
		start = `data: {"id":"`
	}
	_, err := x.w.Write([]byte(start))
	for sent := 0; sent < maxHuge && err == nil; sent += len(line) {
		_, err = x.w.Write(line)
	}
}

// odd answers as a server of another kind.
func (x *exchange) odd(stream bool) {
	body := []byte(`{"status":"ok","version":"1.7.2"}`)
	if stream {
		x.open("text/event-stream").frame(append(append([]byte("data: "), body...), "\n\ndata: [DONE]\n\n"...))
		return
	}
	x.w.Header().Set("Content-Type", "application/json")
	x.status = http.StatusOK
	_, _ = x.w.Write(body)
}

// page answers as a broken proxy before the provider does.
func (x *exchange) page() {
	x.w.Header().Set("Content-Type", "text/html")
	x.status = http.StatusBadGateway
	x.w.WriteHeader(x.status)
	_, _ = x.w.Write([]byte("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n" +
		"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"))
}
