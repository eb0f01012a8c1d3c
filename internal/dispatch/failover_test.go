package dispatch_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/health"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// crew is a dispatcher in front of several accounts.
type crew struct {
	*rig
	cands []dispatch.Candidate

	mu    sync.Mutex // protects following fields
	asked []string   // account/key, in order
	at    []time.Duration
}

// member is an account of a crew, with one model.
type member struct {
	keys    int // 0 is one
	timeout provider.Timeout
	context int
	serve   http.HandlerFunc
}

// newCrew makes accounts called a, b and so on, each a candidate.
func newCrew(t *testing.T, members ...member) *crew {
	t.Helper()
	c := &crew{}
	for i, m := range members {
		name := string(rune('a' + i))
		o := rigOptions{name: name, timeout: m.timeout, keys: []string{}}
		for k := range max(m.keys, 1) {
			o.keys = append(o.keys, fmt.Sprint(name, k+1))
		}
		r := newRig(t, o, func(w http.ResponseWriter, q *http.Request) {
			c.mu.Lock()
			c.asked = append(c.asked, strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer "))
			c.at = append(c.at, time.Since(c.out.start))
			c.mu.Unlock()
			m.serve(w, q)
		})
		if c.rig == nil {
			c.rig = r
			c.d.Health = health.New(time.Now)
		}
		cand := r.cand
		cand.Context = m.context
		c.cands = append(c.cands, cand)
	}
	return c
}

// make makes a call and returns whom it asked, and how it ended.
func (c *crew) make(ctx context.Context, call *dispatch.Call) (string, *dispatch.Outcome) {
	c.mu.Lock()
	c.asked, c.at = nil, nil
	c.mu.Unlock()
	c.out.start = time.Now()
	o, _ := c.d.Run(ctx, call, c.cands, c.rig, c.out)
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.asked, " "), o
}

// says answers with a status and a body.
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func oops(message string) string { return `{"error":{"message":"` + message + `"}}` }

var (
	well     = says(200, answered)
	busy     = says(503, oops("busy"))
	spent    = says(429, `{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`)
	tooLong  = says(400, `{"error":{"message":"too long","code":"context_length_exceeded"}}`)
	silent   = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	breaksUp = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
)

