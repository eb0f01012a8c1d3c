package router

import (
	"time"

	"github.com/oidostudio/oido/internal/llm"
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
	// Escalated says that the session has moved up to stronger models for the
	// task at hand.
	Escalated bool
	// MayAccount and MayModel say what the caller may use, a model by
	// provider/model-id; nil: anything.
	MayAccount, MayModel func(string) bool
	// Work tells what only a look into the conversation shows. It is called at
	// most once, and not at all where the model is pinned. Nil: nothing is known.
	Work func() Work

	work *Work // what it told
}

// Look is what the conversation shows.
func (f *Facts) Look() *Work {
	if f.work == nil {
		f.work = &Work{}
		if f.Work != nil {
			*f.work = f.Work()
		}
	}
	return f.work
}

// Needs is what a model must be able to do for a request. Embed is to make vectors
// in the place of an answer.
type Needs struct{ Tools, Image, PDF, Audio, Schema, Embed bool }

// Work is what a request is about, as far as the conversation shows it.
type Work struct {
	// Needs are those that the top level of a request doesn't show.
	Needs Needs
	// Text is what the user wrote last, without what a client adds on its own.
	Text string
	// ToolCalls and Steps count what the model did since then.
	ToolCalls, Steps int
	// Turns is how many messages the conversation has.
	Turns int
}

// Place is one model at one account.
type Place struct {
	Account, Model string
	// Chosen says that a user chose it for the session: it need not be in the
	// chain.
	Chosen bool
}

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
	// FirstToken is the usual time to the first token; 0: unknown.
	FirstToken time.Duration
	// TokensPerSecond is how fast it usually writes; 0: unknown.
	TokensPerSecond float64
	// Dry says that what is free of it is used up, or so nearly that the rest is
	// kept back.
	Dry bool
	// Last is the kind of its last failure; "" when it works.
	Last llm.Kind
}
