package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/ledger"
)

// pipes is a listener whose connections are pipes in memory, so that time in
// tests is the test's own.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serving serves a handler within the bubble.
func serving(t *testing.T, h http.Handler) *pipes {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(p) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return p
}

func TestSlowBodiesAreGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		pause time.Duration // before each further byte
		after time.Duration
	}{
		"stands still":    {time.Hour, 30 * time.Second},
		"in single bytes": {20 * time.Second, 5 * time.Minute},
	} {
		for _, length := range []string{"Content-Length: 50000", "Transfer-Encoding: chunked"} {
			t.Run(name+" "+length, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEdge(t, "http://127.0.0.1:1", edgeOptions{})
					p := serving(t, e.mux)
					conn, err := p.dial(t.Context(), "", "")
					if err != nil {
						t.Fatal(err)
					}
					start := time.Now()
					if _, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: %s\r\n%s\r\n\r\n", adminKey, length); err != nil {
						t.Fatal(err)
					}
					go func() {
						for {
							time.Sleep(c.pause)
							piece := " "
							if strings.HasSuffix(length, "chunked") {
								piece = "1\r\n \r\n"
							}
							if _, err := io.WriteString(conn, piece); err != nil {
								return
							}
						}
					}()
					resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					took := time.Since(start)
					b, err := io.ReadAll(resp.Body)
					if err != nil || resp.StatusCode != 400 || !strings.HasPrefix(string(b), ways[0].wrong) {
						t.Errorf("%d %s %v", resp.StatusCode, b, err)
					}
					if took < c.after || took > c.after+5*time.Second {
						t.Errorf("given up after %s, want %s", took, c.after)
					}
					if n := e.Budget.Used(); n != 0 {
						t.Errorf("%d bytes of the budget are never given back", n)
					}
					if err := conn.Close(); err != nil {
						t.Error(err)
					}
					time.Sleep(2 * time.Hour)
				})
			})
		}
	}
}

// TestARefusalDoesNotWaitForTheBody: whoever has no key must not be able to hold
// a connection by announcing a body that never comes.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	for _, line := range []string{"POST /v1/chat/completions", "DELETE /v1/messages", "POST /v1/nothing", "POST /v1beta/models/up/sim:generateContent"} {
		synctest.Test(t, func(t *testing.T) {
			e := newEdge(t, "http://127.0.0.1:1", edgeOptions{})
			p := serving(t, e.mux)
			conn, err := p.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: nobody\r\nContent-Length: 1000\r\n\r\n{", line); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Hour, func() { _ = conn.Close() })
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if took := time.Since(start); resp.StatusCode/100 != 4 || took > 30*time.Second {
				t.Errorf("%s: %d after %s", line, resp.StatusCode, took)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAClientThatStopsReadingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan time.Duration, 1)
		start := time.Now()
		up := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				_, _ = fmt.Fprintf(w, "data: {\"id\":\"a\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"sim\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", strings.Repeat("x", 10_000))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
			left <- time.Since(start)
		}))
		e := newEdge(t, "http://127.0.0.1:1", edgeOptions{
			dial: up.dial,
			// A ping that waits for the blocked writer would stop the bubble's clock.
			pingAfter: time.Hour,
		})
		p := serving(t, e.mux)
		conn, err := p.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		body := `{"model":"up/sim","stream":true,"messages":[{"role":"user","content":"hi"}]}`
		if _, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s", adminKey, len(body), body); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		// From here on nothing is read.
		if at := <-left; at > time.Minute {
			t.Errorf("the provider worked on for %s", at)
		}
		synctest.Wait()
		if _, status := e.notes.last(t); status != dispatch.StatusCanceled {
			t.Errorf("the turn ended %s", status)
		}
		if n := e.InFlight(); n != 0 {
			t.Errorf("%d requests are still being served", n)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		_ = resp.Body.Close() // of an answer that was cut
	})
}

// manyTurns is a reader whose answer is larger than what lies in buffers.
type manyTurns struct{ ledger.Reader }

func (manyTurns) Turns(_ context.Context, _ string, f ledger.TurnFilter) ([]ledger.Turn, error) {
	return slices.Repeat([]ledger.Turn{{ID: "turn", Org: "acme", Status: ledger.StatusOK}}, f.Limit), nil
}

func TestAReaderOfTurnsThatStopsReadingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &httpapi.Management{
			Gateway: newEdge(t, "http://127.0.0.1:1", edgeOptions{}).Gateway, Directory: directory(t), Reader: manyTurns{}, Zone: time.UTC,
			Log: slog.New(slog.DiscardHandler), Now: time.Now, Lists: func(string) (time.Time, string) { return time.Time{}, "" },
		}
		mux := http.NewServeMux()
		if err := m.Register(mux); err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		p := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(served)
			mux.ServeHTTP(w, r)
		}))
		conn, err := p.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "GET /api/v1/turns?limit=500 HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: %s\r\n\r\n", adminKey); err != nil {
			t.Fatal(err)
		}
		select {
		case <-served:
		case <-time.After(time.Hour):
			t.Error("who reads nothing is served for ever")
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

// A client that reads slowly has its time for each piece, however large the whole
// answer is.
func TestASlowReaderGetsALargeAnswer(t *testing.T) {
	for _, stream := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			text := strings.Repeat("x", 4<<20)
			up := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					return
				}
				if stream {
					w.Header().Set("Content-Type", "text/event-stream")
					_, _ = fmt.Fprintf(w, "data: {\"id\":\"a\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"sim\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", text)
					return
				}
				_, _ = fmt.Fprintf(w, `{"id":"a","object":"chat.completion","created":1,"model":"sim","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}]}`, text)
			}))
			e := newEdge(t, "http://127.0.0.1:1", edgeOptions{dial: up.dial, pingAfter: time.Hour})
			p := serving(t, e.mux)
			conn, err := p.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			body := fmt.Sprintf(`{"model":"up/sim","stream":%v,"messages":[{"role":"user","content":"hi"}]}`, stream)
			if _, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s", adminKey, len(body), body); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, most := 0, make([]byte, 64<<10)
			for {
				n, err := io.ReadFull(resp.Body, most)
				got += n
				if err != nil {
					if got < len(text) || errors.Is(err, io.ErrUnexpectedEOF) && n == 0 {
						t.Errorf("stream %v: %d bytes, %v", stream, got, err)
					}
					break
				}
				time.Sleep(time.Second)
			}
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// stuckReader is a database whose answers take for ever.
type stuckReader struct{ ledger.Reader }

func (stuckReader) Turns(ctx context.Context, _ string, _ ledger.TurnFilter) ([]ledger.Turn, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("read the turns: %w", ctx.Err())
}

func TestAQuestionThatTakesTooLongIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &httpapi.Management{
			Gateway: newEdge(t, "http://127.0.0.1:1", edgeOptions{}).Gateway, Directory: directory(t), Reader: stuckReader{}, Zone: time.UTC,
			Log: slog.New(slog.DiscardHandler), Now: time.Now, Lists: func(string) (time.Time, string) { return time.Time{}, "" },
		}
		mux := http.NewServeMux()
		if err := m.Register(mux); err != nil {
			t.Fatal(err)
		}
		p := serving(t, mux)
		conn, err := p.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "GET /api/v1/turns HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: %s\r\n\r\n", adminKey); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%+v %v", resp, err)
		}
		if err := errors.Join(resp.Body.Close(), conn.Close()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}
