package config

import "time"

// Default returns the configuration without file, environment and flags.
func Default() *Config {
	return &Config{
		Listen:    "127.0.0.1:8080",
		DataDir:   "oido-data",
		Database:  "sqlite",
		Log:       Log{Level: "info", Format: "text"},
		TimeZone:  "UTC",
		BodyLimit: 32 << 20,
		Retention: Retention{RawDays: 30, ResponsesDays: 30, ReasoningDays: 30},
		Responses: Responses{Store: true},
		Ledger:    Ledger{OnFull: "refuse"},
		Auto:      Auto{DefaultClass: "interactive", Confidence: 800_000},
		Replace:   "warn",
	}
}

// DefaultProvider returns the options of a provider of which only the name is
// said. Its times suit models that reason for minutes before a word comes; a
// whole answer that isn't streamed must fit into FirstByte.
func DefaultProvider() Provider {
	return Provider{
		ModelsTTL: 5 * time.Minute,
		Weight:    1,
		Timeout:   Timeout{Connect: 10 * time.Second, FirstByte: 10 * time.Minute, Idle: 5 * time.Minute, Total: time.Hour},
	}
}

// elementDefaults is implemented by the elements of lists and sections whose
// fields have defaults; the decoder calls it before it reads an element.
type elementDefaults interface{ setDefaults() }

func (p *Provider) setDefaults() { *p = DefaultProvider() }
func (k *Key) setDefaults()      { *k = Key{Org: "default", Role: "member"} }
func (w *Workload) setDefaults() { *w = Workload{Prefer: "order"} }
func (l *Limit) setDefaults() {
	*l = Limit{Window: "calendar", OnExceed: "refuse", UnknownPrice: "allow"}
}
