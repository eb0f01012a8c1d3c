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

// policyOf is what a configuration says of names, classes and workloads; complete
// says which accounts' lists have all that can be used.
func policyOf(cfg *config.Config, complete map[string]bool) router.Policy {
	p := router.Policy{
		Aliases: map[string][]string{}, Classes: map[string][]string{}, Complete: complete,
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
		var on []router.Trigger
		for _, t := range w.Escalate.On {
			on = append(on, router.Trigger(t))
		}
		out := router.Workload{
			Escalate: w.Escalate.To, EscalateOn: on, EscalateAfter: w.Escalate.After,
			Name: e.Name, Class: w.Class, Chain: w.Chain, Prefer: router.Prefer(cmp.Or(w.Prefer, string(router.PreferOrder))),
			Switch: w.Switch, Inherit: w.Inherit == "session", Timeout: router.Timeout(w.Timeout), Attempts: w.Retry.Attempts,
		}
		if r := cfg.Rules[e.Name]; r != nil {
			out.When = r
		}
		p.Workloads = append(p.Workloads, out)
	}
	for _, w := range usual {
		if _, said := cfg.Workloads.Get(w.Name); !said {
			w.Prefer, w.Default = cmp.Or(w.Prefer, router.PreferOrder), true
			p.Workloads = append(p.Workloads, w)
		}
	}
	return p
}

// watchRules has the failures of workloads' rules counted, and the first of each
// logged: the rule doesn't hold then, which nobody else would notice.
func (s *Server) watchRules(cfg *config.Config) {
	for name, r := range cfg.Rules {
		r.OnFailure(func(n int64, err error) {
			s.meters.rules.WithLabelValues(name).Inc()
			if n == 1 {
				s.log.Warn("the rule of a workload failed for a request, so it doesn't hold there; further failures are counted in oido_rule_failures_total", "workload", name, "error", err)
			}
		})
	}
}
