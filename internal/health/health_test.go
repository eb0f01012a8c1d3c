package health_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/health"
	"github.com/oidostudio/oido/internal/llm"
)

var (
	here  = health.Place{Account: "a", Key: "k1", Model: "m"}
	there = health.Place{Account: "a", Key: "k2", Model: "m"}
	good  = health.Result{FirstToken: time.Second, Duration: 3 * time.Second, Output: 100}
	bad   = health.Result{Kind: llm.KindUpstream}
)

func TestABreakerOpensAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := health.New(time.Now)
		try := func(r health.Result) bool {
			if !h.Allow(here) {
				return false
			}
			h.Ended(here, r)
			return true
		}
		for i := range 5 {
			if !try(bad) {
				t.Fatalf("open after %d failures", i)
			}
		}
		if try(bad) {
			t.Fatal("still closed after five failures")
		}
		c := h.Of("a", "m", []string{"k1"})
		if !c.Resting || c.Last != llm.KindUpstream || !c.Until.After(time.Now()) {
			t.Errorf("%+v", c)
		}
		if h.Of("a", "m", []string{"k1", "k2"}).Resting {
			t.Error("a model rests with one of two keys")
		}
		time.Sleep(7 * time.Second)
		if !h.Allow(here) || h.Allow(here) {
			t.Error("not one attempt after the rest")
		}
		if !h.Of("a", "m", []string{"k1"}).Resting {
			t.Error("others would be sent behind the one that probes")
		}
		h.Ended(here, bad)
		time.Sleep(7 * time.Second)
		if h.Allow(here) {
			t.Error("a failed probe doesn't lengthen the rest")
		}
		time.Sleep(6 * time.Second)
		if !h.Allow(here) {
			t.Fatal("the rest doesn't end")
		}
		time.Sleep(good.Duration)
		h.Ended(here, good)
		for range 4 {
			if !try(bad) {
				t.Fatal("what was before the probe still counts")
			}
		}
	})
}

func TestWaitingAsProvidersAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := health.New(time.Now)
		h.Ended(here, health.Result{Kind: llm.KindRateLimit, RetryAfter: 30 * time.Second})
		h.Ended(there, health.Result{Kind: llm.KindRateLimit})
		if h.Allow(here) || h.Allow(there) {
			t.Error("asked in spite of a rate limit")
		}
		if c := h.Of("a", "m", []string{"k1", "k2"}); !c.Resting || time.Until(c.Until) > 7*time.Second {
			t.Errorf("%+v: not until the first key", c)
		}
		time.Sleep(10 * time.Second)
		if h.Allow(here) || !h.Allow(there) {
			t.Error("not as the provider asked")
		}
		time.Sleep(20 * time.Second)
		if !h.Allow(here) {
			t.Error("longer than the provider asked")
		}
	})
}

// A key that is refused or has spent all takes a person to mend: it rests at once,
// for minutes and then for longer, and is as good as any once it works.
func TestKeysThatNeedMending(t *testing.T) {
	t.Parallel()
	for _, kind := range []llm.Kind{llm.KindAuth, llm.KindQuota} {
		synctest.Test(t, func(t *testing.T) {
			h := health.New(time.Now)
			for _, rest := range []int{5, 10, 20, 40, 60, 60} {
				h.Ended(here, health.Result{Kind: kind})
				time.Sleep(time.Duration(rest)*time.Minute - time.Second)
				if h.Allow(here) || !h.Of("a", "m", []string{"k1"}).Resting {
					t.Fatalf("%s: tried within %d minutes", kind, rest)
				}
				time.Sleep(time.Second)
				if !h.Allow(here) {
					t.Fatalf("%s: not tried after %d minutes", kind, rest)
				}
			}
			h.Ended(here, good)
			h.Ended(here, health.Result{Kind: llm.KindRateLimit})
			time.Sleep(7 * time.Second)
			if !h.Allow(here) {
				t.Errorf("%s: what was before still counts", kind)
			}
			h.Ended(there, health.Result{Kind: kind, RetryAfter: 30 * time.Minute})
			if time.Sleep(29 * time.Minute); h.Allow(there) {
				t.Errorf("%s: not as long as the provider asks", kind)
			}
		})
	}
}

