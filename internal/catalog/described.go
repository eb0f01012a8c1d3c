package catalog

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
)

// Described is what a name that people use for a model stands for.
type Described struct {
	// As is the name as people write it.
	As string
	// Short says that it is a short name of ours, like "haiku".
	Short bool
	// Candidates are the models that it can mean, best first.
	Candidates []Candidate
}

// Candidate is a model at a provider, by the catalog's name for it.
type Candidate struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
}

//go:embed described-models.json
var describedJSON []byte

// names are the described and short names, and where each is found.
type names struct {
	all   []*Described
	byKey map[string]*Described
}

var describedNames = sync.OnceValues(func() (*names, error) { return readNames(describedJSON) })

func readNames(raw []byte) (*names, error) {
	var file struct {
		Described []struct {
			As         string      `json:"described_as"`
			Candidates []Candidate `json:"candidates"`
		} `json:"described_models"`
		Short map[string]string `json:"short_names"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("read the names of described models: %w", err)
	}
	n := &names{byKey: map[string]*Described{}}
	for _, name := range slices.Sorted(maps.Keys(file.Short)) {
		target := file.Short[name]
		provider, model, ok := strings.Cut(target, "/")
		if !ok {
			return nil, fmt.Errorf("read the names of described models: %q stands for %q, which is no provider/model-id", name, target)
		}
		d := &Described{As: name, Short: true, Candidates: []Candidate{{provider, model}}}
		n.all = append(n.all, d)
		n.byKey[plain(name)] = d
	}
	for _, m := range file.Described {
		if len(m.Candidates) == 0 {
			return nil, fmt.Errorf("read the names of described models: %q stands for nothing", m.As)
		}
		d := &Described{As: m.As, Candidates: m.Candidates}
		n.all = append(n.all, d)
		// What stands in parentheses is said of the model and no part of its name.
		without, _, _ := strings.Cut(m.As, " (")
		for _, name := range []string{m.As, without} {
			if key := plain(name); n.byKey[key] == nil {
				n.byKey[key] = d
			}
		}
	}
	return n, nil
}

// DescribedAs returns what a described or short name stands for, in any case and
// with spaces or hyphens; nil: it is no such name.
func DescribedAs(name string) (*Described, error) {
	n, err := describedNames()
	if err != nil {
		return nil, err
	}
	return n.byKey[plain(name)], nil
}

// DescribedNames returns all described and short names.
func DescribedNames() ([]*Described, error) {
	n, err := describedNames()
	if err != nil {
		return nil, err
	}
	return n.all, nil
}

// plain is how a name is found: small letters, words joined by hyphens.
func plain(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune(" -_,()", r) })
	return strings.Join(words, "-")
}
