package catalog

import (
	_ "embed"
	"sync"

	"go.yaml.in/yaml/v4"
)

// The kinds of free.
const (
	FreeAlways = "always" // costs nothing by construction
	FreeTier   = "tier"   // the vendor has a free tier for it
	FreeTrial  = "trial"  // an endpoint to try things on, without a published price
)

// Quota is how much of what is free may be used; 0 is unknown.
type Quota struct {
	RequestsPerMinute int64  `yaml:"requests_per_minute"`
	RequestsPerDay    int64  `yaml:"requests_per_day"`
	TokensPerMinute   int64  `yaml:"tokens_per_minute"`
	TokensPerDay      int64  `yaml:"tokens_per_day"`
	Note              string `yaml:"note"`
	Source            string `yaml:"source"`
}

//go:embed free.yaml
var freeYAML []byte

// quotas are those of the providers' own rules, by provider and kind of free.
var quotas = sync.OnceValue(func() map[string]map[string]*Quota {
	var out map[string]map[string]*Quota
	if err := yaml.Load(freeYAML, &out, yaml.WithKnownFields()); err != nil {
		panic("catalog: embedded free.yaml: " + err.Error()) // fixed at build time; a test loads it
	}
	return out
})

// quotaOf is how much is free of a model: by the account's configuration, else by
// the provider's rules. nil: it isn't free, or nobody knows.
func quotaOf(own *Quota, provider, kind string) *Quota {
	switch {
	case kind == "":
		return nil
	case own != nil:
		return own
	}
	return quotas()[provider][kind]
}
