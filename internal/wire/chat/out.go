package chat

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

// The shapes below are what is written; shapes.go holds what is read. They differ
// because readers are lenient and writers exact.

type outMessage struct {
	Role             string         `json:"role"`
	Content          jsontext.Value `json:"content,omitzero"`
	Name             string         `json:"name,omitzero"`
	Refusal          *string        `json:"refusal,omitzero"`
	ReasoningContent *string        `json:"reasoning_content,omitzero"`
	Reasoning        *string        `json:"reasoning,omitzero"`
	ReasoningDetails jsontext.Value `json:"reasoning_details,omitzero"`
	Annotations      []outNote      `json:"annotations,omitzero"`
	ToolCalls        []outCall      `json:"tool_calls,omitzero"`
	ToolCallID       string         `json:"tool_call_id,omitzero"`
}

type outCall struct {
	Index    *int         `json:"index,omitzero"`
	ID       string       `json:"id,omitzero"`
	Type     string       `json:"type,omitzero"`
	Function *outCalled   `json:"function,omitzero"`
	Custom   *outFreeText `json:"custom,omitzero"`
}

type outCalled struct {
	Name      string `json:"name,omitzero"`
	Arguments string `json:"arguments"`
}

type outFreeText struct {
	Name  string `json:"name,omitzero"`
	Input string `json:"input"`
}

type outNote struct {
	Type string  `json:"type"`
	URL  outCite `json:"url_citation"`
}

type outCite struct {
	Start int    `json:"start_index"`
	End   int    `json:"end_index"`
	URL   string `json:"url"`
	Title string `json:"title"`
}

type outPart struct {
	Type     string    `json:"type"`
	Text     *string   `json:"text,omitzero"`
	ImageURL *outImage `json:"image_url,omitzero"`
	Audio    *outAudio `json:"input_audio,omitzero"`
	File     *outFile  `json:"file,omitzero"`
}

type outImage struct {
	URL    string `json:"url"`
	Detail string `json:"detail,omitzero"`
}

type outAudio struct {
	Data   string `json:"data"`
	Format string `json:"format"`
}

type outFile struct {
	FileData string `json:"file_data,omitzero"`
	FileID   string `json:"file_id,omitzero"`
	Filename string `json:"filename,omitzero"`
}

type outTool struct {
	Type     string       `json:"type"`
	Function *outFunction `json:"function,omitzero"`
	Custom   *outCustom   `json:"custom,omitzero"`
}

type outFunction struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Parameters  jsontext.Value `json:"parameters,omitzero"`
	Strict      *bool          `json:"strict,omitzero"`
}

type outCustom struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Format      jsontext.Value `json:"format,omitzero"`
}

type outName struct {
	Name string `json:"name"`
}

type outNamed struct {
	Type     string      `json:"type"`
	Function *outName    `json:"function,omitzero"`
	Custom   *outName    `json:"custom,omitzero"`
	Allowed  *outAllowed `json:"allowed_tools,omitzero"`
}

type outAllowed struct {
	Mode  string     `json:"mode"`
	Tools []outNamed `json:"tools"`
}

type outFormat struct {
	Type   string     `json:"type"`
	Schema *outSchema `json:"json_schema,omitzero"`
}

type outSchema struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Schema      jsontext.Value `json:"schema,omitzero"`
	Strict      *bool          `json:"strict,omitzero"`
}

type outThinking struct {
	Type   string `json:"type"`
	Budget *int   `json:"budget_tokens,omitzero"`
}

type outReasoning struct {
	Enabled   *bool  `json:"enabled,omitzero"`
	Effort    string `json:"effort,omitzero"`
	MaxTokens *int   `json:"max_tokens,omitzero"`
	Exclude   bool   `json:"exclude,omitzero"`
}

type outStream struct {
	IncludeUsage bool `json:"include_usage"`
}

type outAnswer struct {
	ID          string      `json:"id"`
	Object      string      `json:"object"`
	Created     int64       `json:"created"`
	Model       string      `json:"model"`
	Choices     []outChoice `json:"choices"`
	Usage       *outUsage   `json:"usage,omitzero"`
	ServiceTier string      `json:"service_tier,omitzero"`
}

type outChoice struct {
	Index        int          `json:"index"`
	Message      *outMessage  `json:"message,omitzero"`
	Delta        *outDelta    `json:"delta,omitzero"`
	Logprobs     *outLogprobs `json:"logprobs"`
	FinishReason *string      `json:"finish_reason"`
}

// outDelta is what a chunk adds; absent fields say nothing.
type outDelta struct {
	Role             string         `json:"role,omitzero"`
	Content          *string        `json:"content,omitzero"`
	Refusal          *string        `json:"refusal,omitzero"`
	ReasoningContent *string        `json:"reasoning_content,omitzero"`
	ReasoningDetails jsontext.Value `json:"reasoning_details,omitzero"`
	Annotations      []outNote      `json:"annotations,omitzero"`
	ToolCalls        []outCall      `json:"tool_calls,omitzero"`
}

type outLogprobs struct {
	Content []outLogprob `json:"content"`
	Refusal []outLogprob `json:"refusal"`
}

type outLogprob struct {
	Token   string       `json:"token"`
	Logprob float64      `json:"logprob"`
	Bytes   []int        `json:"bytes"`
	Top     []outLogprob `json:"top_logprobs,omitzero"`
}

func logprobsOf(list []llm.TokenLogprob) *outLogprobs {
	if len(list) == 0 {
		return nil
	}
	return &outLogprobs{Content: outLogprobList(list)}
}

func outLogprobList(list []llm.TokenLogprob) []outLogprob {
	out := make([]outLogprob, 0, len(list))
	for _, l := range list {
		o := outToken(l)
		o.Top = make([]outLogprob, 0, len(l.Top))
		for _, top := range l.Top {
			o.Top = append(o.Top, outToken(top))
		}
		out = append(out, o)
	}
	return out
}

func outToken(l llm.TokenLogprob) outLogprob {
	o := outLogprob{Token: l.Token, Logprob: l.Logprob}
	for _, b := range l.Bytes {
		o.Bytes = append(o.Bytes, int(b))
	}
	return o
}
