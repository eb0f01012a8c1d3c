package responses

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// outResponse is an answer. Every field is written, as typed clients expect; the
// ones that the request says are echoed, with the format's defaults for what it
// doesn't say.
type outResponse struct {
	ID                   string                    `json:"id"`
	Object               string                    `json:"object"`
	CreatedAt            int64                     `json:"created_at"`
	Status               string                    `json:"status"`
	Background           bool                      `json:"background"`
	Error                *outFailure               `json:"error"`
	Incomplete           *outIncomplete            `json:"incomplete_details"`
	Instructions         *string                   `json:"instructions"`
	MaxOutputTokens      *int                      `json:"max_output_tokens"`
	MaxToolCalls         jsontext.Value            `json:"max_tool_calls"`
	Model                string                    `json:"model"`
	Output               []any                     `json:"output"`
	ParallelToolCalls    bool                      `json:"parallel_tool_calls"`
	PreviousResponseID   jsontext.Value            `json:"previous_response_id"`
	PromptCacheKey       *string                   `json:"prompt_cache_key"`
	PromptCacheRetention *string                   `json:"prompt_cache_retention"`
	Reasoning            outReasoning              `json:"reasoning"`
	SafetyIdentifier     *string                   `json:"safety_identifier"`
	ServiceTier          string                    `json:"service_tier"`
	Store                bool                      `json:"store"`
	Temperature          float64                   `json:"temperature"`
	Text                 outShape                  `json:"text"`
	ToolChoice           any                       `json:"tool_choice"`
	Tools                []any                     `json:"tools"`
	TopLogprobs          int                       `json:"top_logprobs"`
	TopP                 float64                   `json:"top_p"`
	Truncation           jsontext.Value            `json:"truncation"`
	Usage                *outUsage                 `json:"usage"`
	User                 *string                   `json:"user"`
	Metadata             map[string]string         `json:"metadata"`
	Beside               map[string]jsontext.Value `json:",embed"`
}

type outFailure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type outIncomplete struct {
	Reason string `json:"reason"`
}

type outReasoning struct {
	Effort  *string `json:"effort"`
	Summary *string `json:"summary"`
}

type outShape struct {
	Format    any    `json:"format"`
	Verbosity string `json:"verbosity"`
}

// written holds the names of the fields that every answer has.
var written = fieldNames(reflect.TypeFor[outResponse]())

func fieldNames(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
			names[name] = true
		}
	}
	return names
}

// idPrefix begins the id of an answer.
const idPrefix = "resp_"

// echo is an answer as far as its request tells it.
func echo(c wire.Caller) outResponse {
	q := c.Request
	if q == nil {
		q = &llm.Request{}
	}
	w := &writer{}
	instructions, _ := w.split(q)
	r := outResponse{
		Object: "response", Status: "in_progress", Model: c.Model, Output: []any{},
		Background:   string(extra(q, "background")) == "true",
		Instructions: said(instructions), MaxOutputTokens: q.MaxOutput, MaxToolCalls: extra(q, "max_tool_calls"),
		ParallelToolCalls: orElse(q.ParallelTools, true), PreviousResponseID: extra(q, "previous_response_id"),
		PromptCacheKey: said(q.Cache.Key), PromptCacheRetention: said(q.Cache.Retention),
		Reasoning:        outReasoning{Effort: said(string(q.Reasoning.Effort)), Summary: said(q.Reasoning.Summary)},
		SafetyIdentifier: said(q.EndUser), ServiceTier: tier(q.ServiceTier, "auto"), Store: orElse(q.Store, true),
		Temperature: orElse(q.Sampling.Temperature, 1), TopP: orElse(q.Sampling.TopP, 1), TopLogprobs: orElse(q.Sampling.TopLogProbs, 0),
		Text:       outShape{Format: w.format(q), Verbosity: q.Output.Verbosity},
		ToolChoice: w.toolChoice(q), Tools: w.toolList(q), Truncation: extra(q, "truncation"), Metadata: q.Metadata,
	}
	if r.Text.Format == nil {
		r.Text.Format = outFormat{Type: "text"}
	}
	if r.Text.Verbosity == "" {
		r.Text.Verbosity = "medium"
	}
	if kept := extra(q, "tool_choice"); kept != nil {
		r.ToolChoice = kept
	} else if r.ToolChoice == nil {
		r.ToolChoice = "auto"
	}
	if r.Truncation == nil {
		r.Truncation = jsontext.Value(`"disabled"`)
	}
	if !c.Now.IsZero() {
		r.CreatedAt = c.Now.Unix()
	}
	return r
}

// begin adds what the answer's start tells.
func (r *outResponse) begin(s llm.Start, c wire.Caller) {
	r.ID = answerID(s.ID, c.ID)
	if r.Model == "" {
		r.Model = s.Model
	}
	if !s.Created.IsZero() {
		r.CreatedAt = s.Created.Unix()
	}
}

// end adds how the answer ended.
func (r *outResponse) end(f llm.Finish, refused bool, u llm.Usage, usedTier string) {
	r.Status = "completed"
	r.ServiceTier = tier(usedTier, tier(r.ServiceTier, "default"))
	if r.ServiceTier == "auto" {
		r.ServiceTier = "default"
	}
	r.Usage = shownUsage(u)
	switch f.Reason {
	case llm.FinishLength, llm.FinishContextFull:
		r.Status, r.Incomplete = "incomplete", &outIncomplete{"max_output_tokens"}
	case llm.FinishContentFilter:
		if !refused { // a refusal in words is a whole answer
			r.Status, r.Incomplete = "incomplete", &outIncomplete{"content_filter"}
		}
	case llm.FinishError:
		message := f.Detail
		if message == "" {
			message = "the provider ended the answer with an error"
		}
		r.Status, r.Error = "failed", &outFailure{"server_error", message}
	}
}