// What is the key's fault goes to another key of the account first, what is the
// provider's to another provider.
func TestWhereACallGoesNext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		asked string
		kind  llm.Kind
	}{
		"no such key":    {says(401, oops("bad key")), "a1 a2 b1", llm.KindAuth},
		"not allowed":    {says(403, oops("not for you")), "a1 a2 b1", llm.KindPermission},
		"too fast":       {says(429, oops("slowly")), "a1 a2 b1", llm.KindRateLimit},
		"spent":          {spent, "a1 a2 b1", llm.KindQuota},
		"no money":       {says(402, oops("Insufficient Balance")), "a1 a2 b1", llm.KindQuota},
		"broken":         {says(500, oops("sorry")), "a1 b1", llm.KindUpstream},
		"busy":           {busy, "a1 b1", llm.KindOverloaded},
		"overloaded":     {says(529, oops("overloaded")), "a1 b1", llm.KindOverloaded},
		"silent":         {silent, "a1 b1", llm.KindTimeout},
		"breaks off":     {breaksUp, "a1 b1", llm.KindUpstream},
		"a web page":     {says(200, "<html>"), "a1 b1", llm.KindUpstream},
		"something else": {says(200, `{"status":"ok"}`), "a1 b1", llm.KindUpstream},
		"no choices":     {says(200, `{"object":"chat.completion","choices":[]}`), "a1 b1", llm.KindUpstream},
		"a bad request":  {says(400, oops("no")), "a1 b1", llm.KindBadRequest},
		"too long":       {tooLong, "a1 b1", llm.KindContextLength},
		"no such model":  {says(404, oops("m is unknown")), "a1 b1", llm.KindNotFound},
		"cut in the body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = w.Write([]byte("{"))
		}, "a1 b1", llm.KindTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c1 := newCrew(t, member{keys: 2, serve: c.serve, timeout: provider.Timeout{FirstByte: time.Second}}, member{serve: well})
				call := c1.call(llm.FormatChat, asked)
				call.Session = "a conversation"
				asked, o := c1.make(t.Context(), call)
				if strings.HasPrefix(asked, "a2") { // which key is the conversation's is the account's affair
					asked = strings.NewReplacer("a1", "a2", "a2", "a1").Replace(asked)
				}
				if asked != c.asked || o.Status != dispatch.StatusOK || o.Attempts[0].Err.Kind != c.kind {
					t.Errorf("asked %s, %s %v; want %s after %s", asked, o.Status, o.Attempts[0].Err, c.asked, c.kind)
				}
				if last := o.Last(); last.Candidate != 1 || last.Metered.Usage.Total() != 5 || string(o.Body) != answered {
					t.Errorf("%+v", last)
				}
				var events []string
				for i := range o.Attempts {
					events = append(events, fmt.Sprint("open ", i))
					if i > 0 {
						events = append(events, fmt.Sprint("close ", i-1, " error"))
					}
				}
				if d := cmp.Diff(append(events, fmt.Sprint("done ", len(o.Attempts)-1, " ok")), c1.events); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

// A provider that fails is likely to fail with its other models too.
func TestOtherProvidersComeBeforeOtherModelsOfAFailedOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		serve  http.HandlerFunc
		models string
	}{{says(500, oops("down")), "a/m b/m a/small"}, {says(429, oops("slowly")), "a/m a/small b/m"}, {tooLong, "a/m a/small b/m"}} {
		bubble(t, func(t *testing.T) {
			crew := newCrew(t, member{serve: c.serve}, member{serve: busy})
			small := crew.cands[0]
			small.Model = "small"
			crew.cands = []dispatch.Candidate{crew.cands[0], small, crew.cands[1]}
			_, o := crew.make(t.Context(), crew.call(llm.FormatChat, asked))
			var models []string
			for _, a := range o.Attempts {
				models = append(models, a.Provider+"/"+a.Model)
			}
			if got := strings.Join(models, " "); got != c.models {
				t.Errorf("asked %s, want %s", got, c.models)
			}
		})
	}
}

func TestALongPromptGoesToALongerModel(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newCrew(t, member{serve: tooLong, context: 100}, member{serve: well, context: 100}, member{serve: well, context: 50}, member{serve: well, context: 200})
		if asked, o := c.make(t.Context(), c.call(llm.FormatChat, asked)); asked != "a1 d1" || o.Status != dispatch.StatusOK {
			t.Errorf("asked %s: %s %v", asked, o.Status, o.Err)
		}
		c.cands = c.cands[:3]
		if asked, o := c.make(t.Context(), c.call(llm.FormatChat, asked)); asked != "a1" || o.Err == nil || o.Err.Kind != llm.KindContextLength {
			t.Errorf("asked %s: %s %v", asked, o.Status, o.Err)
		}
	})
}

// Rounds are as many as the call may make attempts, with longer and longer pauses
// that are never alike.
func TestRoundsAndTheirPauses(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		different := map[time.Duration]bool{}
		for range 20 {
			c := newCrew(t, member{serve: busy}, member{serve: busy})
			c.d.Health = nil
			call := c.call(llm.FormatChat, asked)
			call.Attempts = 7
			got, o := c.make(t.Context(), call)
			if got != "a1 b1 a1 b1 a1 b1 a1" || o.Err == nil || o.Err.Kind != llm.KindUnavailable || strings.Count(o.Err.Message, "\n- ") != 2 {
				t.Fatalf("asked %s: %v", got, o.Err)
			}
			for i, least := range []time.Duration{125 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond} {
				pause := c.at[2*i+2] - c.at[2*i+1]
				if pause < least || pause > 3*least {
					t.Errorf("pause %d: %s", i, pause)
				}
				different[pause] = true
			}
		}
		if len(different) < 30 {
			t.Errorf("%d different pauses of 60", len(different))
		}
		c := newCrew(t, member{serve: busy}, member{serve: busy})
		if got, _ := c.make(t.Context(), c.call(llm.FormatChat, asked)); got != "a1 b1" {
			t.Errorf("without further attempts, asked %s", got)
		}
	})
}

