package converse

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// writing never fails on what was read, and gives the same bytes each time.
var writing = json.JoinOptions(scan.Lenient, json.Deterministic(true))

// block is one piece of a message: exactly one field is set.
type block struct {
	Text       *string     `json:"text,omitzero"`
	Image      *media      `json:"image,omitzero"`
	Document   *document   `json:"document,omitzero"`
	Audio      *media      `json:"audio,omitzero"`
	Video      *media      `json:"video,omitzero"`
	ToolUse    *toolUse    `json:"toolUse,omitzero"`
	ToolResult *toolResult `json:"toolResult,omitzero"`
	Reasoning  *reasoning  `json:"reasoningContent,omitzero"`
	CachePoint *cachePoint `json:"cachePoint,omitzero"`
	Cited      *cited      `json:"citationsContent,omitzero"`
}

type media struct {
	Format string  `json:"format"`
	Source *source `json:"source"`
}

type document struct {
	Format    string     `json:"format,omitzero"`
	Name      string     `json:"name"`
	Source    *source    `json:"source"`
	Context   string     `json:"context,omitzero"`
	Citations *citations `json:"citations,omitzero"`
}

type citations struct {
	Enabled bool `json:"enabled"`
}

// source is where the content of media is: exactly one field is set.
type source struct {
	Bytes string      `json:"bytes,omitzero"` // base64
	S3    *s3Location `json:"s3Location,omitzero"`
}

type s3Location struct {
	URI string `json:"uri"`
}

type toolUse struct {
	ID    string         `json:"toolUseId"`
	Name  string         `json:"name"`
	Input jsontext.Value `json:"input,omitzero"`
	// Type is "server_tool_use" for a tool that the vendor runs itself.
	Type string `json:"type,omitzero"`
}

type toolResult struct {
	ID      string   `json:"toolUseId"`
	Content []*block `json:"content"`
	Status  string   `json:"status,omitzero"`
}

// reasoning is either text with its signature or a blob.
type reasoning struct {
	Text     *reasoningText `json:"reasoningText,omitzero"`
	Redacted string         `json:"redactedContent,omitzero"` // base64
}

type reasoningText struct {
	Text      string `json:"text"`
	Signature string `json:"signature,omitzero"`
}

// cachePoint ends a prefix that is to be cached.
type cachePoint struct {
	Type string `json:"type"`
	TTL  string `json:"ttl,omitzero"`
}

// cited is text that a model wrote with the sources that it follows.
type cited struct {
	Content []struct {
		Text string `json:"text"`
	} `json:"content"`
	Citations []jsontext.Value `json:"citations"`
}

// tool is a tool, or a cache point behind the ones before it.
type tool struct {
	Spec       *toolSpec   `json:"toolSpec,omitzero"`
	CachePoint *cachePoint `json:"cachePoint,omitzero"`
}

type toolSpec struct {
	Name        string      `json:"name"`
	Description string      `json:"description,omitzero"`
	Schema      inputSchema `json:"inputSchema"`
	Strict      *bool       `json:"strict,omitzero"`
}

type inputSchema struct {
	JSON jsontext.Value `json:"json"`
}

// toolChoice is one of its fields; there is no word for "none".
type toolChoice struct {
	Auto *struct{} `json:"auto,omitzero"`
	Any  *struct{} `json:"any,omitzero"`
	Tool *toolName `json:"tool,omitzero"`
}

type toolName struct {
	Name string `json:"name"`
}

// thinking is the reasoning field of models that think by a budget or as much as
// they want.
type thinking struct {
	Type    string `json:"type"`
	Budget  *int   `json:"budget_tokens,omitzero"`
	Display string `json:"display,omitzero"`
}

// textFormat holds an answer to a schema, which stands in it as a string.
type textFormat struct {
	Type      string `json:"type"`
	Structure struct {
		Schema struct {
			Schema      string `json:"schema"`
			Name        string `json:"name,omitzero"`
			Description string `json:"description,omitzero"`
		} `json:"jsonSchema"`
	} `json:"structure"`
}

type typed struct {
	Type string `json:"type"`
}

// pointOf writes a cache mark. The API's own lifetime is five minutes, and not
// every model takes the word for it.
func pointOf(m *llm.CacheMark) *cachePoint {
	p := &cachePoint{Type: "default"}
	if m.TTL == "1h" {
		p.TTL = m.TTL
	}
	return p
}
