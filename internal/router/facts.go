package router

import (
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router/classify"
	"github.com/oidostudio/oido/internal/wire"
)

// Facts is what is known of a request when its models are chosen.
type Facts struct {
	// Model is what the client named.
	Model string
	// Workload, Class and Agent are labels: of the request's headers, else of its
	// key.
	Workload, Class, Agent string
	// User is whose request it is, Purpose what it says that it is for.
	User, Purpose string
	// Format is the client's; Stream says that the answer is wanted as it comes.
	Format llm.Format
	Stream bool
	// Input is the prompt's size in tokens, as far as it can be guessed; Output
	// the most that is asked for, 0 when nothing is said.
	Input, Output int64
	// Needs is what the request can't do without.
	Needs Needs
	// Stays is where the request's session is; the zero value: nowhere yet.
	Stays Place
	// Cold says that its provider has forgotten the session's beginning by now, so
	// that it stays only for the task at hand.
	Cold bool
	// Chosen tells which model the session's user chose for it; the zero value:
	// none. It is called at most once, and not at all for a request that names a
	// model itself. Nil: nobody chose.
	Chosen func() Place
	// Task is what the session was at so far.
	Task Task
	// MayAccount and MayModel say what the caller may use, a model by
	// provider/model-id; nil: anything.
	MayAccount, MayModel func(string) bool
	// Survey tells what only a look into the conversation shows. It is called at
	// most once, and not at all where the model is pinned. Nil: nothing is known.
	Survey func() wire.Survey

	shown *wire.Survey // what it told
	said  *string      // see Said
}

// Said is what the user wrote last, without what known clients put around it.
func (f *Facts) Said() string {
	if f.said == nil {
		text := classify.Strip(strings.Join(f.Look().User, "\n"))
		f.said = &text
	}
	return *f.said
}

// Look is what the conversation shows.
func (f *Facts) Look() *wire.Survey {
	if f.shown == nil {
		f.shown = &wire.Survey{}
		if f.Survey != nil {
			*f.shown = f.Survey()
		}
	}
	return f.shown
}

// Answer is how long the answer is taken to be, in tokens.
func (f *Facts) Answer() int64 {
	if f.Output > 0 {
		return f.Output
	}
	return unsaid
}

// Needs is what a model must be able to do for a request. Embed is to make vectors
// in the place of an answer.
type Needs struct{ Tools, Image, PDF, Audio, Schema, Embed bool }

// Place is one model at one account.
type Place struct{ Account, Model string }

// Name is provider/model-id.
func (p Place) Name() string { return p.Account + "/" + p.Model }

// Now is the state of the world that a plan is made in.
type Now struct {
	Time time.Time
	// Health tells how a place does; nil: nothing is known of any.
	Health Health
}

// Health tells how models do at their accounts. The same question must have the
// same answer while a plan is made.
type Health interface {
	Of(account, model string) Condition
}

// Condition is how a place does.
type Condition struct {
	// Resting says that it fails and isn't asked for now; Until when, if known.
	Resting bool
	Until   time.Time
	// Pretended says that it is taken to be down to see what would happen: it isn't
	// asked even where nothing else is left.
	Pretended bool
	// FirstToken is the usual time to the first token; 0: unknown.
	FirstToken time.Duration
	// TokensPerSecond is how fast it usually writes; 0: unknown.
	TokensPerSecond float64
	// Dry says that what is free of it is used up, or so nearly that the rest is
	// kept back.
	Dry bool
	// Kept says that what is left of what is free of it is kept for requests that
	// prefer what is free.
	Kept bool
	// Last is the kind of its last failure; "" when it works.
	Last llm.Kind
}
