package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/quota"
)

// freeWindow is the longest time over which what is free is counted: a day, and an
// hour more where a day is cut within one of the books.
const freeWindow = 25 * time.Hour

// countFree tells the tracker of what is free what the books say was used of it.
func (s *Server) countFree(ctx context.Context) error {
	v := s.gateway.State().View()
	err := s.store.SpentByModel(ctx, s.now().Add(-freeWindow), func(at time.Time, model string, requests, tokens int64) {
		account, id, _ := strings.Cut(model, "/")
		if e := v.Lookup(account, id); e != nil && e.Quota != nil {
			s.gateway.Quotas.Spent(quota.Place{Account: account, Model: id}, e.Quota, at, requests, tokens)
		}
	})
	if err != nil {
		return fmt.Errorf("count what is used of what is free: %w", err)
	}
	return nil
}
