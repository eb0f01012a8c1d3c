package router

import (
	"cmp"
	"math"
	"slices"
)

// order puts what is left in the order in which it is asked.
func (p *planner) order() {
	head := 0
	if p.d.Escalated != "" {
		for head < len(p.left) && slices.ContainsFunc(p.route.up, func(s step) bool { return s.name == p.left[head].name }) {
			head++
		}
		if head == 0 {
			p.d.Escalated = ""
		}
	}
	p.prefer(p.left[head:])
	p.spare(p.left[head:])
	if i := p.at(p.stay); i >= 0 && !p.later(p.left[i].name) && (head == 0 || i < head) {
		p.lead(i)
		p.d.Stayed = true
	}
	if i := p.at(p.first); i >= 0 {
		p.lead(i)
		p.d.Chosen, p.d.Stayed, p.d.Escalated = true, false, ""
	}
}

// at is where a place stands among those that are left; -1: nowhere.
func (p *planner) at(place Place) int {
	if place.Account == "" {
		return -1
	}
	return slices.IndexFunc(p.left, func(s ranked) bool { return s.Account == place.Account && s.Model == place.Model })
}

// lead puts one of those that are left before the others.
func (p *planner) lead(i int) {
	s := p.left[i]
	copy(p.left[1:i+1], p.left[:i])
	p.left[0] = s
}

// last is the rank of what nothing is known of.
const last = math.MaxInt64

func (p *planner) prefer(steps []ranked) {
	switch p.d.Prefer {
	case PreferCheap:
		for i := range steps {
			steps[i].rank = p.cost(steps[i].step)
		}
	case PreferFast:
		for i := range steps {
			if steps[i].rank = int64(p.condition(steps[i].step).FirstToken); steps[i].rank <= 0 {
				steps[i].rank = last
			}
		}
	case PreferFree:
		for i := range steps {
			steps[i].rank = p.notFree(steps[i].step)
		}
	default:
		return
	}
	slices.SortStableFunc(steps, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
}

// cost is what the request costs at a model; an unknown price is not a low one.
func (p *planner) cost(s *step) int64 {
	if s.Entry == nil {
		return last
	}
	if cost, ok := s.Entry.Estimate(p.f.Input, p.f.Answer(), p.now.Time); ok {
		return int64(cost)
	}
	return last
}

// notFree ranks a model by what it costs to use it: nothing, money, a refusal of
// what is used up.
func (p *planner) notFree(s *step) int64 {
	switch {
	case s.Entry == nil || s.Entry.Free == "" && (!s.priced || s.blend > 0):
		return 1
	case p.condition(s).Dry:
		p.d.Later = append(p.d.Later, Exclusion{Name: s.name, Reason: ReasonDry})
		return 2
	}
	return 0
}

// spare puts what is free, and of which little is left, behind the others where
// nobody wrote chain or preference: there it comes first for its price alone, and
// those that prefer what is free would find nothing.
func (p *planner) spare(steps []ranked) {
	if p.route == nil || !p.route.byPrice || p.d.Prefer != PreferOrder {
		return
	}
	for i := range steps {
		s := &steps[i]
		if s.rank = 0; s.Entry == nil || s.Entry.Quota == nil {
			continue
		}
		if p.condition(s.step).Kept {
			s.rank = 1
			p.d.Later = append(p.d.Later, Exclusion{Name: s.name, Reason: ReasonKept})
		}
	}
	if len(p.d.Later) > 0 {
		slices.SortStableFunc(steps, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	}
}

// later says whether a candidate was put behind others.
func (p *planner) later(name string) bool {
	return slices.ContainsFunc(p.d.Later, func(x Exclusion) bool { return x.Name == name && x.Reason == ReasonDry })
}
