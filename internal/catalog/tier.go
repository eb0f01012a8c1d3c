package catalog

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
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

type tierRule struct {
	tier Tier
	re   *regexp.Regexp
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
			re, err := regexp.Compile(p.Match)
			if err != nil || p.Match == "" {
				return nil, fmt.Errorf("tiers.yaml: the pattern %q of tier %q: %w", p.Match, group.tier, cmp.Or(err, errEmpty))
			}
			rules = append(rules, tierRule{group.tier, re})
		}
	}
	return rules, nil
}

var errEmpty = errors.New("it is empty and would match everything")

// TierOf is the tier of a model by its id: the first pattern that matches wins.
func TierOf(id string) Tier {
	id = strings.ToLower(id)
	id = id[strings.LastIndexByte(id, '/')+1:]
	id, _, _ = strings.Cut(id, ":")
	if i := strings.LastIndex(id, "anthropic."); i >= 0 {
		id = id[i+len("anthropic."):]
	}
	for _, r := range tierRules() {
		if r.re.MatchString(id) {
			return r.tier
		}
	}
	return ""
}
