package router

// Plan says which models may answer a request, in order, and why. It is pure: the
// same facts, routes and state of the world give the same decision. The error is
// an *llm.Error that names what would have to change: as of [Resolve] for a name
// that leads nowhere; KindContextLength, KindBadRequest, KindPermission or
// KindUnavailable where it leads to models and none of them can serve.
func Plan(f *Facts, r *Routes, now Now) (Decision, error) {
	p := planner{f: f, r: r, now: now}
	if err := p.find(); err != nil {
		return p.d, err
	}
	p.sift()
	if len(p.left) == 0 {
		p.lastResort()
	}
	if len(p.left) == 0 {
		return p.d, p.refusal()
	}
	p.order()
	p.stronger()
	p.d.Candidates = make([]Candidate, len(p.left))
	for i := range p.left {
		p.d.Candidates[i] = p.left[i].Candidate
	}
	p.resort()
	return p.d, nil
}

// planner is the making of one plan.
type planner struct {
	f     *Facts
	r     *Routes
	now   Now
	d     Decision
	route *route   // nil: the model was named
	steps []step   // all that the name leads to
	left  []ranked // those that can serve
	exact bool     // the client named one model at one account
	needs Needs
	stay  Place // where the session was; the zero value: it may be anywhere
	first Place // what its user chose; the zero value: nothing that can be asked
}

// ranked is a step with where it stands in the order that is preferred.
type ranked struct {
	*step
	rank int64
}
