package sim

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// client talks to a simulator of its own.
type client struct {
	t      *testing.T
	sim    *Server
	server *httptest.Server
	header http.Header
}

func newClient(t *testing.T) *client {
	t.Helper()
	s := New(Options{Seed: 1})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	header := http.Header{
		"Authorization": {"Bearer sk-test"}, "Content-Type": {"application/json"},
		"X-Goog-Api-Key": {"AIza-test"}, "Anthropic-Version": {"2023-06-01"},
	}
	return &client{t, s, server, header}
}

// reply is an answer that was read to its end, or as far as it went.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// do sends a request; err is that of getting headers.
func (c *client) do(method, path, body string) (reply, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.server.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header = c.header.Clone()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b), err}, nil
}

// post sends a request that must be answered.
func (c *client) post(path, body string) reply {
	c.t.Helper()
	got, err := c.do(http.MethodPost, path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return got
}

// get reads a path that must be answered with 200, into a value.
func (c *client) get(path string, into any) {
	c.t.Helper()
	got, err := c.do(http.MethodGet, path, "")
	if err != nil || got.err != nil || got.status != http.StatusOK {
		c.t.Fatalf("GET %s: %v, %+v", path, err, got)
	}
	read(c.t, got.body, into)
}

// ok sends a request that must be answered with 200, and reads the body.
func (c *client) ok(path, body string, into any) {
	c.t.Helper()
	got := c.post(path, body)
	if got.status != http.StatusOK || got.err != nil {
		c.t.Fatalf("POST %s: %+v", path, got)
	}
	read(c.t, got.body, into)
}

func read(t *testing.T, body string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
}

// events are the data lines of a stream.
func events(body string) []string {
	var list []string
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok {
			list = append(list, data)
		}
	}
	return list
}

// refused checks that each body is answered with a 400 whose text holds want.
type refused struct{ name, body, want string }

func (c *client) refuses(path string, cases []refused) {
	c.t.Helper()
	for _, test := range cases {
		c.t.Run(test.name, func(t *testing.T) {
			got := c.post(path, test.body)
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, test.want) {
				t.Errorf("%s: got %d %s, want 400 with %q", test.body, got.status, got.body, test.want)
			}
		})
	}
}
