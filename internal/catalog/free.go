package catalog

import (
	"cmp"
	_ "embed"
	"slices"
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
	Counting          `yaml:",inline"`
	// Configured says that the account's configuration gives at least one number.
	Configured bool `yaml:"-"`
}

// Counting is how a vendor counts what is free.
type Counting struct {
	// Per is what it is counted for: all of an account's free models together
	// unless it is PerModel.
	Per string `yaml:"per"`
	// Day is the time zone in which a day begins, or Rolling; "" is UTC.
	Day string `yaml:"day"`
	// Requests and Tokens say which window the limits are of that the vendor's
	// answers tell: "minute", "day", or "reset" where only the time of the reset
	// shows it; "" is minute.
	Requests string `yaml:"told_requests"`
	Tokens   string `yaml:"told_tokens"`
}

// The values of Counting.
const (
	PerModel  = "model"
	Rolling   = "rolling" // the last 24 hours count
	OfDay     = "day"
	OfMinute  = "minute"
	ByItsTime = "reset"
)

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

// quotaOf is how much is free of a model: by the account's configuration, and
// where that says nothing by the provider's rules. nil: it isn't free, or nobody
// knows.
func quotaOf(own *Quota, provider, kind string) *Quota {
	if kind == "" {
		return nil
	}
	known := quotas()[provider][kind]
	switch {
	case own == nil:
		return known
	case known == nil:
		mine := *own
		mine.Configured = true
		return &mine
	}
	joined := *known
	joined.Configured, joined.Note = true, ""
	joined.RequestsPerMinute = cmp.Or(own.RequestsPerMinute, known.RequestsPerMinute)
	joined.RequestsPerDay = cmp.Or(own.RequestsPerDay, known.RequestsPerDay)
	joined.TokensPerMinute = cmp.Or(own.TokensPerMinute, known.TokensPerMinute)
	joined.TokensPerDay = cmp.Or(own.TokensPerDay, known.TokensPerDay)
	return &joined
}

// tellsOfFree says whether any model of the snapshot's is known to be free.
func tellsOfFree(models []Model) bool {
	return slices.ContainsFunc(models, func(m Model) bool { return m.Free != "" })
}
