package router

import (
	"slices"
	"time"
)

// Led is a workload with its names led to the models that they stand for now.
type Led struct {
	Workload
	Models []Candidate // of its chain, else of its class
	Up     []Candidate // what it escalates to
	Other  []Candidate // what a user may name in their place
	// Lost are the names in it that lead nowhere; those of a class that it has no
	// chain beside are among them.
	Lost []Exclusion
}

// Led returns all workloads in the policy's order.
func (r *Routes) Led(now time.Time) []Led {
	out := make([]Led, 0, len(r.pol.Workloads))
	for _, w := range r.pol.Workloads {
		rt := r.workloads[w.Name]
		l := Led{Workload: rt.Workload, Models: candidates(rt.chain), Up: candidates(rt.up), Other: candidates(rt.other), Lost: slices.Clone(rt.lost)}
		for _, names := range [][]string{w.Escalate, w.Switch} {
			_, lost := r.lead(names, "", now)
			l.Lost = append(l.Lost, lost...)
		}
		out = append(out, l)
	}
	return out
}

func candidates(steps []step) []Candidate {
	out := make([]Candidate, 0, len(steps))
	for _, s := range steps {
		out = append(out, s.Candidate)
	}
	return out
}
