package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

var bodies = map[llm.Format]string{
	llm.FormatChat:      streamed,
	llm.FormatGemini:    streamed,
	llm.FormatMessages:  `{"model":"m","stream":true,"max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`,
	llm.FormatResponses: `{"model":"m","stream":true,"store":false,"input":"hi"}`,
}

func TestNothingIsSentBeforeTheFirstWord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, rigOptions{}, func(w http.ResponseWriter, _ *http.Request) {
			say(w, ": hello\n\n", began, 5*time.Second, word, finish, used, end)
		})
		o, _ := r.run(t.Context(), r.call(llm.FormatChat, streamed))
		if d := cmp.Diff([]string{"5s early false attempt true"}, r.out.commits); d != "" {
			t.Error(d)
		}
		if want := ": hello\n\n" + began + word + finish + used + end; r.out.text() != want {
			t.Errorf("%s", cmp.Diff(want, r.out.text()))
		}
		if o.Status != dispatch.StatusOK || o.Last().FirstEvent != 5*time.Second || o.Last().Metered.Usage.Total() != 5 {
			t.Errorf("%+v", o.Last())
		}
	})
}

func TestAnErrorBeforeTheFirstWordIsClean(t *testing.T) {
	for name, pieces := range map[string][]any{
		"an error in the stream": {began, time.Second, `data: {"error":{"message":"busy","code":503}}` + "\n\n"},
		"no end":                 {began},
		"nothing":                {},
		"garbage":                {"data: {{{{\n\n"},
		"an endless prelude":     {strings.Repeat(": "+strings.Repeat("x", 4<<10)+"\n\n", 300)},
	} {
		for f, body := range bodies {
			t.Run(name+" to "+string(f), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := newRig(t, rigOptions{}, func(w http.ResponseWriter, _ *http.Request) { say(w, pieces...) })
					o, committed := r.run(t.Context(), r.call(f, body))
					if f != llm.FormatChat && name == "an endless prelude" {
						// Comments are not passed on in translation, so nothing piles up.
						if o.Status != dispatch.StatusError {
							t.Errorf("%s", o.Status)
						}
						return
					}
					if o.Status != dispatch.StatusError || o.Err == nil || o.Err.Provider != "up" || committed || r.out.text() != "" {
						t.Errorf("%s %v, committed %v: %q", o.Status, o.Err, committed, r.out.text())
					}
					if d := cmp.Diff([]string{"open 0", "done 0 error"}, r.events); d != "" {
						t.Error(d)
					}
				})
			})
		}
	}
}

func TestABreakLooksBrokenInEveryFormat(t *testing.T) {
	ends := map[llm.Format]string{llm.FormatChat: "[DONE]", llm.FormatMessages: "message_stop", llm.FormatResponses: "response.completed", llm.FormatGemini: "finishReason"}
	for _, late := range []bool{false, true} {
		for f, body := range bodies {
			name := "after the first word"
			if late {
				name = "after pings alone"
			}
			t.Run(name+" to "+string(f), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := newRig(t, rigOptions{}, func(w http.ResponseWriter, _ *http.Request) {
						pieces := []any{began, word, word}
						if late {
							pieces = []any{began, 11 * time.Second}
						}
						say(w, pieces...)
						panic(http.ErrAbortHandler)
					})
					o, committed := r.run(t.Context(), r.call(f, body))
					want := dispatch.StatusCut
					if late {
						want = dispatch.StatusError
					}
					text := r.out.text()
					if o.Status != want || !committed || o.Err == nil || o.Err.Kind != llm.KindTruncated {
						t.Errorf("%s, committed %v: %v", o.Status, committed, o.Err)
					}
					if strings.Contains(text, ends[f]) || strings.Contains(text, "hello") == late {
						t.Errorf("%s", text)
					}
					if !strings.Contains(text, `"error"`) && !strings.Contains(text, "response.failed") {
						t.Errorf("no error event: %s", text)
					}
				})
			})
		}
	}
}

