package quota

import (
	"time"

	"github.com/oidostudio/oido/internal/catalog"
)

// Share is how much of one allowance is left. A Limit of 0 is not known.
type Share struct {
	Limit, Left int64
	Resets      time.Time // when more is there again
}

// Source says where the limits of a [Left] are from.
type Source string

// The sources; the first that has a limit counts.
const (
	Learned    Source = "learned"    // an answer of the provider told
	Configured Source = "configured" // the account's "free" in the configuration
	Catalog    Source = "catalog"    // what is known of the provider
)

// Left is how much is left of what is free at a place.
type Left struct {
	RequestsMinute, RequestsDay, TokensMinute, TokensDay Share
	// Source is that of the limits; "" when none is known.
	Source Source
	// Dry says that the provider has refused for want of quota, and until when
	// that counts; zero: it hasn't.
	Dry time.Time
}

// Left says how much is left at a place. A nil tracker has counted nothing.
func (t *Tracker) Left(at Place, q *catalog.Quota) Left {
	if t == nil {
		t = New(time.Now)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	var l Left
	p := t.known(at, q, now)
	if p == nil {
		p = newPool(at, q, now)
	}
	if now.Before(p.dry) {
		l.Dry = p.dry
	}
	said := limits(q)
	for i, to := range [allowances]*Share{&l.RequestsMinute, &l.RequestsDay, &l.TokensMinute, &l.TokensDay} {
		a := &p.of[i]
		to.Limit = a.most(said[i])
		if to.Limit == 0 {
			continue
		}
		to.Left, to.Resets = max(to.Limit-a.sum, 0), a.resets(now)
		switch {
		case a.limit > 0:
			l.Source = Learned
		case l.Source == "" && q.Configured:
			l.Source = Configured
		case l.Source == "":
			l.Source = Catalog
		}
	}
	return l
}
