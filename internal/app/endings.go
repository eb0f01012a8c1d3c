package app

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/router"
)

// replaceOff is the configuration's word for saying nothing of models that end.
const replaceOff = "off"

// toldEndings are those that the log was told of today.
type toldEndings struct {
	mu    sync.Mutex // protects following fields
	day   string
	these map[string]bool
}

// forget has the log told of all again.
func (t *toldEndings) forget() {
	t.mu.Lock()
	t.these = nil
	t.mu.Unlock()
}

// first says whether an ending has not been told of on a day.
func (t *toldEndings) first(day, org string, e *router.Ending) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.day != day || t.these == nil {
		t.day, t.these = day, map[string]bool{}
	}
	key := fmt.Sprintf("%q %s %s %t", org, e.Path, e.Model, e.Over())
	told := t.these[key]
	t.these[key] = true
	return !told
}

// warnOfEnds tells the log which places of the configuration name models that have
// ended or soon will: each once a day, and with a new configuration.
func (s *Server) warnOfEnds(st *gateway.State, cfg *config.Config) {
	if cfg.Replace != replaceOff {
		s.tellEndings("", st.Routes.Endings(s.now(), router.EndsSoon, nil))
	}
}

// warnOrgsOfEnds tells of the places that orgs have added.
func (s *Server) warnOrgsOfEnds() {
	st, cfg := s.gateway.State(), s.cfg.Load()
	if st == nil || cfg.Replace == replaceOff {
		return
	}
	for _, org := range slices.Sorted(maps.Keys(s.policy.Merged())) {
		s.tellEndings(org, own(st.Endings(org, s.now(), router.EndsSoon), st.Routes))
	}
}

// own are the endings at places that only an org has.
func own(all []router.Ending, shared *router.Routes) []router.Ending {
	pol := shared.Policy()
	return slices.DeleteFunc(all, func(e router.Ending) bool { return pol.Has(e.Section, e.Name) })
}

func (s *Server) tellEndings(org string, all []router.Ending) {
	day := s.now().UTC().Format(time.DateOnly)
	for i := range all {
		e := &all[i]
		if !s.endings.first(day, org, e) {
			continue
		}
		log := s.log
		if org != "" {
			log = log.With("org", org)
		}
		if e.Over() {
			log.Warn("the configuration names a model that can't be used any more", "place", e.Path, "model", e.Model, "problem", e.String())
			continue
		}
		log.Warn("the configuration names a model that ends soon", "place", e.Path, "model", e.Model, "ends", e.Ends, "replacement", e.Replacement)
	}
}

// maxClashes is how many of them are told one by one.
const maxClashes = 20

// warnOfClashes tells the log what was added and isn't in force.
func (s *Server) warnOfClashes() {
	n := 0
	for _, e := range s.policy.Off() {
		if n++; n <= maxClashes {
			s.log.Warn("what was added is not in force", "org", e.Org, "place", e.Section+"."+e.Name, "reason", e.Off)
		}
	}
	if n > maxClashes {
		s.log.Warn("more of what was added is not in force", "entries", n-maxClashes)
	}
}

// followDays makes new routes when a day begins, on which models may end, until the
// server stops.
func (s *Server) followDays() {
	last := s.now().UTC().Format(time.DateOnly)
	for {
		now := s.now().UTC()
		// An hour at most: clocks are set, and machines sleep.
		timer := time.NewTimer(min(time.Hour, now.Truncate(24*time.Hour).Add(24*time.Hour).Sub(now)))
		select {
		case <-s.stopping.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if day := s.now().UTC().Format(time.DateOnly); day != last {
			last = day
			s.newDay()
		}
	}
}

func (s *Server) newDay() {
	s.publish(nil)
	s.warnOrgsOfEnds()
}

// endings are the places of a configuration, and of what orgs have added to it, that
// name models which have ended or soon will.
func (t *trial) endings(orgs map[string]*config.Config) func(func(Check) bool) {
	return func(yield func(Check) bool) {
		if t.cfg.Replace == replaceOff {
			return
		}
		st, now := t.server.gateway.State(), t.server.now()
		complete := st.Routes.Policy().Complete
		routes := st.Routes.With(policyOf(t.cfg, complete), now)
		for _, e := range routes.Endings(now, router.EndsSoon, nil) {
			if !yield(checkOf("", e)) {
				return
			}
		}
		for _, org := range slices.Sorted(maps.Keys(orgs)) {
			theirs := st.Routes.With(policyOf(orgs[org], complete), now).Endings(now, router.EndsSoon, nil)
			for _, e := range own(theirs, routes) {
				if !yield(checkOf(org, e)) {
					return
				}
			}
		}
	}
}

func checkOf(org string, e router.Ending) Check {
	c := Check{What: e.Path, Says: e.String(), Step: "models", Soon: true}
	if org != "" {
		c.What += " of org " + org
	}
	if e.Over() && e.Replaced == "" {
		c.Soon, c.Err = false, errors.New(c.Says)
	}
	return c
}
