package catalog

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed catalog.json
var snapshotJSON []byte

// section is one provider of the snapshot, decoded when it is first asked for:
// most installations use two or three of sixteen.
type section struct {
	raw    jsontext.Value
	once   sync.Once
	models []Model
	byID   map[string]*Model
	err    error
}

var sections = sync.OnceValues(func() (map[string]*section, error) {
	var file struct {
		Providers []jsontext.Value `json:"providers"`
	}
	if err := json.Unmarshal(snapshotJSON, &file); err != nil {
		return nil, fmt.Errorf("read the embedded catalog: %w", err)
	}
	out := make(map[string]*section, len(file.Providers))
	for _, raw := range file.Providers {
		var head struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return nil, fmt.Errorf("read the embedded catalog: %w", err)
		}
		out[head.ID] = &section{raw: raw}
	}
	return out, nil
})

// Snapshot returns the embedded models of a provider, by the catalog's name for
// it; none for a provider that it doesn't know. The slice must not be changed.
func Snapshot(provider string) ([]Model, error) {
	s, err := load(provider)
	if s == nil || err != nil {
		return nil, err
	}
	return s.models, nil
}

// SnapshotProviders returns the catalog's names of the providers in the snapshot,
// sorted.
func SnapshotProviders() ([]string, error) {
	all, err := sections()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(all)), nil
}

func load(provider string) (*section, error) {
	all, err := sections()
	if err != nil {
		return nil, err
	}
	s := all[provider]
	if s == nil {
		return nil, nil //nolint:nilnil // a provider that isn't there has no models
	}
	s.once.Do(func() {
		var body struct {
			Models []Model `json:"models"`
		}
		if err := json.Unmarshal(s.raw, &body); err != nil {
			s.err = fmt.Errorf("read the embedded catalog of %s: %w", provider, err)
			return
		}
		s.byID = make(map[string]*Model, len(body.Models))
		for i := range body.Models {
			m := &body.Models[i]
			m.settle()
			s.byID[m.ID] = m
		}
		s.models = body.Models
	})
	return s, s.err
}
