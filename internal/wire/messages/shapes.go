package messages

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// writing never fails on what was read, and gives the same bytes each time.
var writing = json.JoinOptions(scan.Lenient, json.Deterministic(true))

// block is a content block of a request or an answer. Which fields count
// depends on Type; a pointer is written even when it points at nothing.
type block struct {
	Type         string         `json:"type"`
	Text         *string        `json:"text,omitzero"`
	Thinking     *string        `json:"thinking,omitzero"`
	Signature    *string        `json:"signature,omitzero"`
	Data         string         `json:"data,omitzero"`
	Source       *source        `json:"source,omitzero"`
	Title        string         `json:"title,omitzero"`
	Context      jsontext.Value `json:"context,omitzero"`
	ID           string         `json:"id,omitzero"`
	Name         string         `json:"name,omitzero"`
	Input        jsontext.Value `json:"input,omitzero"`
	ToolUseID    string         `json:"tool_use_id,omitzero"`
	Content      jsontext.Value `json:"content,omitzero"`
	IsError      bool           `json:"is_error,omitzero"`
	Citations    jsontext.Value `json:"citations,omitzero"`
	CacheControl *cacheControl  `json:"cache_control,omitzero"`

	raw jsontext.Value // the whole block, when it is written verbatim
}

// The types of blocks that have a neutral word.
const (
	typeText     = "text"
	typeImage    = "image"
	typeDocument = "document"
	typeThinking = "thinking"
	typeRedacted = "redacted_thinking"
	typeToolUse  = "tool_use"
	typeResult   = "tool_result"
	// typeSearch has none, but holds text.
	typeSearch = "search_result"
)

type source struct {
	Type      string `json:"type"`
	MediaType string `json:"media_type,omitzero"`
	Data      string `json:"data,omitzero"`
	URL       string `json:"url,omitzero"`
	FileID    string `json:"file_id,omitzero"`
}

type cacheControl struct {
	Type string `json:"type"`
	TTL  string `json:"ttl,omitzero"`
}

func (c *cacheControl) mark() *llm.CacheMark {
	if c == nil {
		return nil
	}
	return &llm.CacheMark{TTL: c.TTL}
}

// controlOf writes a mark. Other lifetimes than Anthropic's two become the
// default one: they mean nothing here.
func controlOf(m *llm.CacheMark) *cacheControl {
	if m == nil {
		return nil
	}
	c := &cacheControl{Type: "ephemeral"}
	if m.TTL == "5m" || m.TTL == "1h" {
		c.TTL = m.TTL
	}
	return c
}

// tool is a tool of a request that the client runs.
type tool struct {
	Type         string         `json:"type,omitzero"`
	Name         string         `json:"name"`
	Description  string         `json:"description,omitzero"`
	InputSchema  jsontext.Value `json:"input_schema,omitzero"`
	Strict       *bool          `json:"strict,omitzero"`
	CacheControl *cacheControl  `json:"cache_control,omitzero"`

	raw jsontext.Value
}

type toolChoice struct {
	Type            string `json:"type"`
	Name            string `json:"name,omitzero"`
	DisableParallel *bool  `json:"disable_parallel_tool_use,omitzero"`
}

type thinking struct {
	Type    string `json:"type"`
	Budget  *int   `json:"budget_tokens,omitzero"`
	Display string `json:"display,omitzero"`
}

type outputConfig struct {
	Effort string        `json:"effort,omitzero"`
	Format *outputFormat `json:"format,omitzero"`
}

type outputFormat struct {
	Type   string         `json:"type"`
	Schema jsontext.Value `json:"schema,omitzero"`
}

// event is the data of one event of a stream; which fields count depends on Type.
type event struct {
	Type         string         `json:"type"`
	Index        int            `json:"index"`
	Message      *head          `json:"message"`
	ContentBlock jsontext.Value `json:"content_block"`
	Delta        *delta         `json:"delta"`
	Usage        *usage         `json:"usage"`
	Error        jsontext.Value `json:"error"`
}

// head is what a stream's message_start says.
type head struct {
	ID    string `json:"id"`
	Model string `json:"model"`
	Usage *usage `json:"usage"`
}

// delta is the delta of a block, or of the message itself.
type delta struct {
	Type         string         `json:"type"`
	Text         string         `json:"text"`
	Thinking     string         `json:"thinking"`
	Signature    string         `json:"signature"`
	PartialJSON  string         `json:"partial_json"`
	Citation     jsontext.Value `json:"citation"`
	StopReason   string         `json:"stop_reason"`
	StopSequence string         `json:"stop_sequence"`
	StopDetails  *stopDetails   `json:"stop_details"`
}

// stopDetails explains a refusal.
type stopDetails struct {
	Type        string  `json:"type"`
	Category    *string `json:"category"`
	Explanation *string `json:"explanation"`
}

func (d *stopDetails) text() string {
	switch {
	case d == nil:
		return ""
	case d.Explanation != nil && *d.Explanation != "":
		return *d.Explanation
	case d.Category != nil:
		return *d.Category
	}
	return ""
}

// compacted is a copy of a JSON value on one line; ok is false for what is none.
func compacted(raw []byte) (v jsontext.Value, ok bool) {
	v = jsontext.Value(raw).Clone()
	return v, len(v) > 0 && v.Compact(scan.Lenient) == nil
}
