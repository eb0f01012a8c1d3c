package router

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
)

// Policy is what the configuration says about names.
type Policy struct {
	// Aliases maps a name to the models that it stands for.
	Aliases map[string][]string
	// Complete says of an account that what its good list lacks can't be used.
	Complete map[string]bool
	// Replace says that the named replacement of a retired model takes its place.
	Replace bool
	// Classes maps a class to its chain; without one it has the connected models
	// of its tier.
	Classes map[string][]string
	// Workloads in the configuration's order, which is that of their rules.
	Workloads []Workload
	// DefaultClass is that of requests for auto that nothing else decides;
	// Confidence how sure [classify.Classify] must be to decide, from 0 to 1; 0: it
	// doesn't decide.
	DefaultClass string
	Confidence   float64
	// May says whether the caller's org may use an account; nil: any.
	May func(account string) bool

	// terse leaves out what a name that leads nowhere is nearest to, which is dear to
	// find out for every name of every chain whenever a list changes.
	terse bool
}

// Candidate is one model at one account.
type Candidate struct {
	Account string
	Model   string         // as the provider writes it
	Entry   *catalog.Entry // of the model that answers under the name; nil when the catalog doesn't know it there
}

// Name is provider/model-id.
func (c Candidate) Name() string { return c.Account + "/" + c.Model }

// Resolution is what a name stands for.
type Resolution struct {
	Candidates []Candidate // at least one
	// Rule says how the name was understood: "alias", "pinned", "bare",
	// "described", "short", "replaced".
	Rule string
}

// reserved are first segments that name something else than a provider.
var reserved = map[string]bool{"workload": true, "agent": true, "class": true, "auto": true}

// ruleReplaced is the rule of a retired model whose replacement takes its place.
const ruleReplaced = "replaced"

// isRetired stands in the message of such a refusal before what more is said.
const isRetired = " is retired"

// hasLeft stands in messages on models that are gone.
const hasLeft = " has left its provider's list"

// ErrRetired is the cause of a refusal of a model that has ended.
var ErrRetired = errors.New("retired")

// retired is ErrRetired with the model that has ended.
type retired struct{ *catalog.Entry }

// Error implements error.
func (*retired) Error() string { return ErrRetired.Error() }

// Is says that it is an ErrRetired.
func (*retired) Is(target error) bool { return target == ErrRetired }

// Resolve says which models a name stands for. The error is an *llm.Error:
// KindNotFound with the nearest names or the replacement of a retired model,
// KindNotBuilt for names that choose by workload, agent or class, KindBadRequest
// for none at all.
func Resolve(name string, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	return resolve(name, &trail{}, pol, view, now)
}

// trail is the way to a name through aliases.
type trail struct {
	way  []string           // those that have led to it
	been map[string]outcome // what those came to that were followed to their end
}

// outcome is what a name came to.
type outcome struct {
	res Resolution
	err error
}

// resolve resolves a name at the end of a trail.
func resolve(name string, at *trail, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	first, rest, slashed := strings.Cut(name, "/")
	switch {
	case name == "":
		return Resolution{}, &llm.Error{Kind: llm.KindBadRequest, Param: "model", Message: "the request names no model"}
	case name == "auto", slashed && reserved[first]:
		says := "%q is no model by itself: name one here, like provider/model-id"
		if first == "agent" {
			says = "%q: agents are not built yet: name a model, a workload or a class"
		}
		return Resolution{}, &llm.Error{Kind: llm.KindNotBuilt, Param: "model", Message: fmt.Sprintf(says, name)}
	}
	if chain := pol.Aliases[name]; len(chain) > 0 && !slices.Contains(at.way, name) {
		had, been := at.been[name]
		if !been {
			at.way = append(at.way, name)
			had.res, had.err = resolveAlias(chain, at, pol, view, now)
			at.way = at.way[:len(at.way)-1]
			if at.been == nil {
				at.been = map[string]outcome{}
			}
			at.been[name] = had
		}
		return had.res, had.err
	}
	if slashed && view.HasAccount(first) && pol.may(first) {
		return pinned(first, rest, pol, view, now)
	}
	return bare(name, pol, view, now)
}

