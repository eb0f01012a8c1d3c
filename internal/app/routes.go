package app

import (
	"cmp"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/router"
)

// usual are the workloads that are there without being configured, so that who has
// connected one provider can begin to name kinds of work.
var usual = []router.Workload{
	{Name: "wiki-ingest", Class: router.ClassLongContext, Prefer: router.PreferFree},
	{Name: "support", Class: router.ClassInteractive},
	{Name: "coding", Class: router.ClassInteractive},
	{Name: "research", Class: router.ClassReasoning},
	{Name: "review", Inherit: true},
	{Name: "extraction", Class: router.ClassHighVolume},
	{Name: "classification", Class: router.ClassHighVolume},
	{Name: "chat", Class: router.ClassInteractive},
}

// policyOf is what a configuration says of names, classes and workloads.
func policyOf(cfg *config.Config) router.Policy {
	p := router.Policy{
		Aliases: map[string][]string{}, Classes: map[string][]string{}, Complete: map[string]bool{},
		Replace: cfg.Replace == "auto", DefaultClass: cfg.Auto.DefaultClass, Confidence: float64(cfg.Auto.Confidence) / 1e6,
	}
	for _, a := range cfg.Aliases {
		p.Aliases[a.Name] = a.Value
	}
	for _, c := range cfg.Classes {
		p.Classes[c.Name] = c.Value.Chain
	}
	for _, e := range cfg.Workloads {
		w := e.Value
		p.Workloads = append(p.Workloads, router.Workload{
			Name: e.Name, Class: w.Class, Chain: w.Chain, Prefer: router.Prefer(cmp.Or(w.Prefer, string(router.PreferOrder))),
			Switch: w.Switch, Inherit: w.Inherit == "session", Timeout: w.Timeout.Total, FirstByte: w.Timeout.FirstByte, Idle: w.Timeout.Idle, Attempts: w.Retry.Attempts,
		})
	}
	for _, w := range usual {
		if _, said := cfg.Workloads.Get(w.Name); !said {
			w.Prefer, w.Default = cmp.Or(w.Prefer, router.PreferOrder), true
			p.Workloads = append(p.Workloads, w)
		}
	}
	return p
}
