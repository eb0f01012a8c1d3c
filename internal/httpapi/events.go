package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
)

// eventStream writes server-sent events to somebody who reads them as they come.
type eventStream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

// readPatience is how long a reader may take for what is sent.
const readPatience = 10 * time.Second

func newEventStream(w http.ResponseWriter) eventStream {
	return eventStream{w: w, c: http.NewResponseController(w)}
}

// begin sends the head, so that the reader knows that it is heard.
func (s *eventStream) begin() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	// The server's read limit is that of a request; this one goes on.
	if err := s.c.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	s.w.WriteHeader(http.StatusOK)
	return s.send(": begun\n\n")
}

// event sends an event with a value as JSON; id may be empty.
func (s *eventStream) event(name, id string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return s.send("event: " + name + "\n" + id + "data: " + string(body) + "\n\n")
}

// send writes and flushes, unless the reader takes too long for it.
func (s *eventStream) send(text string) error {
	if err := s.c.SetWriteDeadline(time.Now().Add(readPatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.c.Flush()
}