// Whoever asks to wait is passed over while others may answer, and waited for when
// there are none, unless that takes too long; what waiting doesn't mend is not asked
// again.
func TestWaitingBetweenRounds(t *testing.T) {
	t.Parallel()
	wait := func(seconds string) http.HandlerFunc { return says(429, oops("slowly"), "Retry-After", seconds) }
	reset := says(429, oops("slowly"), "X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "4s")
	for name, c := range map[string]struct {
		serve []http.HandlerFunc
		limit time.Duration
		asked string
		took  time.Duration // at least, and at most a second more
	}{
		"others live":            {[]http.HandlerFunc{wait("5"), busy}, 0, "a1 b1 b1 b1", 0},
		"nobody else":            {[]http.HandlerFunc{wait("3")}, 0, "a1 a1 a1 a1", 9 * time.Second},
		"by the limit's reset":   {[]http.HandlerFunc{reset}, 0, "a1 a1 a1 a1", 12 * time.Second},
		"too long":               {[]http.HandlerFunc{wait("60")}, 0, "a1", 0},
		"longer than may be":     {[]http.HandlerFunc{wait("3")}, 2 * time.Second, "a1", 0},
		"the first of two":       {[]http.HandlerFunc{wait("5"), wait("2")}, 0, "a1 b1 b1 b1", 4 * time.Second},
		"spent":                  {[]http.HandlerFunc{spent, busy}, 0, "a1 b1 b1 b1", 0},
		"spent, and nobody else": {[]http.HandlerFunc{spent}, 0, "a1", 0},
		"refused":                {[]http.HandlerFunc{says(401, oops("bad key")), says(400, oops("no"))}, 0, "a1 b1", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var members []member
				for _, h := range c.serve {
					members = append(members, member{serve: h})
				}
				crew := newCrew(t, members...)
				crew.d.Health = nil
				call := crew.call(llm.FormatChat, asked)
				call.Attempts, call.Timeout = 4, c.limit
				asked, o := crew.make(t.Context(), call)
				took := time.Since(crew.out.start)
				if asked != c.asked || o.Status != dispatch.StatusError || took < c.took || took > c.took+2*time.Second || c.took == 0 && len(c.serve) == 1 && took > 0 {
					t.Errorf("asked %s in %s: %v; want %s in %s", asked, took, o.Err, c.asked, c.took)
				}
			})
		})
	}
}

// A key that is refused or has spent all is left alone for minutes, also by other
// calls, and asked all the same when nothing else answers.
func TestASpentKeyRests(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]http.HandlerFunc{"spent": spent, "refused": says(401, oops("bad key"))} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				down := false
				c := newCrew(t, member{serve: serve}, member{serve: func(w http.ResponseWriter, r *http.Request) {
					if down {
						busy(w, r)
						return
					}
					well(w, r)
				}})
				for _, step := range []struct {
					after time.Duration
					down  bool
					asked string
				}{
					{0, false, "a1 b1"},
					{0, false, "b1"},
					{4 * time.Minute, false, "b1"},
					{0, true, "b1 a1"},
					{9 * time.Minute, false, "b1"}, // it was just refused again
					{2 * time.Minute, false, "a1 b1"},
					{18 * time.Minute, false, "b1"},
				} {
					time.Sleep(step.after)
					down = step.down
					if asked, o := c.make(t.Context(), c.call(llm.FormatChat, asked)); asked != step.asked || (o.Status == dispatch.StatusOK) == down {
						t.Errorf("%+v: asked %s: %v", step, asked, o.Err)
					}
				}
			})
		})
	}
}

// A provider that asks to wait is left alone for so long.
func TestRetryAfterHoldsForOtherCalls(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newCrew(t, member{serve: says(429, oops("slowly"), "Retry-After", "30")}, member{serve: well})
		for _, step := range []struct {
			after time.Duration
			asked string
		}{{0, "a1 b1"}, {0, "b1"}, {29 * time.Second, "b1"}, {time.Second, "a1 b1"}, {29 * time.Second, "b1"}} {
			time.Sleep(step.after)
			if asked, o := c.make(t.Context(), c.call(llm.FormatChat, asked)); asked != step.asked || o.Status != dispatch.StatusOK {
				t.Errorf("%+v: asked %s: %v", step, asked, o.Err)
			}
		}
	})
}