// What is the request's own fault says nothing of the provider, and frees the way
// for the next probe.
func TestRequestsAtFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := health.New(time.Now)
		for range 50 {
			for _, k := range []llm.Kind{llm.KindBadRequest, llm.KindContextLength, llm.KindCanceled, llm.KindContentFilter, llm.KindNotFound} {
				h.Ended(here, health.Result{Kind: k})
			}
		}
		if !h.Allow(here) {
			t.Error("open over refusals")
		}
		for range 5 {
			h.Ended(here, bad)
		}
		time.Sleep(10 * time.Second)
		if !h.Allow(here) {
			t.Fatal("no probe")
		}
		h.Ended(here, health.Result{Kind: llm.KindCanceled})
		if !h.Allow(here) {
			t.Error("a probe that was given up blocks the next")
		}
	})
}

// What was sent before the breaker opened says nothing of what is now: a long answer
// that ends well doesn't make a provider less busy that asked to wait since, and isn't
// the probe that is awaited.
func TestAttemptsFromBeforeTheBreakerOpened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := health.New(time.Now)
		long := health.Result{FirstToken: time.Second, Duration: time.Minute, Output: 100}
		time.Sleep(time.Minute)
		h.Ended(here, health.Result{Kind: llm.KindRateLimit, RetryAfter: 30 * time.Second})
		h.Ended(here, long)
		if h.Allow(here) {
			t.Fatal("an answer from before ends the rest")
		}
		time.Sleep(30 * time.Second)
		if !h.Allow(here) {
			t.Fatal("no probe")
		}
		h.Ended(here, long)
		h.Ended(here, health.Result{Kind: llm.KindCanceled, Duration: time.Minute})
		if h.Allow(here) {
			t.Error("an attempt from before takes the place of the probe")
		}
		h.Ended(here, health.Result{FirstToken: time.Second, Output: 100})
		if h.Of("a", "m", []string{"k1"}).Resting || !h.Allow(here) {
			t.Error("it works, and rests")
		}
	})
}

func TestPace(t *testing.T) {
	t.Parallel()
	h := health.New(time.Now)
	h.Ended(here, good)
	if c := h.Of("a", "m", []string{"k1"}); c.FirstToken != time.Second || c.TokensPerSecond != 50 {
		t.Errorf("%+v", c)
	}
	h.Ended(there, health.Result{FirstToken: 2 * time.Second, Duration: 3 * time.Second, Output: 100})
	if c := h.Of("a", "m", nil); c.FirstToken != 1200*time.Millisecond || c.TokensPerSecond != 60 {
		t.Errorf("%+v", c)
	}
}

// However many models there are: what is tracked is bounded.
func TestTrackingIsBounded(t *testing.T) {
	t.Parallel()
	h := health.New(time.Now)
	for i := range 30_000 {
		h.Ended(health.Place{Account: "a", Key: "k", Model: fmt.Sprint(i)}, good)
	}
	kept := 0
	for i := range 30_000 {
		if h.Of("a", fmt.Sprint(i), []string{"k"}).FirstToken > 0 {
			kept++
		}
	}
	if kept != 10_000 {
		t.Errorf("%d are tracked", kept)
	}
}

// Whatever happens: a place that doesn't rest lets an attempt through, and one that
// works closes the breaker.
func TestABreakerNeverSticks(t *testing.T) {
	t.Parallel()
	kinds := []llm.Kind{"", llm.KindUpstream, llm.KindRateLimit, llm.KindTimeout, llm.KindBadRequest, llm.KindCanceled}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		h := health.New(func() time.Time { return now })
		for range rapid.IntRange(1, 60).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "pause")) * time.Millisecond)
			resting := h.Of("a", "m", []string{"k1"}).Resting
			allowed := h.Allow(here)
			if resting == allowed {
				t.Fatalf("resting is %v, allowed %v", resting, allowed)
			}
			if !allowed {
				continue
			}
			r := health.Result{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), RetryAfter: time.Duration(rapid.IntRange(0, 9).Draw(t, "after")) * time.Second}
			h.Ended(here, r)
			if r.Kind == "" && h.Of("a", "m", []string{"k1"}).Resting {
				t.Fatal("it works, and rests")
			}
		}
		if now = now.Add(time.Hour + time.Minute); h.Of("a", "m", []string{"k1"}).Resting {
			t.Fatal("it rests for ever")
		}
	})
}
