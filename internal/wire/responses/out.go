package responses

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// The shapes below are what is written; shapes.go holds what is read.

type outItem struct {
	ID        string    `json:"id,omitzero"`
	Type      string    `json:"type"`
	Status    string    `json:"status,omitzero"`
	Encrypted string    `json:"encrypted_content,omitzero"`
	Summary   []outText `json:"summary,omitzero"`
	Role      string    `json:"role,omitzero"`
	Content   []any     `json:"content,omitzero"`
	Arguments *string   `json:"arguments,omitzero"`
	Input     *string   `json:"input,omitzero"`
	CallID    string    `json:"call_id,omitzero"`
	Name      string    `json:"name,omitzero"`
	Output    any       `json:"output,omitzero"`
	Result    string    `json:"result,omitzero"` // of an image that was made
}

// outText is a part with nothing but text: of an input, a summary, a reasoning.
type outText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// outSpoken is text of the model's.
type outSpoken struct {
	Type        string       `json:"type"`
	Annotations []any        `json:"annotations"`
	Logprobs    []outLogprob `json:"logprobs,omitzero"`
	Text        string       `json:"text"`
}

type outRefusal struct {
	Type    string `json:"type"`
	Refusal string `json:"refusal"`
}

type outImage struct {
	Type     string `json:"type"`
	ImageURL string `json:"image_url,omitzero"`
	FileID   string `json:"file_id,omitzero"`
	Detail   string `json:"detail,omitzero"`
}

type outFile struct {
	Type     string `json:"type"`
	Filename string `json:"filename,omitzero"`
	FileData string `json:"file_data,omitzero"`
	FileURL  string `json:"file_url,omitzero"`
	FileID   string `json:"file_id,omitzero"`
}

type outAudio struct {
	Type  string   `json:"type"`
	Audio outSound `json:"input_audio"`
}

type outSound struct {
	Data   string `json:"data"`
	Format string `json:"format"`
}

type outCitation struct {
	Type  string `json:"type"`
	Start int    `json:"start_index"`
	End   int    `json:"end_index"`
	URL   string `json:"url"`
	Title string `json:"title"`
}

type outLogprob struct {
	Token   string          `json:"token"`
	Logprob float64         `json:"logprob"`
	Bytes   []int           `json:"bytes"`
	Top     []outTopLogprob `json:"top_logprobs"`
}

type outTopLogprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

type outTool struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Parameters  jsontext.Value `json:"parameters,omitzero"`
	Strict      *bool          `json:"strict,omitzero"`
	Format      jsontext.Value `json:"format,omitzero"`
}

type outNamed struct {
	Type string `json:"type"`
	Name string `json:"name,omitzero"`
}

type outAllowed struct {
	Type  string     `json:"type"`
	Mode  string     `json:"mode"`
	Tools []outNamed `json:"tools"`
}

type outFormat struct {
	Type        string         `json:"type"`
	Name        string         `json:"name,omitzero"`
	Description string         `json:"description,omitzero"`
	Schema      jsontext.Value `json:"schema,omitzero"`
	Strict      *bool          `json:"strict,omitzero"`
}

// citation writes a citation, or nothing where the format has no word for it.
func citation(c llm.Citation) any {
	switch {
	case c.Format == llm.FormatResponses && len(c.Raw) > 0:
		if v, ok := scan.Strict(c.Raw); ok && v.Kind() == '{' {
			return v
		}
	case c.URL != "":
		return outCitation{Type: "url_citation", Start: c.Start, End: c.End, URL: c.URL, Title: c.Title}
	}
	return nil
}

func citations(list []llm.Citation) []any {
	out := []any{}
	for _, c := range list {
		if v := citation(c); v != nil {
			out = append(out, v)
		}
	}
	return out
}

func logprobs(list []llm.TokenLogprob) []outLogprob {
	out := []outLogprob{}
	for _, l := range list {
		o := outLogprob{Token: l.Token, Logprob: l.Logprob, Bytes: ints(l.Bytes), Top: []outTopLogprob{}}
		for _, top := range l.Top {
			o.Top = append(o.Top, outTopLogprob{top.Token, top.Logprob, ints(top.Bytes)})
		}
		out = append(out, o)
	}
	return out
}

func ints(list []byte) []int {
	out := make([]int, len(list))
	for i, b := range list {
		out[i] = int(b)
	}
	return out
}

func inputText(s string) outText { return outText{Type: "input_text", Text: s} }

// verbatim returns a part kept from this format as it came; false for one of
// another format or with bytes that are no JSON.
func verbatim(p llm.Opaque) (jsontext.Value, bool) {
	if p.Format != llm.FormatResponses {
		return nil, false
	}
	v, ok := scan.Strict(p.Raw)
	return v, ok && v.Kind() == '{'
}