// Streams that are cut later count as failures as well; a client that leaves says
// nothing of the provider. After its rest one call tries, the others go elsewhere.
func TestABreakerLearnsFromCutStreams(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		slow := false
		c := newCrew(t, member{serve: func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Authorization") == "" || !slow:
				say(w, began, word)
				panic(http.ErrAbortHandler)
			}
			say(w, 5*time.Second, began, word, finish, used, end)
		}}, member{serve: func(w http.ResponseWriter, _ *http.Request) { say(w, began, word, finish, used, end) }})
		for range 10 {
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			slow = true
			if asked, o := c.make(ctx, c.call(llm.FormatChat, streamed)); asked != "a1" || o.Status != dispatch.StatusCanceled {
				t.Fatalf("asked %s: %s", asked, o.Status)
			}
			leave()
		}
		slow = false
		for i := range 5 {
			if asked, o := c.make(t.Context(), c.call(llm.FormatChat, streamed)); asked != "a1" || o.Status != dispatch.StatusCut {
				t.Fatalf("call %d asked %s: %s", i, asked, o.Status)
			}
		}
		if asked, o := c.make(t.Context(), c.call(llm.FormatChat, streamed)); asked != "b1" || o.Status != dispatch.StatusOK {
			t.Fatalf("asked %s: %s", asked, o.Status)
		}
		time.Sleep(10 * time.Second)
		slow = true
		c.asked = nil
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				o, _ := c.d.Run(t.Context(), c.call(llm.FormatChat, streamed), c.cands, &rig{refuse: -1}, &output{start: time.Now()})
				if o.Status != dispatch.StatusOK {
					t.Errorf("%s %v", o.Status, o.Err)
				}
			})
		}
		calls.Wait()
		if n := strings.Count(strings.Join(c.asked, " "), "a1"); n != 1 {
			t.Errorf("%d calls tried it: %s", n, c.asked)
		}
		if asked, _ := c.make(t.Context(), c.call(llm.FormatChat, streamed)); asked != "a1" {
			t.Errorf("it works again, asked %s", asked)
		}
	})
}

// One that was let through to probe and couldn't be sent lets the next one.
func TestAProbeThatIsNotSentFreesTheWay(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newCrew(t, member{serve: says(429, oops("slowly"), "Retry-After", "5")}, member{serve: well})
		c.make(t.Context(), c.call(llm.FormatChat, asked))
		time.Sleep(6 * time.Second)
		c.refuse = 0
		if asked, o := c.make(t.Context(), c.call(llm.FormatChat, asked)); asked != "" || o.Status != dispatch.StatusError {
			t.Errorf("asked %s", asked)
		}
		c.refuse = -1
		if asked, _ := c.make(t.Context(), c.call(llm.FormatChat, asked)); asked != "a1 b1" {
			t.Errorf("asked %s", asked)
		}
	})
}

// A key that rests is of more use than a refusal, in whichever candidate.
func TestWhatRestsIsAskedBeforeARefusal(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		good := false
		c := newCrew(t, member{keys: 2, serve: func(w http.ResponseWriter, r *http.Request) {
			if good {
				well(w, r)
				return
			}
			says(429, oops("slowly"))(w, r)
		}}, member{serve: busy})
		c.make(t.Context(), c.call(llm.FormatChat, asked))
		time.Sleep(1100 * time.Millisecond) // the account's own rest ends before the breaker's
		good = true
		asked, o := c.make(t.Context(), c.call(llm.FormatChat, asked))
		if !strings.HasPrefix(asked, "b1 a") || o.Status != dispatch.StatusOK {
			t.Errorf("asked %s: %v", asked, o.Err)
		}
	})
}

