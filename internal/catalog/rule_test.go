package catalog

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is told without a pattern is what the pattern says.
func TestRulesAreTheirPatterns(t *testing.T) {
	t.Parallel()
	rules := slices.Concat(tierRules(), outputRules())
	for _, pattern := range []string{"a", "^a|^b", "^a(b|c)?d$", "^[a-c]x|y", "(?i)^ab", "^a*b", "^(ab|a)c", "a|b[cd]|", "^", "$", "^a.c", "^ab?c", "[^a]b", "^(a|^b)c", `^a\.b`, "x^a", "^a+b"} {
		r, err := newRule("x", pattern)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	check := func(id string) {
		t.Helper()
		for i := range rules {
			if got, want := rules[i].matches(id), rules[i].re.MatchString(id); got != want {
				t.Errorf("%s: %q: %v, want %v", rules[i].re, id, got, want)
			}
		}
	}
	providers, err := SnapshotProviders()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range providers {
		models, err := Snapshot(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range models {
			check(strings.ToLower(m.ID[strings.LastIndexByte(m.ID, '/')+1:]))
		}
	}
	letters := regexp.MustCompile("[abcdxyAB.]{0,6}").String()
	rapid.Check(t, func(rt *rapid.T) { check(rapid.StringMatching(letters).Draw(rt, "id")) })
}

func BenchmarkTierOfUnknown(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		TierOf("vendor/model-0123-instruct")
	}
}
