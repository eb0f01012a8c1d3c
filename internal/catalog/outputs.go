package catalog

import (
	_ "embed"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v4"
)

// What models give instead of text, beside pictures and the like.
const (
	OutEmbedding = "embedding" // vectors that stand for texts
	OutRanking   = "ranking"   // how well texts answer a question
)

//go:embed outputs.yaml
var outputsYAML []byte

var outputRules = sync.OnceValue(func() []rule {
	var file map[string][]struct {
		Match  string `yaml:"match"`
		Source string `yaml:"source"`
	}
	err := yaml.Load(outputsYAML, &file, yaml.WithKnownFields())
	var rules []rule
	for _, is := range []string{OutRanking, OutEmbedding} {
		for _, p := range file[is] {
			r, wrong := newRule(is, p.Match)
			if wrong != nil && err == nil {
				err = fmt.Errorf("the pattern %q: %w", p.Match, wrong)
			}
			rules = append(rules, r)
		}
	}
	if err != nil {
		panic("catalog: embedded outputs.yaml: " + err.Error()) // fixed at build time; a test loads it
	}
	return rules
})

// outputOf is what a model gives by its id, where that is no text; "" says nothing.
func outputOf(id string) string { return first(outputRules(), id) }
