package cloudauth

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// The times of a token's life.
const (
	fetchTimeout = 15 * time.Second
	// renewBefore is how long before its end a token is renewed beside the
	// requests that still use it, and minLeft what must be left for a request to
	// use it: clocks differ, and a request takes its time.
	renewBefore = 5 * time.Minute
	minLeft     = 30 * time.Second
	// pause is the least time between fetches while the token still serves.
	pause = 10 * time.Second
	// freshFor is how long a refusal of a new token is the identity's fault and
	// not the token's age.
	freshFor = 10 * time.Second
)

type token struct {
	value       string
	got, expire time.Time // expire zero: it doesn't
}

func (t token) left(now time.Time) time.Duration {
	switch {
	case t.value == "":
		return 0
	case t.expire.IsZero():
		return renewBefore
	}
	return t.expire.Sub(now)
}

// tokens holds the token of one identity and fetches the next one.
type tokens struct {
	fetch func(context.Context) (token, error) // nil: there is no other token
	now   func() time.Time
	payer string // the project of Google's that pays; "" leaves it to the request

	mu     sync.Mutex // protects following fields
	token  token
	before string    // the token before it, which requests may still be on their way with
	flight *flight   // the fetch that is under way
	tried  time.Time // when the last one ended
}

type flight struct {
	done chan struct{}
	err  error // valid when done is closed
}

func newTokens(fetch func(context.Context) (token, error), now func() time.Time) *tokens {
	return &tokens{fetch: fetch, now: now}
}

// Authorize adds the token as a bearer token.
func (t *tokens) Authorize(ctx context.Context, r *http.Request, _ []byte) error {
	value, err := t.get(ctx)
	if err != nil {
		return err
	}
	r.Header["Authorization"] = []string{bearer + value}
	if t.payer != "" {
		r.Header["X-Goog-User-Project"] = []string{t.payer}
	}
	return nil
}

const bearer = "Bearer "

// get returns a token that is good for a request, fetching one where there is
// none. All that wait share one fetch.
func (t *tokens) get(ctx context.Context) (string, error) {
	for {
		t.mu.Lock()
		now := t.now()
		left := t.token.left(now)
		due := left < minLeft || left < renewBefore && now.Sub(t.tried) >= pause
		if due && t.flight == nil && t.fetch != nil {
			t.flight = &flight{done: make(chan struct{})}
			// The fetch outlives the request that asked for it first: others wait
			// for it too. It has a limit of its own.
			go t.run(t.flight)
		}
		value, f := t.token.value, t.flight
		t.mu.Unlock()
		if left >= minLeft {
			return value, nil
		}
		if f == nil {
			return "", llm.Errorf(llm.KindAuth, "the token is used up and there is no way to another one")
		}
		select {
		case <-ctx.Done():
			return "", llm.AsError(context.Cause(ctx))
		case <-f.done:
			if f.err != nil {
				return "", f.err
			}
		}
	}
}

func (t *tokens) run(f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	next, err := t.fetch(ctx)
	next.got = t.now()
	if err == nil && next.left(next.got) < minLeft {
		err = llm.Errorf(llm.KindAuth, "the token server gave a token that has expired already: check the clock of this machine")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.before, t.token = cmp.Or(t.token.value, t.before), next
	}
	f.err = err
	t.flight, t.tried = nil, next.got
	close(f.done)
}

// Renew lets go of the token that r was sent with, unless another one took its
// place meanwhile.
func (t *tokens) Renew(r *http.Request) bool {
	if t.fetch == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.Header.Get("Authorization") != bearer+t.token.value {
		return true
	}
	if t.now().Sub(t.token.got) < freshFor {
		return false
	}
	t.before, t.token = t.token.value, token{}
	return true
}

// Secrets are the token and the one before it.
func (t *tokens) Secrets() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return []string{t.token.value, t.before}
}

// Explain has nothing to add to what a server says of a token.
func (*tokens) Explain(int, http.Header, []byte) *llm.Error { return nil }
