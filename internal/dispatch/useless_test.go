package dispatch_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/health"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// escalating is a call for which answers of no use are given up.
func (c *crew) escalating(body string) *dispatch.Call {
	call := c.call(llm.FormatChat, body)
	call.Useless = uses
	return call
}

func talks(pieces ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { say(w, pieces...) }
}

// A weak model whose keys rest is asked last, and what it says then is judged as
// ever.
func TestAnswersOfWhatRestsAreJudged(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newCrew(t, member{serve: talks(calling(`{"a":"bad"}`)...)}, member{serve: talks(began, word, finish, used, end)})
		c.cands[1].Up = true
		c.d.Health.Ended(health.Place{Account: "a", Key: provider.HintOf("a1"), Model: "m"}, health.Result{Kind: llm.KindRateLimit})
		asked, o := c.make(t.Context(), c.escalating(streamed))
		if asked != "a1 b1" || o.Status != dispatch.StatusOK || !strings.Contains(c.out.text(), "hello") {
			t.Errorf("asked %s: %s %v\n%s", asked, o.Status, o.Err, c.out.text())
		}
	})
}

// An answer that is given up in its middle is not waited for for long, and is no
// less of no use for that.
func TestAnswersThatAreGivenUpInTheirMiddle(t *testing.T) {
	t.Parallel()
	for _, client := range []llm.Format{llm.FormatChat, llm.FormatMessages} {
		bubble(t, func(t *testing.T) {
			weak := append(append([]any{}, calling(`{"a":"bad"}`)[:4]...), word, time.Minute, callEnds, used, end)
			c := newCrew(t, member{serve: talks(weak...)}, member{serve: busy}, member{serve: talks(began, word, finish, used, end)})
			c.cands[2].Up = true
			call := c.call(client, bodies[client])
			call.Useless = uses
			asked, o := c.make(t.Context(), call)
			if asked != "a1 c1" || o.Status != dispatch.StatusOK || o.Attempts[0].Err.Kind != llm.KindUseless {
				t.Errorf("%s asked %s: %s %v, the first %v", client, asked, o.Status, o.Err, o.Attempts[0].Err)
			}
			if took := time.Since(c.out.start); took > 2*time.Second {
				t.Errorf("%s waited %s for an answer of no use", client, took)
			}
		})
	}
}

// What was of no use is not said of the answer that came in its place.
func TestAGoodAnswerAfterOneOfNoUse(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		unused := strings.Replace(strings.Replace(used, `"completion_tokens":2`, `"completion_tokens":0`, 1), `"total_tokens":5`, `"total_tokens":3`, 1)
		c := newCrew(t, member{serve: talks(began, finish, unused, end)}, member{serve: busy}, member{serve: talks(began, word, finish, used, end)})
		c.cands[1].Up = true
		asked, o := c.make(t.Context(), c.escalating(streamed))
		if asked != "a1 b1 a1 c1" || o.Status != dispatch.StatusOK || o.Useless != "" {
			t.Errorf("asked %s: %s %v, %q of no use", asked, o.Status, o.Err, o.Useless)
		}
	})
}

// A call that comes in one piece may be larger than what is held back.
func TestALargeCallInOnePiece(t *testing.T) {
	t.Parallel()
	for _, client := range []llm.Format{llm.FormatChat, llm.FormatMessages} {
		bubble(t, func(t *testing.T) {
			large := fmt.Sprintf(callGoesOn, `{"text":"`+strings.Repeat("x", 2<<20)+`"}`)
			c := newCrew(t, member{serve: talks(began, callBegins, large, callEnds, used, end)}, member{serve: talks(began, word, finish, used, end)})
			c.cands[1].Up = true
			call := c.call(client, bodies[client])
			call.Useless = uses
			asked, o := c.make(t.Context(), call)
			if asked != "a1" || o.Status != dispatch.StatusOK {
				t.Errorf("%s asked %s: %s %.200v", client, asked, o.Status, o.Attempts[0].Err)
			}
		})
	}
}

