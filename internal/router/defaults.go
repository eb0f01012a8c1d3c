package router

import (
	"cmp"
	"slices"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
)

// longWindow is the window in tokens from which a model is for long documents.
const longWindow = 400_000

// maxDefault bounds a chain that nobody configured: each of its models may be
// tried in turn.
const maxDefault = 8

// inTheirPlace are the tiers whose models stand in where none of a class's own
// tier is connected, so that every class has a model that has any.
var inTheirPlace = map[string][]catalog.Tier{
	ClassHighVolume:  {catalog.TierFast, catalog.TierBalanced, catalog.TierFrontier},
	ClassInteractive: {catalog.TierBalanced, catalog.TierFrontier, catalog.TierFast},
	ClassReasoning:   {catalog.TierFrontier, catalog.TierBalanced, catalog.TierFast},
	ClassLongContext: {catalog.TierFast, catalog.TierBalanced, catalog.TierFrontier},
}

// defaults are the chains of classes that nobody configured: the connected models
// of a class's tier that are listed and priced, cheapest first. For long documents
// they are those of any tier with a long window.
type defaults struct {
	tiers map[catalog.Tier][]step
	long  []step
}

// offers are the models of which defaults are made, by their accounts: who may use
// fewer accounts has chains as good as if there were no others.
type offers map[string]*shelf

// shelf is what one account has of them.
type shelf struct {
	tiers map[catalog.Tier]*cheapest
	long  cheapest
}

func (s *shelf) of(tier catalog.Tier) *cheapest {
	c := s.tiers[tier]
	if c == nil {
		c = &cheapest{}
		s.tiers[tier] = c
	}
	return c
}

func newShelf() *shelf { return &shelf{tiers: map[catalog.Tier]*cheapest{}} }

// newOffers looks once at every model: there are thousands, whenever a list
// changes.
func newOffers(view *catalog.View, now time.Time) offers {
	all := offers{}
	for i, e := range view.All() {
		if e.Gone || e.Unlisted || e.Tier == "" || !e.Generates() || e.Ended(now) {
			continue
		}
		answering := view.Answering(e, now)
		price, known := blend(answering, now)
		if !known {
			continue
		}
		s := all[e.Account]
		if s == nil {
			s = newShelf()
			all[e.Account] = s
		}
		o := offer{e, answering, price, i}
		s.of(e.Tier).add(o)
		if e.Context >= longWindow && e.Tier != catalog.TierSpecialist {
			s.long.add(o)
		}
	}
	return all
}

// defaults are the best of the accounts that a policy may use.
func (o offers) defaults(pol *Policy, now time.Time) *defaults {
	best := newShelf()
	for account, s := range o {
		if !pol.may(account) {
			continue
		}
		for tier, of := range s.tiers {
			best.of(tier).add(*of...)
		}
		best.long.add(s.long...)
	}
	d := &defaults{tiers: make(map[catalog.Tier][]step, len(best.tiers)), long: best.long.steps(now)}
	for tier, of := range best.tiers {
		d.tiers[tier] = of.steps(now)
	}
	return d
}

func (d *defaults) of(class string) []step {
	if class == ClassLongContext && len(d.long) > 0 {
		return d.long
	}
	for _, tier := range inTheirPlace[class] {
		if steps := d.tiers[tier]; len(steps) > 0 {
			return steps
		}
	}
	return nil
}

// offer is a model at its price, and where it stands among all.
type offer struct {
	entry, answering *catalog.Entry
	price            llm.NanoUSD
	at               int
}

func (o offer) before(other offer) bool {
	return cmp.Or(cmp.Compare(o.price, other.price), cmp.Compare(o.at, other.at)) < 0
}

// cheapest are the best offers of those added, cheapest first, the earlier first
// where they cost the same.
type cheapest []offer

func (c *cheapest) add(all ...offer) {
	for _, o := range all {
		at := len(*c)
		for at > 0 && o.before((*c)[at-1]) {
			at--
		}
		if at == maxDefault {
			continue
		}
		if len(*c) == maxDefault {
			*c = (*c)[:maxDefault-1]
		}
		*c = slices.Insert(*c, at, o)
	}
}

func (c *cheapest) steps(now time.Time) []step {
	out := make([]step, 0, len(*c))
	for _, o := range *c {
		out = append(out, newStep(Candidate{Account: o.entry.Account, Model: o.entry.ID, Entry: o.answering}, now))
	}
	return out
}