func (p Policy) may(account string) bool { return p.May == nil || p.May(account) }

// resolveAlias takes those entries of a chain that resolve and are still there,
// the chains of other aliases among them, up to [maxChain]. The alias that the trail
// ends with is inside of itself the model of that name.
func resolveAlias(chain []string, at *trail, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	res := Resolution{Rule: "alias"}
	var firstErr error
	for _, target := range chain {
		r, err := resolve(target, at, pol, view, now)
		if err != nil {
			if firstErr == nil {
				firstErr, pol.terse = err, true // nobody reads the others
			}
			continue
		}
		for _, c := range r.Candidates {
			switch {
			case c.Entry != nil && c.Entry.Gone:
				if firstErr == nil {
					firstErr = left(c.Entry, pol, view, now)
				}
			case len(res.Candidates) < maxChain && !slices.ContainsFunc(res.Candidates, func(had Candidate) bool { return had.Account == c.Account && had.Model == c.Model }):
				res.Candidates = append(res.Candidates, c)
			}
		}
	}
	if len(res.Candidates) == 0 {
		e := llm.AsError(firstErr)
		return Resolution{}, &llm.Error{Kind: e.Kind, Param: "model", Code: e.Code, Message: fmt.Sprintf("the alias %q leads nowhere: %s", at.way[len(at.way)-1], e.Message)}
	}
	return res, nil
}

// pinned is a model at the account that the name says, which is tried even where
// it is not listed: lists can lack what works.
func pinned(account, id string, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	e := view.Lookup(account, id)
	switch {
	case e == nil && pol.Complete[account]:
		return Resolution{}, notFound(account+"/"+id, pol, view, now)
	case e != nil && e.Ended(now):
		return ended(e, pol, view, now)
	case e != nil && e.Unlisted && pol.Complete[account] && !e.Redirected(now):
		return Resolution{}, notFound(account+"/"+id, pol, view, now)
	}
	return Resolution{Candidates: []Candidate{{Account: account, Model: id, Entry: view.Answering(e, now)}}, Rule: "pinned"}, nil
}

// bare is a model wherever it is listed, else wherever it may work unlisted, else
// what the name describes. A model that is gone is tried at one account.
func bare(name string, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	s := search{pol: pol, view: view, now: now}
	s.add(name, view.ByID(name))
	if len(s.found) == 0 {
		s.add(name, view.Unlisted(name))
	}
	if len(s.found) > 0 {
		return Resolution{Candidates: s.found, Rule: "bare"}, nil
	}
	res, err := described(name, &s)
	switch {
	case err != nil || len(res.Candidates) > 0:
		return res, err
	case s.gone != nil:
		c := Candidate{Account: s.gone.Account, Model: s.gone.ID, Entry: view.Answering(s.gone, now)}
		return Resolution{Candidates: []Candidate{c}, Rule: "bare"}, nil
	case s.ended != nil:
		return ended(s.ended, pol, view, now)
	}
	return Resolution{}, notFound(name, pol, view, now)
}

// described is what a described or short name of the catalog stands for: the first
// of its models that is at a connected provider, at all its accounts. None: no
// such name, or all of them are gone or have ended.
func described(name string, s *search) (Resolution, error) {
	d, err := catalog.DescribedAs(name)
	if err != nil || d == nil {
		return Resolution{}, err
	}
	connected := false
	for _, c := range d.Candidates {
		for _, account := range s.view.Accounts(c.Provider) {
			connected = connected || s.pol.may(account)
			if e := s.view.Lookup(account, c.Model); e != nil {
				s.add(c.Model, []*catalog.Entry{e})
			}
		}
		if len(s.found) > 0 {
			rule := "described"
			if d.Short {
				rule = "short"
			}
			return Resolution{Candidates: s.found, Rule: rule}, nil
		}
	}
	if connected {
		return Resolution{}, nil
	}
	var where []string
	for _, c := range d.Candidates {
		where = append(where, c.Provider+"/"+c.Model)
	}
	return Resolution{}, unknown(fmt.Sprintf("the model %q is known as %s, and none of these providers is connected", name, strings.Join(where, ", ")))
}

