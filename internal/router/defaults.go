package router

import (
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
// they are those of any tier with a long window. They depend on the models alone,
// so policies share them.
type defaults struct {
	tiers map[catalog.Tier][]step
	long  []step
}

// newDefaults looks once at every model: there are thousands, whenever a list
// changes.
func newDefaults(view *catalog.View, now time.Time) *defaults {
	var long cheapest
	tiers := map[catalog.Tier]*cheapest{}
	for _, e := range view.All() {
		if e.Gone || e.Unlisted || e.Tier == "" || !e.Generates() || e.Ended(now) {
			continue
		}
		answering := view.Answering(e, now)
		price, known := blend(answering, now)
		if !known {
			continue
		}
		s := offer{e, answering, price}
		of := tiers[e.Tier]
		if of == nil {
			of = &cheapest{}
			tiers[e.Tier] = of
		}
		of.add(s)
		if e.Context >= longWindow && e.Tier != catalog.TierSpecialist {
			long.add(s)
		}
	}
	d := &defaults{tiers: make(map[catalog.Tier][]step, len(tiers)), long: long.steps(now)}
	for tier, of := range tiers {
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

// offer is a model at its price.
type offer struct {
	entry, answering *catalog.Entry
	price            llm.NanoUSD
}

// cheapest are the best offers of those added, cheapest first, the earlier first
// where they cost the same.
type cheapest []offer

func (c *cheapest) add(o offer) {
	at := len(*c)
	for at > 0 && o.price < (*c)[at-1].price {
		at--
	}
	if at == maxDefault {
		return
	}
	if len(*c) == maxDefault {
		*c = (*c)[:maxDefault-1]
	}
	*c = slices.Insert(*c, at, o)
}

func (c *cheapest) steps(now time.Time) []step {
	out := make([]step, 0, len(*c))
	for _, o := range *c {
		out = append(out, newStep(Candidate{Account: o.entry.Account, Model: o.entry.ID, Entry: o.answering}, now))
	}
	return out
}
