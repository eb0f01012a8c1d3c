package gosdk

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

var openaiResponses = sdk{
	name: "openai, Responses", format: "responses",
	dial: func(base, key string) (client, error) {
		return responsesClient{dialOpenAI(base, key)}, nil
	},
	raised: raisedByOpenAI, kinds: openaiKinds,
	shows: []string{"messages", "responses", "gemini"},
	// The SDK's embeddings are the same as beside Chat Completions.
	without: []string{"stop", "embeddings"},
}

// errFailed is that a stream ended in order, by an event that tells an error.
var errFailed = errors.New("the answer failed")

type responsesClient struct{ openaiClient }

type responsesTalk struct {
	responsesClient
	ask
	params responses.ResponseNewParams
	calls  []call
}

func (c responsesClient) begin(q ask) conversation {
	t := &responsesTalk{responsesClient: c, ask: q, params: responses.ResponseNewParams{Model: q.model, Store: openai.Bool(false)}}
	content := responses.ResponseInputMessageContentListParam{responses.ResponseInputContentParamOfInputText(q.user)}
	if q.image != "" {
		picture := responses.ResponseInputContentParamOfInputImage(responses.ResponseInputImageDetailAuto)
		picture.OfInputImage.ImageURL = openai.String("data:image/png;base64," + q.image)
		content = append(content, picture)
	}
	t.add(responses.ResponseInputItemParamOfMessage(content, responses.EasyInputMessageRoleUser))
	for _, tool := range q.tools {
		declared := responses.ToolParamOfFunction(tool.name, tool.schema, false)
		declared.OfFunction.Description = openai.String(tool.description)
		t.params.Tools = append(t.params.Tools, declared)
	}
	if q.schema != nil {
		t.params.Text.Format = responses.ResponseFormatTextConfigParamOfJSONSchema("answer", q.schema)
		t.params.Text.Format.OfJSONSchema.Strict = openai.Bool(true)
	}
	if q.max > 0 {
		t.params.MaxOutputTokens = openai.Int(q.max)
	}
	if q.think {
		t.params.Reasoning = shared.ReasoningParam{Effort: shared.ReasoningEffortHigh, Summary: shared.ReasoningSummaryAuto}
		t.params.Include = []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent}
	}
	return t
}

func (t *responsesTalk) add(item responses.ResponseInputItemUnionParam) {
	t.params.Input.OfInputItemList = append(t.params.Input.OfInputItemList, item)
}

func (t *responsesTalk) next(ctx context.Context) (round, error) {
	a, err := t.answer(ctx)
	if err != nil {
		return round{}, err
	}
	r := round{text: a.OutputText(), usage: usage{
		a.Usage.InputTokens, a.Usage.InputTokensDetails.CachedTokens,
		a.Usage.OutputTokens, a.Usage.OutputTokensDetails.ReasoningTokens,
	}}
	declined := a.IncompleteDetails.Reason == "content_filter"
	for _, item := range a.Output {
		t.add(param.Override[responses.ResponseInputItemUnionParam](jsontext.Value(item.RawJSON())))
		for _, part := range item.Summary {
			r.reasoning += part.Text
		}
		for _, part := range item.AsMessage().Content {
			declined = declined || part.Refusal != ""
		}
		if c := item.AsFunctionCall(); c.CallID != "" {
			args, err := arguments(c.Arguments)
			if err != nil {
				return round{}, err
			}
			r.calls = append(r.calls, call{c.CallID, c.Name, args})
		}
	}
	t.calls = r.calls
	switch {
	case declined:
		r.finish = refused
	case a.IncompleteDetails.Reason == "max_output_tokens":
		r.finish = tooLong
	case a.Status == responses.ResponseStatusCompleted && len(r.calls) > 0:
		r.finish = calling
	case a.Status == responses.ResponseStatusCompleted:
		r.finish = stopped
	}
	return r, nil
}

// answer asks in the way that is wanted.
func (t *responsesTalk) answer(ctx context.Context) (*responses.Response, error) {
	if !t.stream {
		a, err := t.Responses.New(ctx, t.params)
		if err == nil {
			t.heard(a.OutputText())
		}
		return a, err
	}
	var last responses.ResponseStreamEventUnion
	err := read(t.Responses.NewStreaming(ctx, t.params), func(e responses.ResponseStreamEventUnion) {
		if last = e; e.Type == "response.output_text.delta" {
			t.heard(e.Delta)
		}
	})
	// The SDK leaves these to its callers, and goes on to what broke then.
	if last.Type == "error" || last.Type == "response.failed" {
		err = fmt.Errorf("%s: %w", last.RawJSON(), cmp.Or(err, errFailed))
	}
	return &last.Response, err
}

func (t *responsesTalk) give(results []string) {
	for i, result := range results {
		item := responses.ResponseInputItemParamOfFunctionCallOutput(result)
		item.OfFunctionCallOutput.CallID = openai.String(t.calls[i].id)
		t.add(item)
	}
}