// The limit on the whole call is over all attempts; a provider's limits are each
// attempt's own.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asks, after time.Duration
		asked       string
	}{
		"none":            {0, 3 * time.Second, "a1 b1 c1"},
		"in the first":    {500 * time.Millisecond, 500 * time.Millisecond, "a1"},
		"in the second":   {1500 * time.Millisecond, 1500 * time.Millisecond, "a1 b1"},
		"after the third": {time.Minute, 3 * time.Second, "a1 b1 c1"},
	} {
		for _, body := range []string{asked, streamed} {
			bubble(t, func(t *testing.T) {
				hung := member{serve: silent, timeout: provider.Timeout{FirstByte: time.Second}}
				crew := newCrew(t, hung, hung, hung)
				call := crew.call(llm.FormatChat, body)
				call.Timeout = c.asks
				asked, o := crew.make(t.Context(), call)
				if took := time.Since(crew.out.start); asked != c.asked || took != c.after || o.Status != dispatch.StatusError || o.Last().Err.Kind != llm.KindTimeout {
					t.Errorf("%s: asked %s in %s: %v", name, asked, took, o.Err)
				}
			})
		}
	}
}

// What a workload says of patience holds where it has less than the account.
func TestACallsOwnPatience(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, idle, after time.Duration
		serve              http.HandlerFunc
	}{
		{2 * time.Second, 0, 2 * time.Second, silent},
		{0, 0, 10 * time.Second, silent},
		{time.Minute, 0, time.Minute, silent},
		{0, 3 * time.Second, 3 * time.Second, func(w http.ResponseWriter, r *http.Request) { say(w, began); silent(w, r) }},
		{0, time.Minute, 10 * time.Second, func(w http.ResponseWriter, r *http.Request) { say(w, began); silent(w, r) }},
	} {
		bubble(t, func(t *testing.T) {
			limits := provider.Timeout{FirstByte: 10 * time.Second, Idle: 8 * time.Second}
			crew := newCrew(t, member{serve: c.serve, timeout: limits}, member{serve: func(w http.ResponseWriter, _ *http.Request) { say(w, began, word, finish, used, end) }})
			call := crew.call(llm.FormatChat, streamed)
			call.Limits = provider.Timeout{FirstByte: c.first, Idle: c.idle}
			asked, o := crew.make(t.Context(), call)
			if asked != "a1 b1" || o.Status != dispatch.StatusOK || o.Attempts[0].Duration != c.after {
				t.Errorf("asked %s, %s: %v; want %s", asked, o.Attempts[0].Duration, o.Attempts[0].Err, c.after)
			}
		})
	}
}

// After ten seconds the answer is committed and kept alive, and another provider may
// still give it: in every client's format, until the first word.
func TestFailingOverAfterAnEarlyCommit(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]http.HandlerFunc{
		"silent, then busy": func(w http.ResponseWriter, r *http.Request) { time.Sleep(15 * time.Second); busy(w, r) },
		"an error in the stream": func(w http.ResponseWriter, _ *http.Request) {
			say(w, began, 15*time.Second, `data: {"error":{"message":"sorry","code":500}}`+"\n\n")
		},
		"cut before a word": func(w http.ResponseWriter, _ *http.Request) {
			say(w, began, 15*time.Second)
			panic(http.ErrAbortHandler)
		},
		"crawls": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				say(w, ": wait\n\n", began, time.Second)
			}
		},
	} {
		for f, body := range bodies {
			t.Run(name+" to "+string(f), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					c := newCrew(t, member{serve: first, timeout: provider.Timeout{FirstByte: 20 * time.Second, Idle: time.Minute}},
						member{serve: func(w http.ResponseWriter, _ *http.Request) { say(w, began, word, finish, used, end) }})
					asked, o := c.make(t.Context(), c.call(f, body))
					if asked != "a1 b1" || o.Status != dispatch.StatusOK || o.Attempts[0].Status != dispatch.StatusError {
						t.Errorf("asked %s: %s %v", asked, o.Status, o.Err)
					}
					if len(c.out.commits) != 1 || !strings.HasPrefix(c.out.commits[0], "10s early true") {
						t.Errorf("committed %q", c.out.commits)
					}
					text := c.out.text()
					if strings.Count(text, "hello") < 1 || strings.Contains(text, "sorry") || strings.Contains(text, `"error":{`) {
						t.Errorf("%s", text)
					}
				})
			})
		}
	}
}

