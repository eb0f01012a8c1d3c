package router_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
)

func TestExplanationsTellOfAttempts(t *testing.T) {
	t.Parallel()
	failed := func(name, key string, took time.Duration, why llm.Kind) router.Tried {
		return router.Tried{Name: name, Key: key, End: router.EndFailed, Took: took, Why: why}
	}
	for want, tried := range map[string][]router.Tried{
		"b/mid answered after 850 ms.": {
			{Name: "b/mid", End: router.EndAnswered, Took: 850 * time.Millisecond},
		},
		"b/mid began to answer at once and was done after 12 s.": {
			{Name: "b/mid", End: router.EndAnswered, FirstToken: 10 * time.Microsecond, Took: 12300 * time.Millisecond},
		},
		"b/mid failed after 1.2 s (overloaded), so a/mid answered after 850 ms.": {
			failed("b/mid", "", 1234*time.Millisecond, llm.KindOverloaded),
			{Name: "a/mid", End: router.EndAnswered, FirstToken: 850 * time.Millisecond, Took: 850 * time.Millisecond},
		},
		"b/mid failed after 3 ms (its rate limit was reached), so it was asked with another key and answered after 4 ms.": {
			failed("b/mid", "k1", 3*time.Millisecond, llm.KindRateLimit),
			{Name: "b/mid", Key: "k2", End: router.EndAnswered, Took: 4 * time.Millisecond},
		},
		"b/mid failed after 2 ms (its answer was of no use), so the stronger a/top answered after 9 ms.": {
			failed("b/mid", "", 2*time.Millisecond, llm.KindUseless),
			{Name: "a/top", End: router.EndAnswered, Took: 9 * time.Millisecond},
		},
		"b/mid failed after 3 ms (an error of its own), so it was asked again and failed after 4 ms (too slow), then a/mid failed at once (it refused us), and there was nothing left to try.": {
			failed("b/mid", "k1", 3*time.Millisecond, llm.KindUpstream), failed("b/mid", "k1", 4*time.Millisecond, llm.KindTimeout), failed("a/mid", "", 0, llm.KindAuth),
		},
		"b/mid broke off after 2.0 s, when the client had a part of its answer (its answer broke off).": {
			{Name: "b/mid", End: router.EndCut, Took: 2 * time.Second, Why: llm.KindTruncated},
		},
		"b/mid was given up after 2.0 s, when the client left.": {{Name: "b/mid", End: router.EndLeft, Took: 2 * time.Second, Why: llm.KindCanceled}},
		"b/mid was still answering when the gateway stopped.":   {{Name: "b/mid", End: router.EndInterrupted}},
	} {
		told := router.Told{Decision: router.Decision{Rule: "pinned", Candidates: []router.Candidate{{Account: "b", Model: "mid"}}}}
		got := told.Explain(router.Asked{Model: "b/mid", Tried: tried})
		if head := "b/mid was asked for by its full name, so nothing else was considered. In order: b/mid. "; got != head+want {
			t.Errorf("got  %s\nwant %s", strings.TrimPrefix(got, head), want)
		}
		if got := told.Explain(router.Asked{Model: "b/mid", Tried: tried, Dropped: []string{"top_k", "seed"}}); !strings.HasSuffix(got, want+" Left out of what was sent, since the model's format has no word for it: top_k, seed.") {
			t.Error(got)
		}
	}
}

// Every kind of failure that an attempt can have has words.
func TestFailuresHaveWords(t *testing.T) {
	t.Parallel()
	for _, k := range []llm.Kind{
		llm.KindBadRequest, llm.KindAuth, llm.KindPermission, llm.KindNotFound, llm.KindTooLarge, llm.KindContextLength, llm.KindRateLimit, llm.KindQuota,
		llm.KindOverloaded, llm.KindUpstream, llm.KindTimeout, llm.KindTruncated, llm.KindContentFilter, llm.KindReasoning, llm.KindUnavailable, llm.KindNotBuilt, llm.KindUseless,
	} {
		if router.InWords(k) == "" {
			t.Error(k)
		}
	}
}

// What is taken to be down is not asked even as the last resort, and the refusal
// says that waiting would help.
func TestWhatIsTakenToBeDown(t *testing.T) {
	t.Parallel()
	routes := router.NewRoutes(policy(), world(t), days[1])
	down := router.Condition{Pretended: true}
	f := &router.Facts{Model: "workload/support"}
	d, err := router.Plan(f, routes, router.Now{Time: days[1], Health: health{"a/small": down}})
	if err != nil || summary(d) != "workload: b/mid, not a/small (pretended)" {
		t.Error(summary(d), err)
	}
	d, err = router.Plan(f, routes, router.Now{Time: days[1], Health: health{"a/small": down, "b/mid": down}})
	if err == nil || llm.AsError(err).Kind != llm.KindUnavailable || len(d.Candidates) > 0 || len(d.Excluded) != 2 {
		t.Error(summary(d), err)
	}
}

// However long names are, what is kept fits and can be told.
func TestLongNamesAreKept(t *testing.T) {
	t.Parallel()
	for n := 1; n < 600; n += 7 {
		long := strings.Repeat("é", n)
		d := router.Decision{Rule: "alias", Why: long, Candidates: []router.Candidate{{Account: "a", Model: long}, {Account: "b", Model: "mid"}}}
		for i := range 4 {
			d.Excluded = append(d.Excluded, router.Exclusion{Name: fmt.Sprint(long, i), Reason: router.ReasonUnknown, Detail: long})
		}
		b := d.Encode("policy")
		told, err := router.Tell(b)
		if err != nil || len(b) > router.MaxEncoded || len(told.Candidates)+told.MoreCandidates != 2 || len(told.Excluded)+told.MoreExcluded != 4 || told.Rule != "alias" {
			t.Fatalf("%d: %s %+v %v", n, b, told, err)
		}
		if told.Explain(router.Asked{Model: long}) == "" {
			t.Error("nothing is said")
		}
	}
}
