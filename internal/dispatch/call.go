package dispatch

import (
	"net/http"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
)

// Call is one request of a client.
type Call struct {
	Client wire.Format // the format that the client speaks
	Raw    wire.RawRequest
	Peeked wire.Peeked
	// Timeout limits the whole call, with all its attempts; 0 leaves each candidate
	// to its account's limit.
	Timeout time.Duration
	// Limits take the place of those of the accounts, where they aren't 0.
	Limits provider.Timeout
	// Attempts bounds the attempts; 0 is one round over the candidates. More than
	// that is further rounds, with pauses.
	Attempts int
	// Session names the conversation: it stays with one of the account's keys
	// while that can be used.
	Session string
	// AnswerID is the id to show where the provider gives none.
	AnswerID string
	// InputEstimate is a guess of the prompt's tokens, to show until the provider
	// has counted.
	InputEstimate int64
	// WantOpening asks for how the answer begins: so many bytes of its text, and
	// what stands before them; 0 is nothing.
	WantOpening int
	// Previous is the answer that the request goes on from by its id; nil: none.
	Previous *Previous
	// KeepAnswer asks for the whole answer as the client has it, of a stream too.
	KeepAnswer bool
	// Unstored has the provider told to keep nothing, whatever the client says.
	Unstored bool
	// Useless says what makes an answer of no use, "" where nothing does; it is asked
	// where a candidate is Up, of answers of the others that the client has seen
	// nothing of, and for the outcome of those that it has. parts are those of the
	// answer's first choice.
	Useless func(parts []llm.Part, finish llm.FinishReason) string
	// Embed says that embeddings are asked for: Peeked is PeekEmbed's then, and
	// what is said above of conversations is of no use.
	Embed bool
	// Count says that only the tokens of the prompt are asked for.
	Count bool

	keeps   bool // the attempt's parts are asked for
	once    sync.Once
	decoded *llm.Request
	whole   *llm.Request // with what Previous stands for; nil: no attempt needed it
	embed   *llm.EmbedRequest
	err     error
}

// Request decodes the client's request, once. The error is an *llm.Error.
func (c *Call) Request() (*llm.Request, error) {
	c.once.Do(func() {
		c.decoded, c.err = c.Client.Decode(c.Raw)
		if c.err == nil {
			c.prepare(c.decoded)
		}
	})
	return c.decoded, c.err
}

// prepare makes a decoded request ready to be encoded.
func (c *Call) prepare(q *llm.Request) {
	llm.Link(q.Messages)
	if c.Unstored {
		q.Store = new(bool)
	}
}

// KeepsParts says that the last attempt's answer must be kept for later turns.
func (c *Call) KeepsParts() bool { return c.keeps }

// NeedsBody says that the client's bytes are needed until the call has ended.
func (c *Call) NeedsBody() bool { return c.keeps || c.KeepAnswer || c.Useless != nil }

// release lets go of the client's bytes once an answer is committed: from then on
// no other attempt can need them.
func (c *Call) release() {
	if !c.NeedsBody() {
		c.Raw.Body = nil
	}
}

// Candidate is one model at one account.
type Candidate struct {
	Account *provider.Account
	Model   string // as the provider writes it
	// MaxOutput is the model's output cap; 0 when unknown.
	MaxOutput int
	// Context is the model's window in tokens; 0 when unknown.
	Context int
	// What the model is known not to take.
	NoVision, NoPDF, NoAudio, NoTools bool
	// Restore, when set, puts reasoning back that the client's format lost, where
	// the model wants it, and leaves out what is known to be another's. It is called for each attempt with the decoded request and the attempt's origin,
	// must not change its argument. changed is false when there is nothing to
	// restore: what is known of who made what stands in the request all the same.
	// An error fails the candidate.
	Restore func(req *llm.Request, at llm.Origin) (restored *llm.Request, changed bool, err error)
	// KeepParts asks for the answer's parts in the outcome: where the profile
	// says that the model's reasoning must be sent back.
	KeepParts bool
	// KeepsAnswers says that the provider keeps answers of the client's format.
	KeepsAnswers bool
	// Up says that it is asked only after the answer of another was of no use.
	Up bool
	// KeyHint names the key that the conversation had here last; "": none.
	KeyHint string
	// Admit, when set, is asked before a round of attempts at it; false passes it
	// over while another candidate can be asked.
	Admit func() bool
	// Resting says that it fails of late, and is asked because nothing else is left.
	Resting bool
}

// Attempt is one request to one provider.
type Attempt struct {
	Number     int // from 0
	Candidate  int // which of the call's, from 0
	Provider   string
	Model      string
	KeyHint    string
	Origin     llm.Origin // of the reasoning in its answer
	Format     llm.Format
	Forwarded  bool
	Started    time.Time
	FirstEvent time.Duration // until the first meaningful event; 0: none came
	Duration   time.Duration
	Status     Status
	Err        *llm.Error
	// Header is that of the provider's answer; nil: none came.
	Header  http.Header
	Metered wire.Metered
	// Opening holds the first parts of the answer, when the call wanted them.
	Opening    []llm.Part
	Downgrades []wire.Downgrade
}

// Status is how an attempt or a turn ended.
type Status string

// The ends.
const (
	StatusOK       Status = "ok"
	StatusError    Status = "error"    // a clean failure, nothing had been sent to the client
	StatusCut      Status = "cut"      // broke off after the answer had begun
	StatusCanceled Status = "canceled" // the client left
)

// Outcome is how a call ended.
type Outcome struct {
	Status   Status
	Err      *llm.Error // nil when Status is ok
	Attempts []*Attempt
	// Useless says what makes the answer of no use that the client has; "": nothing.
	Useless string
	// Body is the whole answer in the client's format, for a call that isn't a
	// stream; Final that of a stream, where the call wanted it and it came.
	Body, Final []byte
}

// Last is the attempt that answered, or the last that failed; nil when none was
// sent.
func (o *Outcome) Last() *Attempt {
	if len(o.Attempts) == 0 {
		return nil
	}
	return o.Attempts[len(o.Attempts)-1]
}

// Recorder is told of attempts and outcomes as they happen.
type Recorder interface {
	// Open is called before an attempt is sent. An error refuses the call: what
	// can't be recorded isn't sent.
	Open(*Attempt) error
	// Close is called when an attempt ended and another one follows, which was
	// opened just before.
	Close(*Attempt)
	// Done is called once, when the outcome is known and, where the format has a
	// terminator, before that leaves. It is not called when no attempt was sent.
	Done(*Outcome)
}

// Output is where an answer goes.
type Output interface {
	// Commit sends the head of a streamed answer. It is called at most once,
	// before the first Write. early says that the provider hasn't answered yet:
	// the wait had to be bridged, so what the attempt is isn't known.
	Commit(a *Attempt, early bool)
	// Write adds to the answer; Flush sends what was written, within a bounded
	// time.
	Write(p []byte) (int, error)
	Flush() error
}
