package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/httpapi"
)

func options(base, key string) []byte {
	return fmt.Appendf(nil, `{"type":"openai","base_url":%q,"api_key":%q,"formats":["chat"]}`, base, key)
}

// A name that the file takes later is the file's, whatever was added under it; it
// is back when the file lets go of it.
func TestTheFileWinsANameAndGivesItBack(t *testing.T) {
	base, dir := provider(t), t.TempDir()
	plain, err := load(t, dir, file(firstKey, base, "one"))
	if err != nil {
		t.Fatal(err)
	}
	// In the file the name stands for an account with a wrong key.
	taken, err := load(t, dir, strings.Replace(file(firstKey, base, "one"), "aliases:", fmt.Sprintf("  mine: {type: openai, base_url: %q, api_key: bad, formats: [chat], models: [{id: sim}]}\naliases:", base), 1))
	if err != nil {
		t.Fatal(err)
	}
	off, err := load(t, dir, strings.Replace(file(firstKey, base, "one"), "aliases:", "  mine: {type: openai, api_key: \"${NOT_SET_ANYWHERE_AT_ALL}\"}\naliases:", 1))
	if err != nil {
		t.Fatal(err)
	}
	log := &locked{}
	g := newGateway(t, plain, log)
	if _, err := g.Add(t.Context(), "", "mine", options(base, "good-key-of-ours")); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		apply  func() error
		status int
		clash  bool
	}{
		{func() error { return nil }, 200, false},
		{func() error { return g.Apply(taken) }, 502, true},
		{func() error { return g.Apply(off) }, 404, true},
		{func() error { return g.Apply(plain) }, 200, false},
		// Removed while the file has the name: the file's stays.
		{func() error { return errors.Join(g.Apply(taken), g.Remove(t.Context(), "mine", 0)) }, 502, false},
		{func() error { return g.Apply(plain) }, 404, false},
	} {
		if err := c.apply(); err != nil {
			t.Fatal(i, err)
		}
		g.WaitLists(t.Context())
		status, text := g.ask(t, firstKey, "mine/sim", false)
		if status != c.status && (c.status != 502 || status != 503) {
			t.Errorf("%d: %d %s", i, status, text)
		}
		for _, a := range g.Stored() {
			if a.Clash != c.clash || (a.Off != "") != c.clash {
				t.Errorf("%d: %+v", i, a)
			}
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if text := log.b.String(); !strings.Contains(text, "used instead") || strings.Contains(text, "good-key-of-ours") {
		t.Errorf("the clash is not told, or too much: %s", text)
	}
}

// TestAccountsChangeUnderLoad: adding, giving keys, removing and reloading at once
// fail no request to another account, and none is half done.
func TestAccountsChangeUnderLoad(t *testing.T) {
	base, dir := provider(t), t.TempDir()
	cfg, err := load(t, dir, file(firstKey, base, "one"))
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, cfg, &locked{})
	ctx, done := context.WithCancel(t.Context())
	var asking, changing sync.WaitGroup
	for i := range 3 {
		asking.Go(func() {
			for ctx.Err() == nil {
				if status, text := g.ask(t, firstKey, "one", i == 0); status != 200 {
					t.Errorf("%d %s", status, text)
					return
				}
			}
		})
	}
	for _, name := range []string{"a", "b"} {
		changing.Go(func() {
			for range 5 {
				_, err := g.Add(t.Context(), "", name, options(base, "good-1"))
				if err == nil {
					_, err = g.ChangeKeys(t.Context(), name, 1, "good-2", "")
				}
				if status, text := g.ask(t, firstKey, name+"/sim", false); err != nil || status != 200 {
					t.Errorf("%s: %v %d %s", name, err, status, text)
				}
				var refused *httpapi.Refusal
				if err := g.Remove(t.Context(), name, 1); !errors.As(err, &refused) || refused.Status != http.StatusPreconditionFailed {
					t.Errorf("%s is removed by a revision that it hasn't: %v", name, err)
				}
				if err := g.Remove(t.Context(), name, 2); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 5 {
		if err := g.Apply(cfg); err != nil {
			t.Error(err)
		}
	}
	changing.Wait()
	done()
	asking.Wait()
	if left := g.Stored(); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

// A workload whose provider nobody knows is refused, and what is in force stays;
// but an account that was added may be that provider.
func TestAWorkloadMayLeadToAnAddedAccount(t *testing.T) {
	base, dir := provider(t), t.TempDir()
	plain, err := load(t, dir, file(firstKey, base, "one"))
	if err != nil {
		t.Fatal(err)
	}
	text := file(firstKey, base, "one")
	from := strings.Index(text, "providers:")
	leading, err := load(t, dir, text[:from]+"providers: {openai: {api_key: \"${NOT_SET_ANYWHERE_AT_ALL}\"}}\nworkloads: {w: {chain: mine/sim}}\n")
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, plain, &locked{})
	var refused config.Errors
	if err := g.Apply(leading); !errors.As(err, &refused) || len(refused) != 1 || refused[0].Field != "workloads.w.chain" {
		t.Errorf("Apply: %v", err)
	}
	if status, text := g.ask(t, firstKey, "one", false); status != 200 {
		t.Errorf("what was in force: %d %s", status, text)
	}
	if _, err := g.Add(t.Context(), "", "mine", options(base, "good-key-of-ours")); err != nil {
		t.Fatal(err)
	}
	if err := g.Apply(leading); err != nil {
		t.Fatal(err)
	}
	if status, text := g.ask(t, firstKey, "workload/w", false); status != 200 {
		t.Errorf("the added account: %d %s", status, text)
	}
}
