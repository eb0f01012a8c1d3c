package catalog

import (
	_ "embed"
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
	if err := yaml.Load(tiersYAML, &file, yaml.WithKnownFields()); err != nil {
		panic("catalog: embedded tiers.yaml: " + err.Error()) // fixed at build time; a test loads it
	}
	rules := []tierRule{{"", regexp.MustCompile(file.Skip)}}
	for _, group := range []struct {
		tier     Tier
		patterns []pattern
	}{{TierFrontier, file.Frontier}, {TierBalanced, file.Balanced}, {TierFast, file.Fast}, {TierSpecialist, file.Specialist}} {
		for _, p := range group.patterns {
			rules = append(rules, tierRule{group.tier, regexp.MustCompile(p.Match)})
		}
	}
	return rules
})

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