// An empty answer is a failure while somebody else may have one; when nobody has,
// whoever gave it is asked once more, and then taken at its word.
func TestEmptyAnswers(t *testing.T) {
	t.Parallel()
	const nothing = `{"id":"e","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}`
	unused := strings.Replace(strings.Replace(used, `"completion_tokens":2`, `"completion_tokens":0`, 1), `"total_tokens":5`, `"total_tokens":3`, 1)
	pick := func(whole string, pieces ...any) func(stream bool) http.HandlerFunc {
		return func(stream bool) http.HandlerFunc {
			if !stream {
				return says(200, whole)
			}
			return func(w http.ResponseWriter, _ *http.Request) { say(w, pieces...) }
		}
	}
	empty, full := pick(nothing, began, finish, unused, end), pick(answered, began, word, finish, used, end)
	down := func(bool) http.HandlerFunc { return busy }
	cut := pick(strings.Replace(nothing, `"stop"`, `"length"`, 1), began, strings.Replace(finish, `"stop"`, `"length"`, 1), unused, end)
	type server = func(bool) http.HandlerFunc
	for name, c := range map[string]struct {
		serve  []server
		asked  string
		spoken bool
	}{
		"somebody else answers": {[]server{empty, full}, "a1 b1", true},
		"it is alone":           {[]server{empty}, "a1", false},
		"all are empty":         {[]server{empty, empty}, "a1 b1", false},
		"the others fail":       {[]server{empty, down}, "a1 b1 a1", false},
		"it is the last":        {[]server{down, empty}, "a1 b1", false},
		"for lack of room":      {[]server{cut, full}, "a1", false},
	} {
		for _, f := range []llm.Format{llm.FormatChat, llm.FormatMessages, llm.FormatGemini, llm.FormatResponses} {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s to %s, stream %t", name, f, stream), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						var members []member
						for _, s := range c.serve {
							members = append(members, member{serve: s(stream)})
						}
						crew := newCrew(t, members...)
						body := bodies[f]
						if !stream && f == llm.FormatGemini {
							body = `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`
						} else if !stream {
							body = strings.Replace(strings.Replace(body, `"stream":true,`, "", 1), `"stream_options":{"include_usage":true},`, "", 1)
						}
						asked, o := crew.make(t.Context(), crew.call(f, body))
						text := crew.out.text() + string(o.Body)
						if asked != c.asked || o.Status != dispatch.StatusOK || strings.Contains(text, "hello") != c.spoken || text == "" {
							t.Errorf("asked %s: %s %v\n%s", asked, o.Status, o.Err, text)
						}
					})
				})
			}
		}
	}
}

// No attempt outlives the call, whoever answers.
func TestFailedAttemptsAreOver(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		left := 0
		c := newCrew(t, member{timeout: provider.Timeout{FirstByte: time.Second}, serve: func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			left++
		}}, member{serve: well})
		if _, o := c.make(t.Context(), c.call(llm.FormatChat, asked)); o.Status != dispatch.StatusOK {
			t.Fatal(o.Err)
		}
		synctest.Wait()
		if left != 1 {
			t.Error("the one that hangs goes on")
		}
	})
}

// What rests is not asked last either where the prompt is known to be too long for it.
func TestWhatRestsIsNotAskedWhatIsTooLongForIt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newCrew(t, member{serve: well, context: 100}, member{serve: tooLong, context: 200})
		c.d.Health.Ended(health.Place{Account: "a", Key: provider.HintOf("a1"), Model: "m"}, health.Result{Kind: llm.KindRateLimit})
		if asked, o := c.make(t.Context(), c.call(llm.FormatChat, asked)); asked != "b1" || o.Err == nil || o.Err.Kind != llm.KindContextLength {
			t.Errorf("asked %s: %v", asked, o.Err)
		}
	})
}
