package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Request is one request that the simulator received.
type Request struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	Path   string    `json:"path"` // with the query, without a key in it
	// Header holds what was sent; in the place of a key stands the beginning of
	// its hash, so that keys can be told apart.
	Header http.Header `json:"header"`
	Body   string      `json:"body"`   // its first 64 KiB
	Model  string      `json:"model"`  // which answered, or was asked for
	Status int         `json:"status"` // what was answered; 0 for a connection that was reset
}

// secrets are the headers that carry keys.
var secrets = []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key", "X-Amz-Security-Token", "Proxy-Authorization", "Cookie"}

// newRequest notes a request that was received.
func newRequest(r *http.Request, body []byte) Request {
	url := *r.URL
	if query := url.Query(); query.Has("key") {
		query.Set("key", redact(query.Get("key")))
		url.RawQuery = query.Encode()
	}
	header := r.Header.Clone()
	for _, name := range secrets {
		for i, v := range header[name] {
			header[name][i] = redact(v)
		}
	}
	return Request{
		At: time.Now(), Method: r.Method, Path: url.RequestURI(), Header: header,
		Body: string(body[:min(len(body), maxKept)]),
	}
}

// redact stands for a secret.
func redact(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "redacted-" + hex.EncodeToString(sum[:4])
}

// requestLog keeps the last requests.
type requestLog struct {
	mu   sync.Mutex // protects list
	list []Request
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == maxLog {
		l.list = slices.Delete(l.list, 0, 1)
	}
	l.list = append(l.list, r)
}

func (l *requestLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}

// Requests returns the last requests that were received, oldest first: at most
// 256, each when it was answered.
func (s *Server) Requests() []Request {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	return slices.Clone(s.requests.list)
}
