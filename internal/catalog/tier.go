package catalog

import (
	_ "embed"
	"fmt"
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

var tierRules = sync.OnceValue(func() []rule {
	rules, err := readTiers(tiersYAML)
	if err != nil {
		panic("catalog: embedded " + err.Error()) // fixed at build time; a test loads it
	}
	return rules
})

func readTiers(raw []byte) ([]rule, error) {
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
	var rules []rule
	for _, group := range []struct {
		tier     Tier
		patterns []pattern
	}{{"", []pattern{{Match: file.Skip}}}, {TierFrontier, file.Frontier}, {TierBalanced, file.Balanced}, {TierFast, file.Fast}, {TierSpecialist, file.Specialist}} {
		for _, p := range group.patterns {
			rule, err := newRule(string(group.tier), p.Match)
			if err != nil {
				return nil, fmt.Errorf("tiers.yaml: the pattern %q of tier %q: %w", p.Match, group.tier, err)
			}
			rules = append(rules, rule)
		}
	}
	return rules, nil
}

// TierOf is the tier of a model by its id: the first pattern that matches wins.
func TierOf(id string) Tier { return Tier(first(tierRules(), id)) }
