package catalog

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

// Tier is what a model is good for: "frontier", "balanced", "fast",
// "specialist"; "" is untiered and never chosen automatically.
type Tier string

// The tiers.
const (
	TierFrontier   Tier = "frontier"
	TierBalanced   Tier = "balanced"
	TierFast       Tier = "fast"
	TierSpecialist Tier = "specialist"
)

// Class is what kind of request the tier's models are for, by default; "" for
// tiers that no class chooses from.
func (t Tier) Class() string { return classes[t] }

var classes = map[Tier]string{TierFast: "high_volume", TierBalanced: "interactive", TierFrontier: "reasoning"}

//go:embed tiers.yaml
var tiersYAML []byte

// tierRule is a pattern. Lists have hundreds of ids that no pattern matches, so
// what can be told without trying it is.
type tierRule struct {
	tier Tier
	re   *regexp.Regexp
	// words are all that the pattern looks for, where these can be said.
	words []string
	// starts are how whatever matches begins; nil: in any way.
	starts []string
}

func newTierRule(tier Tier, pattern string) (r tierRule, err error) {
	if pattern == "" {
		return r, errors.New("it is empty and would match everything")
	}
	r.tier = tier
	if r.re, err = regexp.Compile(pattern); err != nil {
		return r, err
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return r, err
	}
	if words, whole := beginnings(tree); whole {
		r.words = words
	} else {
		branches := []*syntax.Regexp{tree}
		if tree.Op == syntax.OpAlternate {
			branches = tree.Sub
		}
		for _, b := range branches {
			begin := []string{""}
			if b.Op == syntax.OpConcat && b.Sub[0].Op == syntax.OpBeginText {
				begin, _ = beginnings(&syntax.Regexp{Op: syntax.OpConcat, Sub: b.Sub[1:]})
			}
			r.starts = append(r.starts, begin...)
		}
	}
	if slices.Contains(r.starts, "") {
		r.starts = nil
	}
	return r, nil
}

// maxBeginnings bounds what a pattern is taken apart into.
const maxBeginnings = 256

// beginnings returns the texts with which everything that matches a part of a
// pattern begins. Whole says that nothing else follows them.
func beginnings(part *syntax.Regexp) (out []string, whole bool) {
	anything := []string{""}
	switch part.Op {
	case syntax.OpLiteral:
		if part.Flags&syntax.FoldCase != 0 {
			return anything, false
		}
		return []string{string(part.Rune)}, true
	case syntax.OpEmptyMatch:
		return anything, true
	case syntax.OpCapture:
		return beginnings(part.Sub[0])
	case syntax.OpCharClass:
		for i := 0; i < len(part.Rune); i += 2 {
			for c := part.Rune[i]; c <= part.Rune[i+1]; c++ {
				if out = append(out, string(c)); len(out) > maxBeginnings {
					return anything, false
				}
			}
		}
		return out, true
	case syntax.OpAlternate:
		whole = true
		for _, sub := range part.Sub {
			more, all := beginnings(sub)
			out, whole = append(out, more...), whole && all
		}
	case syntax.OpConcat:
		out, whole = anything, true
		for _, sub := range part.Sub {
			next, all := beginnings(sub)
			var longer []string
			for _, head := range out {
				for _, tail := range next {
					longer = append(longer, head+tail)
				}
			}
			if out, whole = longer, all; !all || len(out) > maxBeginnings {
				break
			}
		}
	default:
		return anything, false
	}
	if len(out) > maxBeginnings {
		return anything, false
	}
	return out, whole
}

func (r *tierRule) matches(id string) bool {
	if r.words != nil {
		return slices.ContainsFunc(r.words, func(w string) bool { return strings.Contains(id, w) })
	}
	if r.starts != nil && !slices.ContainsFunc(r.starts, func(s string) bool { return strings.HasPrefix(id, s) }) {
		return false
	}
	return r.re.MatchString(id)
}

var tierRules = sync.OnceValue(func() []tierRule {
	rules, err := readTiers(tiersYAML)
	if err != nil {
		panic("catalog: embedded " + err.Error()) // fixed at build time; a test loads it
	}
	return rules
})

func readTiers(raw []byte) ([]tierRule, error) {
	type pattern struct {
		Match  string `yaml:"match"`
		Source string `yaml:"source"`
		For    string `yaml:"for"`
	}
	var file struct {
		Skip       string    `yaml:"skip"`
		Frontier   []pattern `yaml:"frontier"`
		Balanced   []pattern `yaml:"balanced"`
		Fast       []pattern `yaml:"fast"`
		Specialist []pattern `yaml:"specialist"`
	}
	if err := yaml.Load(raw, &file, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("tiers.yaml: %w", err)
	}
	var rules []tierRule
	for _, group := range []struct {
		tier     Tier
		patterns []pattern
	}{{"", []pattern{{Match: file.Skip}}}, {TierFrontier, file.Frontier}, {TierBalanced, file.Balanced}, {TierFast, file.Fast}, {TierSpecialist, file.Specialist}} {
		for _, p := range group.patterns {
			rule, err := newTierRule(group.tier, p.Match)
			if err != nil {
				return nil, fmt.Errorf("tiers.yaml: the pattern %q of tier %q: %w", p.Match, group.tier, err)
			}
			rules = append(rules, rule)
		}
	}
	return rules, nil
}

// TierOf is the tier of a model by its id: the first pattern that matches wins.
func TierOf(id string) Tier {
	id = strings.ToLower(id)
	id = id[strings.LastIndexByte(id, '/')+1:]
	id, _, _ = strings.Cut(id, ":")
	if i := strings.LastIndex(id, "anthropic."); i >= 0 {
		id = id[i+len("anthropic."):]
	}
	rules := tierRules()
	for i := range rules {
		if rules[i].matches(id) {
			return rules[i].tier
		}
	}
	return ""
}
