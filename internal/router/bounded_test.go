package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/router"
)

// Aliases that name others twice stand for ever more of them: what is to be done must
// not grow so, whether they lead anywhere or not.
func TestAliasesOfAliasesAreBounded(t *testing.T) {
	t.Parallel()
	view, now := world(t), days[1]
	for end, leads := range map[string]bool{"a/mid": true, "c/nothing": false} {
		pol := router.Policy{Aliases: map[string][]string{"a99": {end}}}
		for i := range 99 {
			next := fmt.Sprintf("a%d", i+1)
			pol.Aliases[fmt.Sprintf("a%d", i)] = []string{next, next}
		}
		res, err := router.Resolve("a0", pol, view, now)
		if leads != (err == nil) || leads && len(res.Candidates) != 1 {
			t.Errorf("%s: %v %v", end, res, err)
		}
		d, err := router.Plan(&router.Facts{Model: "a0"}, router.NewRoutes(pol, view, now), router.Now{Time: now})
		if leads != (err == nil) || leads && len(d.Candidates) != 1 {
			t.Errorf("%s: %v %v", end, names(d), err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	d := router.Decision{Rule: "workload", Workload: "w", ClassBy: router.ByWorkload}
	for i := range 50 {
		d.Candidates = append(d.Candidates, router.Candidate{Account: "account", Model: fmt.Sprintf("vendor/model-%d-instruct", i)})
	}
	for i := range 50 {
		d.Excluded = append(d.Excluded, router.Exclusion{Name: fmt.Sprintf("other/model-%d", i), Reason: router.ReasonUnknown, Detail: strings.Repeat("it isn't known ", 5)})
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Encode("0011aabb")
	}
}
