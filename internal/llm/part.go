package llm

import "strings"

// Part is a piece of a message: one of Text, Media, Reasoning, ToolCall,
// ToolResult, Refusal and Opaque. The set is closed.
type Part interface{ part() }

// Text is plain text.
type Text struct {
	Text      string
	Citations []Citation
	Cache     *CacheMark
	// Blob is set where a provider signs text (Gemini's thoughtSignature).
	Blob *Blob
	// Logprobs are the probabilities of this text's tokens, when asked for.
	Logprobs []TokenLogprob
}

// Media is an image, a document, a sound or a film: inline, by address, or by a
// file id that only its own provider knows. Exactly one of Data, URL and FileID
// is set.
type Media struct {
	Kind   MediaKind
	MIME   string // "image/png"; "" when only an address is known
	Data   string // base64, standard alphabet
	URL    string
	FileID string
	Format Format // whose FileID it is
	Name   string // file name or title
	Detail string // OpenAI's image detail: "low", "high", "auto"; "" when not said
	// Text is set instead of Data for a document given as plain text.
	Text  string
	Cache *CacheMark
	Blob  *Blob
	// Extra holds fields of the origin format that have no neutral word
	// (Anthropic's citations and context of a document), as a JSON object.
	Extra []byte
}

// MediaKind is what a Media part holds.
type MediaKind uint8

// The kinds of media.
const (
	MediaImage MediaKind = iota
	MediaDocument
	MediaAudio
	MediaVideo
)

// MediaAt is what stands at an address, which may be a data URL.
func MediaAt(kind MediaKind, url string) Media {
	m := Media{Kind: kind, URL: url}
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return m
	}
	head, data, ok := strings.Cut(rest, ",")
	if mime, b64 := strings.CutSuffix(head, ";base64"); ok && b64 {
		mime, _, _ = strings.Cut(mime, ";")
		return Media{Kind: kind, MIME: mime, Data: data}
	}
	return m
}

// Reasoning is what a model thought before it answered, as far as it shows it.
type Reasoning struct {
	// ID is the vendor's name for this item (Responses' "rs_…"); "" elsewhere.
	ID string
	// Text is the readable part; several summary paragraphs are joined by a
	// blank line.
	Text string
	// Summary says that Text is the vendor's summary, not the reasoning itself.
	Summary bool
	// Blob is what must go back to the maker; nil when the maker asks for nothing.
	Blob *Blob
}

// ToolCall is the model's wish to have a tool run.
type ToolCall struct {
	ID   string
	Name string
	// Arguments is a JSON object as text, as the model wrote it ("" is "{}"), or
	// the free text itself when Custom.
	Arguments string
	Custom    bool
	// Blob is set where a provider signs calls (Gemini's thoughtSignature).
	Blob  *Blob
	Cache *CacheMark
	// ItemID is the vendor's name for the item around the call (Responses' "fc_…").
	ItemID string
}

// ToolResult answers the ToolCall with the same ID.
type ToolResult struct {
	CallID string
	// Name is the called tool's; formats that don't carry it leave it empty, and
	// Link fills it in from the call.
	Name    string
	Parts   []Part // Text, Media or Opaque
	IsError bool
	Custom  bool
	Cache   *CacheMark
}

// Text joins the text of the result.
func (r ToolResult) Text() string { return Message{Parts: r.Parts}.Text() }

// Refusal is the model's own refusal to answer, where the format tells it apart
// from text.
type Refusal struct{ Text string }

// Opaque is a part that only its own format has a word for: vendor-run tool
// calls and their results, search results, containers. It is sent back verbatim
// in that format. In any other one of the model's is dropped, as a downgrade; one
// of the client's is told in words or refuses the request.
type Opaque struct {
	Format Format
	Type   string // the vendor's name for it
	Raw    []byte // the JSON of the whole part
	// Text is what it says in words, where it holds any: what the client itself
	// said isn't left out, other formats say this instead.
	Text string
}

func (Text) part()       {}
func (Media) part()      {}
func (Reasoning) part()  {}
func (ToolCall) part()   {}
func (ToolResult) part() {}
func (Refusal) part()    {}
func (Opaque) part()     {}

// Citation says where a piece of text comes from.
type Citation struct {
	// Start and End are the cited span in the text, in characters; both 0 when
	// the format cites the whole part.
	Start, End int
	URL        string
	Title      string
	Quote      string // the quoted source text
	Format     Format // the format of Raw
	Raw        []byte // the vendor's own citation object
}

// TokenLogprob is one token with its probability.
type TokenLogprob struct {
	Token   string
	Logprob float64
	Bytes   []byte
	Top     []TokenLogprob // the runners-up, without Top of their own
}

// Link fills in the tool names that results lack from the calls that they
// answer. Gemini needs the name, the other formats only carry the id.
func Link(messages []Message) {
	names := map[string]string{}
	for _, m := range messages {
		for i, p := range m.Parts {
			switch p := p.(type) {
			case ToolCall:
				names[p.ID] = p.Name
			case ToolResult:
				if p.Name == "" {
					p.Name = names[p.CallID]
					m.Parts[i] = p
				}
			}
		}
	}
}