func TestAnotherKeyIsTried(t *testing.T) {
	for status, body := range map[int]string{
		401: `{"error":{"message":"bad key","code":"invalid_api_key"}}`,
		429: `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`,
		402: `{"error":{"message":"Insufficient Balance"}}`,
		403: `{"error":{"message":"not for you"}}`,
	} {
		bubble(t, func(t *testing.T) {
			var keys []string
			r := newRig(t, rigOptions{keys: []string{"bad", "good", "spare"}}, func(w http.ResponseWriter, q *http.Request) {
				key := strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer ")
				keys = append(keys, key)
				if key == "bad" {
					w.WriteHeader(status)
					_, _ = io.WriteString(w, body)
					return
				}
				_, _ = io.WriteString(w, answered)
			})
			o, _ := r.run(t.Context(), r.call(llm.FormatChat, asked))
			if d := cmp.Diff([]string{"bad", "good"}, keys); d != "" {
				t.Errorf("%d: %s", status, d)
			}
			if d := cmp.Diff([]string{"open 0", "open 1", "close 0 error", "done 1 ok"}, r.events); d != "" {
				t.Errorf("%d: %s", status, d)
			}
			if o.Status != dispatch.StatusOK || o.Err != nil || string(o.Body) != answered {
				t.Errorf("%d: %s %v", status, o.Status, o.Err)
			}
			// The refused key rests: the next call doesn't ask with it.
			if o, _ = r.run(t.Context(), r.call(llm.FormatChat, asked)); len(o.Attempts) != 1 {
				t.Errorf("%d: %d attempts with a key that rests", status, len(o.Attempts))
			}
		})
	}
}

