package app_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/oidostudio/oido/internal/httpapi"
)

func aliasTo(name, chain string) httpapi.PolicyEntry {
	return httpapi.PolicyEntry{Org: "acme", Section: "aliases", Name: name, By: "ada", Settings: []byte(`{"chain":["` + chain + `"]}`)}
}

// A name that the file takes later is the file's at the next request, the clash is
// shown, and what was added is back when the file lets go of it, also after a restart.
func TestTheFileWinsAnAliasAndGivesItBack(t *testing.T) {
	t.Parallel()
	up, dir := newListed(t), t.TempDir()
	up.say("a", "b")
	text := fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders: {up: {type: openai, base_url: %q, api_key: k, formats: [chat]}}\n", firstKey, up.where)
	plain, err := load(t, dir, text)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := load(t, dir, text+"aliases: {mine: up/b}\n")
	if err != nil {
		t.Fatal(err)
	}
	log := &locked{}
	check := func(when string, g *gateway, want string, clash bool) {
		t.Helper()
		if got := g.answering(t, "mine"); got != "200 "+want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
		all, err := g.Policies("acme", "aliases")
		if err != nil {
			t.Fatal(err)
		}
		added := all[len(all)-1]
		if added.Source != httpapi.FromAPI || strings.Contains(added.Problem, "wins") != clash || (len(all) == 2) != clash {
			t.Errorf("%s: %+v", when, all)
		}
	}
	t.Run("serves", func(t *testing.T) {
		g := newGateway(t, plain, log)
		if _, _, err := g.PutPolicy(t.Context(), aliasTo("mine", "up/a"), 0); err != nil {
			t.Fatal(err)
		}
		check("at first", g, "up/a", false)
		if err := g.Apply(taken); err != nil {
			t.Fatal(err)
		}
		check("taken", g, "up/b", true)
		if err := g.Apply(plain); err != nil {
			t.Fatal(err)
		}
		check("let go", g, "up/a", false)
	})
	t.Run("starts again", func(t *testing.T) { check("starts again", newGateway(t, plain, log), "up/a", false) })
	log.mu.Lock()
	defer log.mu.Unlock()
	if n := strings.Count(log.b.String(), "what was added is not in force"); n != 1 {
		t.Errorf("the clash is told %d times: %s", n, log.b.String())
	}
}

// The policy, the file and lists change at once, and every request is answered by
// what was in force at some time.
func TestThePolicyChangesUnderLoad(t *testing.T) {
	t.Parallel()
	base := provider(t)
	cfg, err := load(t, t.TempDir(), file(firstKey, base, "one"))
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, cfg, &locked{})
	if _, _, err := g.PutPolicy(t.Context(), aliasTo("mine", "up/sim"), 0); err != nil {
		t.Fatal(err)
	}
	ctx, done := context.WithCancel(t.Context())
	var asking, changing sync.WaitGroup
	for _, name := range []string{"one", "mine"} {
		asking.Go(func() {
			for ctx.Err() == nil {
				if status, text := g.ask(t, firstKey, name, false); status != 200 {
					t.Errorf("%s: %d %s", name, status, text)
					return
				}
			}
		})
	}
	for i := range 2 {
		changing.Go(func() {
			for n := range 20 {
				name := fmt.Sprint("other-", i)
				_, _, err := g.PutPolicy(t.Context(), aliasTo(name, "mine"), 0)
				if status, text := g.ask(t, firstKey, name, false); err != nil || status != 200 {
					t.Errorf("%v %d %s", err, status, text)
				}
				if n%2 == 1 {
					if err := g.RemovePolicy(t.Context(), "acme", "aliases", name, 0); err != nil {
						t.Error(err)
					}
					if status, _ := g.ask(t, firstKey, name, false); status != 404 {
						t.Errorf("it is removed and answers %d", status)
					}
				}
				if _, _, err := g.PutPolicy(t.Context(), aliasTo("mine", "up/sim"), 0); err != nil {
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
}
