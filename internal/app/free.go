package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/quota"
)

// freeWindow is the longest time over which what is free is counted: a day, and an
// hour more where a day is cut within one of the books.
const freeWindow = 25 * time.Hour

// spent is what the books say was used of a model in an hour before the start.
type spent struct {
	at               time.Time
	account, model   string
	requests, tokens int64
}

// readSpent reads what was used of all models of late.
func (s *Server) readSpent(ctx context.Context) error {
	err := s.store.SpentByModel(ctx, s.now().Add(-freeWindow), func(at time.Time, name string, requests, tokens int64) {
		account, model, _ := strings.Cut(name, "/")
		s.spent = append(s.spent, spent{at, account, model, requests, tokens})
	})
	if err != nil {
		return fmt.Errorf("count what is used of what is free: %w", err)
	}
	return nil
}

// countSpent tells the tracker, once, of the models that are known to be free. Some
// are only known once their provider's list was read; what is older than any window
// is forgotten.
func (s *Server) countSpent(v *catalog.View) {
	since := s.now().Add(-freeWindow)
	s.spent = slices.DeleteFunc(s.spent, func(u spent) bool {
		e := v.Lookup(u.account, u.model)
		if e == nil || e.Quota == nil {
			return u.at.Before(since)
		}
		s.gateway.Quotas.Spent(quota.Place{Account: u.account, Model: u.model}, e.Quota, u.at, u.requests, u.tokens)
		return true
	})
}