func TestWhenEveryKeyIsRefusedTheLastRefusalCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, rigOptions{keys: []string{"a", "b", "c"}}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
			_, _ = io.WriteString(w, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`)
		})
		o, _ := r.run(t.Context(), r.call(llm.FormatChat, asked))
		want := []string{"open 0", "open 1", "close 0 error", "open 2", "close 1 error", "done 2 error"}
		if d := cmp.Diff(want, r.events); d != "" {
			t.Error(d)
		}
		if o.Err == nil || o.Err.Kind != llm.KindRateLimit || o.Err.RetryAfter != 7*time.Second {
			t.Errorf("%+v", o.Err)
		}
		// All rest now: nothing is sent, and nothing is recorded.
		r.events = nil
		o, _ = r.run(t.Context(), r.call(llm.FormatChat, asked))
		if o.Err == nil || o.Err.Kind != llm.KindUnavailable || len(r.events) > 0 {
			t.Errorf("%v %v", o.Err, r.events)
		}
		time.Sleep(8 * time.Second)
		if o, _ = r.run(t.Context(), r.call(llm.FormatChat, asked)); len(o.Attempts) != 3 {
			t.Errorf("%d attempts after the rest", len(o.Attempts))
		}
	})
}

// TestAnAttemptThatCannotBeRecordedEndsTheTurn: what was sent before it must be
// recorded as ended all the same.
func TestAnAttemptThatCannotBeRecordedEndsTheTurn(t *testing.T) {
	for refuse, want := range [][]string{nil, {"open 0", "done 0 error"}} {
		bubble(t, func(t *testing.T) {
			sent := 0
			r := newRig(t, rigOptions{keys: []string{"a", "b"}, refuse: refuse + 1}, func(w http.ResponseWriter, _ *http.Request) {
				sent++
				w.WriteHeader(401)
				_, _ = io.WriteString(w, `{"error":{"message":"bad key"}}`)
			})
			o, committed := r.run(t.Context(), r.call(llm.FormatChat, asked))
			if d := cmp.Diff(want, r.events); d != "" {
				t.Error(d)
			}
			if o.Status != dispatch.StatusError || o.Err == nil || committed || sent != refuse || len(o.Attempts) != refuse {
				t.Errorf("%s %v after %d sent, %d attempts", o.Status, o.Err, sent, len(o.Attempts))
			}
		})
	}
}

const thought = `{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"},` +
	`{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"text","text":"yes"}]},{"role":"user","content":"go on"}]}`

func TestRefusedReasoningIsLeftOutOnce(t *testing.T) {
	for _, always := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			var bodies []string
			r := newRig(t, rigOptions{typ: "anthropic"}, func(w http.ResponseWriter, q *http.Request) {
				b, err := io.ReadAll(q.Body)
				if err != nil {
					t.Error(err)
				}
				bodies = append(bodies, string(b))
				if always || strings.Contains(string(b), "c2ln") {
					w.WriteHeader(400)
					_, _ = io.WriteString(w, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"messages.1.content.0: Invalid `signature` in `thinking` block\"}}")
					return
				}
				_, _ = io.WriteString(w, `{"id":"msg","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}`)
			})
			o, _ := r.run(t.Context(), r.call(llm.FormatMessages, thought))
			if len(bodies) != 2 || bodies[0] != thought || strings.Contains(bodies[1], "thinking") || !strings.Contains(bodies[1], `"yes"`) {
				t.Errorf("%d sent: %s", len(bodies), strings.Join(bodies, "\n"))
			}
			if ok := o.Status == dispatch.StatusOK; ok == always {
				t.Errorf("%s %v", o.Status, o.Err)
			}
			want := []string{"open 0", "open 1", "close 0 error", "done 1 " + string(o.Status)}
			if d := cmp.Diff(want, r.events); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAClientThatLeavesEndsTheAttempt(t *testing.T) {
	for _, c := range []struct {
		name, body string
		pieces     []any
	}{
		{"before an answer", asked, nil},
		{"before the first word", streamed, []any{began}},
		{"in the middle", streamed, []any{began, word}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ended := make(chan time.Duration, 1)
				start := time.Now()
				r := newRig(t, rigOptions{}, func(w http.ResponseWriter, q *http.Request) {
					if c.pieces != nil {
						say(w, c.pieces...)
					}
					<-q.Context().Done()
					ended <- time.Since(start)
				})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(3*time.Second, cancel)
				o, _ := r.run(ctx, r.call(llm.FormatChat, c.body))
				if o.Status != dispatch.StatusCanceled || o.Err == nil || o.Err.Kind != llm.KindCanceled {
					t.Errorf("%s %v", o.Status, o.Err)
				}
				if took := time.Since(start); took != 3*time.Second {
					t.Errorf("noticed after %s", took)
				}
				if at := <-ended; at != 3*time.Second {
					t.Errorf("the provider was told after %s", at)
				}
				if d := cmp.Diff([]string{"open 0", "done 0 canceled"}, r.events); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

func TestAClientThatCannotBeWrittenToEndsTheAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		left := make(chan struct{})
		r := newRig(t, rigOptions{}, func(w http.ResponseWriter, q *http.Request) {
			say(w, began, word)
			<-q.Context().Done()
			close(left)
		})
		r.out.broken = errors.New("i/o timeout")
		o, _ := r.run(t.Context(), r.call(llm.FormatChat, streamed))
		<-left
		if o.Status != dispatch.StatusCanceled {
			t.Errorf("%s %v", o.Status, o.Err)
		}
	})
}

// TestAnAnswerEndsWithItsTerminator: a provider may keep its connection open
// after the end of the answer; the client must not wait for that.
func TestAnAnswerEndsWithItsTerminator(t *testing.T) {
	for f, body := range bodies {
		t.Run(string(f), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, rigOptions{timeout: provider.Timeout{Idle: 5 * time.Minute}}, func(w http.ResponseWriter, q *http.Request) {
					say(w, began, word, finish, used, end)
					<-q.Context().Done()
				})
				o, _ := r.run(t.Context(), r.call(f, body))
				if took := time.Since(r.out.start); took > 5*time.Second {
					t.Errorf("the client waited %s", took)
				}
				if o.Status != dispatch.StatusOK || o.Err != nil || o.Last().Status != dispatch.StatusOK {
					t.Errorf("%s %v %s", o.Status, o.Err, o.Last().Status)
				}
			})
		})
	}
}

