package provider_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// TestAConversationKeepsItsKey picks keys for conversations: caches and signed
// reasoning belong to the account that a key is of, so one conversation stays
// with one key while that can be used, and conversations spread over all.
func TestAConversationKeepsItsKey(t *testing.T) {
	p, err := provider.ProfileAt("anthropic", "")
	if err != nil {
		t.Fatal(err)
	}
	a, err := provider.NewAccount(provider.Options{Name: "p", Profile: p, Keys: []string{"one", "two", "three"}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	seen := map[string]int{}
	for n := range 60 {
		session := fmt.Sprintf("s-%d", n)
		first, ok := a.Pick(nil, session)
		if again, _ := a.Pick(nil, session); !ok || again != first {
			t.Errorf("%s: %v, then %v", session, first, again)
		}
		seen[first.Hint]++
	}
	for hint, n := range seen {
		if n < 5 {
			t.Errorf("key %s has %d of 60 conversations", hint, n)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d of 3 keys are used", len(seen))
	}
	refused, _ := a.Pick(nil, "s-1")
	a.Rest(refused, &llm.Error{Kind: llm.KindAuth})
	if other, ok := a.Pick(nil, "s-1"); !ok || other == refused {
		t.Errorf("%v rests, and yet: %v", refused, other)
	}
	x, _ := a.Pick(nil, "")
	if y, _ := a.Pick(nil, ""); x == y {
		t.Errorf("work without a conversation has one key twice: %v", x)
	}
}

// When every key rests and one must be used all the same, it is the one whose rest
// ends first.
func TestTheKeyThatRestsLeast(t *testing.T) {
	t.Parallel()
	p, err := provider.ProfileAt("anthropic", "")
	if err != nil {
		t.Fatal(err)
	}
	a, err := provider.NewAccount(provider.Options{Name: "p", Profile: p, Keys: []string{"one", "two", "three"}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var order, tried []provider.Key
	for _, wait := range []int{30, 10, 20} {
		k, _ := a.Pick(order, "")
		a.Rest(k, &llm.Error{Kind: llm.KindRateLimit, RetryAfter: time.Duration(wait) * time.Minute})
		order = append(order, k)
	}
	if k, ok := a.Pick(nil, ""); ok {
		t.Errorf("%v is used, and rests", k)
	}
	for _, want := range []provider.Key{order[1], order[2], order[0]} {
		k, ok := a.Soonest(tried)
		if !ok || k != want {
			t.Errorf("after %d: %v, want %v", len(tried), k, want)
		}
		tried = append(tried, k)
	}
	if k, ok := a.Soonest(tried); ok {
		t.Errorf("all were tried, and yet %v", k)
	}
}
