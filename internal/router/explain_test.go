package router_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/router/classify"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	routes := router.NewRoutes(policy(), world(t), days[1])
	for want, f := range map[string]router.Facts{
		"a/mid was asked for by its full name, so nothing else was considered. In order: a/mid ($1).": {Model: "a/mid"},
		"The request is of the workload support. In order: b/mid ($1). Where an answer is of no use, and nobody has seen any of it, a stronger model is asked: a/big ($1). Not a/small: it has a window of 32000 tokens, and 34024 are needed for prompt and answer. To change this: send less, or ask for a shorter answer.": {Model: "workload/support", Input: 30_000},
		"Nothing told the request's class, so it is the default one, interactive. In order: b/mid ($1), a/mid ($1). To change this: say what the request is with X-Oido-Workload or X-Oido-Class.":                                                                                                                            {Model: "auto"},
		"The request is of the workload coding. In order: b/mid ($1), a/mid ($1). The session stays where it was: the provider has its beginning in its cache. Not c/none: the model \"c/none\" is not known at any connected provider. To change this: connect the provider, or correct the name in the configuration.":      {Model: "workload/coding", Stays: router.Place{Account: "b", Model: "mid"}},
	} {
		d, err := router.Plan(&f, routes, router.Now{Time: days[1]})
		if err != nil {
			t.Fatal(err)
		}
		told, err := router.Tell(d.Encode(routes.Hash()))
		if err != nil {
			t.Fatal(err)
		}
		got := told.Explain(router.Asked{Model: f.Model, Workload: d.Workload, Class: d.Class, Price: func(router.Candidate) string { return "$1" }})
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", f.Model, got, want)
		}
	}
}

// Every decision fits beside its turn, and what is told of it is what was decided.
func TestDecisionsAreKept(t *testing.T) {
	t.Parallel()
	view := world(t)
	rapid.Check(t, func(t *rapid.T) {
		f, routes, now := drawn(t, view)
		d, err := router.Plan(&f, routes, now)
		if err != nil {
			return
		}
		if rapid.Bool().Draw(t, "wordy") {
			d.Why = strings.Repeat("why ", 60)
		}
		if rapid.Bool().Draw(t, "flagged") { // never all of them at once, but none is let out
			d.Stayed, d.Switched, d.Chosen, d.Last, d.Escalated, d.Sure, d.Classifier = true, true, true, true, router.OnCorrection, 0.93, classify.Hash()
		}
		b := d.Encode(routes.Hash())
		if len(b) == 0 || len(b) > router.MaxEncoded {
			t.Fatalf("%d bytes", len(b))
		}
		told, err := router.Tell(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(told.Candidates)+told.MoreCandidates != len(d.Candidates) || len(told.Excluded)+told.MoreExcluded != len(d.Excluded) || told.Policy != routes.Hash() {
			t.Fatalf("%s tells %+v of %+v", b, told, d)
		}
		flags := func(d *router.Decision) string {
			return fmt.Sprint(d.Rule, d.ClassBy, d.Sure, d.Classifier, d.Prefer, d.Stayed, d.Switched, d.Chosen, d.Last, d.Escalated)
		}
		d.Prefer = cmp.Or(d.Prefer, router.PreferOrder)
		if diff := gocmp.Diff(flags(&d), flags(&told.Decision)); diff != "" {
			t.Fatal(diff)
		}
		if diff := gocmp.Diff(names(d)[:len(told.Candidates)], names(told.Decision)); diff != "" {
			t.Fatal(diff)
		}
	})
}