// TestABreakAfterTheTerminatorChangesNothing: the turn is recorded by then.
func TestABreakAfterTheTerminatorChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, rigOptions{}, func(w http.ResponseWriter, _ *http.Request) {
			say(w, began, word, finish, used, end)
			panic(http.ErrAbortHandler)
		})
		o, _ := r.run(t.Context(), r.call(llm.FormatChat, streamed))
		if a := o.Last(); o.Status != dispatch.StatusOK || o.Err != nil || a.Status != dispatch.StatusOK || a.Err != nil {
			t.Errorf("%s %v; the attempt %s %v", o.Status, o.Err, a.Status, a.Err)
		}
		if want := began + word + finish + used + end; r.out.text() != want {
			t.Errorf("%s", r.out.text())
		}
	})
}

// TestTheClientsBytesAreLetGo: a provider may answer before it has read the
// request. What is written to it later must not be what the next request has in
// the same buffer.
func TestTheClientsBytesAreLetGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		conns := make(chan net.Conn, 1)
		r := newRig(t, rigOptions{typ: "gemini", dial: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			conns <- server
			return client, nil
		}}, nil)
		const filler = "the first client's own words "
		body := `{"contents":[{"role":"user","parts":[{"text":"` + strings.Repeat(filler, 10_000) + `"}]}]}`
		call := r.call(llm.FormatGemini, streamed)
		call.Raw.Body = []byte(body)
		buffer := call.Raw.Body
		reused, got := make(chan struct{}), make(chan string, 1)
		r.out.onCommit = func() {
			for i := range buffer {
				buffer[i] = '#' // another request's bytes
			}
			close(reused)
		}
		go func() {
			c := <-conns
			defer c.Close()
			head := make([]byte, 4096)
			n, err := c.Read(head)
			if err != nil {
				t.Error(err)
			}
			answer := `data: {"candidates":[{"content":{"parts":[{"text":"hello"}],"role":"model"},"index":0}]}` + "\n\n"
			rest := `data: {"candidates":[{"content":{"parts":[{"text":"."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}` + "\n\n"
			if _, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s", len(answer)+len(rest), answer); err != nil {
				t.Error(err)
			}
			<-reused
			sent := make([]byte, len(body)/2)
			if _, err := io.ReadFull(c, sent); err != nil {
				t.Error(err)
			}
			got <- string(head[:n]) + string(sent)
			if _, err := io.WriteString(c, rest); err != nil {
				t.Error(err)
			}
		}()
		o, _ := r.run(t.Context(), call)
		if o.Status != dispatch.StatusOK {
			t.Errorf("%s %v", o.Status, o.Err)
		}
		if text := <-got; strings.Contains(text, "###") {
			t.Error("another request's bytes went out with this one")
		}
		synctest.Wait()
	})
}

func TestLargeAnswersAreBoundedTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		large := strings.Replace(answered, "hello", strings.Repeat("x", 3<<20), 1)
		wait := make(chan struct{})
		r := newRig(t, rigOptions{}, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, large[:len(large)-10])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-wait:
			case <-q.Context().Done():
			}
			_, _ = io.WriteString(w, large[len(large)-10:])
		})
		r.d.MaxAnswers = 10 << 20
		results := make(chan *dispatch.Outcome, 4)
		for range 4 {
			one := *r // records of its own
			one.out = &output{}
			go func() {
				o, _ := one.run(t.Context(), one.call(llm.FormatChat, asked))
				results <- o
			}()
		}
		synctest.Wait()
		close(wait)
		got := map[string]int{}
		for range 4 {
			o := <-results
			if o.Err != nil {
				got[string(o.Err.Kind)]++
			} else if string(o.Body) == large {
				got["ok"]++
			}
		}
		if got["ok"] == 0 || got[string(llm.KindUnavailable)] == 0 || got["ok"]+got[string(llm.KindUnavailable)] != 4 {
			t.Errorf("%v", got)
		}
		// What was held is given back.
		if o, _ := r.run(t.Context(), r.call(llm.FormatChat, asked)); o.Status != dispatch.StatusOK {
			t.Errorf("afterwards: %v", o.Err)
		}
	})
}
