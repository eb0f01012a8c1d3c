package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// brittle is a format with a mistake in it.
type brittle struct{ chat.Format }

func (brittle) NewMeter(wire.Target) wire.Meter { panic("a mistake of ours") }

func TestAPanicEndsTheTurn(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		r := newRig(t, rigOptions{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answered)) })
		call := r.call(llm.FormatChat, asked)
		call.Client = brittle{}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			r.run(t.Context(), call)
		}()
		if d := cmp.Diff([]string{"open 0", "done 0 error"}, r.events); d != "" {
			t.Error(d)
		}
	})
}

// hurt is a connection that breaks while it is read, as the system tells it.
type hurt struct{ net.Conn }

func (c hurt) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		addr := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4567}
		err = &net.OpError{Op: "read", Net: "tcp", Source: addr, Addr: addr, Err: syscall.ECONNRESET}
	}
	return n, err
}

func TestFailuresTellNoAddress(t *testing.T) {
	t.Parallel()
	refused := func(context.Context, string, string) (net.Conn, error) {
		addr := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4567}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: addr, Err: syscall.ECONNREFUSED}
	}
	unknown := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "gpu-7.internal", Server: "10.1.2.3:53"}}
	}
	resets := func(ctx context.Context, p *pipes) (net.Conn, error) {
		c, err := p.dial(ctx, "", "")
		return hurt{c}, err
	}
	for _, c := range []struct {
		name, body, want string
		dial             func(ctx context.Context, network, address string) (net.Conn, error)
	}{
		{"refused", asked, "cannot reach up: connection refused", refused},
		{"unknown", asked, "cannot reach up: its name can't be resolved", unknown},
		{"reset", asked, "the answer broke off after 10 bytes: connection reset by peer", nil},
		{"reset stream", streamed, "the stream broke: connection reset by peer", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newPipes()
				if c.dial == nil {
					c.dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return resets(ctx, p) }
				}
				r := newRig(t, rigOptions{dial: c.dial}, nil)
				srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if c.body == streamed {
						say(w, began, word)
					} else {
						w.Header().Set("Content-Length", "1000")
						_, _ = w.Write([]byte(answered[:10]))
						_ = http.NewResponseController(w).Flush() // a client that left shows in the test's end
					}
					panic(http.ErrAbortHandler)
				})}
				done := make(chan error, 1)
				go func() { done <- srv.Serve(p) }()
				o, _ := r.run(t.Context(), r.call(llm.FormatChat, c.body))
				if o.Err == nil || o.Err.Message != c.want || strings.Contains(r.out.text(), "10.1.2.3") {
					t.Errorf("%+v, the client got %q", o.Err, r.out.text())
				}
				var op *net.OpError
				if !errors.As(o.Err, &op) {
					t.Error("the cause is gone")
				}
				if err := srv.Close(); err != nil {
					t.Error(err)
				}
				if err := <-done; !errors.Is(err, http.ErrServerClosed) {
					t.Error(err)
				}
			})
		})
	}
}

func TestAProviderThatRepeatsTheKeyIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 500} {
		bubble(t, func(t *testing.T) {
			r := newRig(t, rigOptions{keys: []string{"sk-very-secret"}}, func(w http.ResponseWriter, req *http.Request) {
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, `{"error":{"message":"what is %s?"}}`, req.Header.Get("Authorization"))
			})
			o, _ := r.run(t.Context(), r.call(llm.FormatChat, asked))
			if e := o.Last().Err; e == nil || !strings.Contains(e.Message, "what is Bearer …?") || strings.Contains(fmt.Sprintf("%v %s", e, e.Raw), "very-secret") {
				t.Errorf("%d: %+v", status, e)
			}
		})
	}
}

func TestWhenAllKeysRestTheClientIsToldForHowLong(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		r := newRig(t, rigOptions{keys: []string{"key-one", "key-two"}}, func(w http.ResponseWriter, req *http.Request) {
			after := "40"
			if strings.HasSuffix(req.Header.Get("Authorization"), "two") {
				after = "999999999"
			}
			w.Header().Set("Retry-After", after)
			w.WriteHeader(429)
			_, _ = w.Write([]byte(`{"error":{"message":"slowly"}}`))
		})
		r.run(t.Context(), r.call(llm.FormatChat, asked))
		time.Sleep(10 * time.Second)
		o, _ := r.run(t.Context(), r.call(llm.FormatChat, asked))
		if o.Err == nil || o.Err.Kind != llm.KindUnavailable || o.Err.RetryAfter != 30*time.Second || len(o.Attempts) > 0 {
			t.Errorf("%+v", o.Err)
		}
		r.events = nil
		time.Sleep(2 * time.Hour) // a wild wait is not believed
		r.run(t.Context(), r.call(llm.FormatChat, asked))
		if n := len(r.events); n != 4 {
			t.Errorf("not every key was tried again: %q", r.events)
		}
	})
}

// What is kept of an answer to be sent back later must not grow for as long as a
// provider talks.
func TestAKeptStreamIsBounded(t *testing.T) {
	t.Parallel()
	for _, client := range []llm.Format{llm.FormatChat, llm.FormatMessages} {
		for _, keep := range []bool{false, true} {
			bubble(t, func(t *testing.T) {
				r := newRig(t, rigOptions{}, func(w http.ResponseWriter, _ *http.Request) {
					say(w, began, strings.Repeat(word, 2000), finish, used, end)
				})
				r.d.MaxAnswer = 50_000 // a quarter of what a stream may have, and this one has twice that
				body := streamed
				if client == llm.FormatMessages {
					body = strings.Replace(streamed, `"stream_options":{"include_usage":true}`, `"max_tokens":9`, 1)
				}
				call := r.call(client, body)
				r.cand.KeepParts = keep
				o, _ := r.run(t.Context(), call)
				if cut := o.Err != nil && strings.Contains(o.Err.Message, "larger than 200000 bytes"); cut != keep {
					t.Errorf("%s, kept %v: %s %v", client, keep, o.Status, o.Err)
				}
			})
		}
	}
}
