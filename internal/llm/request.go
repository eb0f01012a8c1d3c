package llm

// Request is what a model is asked.
type Request struct {
	// Model is the name as the client wrote it; routing resolves it.
	Model string
	// Messages is the conversation, oldest first. System and developer text are
	// messages too, at the place where the client put them.
	Messages []Message

	Tools      []Tool
	ToolChoice ToolChoice
	// ParallelTools says whether several tool calls may come in one answer.
	ParallelTools *bool

	Output    OutputFormat
	Reasoning ReasoningConfig
	Sampling  Sampling

	// MaxOutput caps the answer in tokens, reasoning included.
	MaxOutput *int
	// Stop holds sequences that end the answer and are not part of it.
	Stop []string
	// Stream asks for events rather than one answer.
	Stream bool
	// StreamUsage asks that a stream tells its usage. Only Chat Completions
	// clients can leave it out; the other formats always tell.
	StreamUsage bool

	Cache CacheHints
	// EndUser is the client's name for the person behind the request.
	EndUser string
	// Session is the client's name for the conversation, "" when it has none.
	Session string
	// Metadata is the client's own labels.
	Metadata map[string]string
	// ServiceTier is the processing tier asked for in the client's words:
	// "auto", "default", "flex", "priority", ….
	ServiceTier string
	// Store asks the provider to keep the answer; nil is the format's default.
	Store *bool

	// Extra is what this vocabulary has no word for, kept verbatim. A format
	// writes back the fields that came from it and reports the others as
	// downgrades.
	Extra []Field
}

// Field is one top-level request field that has no neutral word.
type Field struct {
	Format Format // the format that it was read from
	// Name is the field's; one that begins with a NUL is a mark that the format
	// keeps for itself, and is no loss elsewhere.
	Name  string
	Value []byte // JSON
}

// Mark says that the field is its format's own note, never on the wire.
func (f Field) Mark() bool { return len(f.Name) > 0 && f.Name[0] == 0 }

// Format names a wire format.
type Format string

// The wire formats.
const (
	FormatChat      Format = "chat"      // OpenAI Chat Completions
	FormatResponses Format = "responses" // OpenAI Responses
	FormatMessages  Format = "messages"  // Anthropic Messages
	FormatGemini    Format = "gemini"    // Gemini generateContent
	FormatConverse  Format = "converse"  // Amazon Bedrock's Converse, spoken to providers alone
)

// Role says who speaks in a message.
type Role string

// The roles. A tool's results travel in a message of RoleTool; formats that
// carry them in the user's turn join them there.
const (
	RoleSystem    Role = "system"
	RoleDeveloper Role = "developer" // system text of lesser rank; formats without it take it as system
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// Message is one contribution to the conversation.
type Message struct {
	Role  Role
	Parts []Part
	// Name distinguishes speakers of one role; most formats cannot say it.
	Name string
}

// Text joins the text parts of the message, without separators.
func (m Message) Text() string {
	if len(m.Parts) == 1 {
		if t, ok := m.Parts[0].(Text); ok {
			return t.Text
		}
	}
	var b []byte
	for _, p := range m.Parts {
		if t, ok := p.(Text); ok {
			b = append(b, t.Text...)
		}
	}
	return string(b)
}

// Tool is something that the model may call.
type Tool struct {
	Kind        ToolKind
	Name        string
	Description string
	// Schema is the JSON Schema of the arguments; nil for a tool without any.
	Schema []byte
	// Strict asks the provider to enforce the schema.
	Strict *bool
	// Grammar is the format constraint of a free-text tool, in OpenAI's JSON
	// (`{"type":"grammar","syntax":…,"definition":…}`); nil for plain text.
	Grammar []byte
	// Format and Raw hold a ToolBuiltin verbatim: the vendor runs it itself.
	Format Format
	Raw    []byte
	// Cache marks the end of a prefix to be cached.
	Cache *CacheMark
}

// ToolKind says how a tool's input looks and who runs it.
type ToolKind uint8

// The kinds of tool.
const (
	ToolFunction ToolKind = iota // JSON arguments by a schema
	ToolCustom                   // free text; to formats without it, a function with one string field "input"
	ToolBuiltin                  // run by the vendor; only its own format can say it
)

// ToolChoice says whether the model may, must or must not call tools.
type ToolChoice struct {
	Mode ToolMode
	// Names limits the choice: one name with ToolOne, several with ToolAllowed.
	Names []string
	// Required goes with ToolAllowed: one of Names must be called.
	Required bool
}

// Demands says that the model must call a tool.
func (c ToolChoice) Demands() bool {
	return c.Mode == ToolRequired || c.Mode == ToolOne || c.Mode == ToolAllowed && c.Required
}

// ToolMode is the kind of a tool choice.
type ToolMode uint8

// The tool choices. ToolUnset leaves it to the provider, which is ToolAuto when
// there are tools.
const (
	ToolUnset ToolMode = iota
	ToolAuto
	ToolNone
	ToolRequired
	ToolOne
	ToolAllowed
)

// OutputFormat says what the text of an answer must look like.
type OutputFormat struct {
	Kind        OutputKind
	Name        string // of the schema
	Description string
	Schema      []byte // JSON Schema, with OutputSchema
	Strict      *bool
	// Verbosity is "low", "medium" or "high"; "" when not said.
	Verbosity string
	// Modalities lists what the answer may hold besides text ("audio", "image").
	Modalities []string
}

// OutputKind is the kind of an output format.
type OutputKind uint8

// The output formats.
const (
	OutputText OutputKind = iota
	OutputJSON
	OutputSchema
)

// Sampling holds the knobs of token choice; nil is "not said".
type Sampling struct {
	Temperature      *float64 // OpenAI and Gemini 0–2, Anthropic 0–1
	TopP             *float64
	TopK             *int
	FrequencyPenalty *float64
	PresencePenalty  *float64
	Seed             *int64
	// N is the number of answers wanted; formats that can't give several
	// give one and name the downgrade.
	N *int
	// LogProbs asks for token probabilities, TopLogProbs for the runners-up.
	LogProbs    *bool
	TopLogProbs *int
	// LogitBias is OpenAI's map of token id to bias, as JSON.
	LogitBias []byte
}

// CacheHints is what a client says about prompt caching of the whole request.
// Marks on single parts are [CacheMark]s.
type CacheHints struct {
	// Key routes equal prefixes to one cache (OpenAI's prompt_cache_key).
	Key string
	// Auto marks the last cacheable block (Anthropic's top-level cache_control).
	Auto *CacheMark
	// Retention is OpenAI's prompt_cache_retention; "" when not said.
	Retention string
	// Content names a cache made beforehand (Gemini's cachedContent).
	Content string
}

// CacheMark ends a prefix that should be cached.
type CacheMark struct {
	TTL string // "5m", "1h"; "" is the provider's default
}