// search gathers what can answer, and what can't any more.
type search struct {
	pol   Policy
	view  *catalog.View
	now   time.Time
	found []Candidate
	gone  *catalog.Entry // the first
	ended *catalog.Entry // the first whose replacement is known, else the first
}

func (s *search) add(id string, entries []*catalog.Entry) {
	for _, e := range entries {
		switch {
		case !s.pol.may(e.Account):
		case e.Ended(s.now):
			if s.ended == nil || s.ended.Lifecycle.Replacement == "" {
				s.ended = e
			}
		case e.Unlisted && s.pol.Complete[e.Account] && !e.Redirected(s.now):
		case e.Gone:
			if s.gone == nil {
				s.gone = e
			}
		default:
			s.found = append(s.found, Candidate{Account: e.Account, Model: id, Entry: s.view.Answering(e, s.now)})
		}
	}
}

// ended is what becomes of a retired model: what took its place, or an error that
// names it.
func ended(e *catalog.Entry, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	if pol.Replace {
		if c, ok := replacement(e, pol, view, now); ok {
			return Resolution{Candidates: []Candidate{c}, Rule: ruleReplaced}, nil
		}
	}
	since := ""
	if e.Lifecycle.Shutdown != "" {
		since = " since " + e.Lifecycle.Shutdown
	}
	return Resolution{}, &llm.Error{
		Kind: llm.KindNotFound, Param: "model", Code: "model_not_found", Err: &retired{e},
		Message: fmt.Sprintf("the model %s%s%s%s", e.Name(), isRetired, since, instead(e, pol, view, now)),
	}
}

// replacement is the model that took a retired one's place, at the same account.
// Only a plain id is one: "x or y" and "x without thinking" ask for a decision.
func replacement(e *catalog.Entry, pol Policy, view *catalog.View, now time.Time) (Candidate, bool) {
	steps := view.Replacements(e, now)
	if len(steps) == 0 {
		return Candidate{}, false
	}
	next := view.Lookup(e.Account, steps[len(steps)-1])
	if next == nil || next.Gone || next.Ended(now) || next.Unlisted && pol.Complete[e.Account] && !next.Redirected(now) {
		return Candidate{}, false
	}
	return Candidate{Account: e.Account, Model: next.ID, Entry: view.Answering(next, now)}, true
}

// left says that a model is gone from the list that had it.
func left(e *catalog.Entry, pol Policy, view *catalog.View, now time.Time) error {
	return unknown(fmt.Sprintf("the model %s%s%s", e.Name(), hasLeft, instead(e, pol, view, now)))
}

// instead is the end of a sentence: what to use in a model's place.
func instead(e *catalog.Entry, pol Policy, view *catalog.View, now time.Time) string {
	steps := view.Replacements(e, now)
	if len(steps) == 0 {
		return "; its provider names no replacement" + alike(e.Name(), pol, view, now)
	}
	return "; its replacement is " + strings.Join(steps, ", by now replaced by ")
}

func notFound(name string, pol Policy, view *catalog.View, now time.Time) error {
	return unknown(fmt.Sprintf("the model %q is not known at any connected provider", name) + alike(name, pol, view, now))
}

// alike names up to three models that the caller may have meant.
func alike(name string, pol Policy, view *catalog.View, now time.Time) string {
	if pol.terse {
		return ""
	}
	near := view.Nearest(name, 3, func(e *catalog.Entry) bool { return pol.may(e.Account) && !e.Ended(now) })
	if len(near) == 0 {
		return ""
	}
	return "; nearest: " + strings.Join(near, ", ")
}

func unknown(msg string) error {
	return &llm.Error{Kind: llm.KindNotFound, Param: "model", Code: "model_not_found", Message: msg}
}
