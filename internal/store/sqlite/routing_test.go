package sqlite_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/policy"
)

func TestRoutingIsKeptByOrg(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	at := func(n int) policy.Entry {
		return policy.Entry{Revision: 1, Created: noon.Add(time.Duration(n) * time.Second), Changed: noon.Add(time.Duration(n) * time.Second), By: "ada", Value: []byte(`{"chain":["up/a"]}`)}
	}
	entry := func(n int, org, section, name string) policy.Entry {
		e := at(n)
		e.Org, e.Section, e.Name = org, section, name
		return e
	}
	all := []policy.Entry{entry(2, "acme", "workloads", "w"), entry(3, "acme", "aliases", "w"), entry(1, "other", "workloads", "w")}
	for _, i := range []int{1, 2, 0} {
		if err := s.InsertRouting(ctx, all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.InsertRouting(ctx, all[0]); !errors.Is(err, policy.ErrChanged) {
		t.Errorf("the same name twice: %v", err)
	}
	all[0].Revision, all[0].Changed, all[0].By, all[0].Value = 7, noon.Add(time.Hour), "bob", []byte(`{}`)
	if err := s.UpdateRouting(ctx, all[0], 2); !errors.Is(err, policy.ErrChanged) {
		t.Errorf("a change of what was changed: %v", err)
	}
	if err := s.UpdateRouting(ctx, all[0], 1); err != nil {
		t.Error(err)
	}
	got, err := s.Routing(ctx)
	if d := cmp.Diff(all, got); d != "" || err != nil {
		t.Error(d, err)
	}
	stale := all[0]
	stale.Revision = 1
	if err := s.DeleteRouting(ctx, stale); !errors.Is(err, policy.ErrChanged) {
		t.Errorf("a removal of what was changed: %v", err)
	}
	if err := s.DeleteRouting(ctx, all[0]); err != nil {
		t.Error(err)
	}
	got, err = s.Routing(ctx)
	if d := cmp.Diff(all[1:], got); d != "" || err != nil {
		t.Error(d, err)
	}
}
