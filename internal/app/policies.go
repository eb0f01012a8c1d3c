package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/policy"
	"github.com/oidostudio/oido/internal/router"
)

var _ httpapi.Policies = (*Server)(nil)

// Policies are all aliases, classes or workloads that an org can see.
func (s *Server) Policies(org, section string) ([]httpapi.PolicyEntry, error) {
	cfg := s.cfg.Load()
	var names []string
	switch section {
	case config.SectionAliases:
		names = cfg.Aliases.Names()
	case config.SectionClasses:
		names = cfg.Classes.Names()
	case config.SectionWorkloads:
		names = cfg.Workloads.Names()
	}
	var out []httpapi.PolicyEntry
	said := map[string]bool{}
	for _, name := range names {
		settings, _, err := cfg.Settings(section, name)
		if err != nil {
			return nil, err
		}
		e, err := entryOf(section, name, httpapi.FromConfiguration, settings)
		if err != nil {
			return nil, err
		}
		said[name], out = true, append(out, e)
	}
	for _, e := range s.policy.Of(org, section) {
		out = append(out, shownEntry(e))
		said[e.Name] = said[e.Name] || e.Off == nil
	}
	for name, settings := range unsaid(section) {
		if said[name] {
			continue
		}
		e, err := entryOf(section, name, httpapi.FromDefault, settings)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// unsaid are the entries of a section that are there unless somebody says otherwise.
func unsaid(section string) func(func(string, map[string]any) bool) {
	return func(yield func(string, map[string]any) bool) {
		switch section {
		case config.SectionClasses:
			for _, name := range router.Classes {
				if !yield(name, map[string]any{}) {
					return
				}
			}
		case config.SectionWorkloads:
			for _, w := range usual {
				settings := map[string]any{}
				if w.Class != "" {
					settings["class"] = w.Class
				}
				if w.Prefer != "" {
					settings["prefer"] = string(w.Prefer)
				}
				if w.Inherit {
					settings["inherit"] = "session"
				}
				if !yield(w.Name, settings) {
					return
				}
			}
		}
	}
}

func entryOf(section, name string, from httpapi.PolicySource, settings map[string]any) (httpapi.PolicyEntry, error) {
	b, err := json.Marshal(settings, json.Deterministic(true))
	if err != nil {
		return httpapi.PolicyEntry{}, fmt.Errorf("show %s.%s: %w", section, name, err)
	}
	return httpapi.PolicyEntry{Section: section, Name: name, Source: from, Settings: b}, nil
}

func shownEntry(e policy.Entry) httpapi.PolicyEntry {
	out := httpapi.PolicyEntry{
		Org: e.Org, Section: e.Section, Name: e.Name, Source: httpapi.FromAPI, Revision: e.Revision,
		Changed: e.Changed, By: e.By, Settings: slices.Clone(e.Value),
	}
	if e.Off != nil {
		out.Problem = e.Off.Error()
	}
	return out
}

// PutPolicy keeps an org's alias, class or workload, and puts it in force.
func (s *Server) PutPolicy(ctx context.Context, e httpapi.PolicyEntry, revision int64) (httpapi.PolicyEntry, bool, error) {
	kept, created, err := s.policy.Put(ctx, policy.Entry{Org: e.Org, Section: e.Section, Name: e.Name, By: e.By, Value: e.Settings}, revision)
	if err != nil {
		return httpapi.PolicyEntry{}, false, refusedPolicy(e.Section, e.Name, err)
	}
	s.publish(nil)
	return shownEntry(kept), created, nil
}

// RemovePolicy forgets an org's alias, class or workload.
func (s *Server) RemovePolicy(ctx context.Context, org, section, name string, revision int64) error {
	err := s.policy.Remove(ctx, org, section, name, revision)
	if errors.Is(err, policy.ErrNone) {
		if _, said, _ := s.cfg.Load().Settings(section, name); said {
			err = config.ErrInFile
		}
	}
	if err != nil {
		return refusedPolicy(section, name, err)
	}
	s.publish(nil)
	return nil
}

// refusedPolicy says why a change isn't made.
func refusedPolicy(section, name string, err error) error {
	var problems config.Errors
	switch {
	case errors.As(err, &problems):
		r := &httpapi.Refusal{Status: http.StatusUnprocessableEntity, Message: problems.Error()}
		for _, p := range problems {
			says := p.Problem
			if p.Suggestion != "" {
				says += "; " + p.Suggestion
			}
			r.Fields = append(r.Fields, httpapi.RefusedField{Path: p.Field, Problem: says})
		}
		return r
	case errors.Is(err, config.ErrInFile):
		return refusal(http.StatusConflict, "%s.%s is of the configuration: change it there", section, name)
	case errors.Is(err, policy.ErrChanged):
		return refusal(http.StatusPreconditionFailed, "%s.%s isn't what the precondition says: read it again", section, name)
	case errors.Is(err, policy.ErrTooMany):
		return refusal(http.StatusConflict, "the org has too many %s already: remove some first", section)
	case errors.Is(err, policy.ErrNone):
		return refusal(http.StatusNotFound, "nothing of this name was added to the %s", section)
	}
	return err
}
