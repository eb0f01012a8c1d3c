package provider

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

//go:embed keyshapes.yaml
var keyShapesYAML []byte

// keyShape is how a vendor's keys begin.
type keyShape struct {
	Prefix string `yaml:"prefix"`
	Type   string `yaml:"type"`
	Source string `yaml:"source"`
}

var keyShapes = sync.OnceValues(func() ([]keyShape, error) {
	var out []keyShape
	if err := yaml.Load(keyShapesYAML, &out, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("read keyshapes.yaml: %w", err)
	}
	return out, nil
})

// TypeOfKey returns the type of provider whose keys begin like this one; "" when
// that can't be told.
func TypeOfKey(secret string) (string, error) {
	shapes, err := keyShapes()
	if err != nil {
		return "", err
	}
	typ, longest := "", 0
	for _, s := range shapes {
		if len(s.Prefix) > longest && strings.HasPrefix(secret, s.Prefix) {
			typ, longest = s.Type, len(s.Prefix)
		}
	}
	return typ, nil
}
