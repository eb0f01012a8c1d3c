package router

import (
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
	// May says whether the caller's org may use an account; nil: any.
	May func(account string) bool
}

// Candidate is one model at one account.
type Candidate struct {
	Account string
	Model   string         // as the provider writes it
	Entry   *catalog.Entry // nil when the catalog doesn't know it there
}

// Name is provider/model-id.
func (c Candidate) Name() string { return c.Account + "/" + c.Model }

// Resolution is what a name stands for.
type Resolution struct {
	Candidates []Candidate // at least one
	// Rule says how the name was understood: "alias", "pinned", "bare".
	Rule string
}

// reserved are first segments that name something else than a provider.
var reserved = map[string]bool{"workload": true, "agent": true, "class": true, "auto": true}

// Resolve says which models a name stands for. The error is an *llm.Error:
// KindNotFound with the nearest names or the replacement of a retired model,
// KindNotBuilt for names that choose by workload, agent or class, KindBadRequest
// for none at all.
func Resolve(name string, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	return resolve(name, nil, pol, view, now)
}

// resolve resolves a name that the aliases of way have led to.
func resolve(name string, way []string, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	first, rest, slashed := strings.Cut(name, "/")
	switch {
	case name == "":
		return Resolution{}, &llm.Error{Kind: llm.KindBadRequest, Param: "model", Message: "the request names no model"}
	case name == "auto", slashed && reserved[first]:
		return Resolution{}, &llm.Error{Kind: llm.KindNotBuilt, Param: "model", Message: fmt.Sprintf("%q: choosing a model by workload, agent or class is not built yet; name a model, like provider/model-id", name)}
	}
	if chain := pol.Aliases[name]; len(chain) > 0 && !slices.Contains(way, name) {
		return resolveAlias(chain, append(way, name), pol, view, now)
	}
	if slashed && view.HasAccount(first) && pol.may(first) {
		c, err := pinned(first, rest, pol, view, now)
		return Resolution{Candidates: []Candidate{c}, Rule: "pinned"}, err
	}
	return bare(name, pol, view, now)
}

func (p Policy) may(account string) bool { return p.May == nil || p.May(account) }

// resolveAlias takes those entries of a chain that resolve, the chains of other
// aliases among them. The alias that way ends with is inside of itself the model
// of that name.
func resolveAlias(chain, way []string, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	res := Resolution{Rule: "alias"}
	var firstErr error
	for _, target := range chain {
		r, err := resolve(target, way, pol, view, now)
		if err != nil {
			if firstErr == nil {
				firstErr = err
			}
			continue
		}
		res.Candidates = append(res.Candidates, r.Candidates...)
	}
	if len(res.Candidates) == 0 {
		e := llm.AsError(firstErr)
		return Resolution{}, &llm.Error{Kind: e.Kind, Param: "model", Code: e.Code, Message: fmt.Sprintf("the alias %q leads nowhere: %s", way[len(way)-1], e.Message)}
	}
	return res, nil
}

func pinned(account, id string, pol Policy, view *catalog.View, now time.Time) (Candidate, error) {
	e := view.Lookup(account, id)
	switch {
	case e == nil && pol.Complete[account]:
		return Candidate{}, notFound(account+"/"+id, pol, view)
	case e != nil && retired(e, now):
		return Candidate{}, gone(e)
	}
	return Candidate{Account: account, Model: id, Entry: e}, nil
}

func bare(name string, pol Policy, view *catalog.View, now time.Time) (Resolution, error) {
	var res Resolution
	var ended *catalog.Entry
	for _, e := range view.ByID(name) {
		if !pol.may(e.Account) {
			continue
		}
		if retired(e, now) {
			ended = e
			continue
		}
		res.Candidates = append(res.Candidates, Candidate{Account: e.Account, Model: name, Entry: e})
	}
	switch {
	case len(res.Candidates) > 0:
		res.Rule = "bare"
		return res, nil
	case ended != nil:
		return Resolution{}, gone(ended)
	}
	return Resolution{}, notFound(name, pol, view)
}

// retired says whether a model can't answer any more. A live list that has it
// knows better than the catalog's dates; a redirected name still answers.
func retired(e *catalog.Entry, now time.Time) bool {
	return !e.Listed && !e.Declared && e.Lifecycle.Retired(now) && e.Lifecycle.RedirectsTo == ""
}

func gone(e *catalog.Entry) error {
	msg := fmt.Sprintf("the model %s is retired", e.Name())
	if e.Lifecycle.Replacement != "" {
		msg += fmt.Sprintf("; its replacement is %s", e.Lifecycle.Replacement)
	}
	return &llm.Error{Kind: llm.KindNotFound, Param: "model", Code: "model_not_found", Message: msg}
}

func notFound(name string, pol Policy, view *catalog.View) error {
	msg := fmt.Sprintf("the model %q is not known at any connected provider", name)
	if near := view.Nearest(name, 3, pol.may); len(near) > 0 {
		msg += "; nearest: " + strings.Join(near, ", ")
	}
	return &llm.Error{Kind: llm.KindNotFound, Param: "model", Code: "model_not_found", Message: msg}
}