// itemStatus is the status of an item that the answer ended in.
func (r *outResponse) itemStatus() string {
	if r.Status == "completed" {
		return "completed"
	}
	return "incomplete"
}

// tier passes the tiers that clients know.
func tier(s, otherwise string) string {
	switch s {
	case "auto", "default", "flex", "scale", "priority":
		return s
	}
	return otherwise
}

// answerID shows the answer's own id where it is one of this format.
func answerID(own, caller string) string {
	switch {
	case strings.HasPrefix(own, idPrefix):
		return own
	case strings.HasPrefix(caller, idPrefix):
		return caller
	case caller != "":
		return idPrefix + caller
	}
	return idPrefix + digest(own)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}

// itemID names the n-th item of an answer by the answer's id; own wins.
func itemID(own, prefix, answer string, n int) string {
	if own != "" {
		return own
	}
	stem := strings.TrimPrefix(answer, idPrefix)
	if len(stem) > 48 { // ids are taken up to 64 characters
		stem = digest(stem)
	}
	return prefix + stem + "_" + strconv.Itoa(n)
}

func said(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orElse[T any](v *T, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return *v
}

// EncodeAnswer writes a whole answer: its first choice, the format has no more.
func (Format) EncodeAnswer(a *llm.Answer, c wire.Caller) ([]byte, error) {
	r := echo(c)
	r.begin(llm.Start{ID: a.ID, Model: a.Model, Created: a.Created}, c)
	var choice llm.Choice
	if len(a.Choices) > 0 {
		choice = a.Choices[0]
	}
	var message *outItem
	refused := false
	for _, p := range choice.Parts {
		if part := spokenPart(p); part != nil {
			if message == nil {
				message = &outItem{ID: itemID("", "msg_", r.ID, len(r.Output)), Type: "message", Status: "completed", Role: "assistant"}
				r.Output = append(r.Output, message)
			}
			message.Content = append(message.Content, part)
			_, refusal := p.(llm.Refusal)
			refused = refused || refusal
			continue
		}
		if it := answerItem(p, r.ID, len(r.Output)); it != nil {
			r.Output, message = append(r.Output, it), nil
		}
	}
	r.end(choice.Finish, refused, a.Usage, a.ServiceTier)
	if n := len(r.Output); n > 0 {
		if last, ok := r.Output[n-1].(*outItem); ok && last.Status != "" {
			last.Status = r.itemStatus()
		}
	}
	for _, f := range a.Extra {
		if f.Format == llm.FormatResponses && !written[f.Name] {
			if r.Beside == nil {
				r.Beside = map[string]jsontext.Value{}
			}
			r.Beside[f.Name] = f.Value
		}
	}
	out, err := json.Marshal(r, exact)
	if err != nil {
		return nil, llm.Errorf(llm.KindUpstream, "the answer can't be written: %w", err)
	}
	return out, nil
}

// spokenPart writes what stands in a message of the model's; nil for a part that
// is an item of its own.
func spokenPart(p llm.Part) any {
	switch p := p.(type) {
	case llm.Text:
		return outSpoken{Type: "output_text", Text: p.Text, Annotations: citations(p.Citations), Logprobs: logprobs(p.Logprobs)}
	case llm.Refusal:
		return outRefusal{Type: "refusal", Refusal: p.Text}
	}
	return nil
}

// answerItem writes the n-th item of an answer; nil for what the format has no
// word for.
func answerItem(p llm.Part, answer string, n int) any {
	switch p := p.(type) {
	case llm.Reasoning:
		it := shownReasoning(p, answer, n)
		return &it
	case llm.ToolCall:
		it := shownCall(p, answer, n)
		return &it
	case llm.Opaque:
		if v, ok := verbatim(p); ok {
			return v
		}
	case llm.Media:
		if p.Kind == llm.MediaImage && p.Data != "" {
			return &outItem{ID: itemID("", "ig_", answer, n), Type: "image_generation_call", Status: "completed", Result: p.Data}
		}
	}
	return nil
}

// shownReasoning shows all readable reasoning as its summary, which is where
// clients look for it.
func shownReasoning(r llm.Reasoning, answer string, n int) outItem {
	it := outItem{ID: itemID(r.ID, "rs_", answer, n), Type: "reasoning", Summary: []outText{}}
	if r.Text != "" {
		it.Summary = append(it.Summary, outText{"summary_text", r.Text})
	}
	// Another kind of blob would come back as encrypted content and be taken
	// for this format's own.
	if r.Blob != nil && r.Blob.Kind == llm.BlobEncrypted {
		it.Encrypted = r.Blob.Data
	}
	return it
}

func shownCall(c llm.ToolCall, answer string, n int) outItem {
	it := outItem{Type: "function_call", Status: "completed", CallID: c.ID, Name: c.Name}
	if it.CallID == "" {
		it.CallID = itemID("", "call_", answer, n)
	}
	if c.Custom {
		it.ID, it.Type, it.Input = itemID(c.ItemID, "ctc_", answer, n), "custom_tool_call", &c.Arguments
		return it
	}
	arguments := orEmptyObject(c.Arguments)
	it.ID, it.Arguments = itemID(c.ItemID, "fc_", answer, n), &arguments
	return it
}
