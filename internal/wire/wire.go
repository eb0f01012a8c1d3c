// Package wire says what a wire format is: how bytes that clients send become
// [llm.Request]s, how answers become bytes again, and the same towards
// providers. Each format is a package of its own below this one; it implements
// the roles that it has.
//
// A format's value is stateless and safe for concurrent use; whatever a stream
// has to remember is a value per stream. Formats do no I/O of their own, keep
// nothing between calls, decide nothing about routing or retry, and never
// compare a provider's name: what differs between vendors of one format arrives
// as data in [Target].
package wire

import (
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// Format is everything that a format must be able to do to have clients of ours
// and providers on either side.
type Format interface {
	Name() llm.Format
	Server
	Client
	Forwarder
}

// RawRequest is a client's request as it came.
type RawRequest struct {
	Method string
	Path   string // after unescaping
	Query  url.Values
	Header http.Header
	Body   []byte
}

// Server is a format as clients of ours speak it.
type Server interface {
	// Decode reads a request. Errors are *llm.Error of KindBadRequest that name
	// the field. It accepts what the vendor accepts: unknown fields are kept in
	// Request.Extra, unknown parts as llm.Opaque.
	Decode(RawRequest) (*llm.Request, error)
	// EncodeAnswer writes a whole answer.
	EncodeAnswer(*llm.Answer, Caller) ([]byte, error)
	// NewStream starts a streamed answer on w. The encoder buffers an event
	// group and writes it in one Write; flushing is the caller's business.
	NewStream(w io.Writer, c Caller) StreamEncoder
	// EncodeError writes a failure with the status, type and code that the
	// format's official SDKs map to the right error class.
	EncodeError(*llm.Error) (status int, body []byte)
}

// Caller is what an encoder must know of the request that it answers.
type Caller struct {
	Request *llm.Request // as decoded; some formats echo parts of it
	Model   string       // the model id to show
	ID      string       // the answer's id to show where the answer has none
	Now     time.Time
	// Origin of the answer: recorded in blobs where the format can say it.
	Origin llm.Origin
	// Estimate of the input tokens, for formats that tell input usage before the
	// provider has (Anthropic's message_start). 0 when unknown.
	InputEstimate int64
	// Passed is how many events of a forwarded answer the client has seen, when
	// only its failure is left to tell.
	Passed int
}

// StreamEncoder writes one streamed answer. It is used by one goroutine at a time.
type StreamEncoder interface {
	// Write adds an event. It keeps the format's grammar whatever legal event
	// order comes in.
	Write(llm.Event) error
	// Ping writes what keeps an idle connection alive in this format. It may be
	// called before the first Write.
	Ping() error
	// Fail ends the stream with the format's error event, where it has one.
	Fail(*llm.Error) error
	// Close writes what ends a good stream: open parts, finish, usage, terminator.
	Close() error
}

// Upstream is a format in which providers are called. It need not be one that
// clients of ours speak.
type Upstream interface {
	Name() llm.Format
	Client
}

// Streamer is a format whose streams aren't server-sent events.
type Streamer interface {
	// StreamType is the content type by which a stream is known.
	StreamType() string
}

// Identifier is a format whose answers are told their id beside the body.
type Identifier interface {
	// AnswerID reads it from the headers of an answer; "" where none came.
	AnswerID(http.Header) string
}

// Client is a format as we speak it to providers.
type Client interface {
	// Encode writes a request for a target. What the target can't say is dropped
	// and named as a downgrade, or refused with an *llm.Error of KindBadRequest
	// where dropping would change the meaning.
	Encode(*llm.Request, Target) (Outbound, []Downgrade, error)
	// DecodeAnswer reads a whole answer. A body that holds an error despite its
	// status 200 is returned as *llm.Error.
	DecodeAnswer([]byte, Target) (*llm.Answer, error)
	// DecodeStream reads a streamed answer; see llm.Stream for its promises. An
	// error inside the stream is the *llm.Error that it stands for.
	DecodeStream(io.Reader, Target) llm.Stream
	// DecodeError reads a refusal; body may be anything, HTML included.
	DecodeError(status int, h http.Header, body []byte) *llm.Error
}

// Outbound is a request to a provider, without what the account adds (base URL,
// auth, the profile's own headers).
type Outbound struct {
	Path   string // appended to the base URL, starts with "/"
	Query  url.Values
	Header http.Header // nil when the format needs none
	Body   []byte
	// Model, Stream, Embeds (embeddings are wanted) and Counts (the tokens of the
	// prompt alone are) are what the request asks for, set by who sends it, for
	// accounts whose addresses name them.
	Model  string
	Stream bool
	Embeds bool
	Counts bool
	// Sent is called once when Body isn't needed any more; nil: nobody is told.
	Sent func()
}

// Downgrade is something that a target couldn't say and that was left out.
type Downgrade struct {
	Feature string // short and stable, for X-Oido-Downgrades: "top_k", "citations"
	Detail  string // one sentence for people
}

// Target is what an encoder must know of the model that it writes for. It is
// built from the provider's profile and the catalog; the zero value of each
// field is the format's plain rule.
type Target struct {
	Model     string     // as the provider writes it
	Origin    llm.Origin // blobs with another origin are left out
	Stream    bool
	MaxOutput int // the model's cap in tokens; 0 when unknown

	// What the model takes. Unknown capabilities count as present: the provider
	// knows better than an incomplete catalog.
	NoVision, NoPDF, NoAudio, NoTools bool

	// Reject lists request fields, in the format's own words, that this model
	// refuses; they are left out and named as downgrades. A nested field is
	// written with dots ("thinking.budget_tokens").
	Reject []string
	// Rename maps the format's field to the one this model wants
	// ("max_completion_tokens" → "max_tokens").
	Rename map[string]string
	// Set adds fields that the provider needs beside what the client asked.
	Set map[string]any

	// SystemRole is the role that system text takes ("developer"); "" is "system".
	SystemRole llm.Role
	// SystemAnywhere says that system messages may stand among the others where
	// the format's plain rule forbids it.
	SystemAnywhere bool
	// Reasoning says how the model is told how much to think, and what of its
	// reasoning must be sent back.
	Reasoning ReasoningStyle
	// StreamUsage says that a stream must be asked for its usage.
	StreamUsage bool
	// ReasoningOnTop says that the provider counts reasoning tokens beside the
	// output instead of inside it.
	ReasoningOnTop bool
	// StreamOnly says that the model answers in streams alone: a whole answer is
	// gathered from one.
	StreamOnly bool
	// InlineThinking says that reasoning stands in the text, between <think> and
	// </think> at its beginning.
	InlineThinking bool
	// ToolID limits the shape of tool call ids; "" is the format's rule.
	ToolID IDShape
	// Names is filled in by Encode and read by the decoders of the answer: the
	// names that tools were sent under and the client's own. Nil is "as sent".
	Names *ToolNames
	// NoFreeText says that the model knows functions alone and no tools that take
	// free text, in a format that has a word for them.
	NoFreeText bool
	// NoPrefill says that a final assistant message is refused.
	NoPrefill bool
	// NoSchemaOutput says that the model can't be held to a JSON schema natively:
	// the format falls back to a forced tool or an instruction.
	NoSchemaOutput bool
	// Embed says how embeddings are asked for: nothing else of the target is said of
	// them.
	Embed EmbedStyle
	// APIVersion is the version header the client asked for, where the format has
	// one ("2026-10-21"); "" is the format's pinned one.
	APIVersion string
}

// ReasoningStyle says how a model's reasoning is steered and replayed.
type ReasoningStyle struct {
	// Control names the request field's form: "effort" (a level), "budget"
	// (tokens), "adaptive" (Anthropic 4.6 and later: level plus adaptive
	// thinking), "level" (Gemini 3), "toggle" (thinking.type with a level),
	// "object" (OpenRouter's reasoning{}), "switch" (the boolean field Switch, with
	// a budget or a level where the model takes one), "none" (the model can't be
	// steered); "" is the format's plain rule.
	Control string
	// Switch is the field that turns reasoning on and off, a nested one with a
	// dot ("chat_template_kwargs.enable_thinking"); BudgetField is the one that
	// takes a number of tokens, "" for none.
	Switch, BudgetField string
	// Words are a model's own words for levels ("default" for medium).
	Words map[llm.Effort]string
	// Efforts are the levels that the model takes, weakest first; others are
	// moved to the nearest. Empty: all.
	Efforts []llm.Effort
	// Field is where reasoning text stands in an OpenAI-like message:
	// "reasoning_content" or "reasoning"; "" is "reasoning_content".
	Field string
	// Replay says what must go back: "" nothing, "tools" the reasoning of turns
	// with tool calls, "always" that of every turn.
	Replay string
	// MinBudget and MaxBudget bound a token budget; 0 is the format's rule.
	MinBudget, MaxBudget int
	// CannotDisable says that the model always thinks.
	CannotDisable bool
}

// Word is how the model is told a level: the nearest that it takes, in its word.
func (s *ReasoningStyle) Word(e llm.Effort) string {
	e = llm.NearestEffort(e, s.Efforts)
	if word := s.Words[e]; word != "" {
		return word
	}
	return string(e)
}

// IDShape limits what a tool call id may look like.
type IDShape string

// The shapes of ids. ShapeAny leaves them alone.
const (
	ShapeAny       IDShape = ""
	ShapeAnthropic IDShape = "anthropic" // ^[A-Za-z0-9_-]+$, at most 64 here
	ShapeChat      IDShape = "chat"      // at most 40 characters
	ShapeResponses IDShape = "responses" // at most 64 characters
	ShapeMistral   IDShape = "mistral"   // exactly nine alphanumerics
)

// Forwarder is a format with the same format on both sides: bytes through.
type Forwarder interface {
	// Peek reads what is needed before anything else, in one pass over the top
	// level and without decoding the rest. It refuses a body that is not one
	// JSON object and a top-level name that stands twice.
	Peek(RawRequest) (Peeked, error)
	// Splice writes the request for a target with the edits made and every
	// other byte as it was.
	Splice(RawRequest, Peeked, Edits) (Outbound, error)
	// NewMeter watches one answer's bytes.
	NewMeter(t Target) Meter
}

// Framer is a format whose streams come in more than one framing.
type Framer interface {
	// Framing returns what frames the passing events of a stream in the way that
	// a client asked for; nil: they pass as they are.
	Framing(RawRequest) Framing
}

// Framing frames the events of one stream.
type Framing interface {
	// Frame appends an event with this data.
	Frame(dst, data []byte) []byte
	// End appends what closes the stream.
	End(dst []byte) []byte
}

// Peeked is what Peek saw.
type Peeked struct {
	Model  string
	Stream bool
	// StreamUsage: the client asked for usage in a Chat stream.
	StreamUsage bool
	// Session and EndUser as the body tells them; PreviousResponse is
	// previous_response_id.
	Session, EndUser, PreviousResponse string
	// NoStore: the client wants nothing kept. Background: it doesn't wait for the
	// answer.
	NoStore, Background bool
	MaxOutput           int  // 0 when not said
	HasTools            bool // a non-empty tools field
}

// Edits is what a forwarded request may differ in.
type Edits struct {
	Model string // to be written for Peeked.Model; "" leaves it
	// AskUsage sets stream_options.include_usage.
	AskUsage bool
	// Drop lists top-level fields to leave out, Rename new names for others.
	Drop   []string
	Rename map[string]string
	// Set writes top-level fields whole, as JSON (restored messages, for one).
	Set map[string][]byte
	// Messages, when not nil, replaces the conversation's field ("messages",
	// "input", "contents") by this JSON.
	Messages []byte
	// Room is where the body may be written that differs; nil: in room of its own.
	Room []byte
}

// Meter reads usage, finish, tool ids and errors out of passing bytes, decoding
// only the events that carry them. A value per answer, used by one goroutine.
type Meter interface {
	// Event looks at one SSE event of a stream.
	Event(name string, data []byte) Verdict
	// Body looks at a whole answer.
	Body(body []byte) Verdict
	// Result is what was seen so far.
	Result() Metered
}

// Verdict is what a meter says of an event.
type Verdict struct {
	// Meaningful: the provider is really answering (see llm.Meaningful).
	Meaningful bool
	// Call: what is meaningful in the event is of tool calls alone.
	Call bool
	// UsageOnly: the event exists only because usage was asked for; a client
	// that didn't ask must not see it.
	UsageOnly bool
	// Done: the answer's end was seen: the terminator, or for a format without
	// one the event after which nothing more is owed.
	Done bool
	// Err: the event is an error inside a 200 answer.
	Err *llm.Error
}

// Metered is the sum of what a meter saw.
type Metered struct {
	ID, Model string
	Usage     llm.Usage
	Finish    llm.FinishReason // "" when none came
	// Complete says that the answer ended as the format requires.
	Complete bool
	// ToolCalls holds the ids of the answer's tool calls, in order.
	ToolCalls []string
	// Parts holds the assistant's parts, as far as the meter was asked to keep
	// them (see Keeper).
	Parts []llm.Part
	// OutputBytes is how much text, reasoning and arguments passed, for an
	// estimate when no usage comes.
	OutputBytes int64
}

// Keeper is a Meter that can also keep the parts of the answer, which costs
// decoding every event. It is asked to where reasoning must be replayed.
type Keeper interface{ Keep() }

// Lister reads a provider's model list.
type Lister interface {
	// DecodeModels reads one page and says how to ask for the next one; next is
	// nil on the last.
	DecodeModels(body []byte) (models []ListedModel, next url.Values, err error)
}

// ListedModel is one entry of a provider's model list; zero values are unsaid.
type ListedModel struct {
	ID          string    `json:"ID"`
	Name        string    `json:"Name,omitzero"`
	Context     int       `json:"Context,omitzero"`
	MaxOutput   int       `json:"MaxOutput,omitzero"`
	Created     time.Time `json:"Created,omitzero"`
	OwnedBy     string    `json:"OwnedBy,omitzero"`
	Shutdown    time.Time `json:"Shutdown,omitzero"`
	State       string    `json:"State,omitzero"` // "deprecated", "retired"; "" when not said
	Replacement string    `json:"Replacement,omitzero"`
	Vision      *bool     `json:"Vision,omitzero"`
	Tools       *bool     `json:"Tools,omitzero"`
	Thinking    *bool     `json:"Thinking,omitzero"`
	Chat        *bool     `json:"Chat,omitzero"`   // whether it writes text
	Embeds      bool      `json:"Embeds,omitzero"` // the list says that it makes embeddings
	// PricePerMillion is decimal USD: "input", "output", "cache_read", "cache_write".
	PricePerMillion map[string]string `json:"PricePerMillion,omitzero"`
	Aliases         []string          `json:"Aliases,omitzero"`
	// Of is the model that another id leads to, at its price; "" when it isn't one.
	Of string `json:"Of,omitzero"`
}
