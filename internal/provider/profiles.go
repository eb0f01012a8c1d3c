package provider

import (
	"embed"
	"fmt"
	"io/fs"
	"sync"

	"go.yaml.in/yaml/v4"
)

// profileFiles hold one profile each, named after its type, and index.yaml with
// their order.
//
//go:embed profiles/*.yaml
var profileFiles embed.FS

const profileIndex = "index.yaml"

var loadProfiles = sync.OnceValues(func() ([]*Profile, error) {
	dir, err := fs.Sub(profileFiles, "profiles")
	if err != nil {
		return nil, err
	}
	return readProfiles(dir)
})

// Profiles returns all profiles in the index's order. They must not be changed.
func Profiles() ([]*Profile, error) { return loadProfiles() }

// readProfiles reads what the index lists, which must be all that is there.
func readProfiles(dir fs.FS) ([]*Profile, error) {
	var order []string
	if err := readYAML(dir, profileIndex, &order); err != nil {
		return nil, err
	}
	files, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, err
	}
	if len(files) != len(order)+1 {
		return nil, fmt.Errorf("%s lists %d profiles, and there are %d files", profileIndex, len(order), len(files)-1)
	}
	all := make([]*Profile, len(order))
	for i, typ := range order {
		name := typ + ".yaml"
		if err := readYAML(dir, name, &all[i]); err != nil {
			return nil, err
		}
		if all[i] == nil || all[i].Type != typ {
			return nil, fmt.Errorf("%s is not of the type that it is named after", name)
		}
	}
	for _, p := range all {
		if err := p.prepare(all); err != nil {
			return nil, fmt.Errorf("%s.yaml: %w", p.Type, err)
		}
	}
	return all, nil
}

func readYAML(dir fs.FS, name string, to any) error {
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return fmt.Errorf("read profiles: %w", err)
	}
	if err := yaml.Load(text, to, yaml.WithKnownFields()); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}