// A round in which nobody can be asked is the last: what failed before the prompt
// turned out to be too long for it isn't waited for.
func TestARoundInWhichNobodyIsAskedIsTheLast(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newCrew(t, member{serve: busy, context: 100}, member{serve: tooLong, context: 200})
		call := c.call(llm.FormatChat, asked)
		call.Attempts = 5
		call.Timeout = time.Hour
		asked, o := c.make(t.Context(), call)
		if asked != "a1 b1" || o.Status != dispatch.StatusError || time.Since(c.out.start) > time.Minute {
			t.Errorf("asked %s in %s: %v", asked, time.Since(c.out.start), o.Err)
		}
	})
}

// Counting tokens says nothing of how the model answers.
func TestCountingIsNoSignOfHealth(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		limited := says(429, `{"type":"error","error":{"type":"rate_limit_error","message":"too many"}}`, "Retry-After", "60")
		r := newRig(t, rigOptions{typ: "anthropic"}, limited)
		r.d.Health = health.New(time.Now)
		count := r.call(llm.FormatMessages, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)
		count.Count = true
		if o, _ := r.run(t.Context(), count); o.Err == nil || o.Err.Kind != llm.KindRateLimit {
			t.Fatalf("counting ended with %v", o.Err)
		}
		if c := r.d.Health.Of(r.account.Name, "m", r.account.Hints()); c.Resting {
			t.Errorf("the model rests since its tokens were counted too often: %+v", c)
		}
	})
}

// The seal of a call belongs to it: what is sealed is held as others are, with the
// calls after it.
func TestSealedCallsAreHeld(t *testing.T) {
	t.Parallel()
	const sealed = `data: {"candidates":[{"index":0,"content":{"role":"model","parts":[{"functionCall":{"name":"look","args":{"a":"good"}},"thoughtSignature":"c2ln"}]}}]}` + "\n\n"
	const worse = `data: {"candidates":[{"index":0,"content":{"role":"model","parts":[{"functionCall":{"name":"look","args":{"a":"bad"}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}` + "\n\n"
	const better = `data: {"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hello"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}` + "\n\n"
	for _, client := range []llm.Format{llm.FormatChat, llm.FormatGemini} {
		bubble(t, func(t *testing.T) {
			r := newRig(t, rigOptions{typ: "gemini"}, func(w http.ResponseWriter, q *http.Request) {
				if strings.Contains(q.URL.Path, "weak") {
					say(w, sealed, time.Second, worse)
					return
				}
				say(w, better)
			})
			call := r.call(client, bodies[client])
			call.Useless = uses
			r.out.start = time.Now()
			o, _ := r.d.Run(t.Context(), call, []dispatch.Candidate{{Account: r.account, Model: "weak"}, {Account: r.account, Model: "strong", Up: true}}, r, r.out)
			if text := r.out.text(); o.Status != dispatch.StatusOK || o.Last().Model != "strong" || strings.Contains(text, "look") || !strings.Contains(text, "hello") {
				t.Errorf("%s: %s %v, %q of no use, by %s: %s", client, o.Status, o.Err, o.Useless, o.Last().Model, text)
			}
		})
	}
}

// A request that was written anew and holds no reasoning isn't sent again without it;
// one that was passed on as it came may still be written in a way that is taken.
func TestWhatHoldsNoReasoningIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for client, attempts := range map[llm.Format]int{llm.FormatChat: 1, llm.FormatMessages: 2} {
		bubble(t, func(t *testing.T) {
			r := newRig(t, rigOptions{typ: "anthropic"}, says(400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block\"}}"))
			o, _ := r.run(t.Context(), r.call(client, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`))
			if len(o.Attempts) != attempts || o.Err == nil || o.Err.Kind != llm.KindReasoning {
				t.Errorf("%s: %d attempts, %v", client, len(o.Attempts), o.Err)
			}
		})
	}
}
