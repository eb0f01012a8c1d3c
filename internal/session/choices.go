package session

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/oidostudio/oido/internal/writebehind"
)

// Choice is the model that a session's user chose for it. It must not be changed.
type Choice struct {
	Account string `json:"account"`
	Model   string `json:"model"`
	// At is when it was chosen, By the user who did.
	At time.Time `json:"at"`
	By string    `json:"by"`
	// Kept is since when it is kept for another [keepChoice].
	Kept time.Time `json:"kept"`
}

// Name is provider/model-id.
func (c *Choice) Name() string { return c.Account + "/" + c.Model }

const (
	// keepChoice is how long a choice lasts that is never used, renewEvery how often
	// one that is used is kept anew.
	keepChoice = 365 * 24 * time.Hour
	renewEvery = 24 * time.Hour
	// brief is how long a request waits for a choice: it is a preference, and works
	// without.
	brief = 100 * time.Millisecond
	// complainEvery is how often it is told that choices can't be read.
	complainEvery = time.Minute
)

// Choices keeps which models users chose for their sessions, until they say
// otherwise. Like everything of [writebehind], choosing never waits for the
// database; a session's choice is looked for there once. It is safe for concurrent
// use.
type Choices struct {
	cache      *writebehind.Cache[Choice]
	log        *slog.Logger
	now        func() time.Time
	complained atomic.Int64 // Unix microseconds
}

// NewChoices makes an empty memory before a table; Close ends it.
func NewChoices(o writebehind.Options) *Choices {
	o.What = "sessions' models"
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Choices{cache: writebehind.New[Choice](o), log: o.Log, now: o.Now}
}

// Close stores what waits, as far as the table takes it in a short time.
func (c *Choices) Close() { c.cache.Close() }

// Of returns what is chosen for a user's session; nil when nothing is. The error
// says that the table could not be read.
func (c *Choices) Of(ctx context.Context, org, user, session string) (*Choice, error) {
	return c.cache.Get(ctx, org, choiceKey(user, session))
}

// Soon is Of for a request that goes on without a choice where none can be read at
// once.
func (c *Choices) Soon(ctx context.Context, org, user, session string) *Choice {
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	choice, err := c.Of(ctx, org, user, session)
	if err != nil {
		now, last := c.now().UnixMicro(), c.complained.Load()
		if now-last >= complainEvery.Microseconds() && c.complained.CompareAndSwap(last, now) {
			c.log.Warn("models that users chose for their sessions can't be read: requests are routed as if none were", "error", err)
		}
		return nil
	}
	return choice
}

// Choose has a user's session stay on a model. What is chosen already is kept for
// longer.
func (c *Choices) Choose(ctx context.Context, org, user, session, account, model, by string) {
	now := c.now().UTC()
	next := &Choice{Account: account, Model: model, At: now, By: by, Kept: now}
	if had := c.Soon(ctx, org, user, session); had != nil && had.Account == account && had.Model == model {
		if now.Sub(had.Kept) < renewEvery {
			return
		}
		next.At, next.By = had.At, had.By
	}
	if err := c.cache.Keep(org, user, choiceKey(user, session), next, keepChoice); err != nil {
		c.log.Warn("the model that a user chose for a session isn't kept", "error", err)
	}
}

// Clear takes a session's choice back, and returns when that lasts. An error says
// that it may stay.
func (c *Choices) Clear(ctx context.Context, org, user, session string) error {
	return c.cache.Remove(ctx, org, user, choiceKey(user, session))
}

// choiceKey is the key of a choice's row: users may give their sessions the same
// name.
func choiceKey(user, session string) string {
	return fmt.Sprintf("%d %s %s", len(user), user, session)
}
