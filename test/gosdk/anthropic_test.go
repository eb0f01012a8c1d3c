package gosdk

import (
	"context"
	"errors"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

var anthropicMessages = sdk{
	name: "anthropic", format: "messages",
	dial: func(base, key string) (client, error) {
		return anthropicClient{anthropic.NewClient(option.WithBaseURL(base), option.WithAPIKey(key), option.WithMaxRetries(0))}, nil
	},
	raised: func(err error) (int, string, bool) {
		e, ok := errors.AsType[*anthropic.Error](err)
		if !ok {
			return 0, "", false
		}
		return e.StatusCode, string(e.Type()), true
	},
	kinds: map[string]string{
		"invalid": "invalid_request_error", "overlong": "invalid_request_error", "strange": "authentication_error", "missing": "not_found_error",
		"limited": "rate_limit_error", "spent": "rate_limit_error", "failing": "api_error", "busy": "overloaded_error",
	},
	shows:   []string{"messages", "responses", "gemini"},
	without: []string{"embeddings"},
}

type anthropicClient struct{ anthropic.Client }

func (c anthropicClient) models(ctx context.Context) (ids []string, err error) {
	list := c.Models.ListAutoPaging(ctx, anthropic.ModelListParams{})
	for list.Next() {
		ids = append(ids, list.Current().ID)
	}
	return ids, list.Err()
}

func (c anthropicClient) count(ctx context.Context, model, text string) (int64, error) {
	n, err := c.Messages.CountTokens(ctx, anthropic.MessageCountTokensParams{
		Model: model, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))},
	})
	if err != nil {
		return 0, err
	}
	return n.InputTokens, nil
}

type anthropicTalk struct {
	anthropicClient
	ask
	params anthropic.MessageNewParams
	calls  []call
}

func (c anthropicClient) begin(q ask) conversation {
	t := &anthropicTalk{anthropicClient: c, ask: q, params: anthropic.MessageNewParams{Model: q.model, MaxTokens: 1000, StopSequences: q.stop}}
	content := []anthropic.ContentBlockParamUnion{anthropic.NewTextBlock(q.user)}
	if q.image != "" {
		content = append(content, anthropic.NewImageBlockBase64("image/png", q.image))
	}
	t.params.Messages = append(t.params.Messages, anthropic.NewUserMessage(content...))
	for _, tool := range q.tools {
		schema := anthropic.ToolInputSchemaParam{Properties: tool.schema["properties"], ExtraFields: map[string]any{"additionalProperties": false}}
		schema.Required, _ = tool.schema["required"].([]string)
		declared := anthropic.ToolUnionParamOfTool(schema, tool.name)
		declared.OfTool.Description = anthropic.String(tool.description)
		t.params.Tools = append(t.params.Tools, declared)
	}
	t.params.OutputConfig.Format.Schema = q.schema
	if q.max > 0 {
		t.params.MaxTokens = q.max
	}
	if q.think {
		t.params.Thinking = anthropic.ThinkingConfigParamOfEnabled(1024)
	}
	return t
}

var anthropicFinishes = map[anthropic.StopReason]string{
	anthropic.StopReasonEndTurn: stopped, anthropic.StopReasonStopSequence: stopped, anthropic.StopReasonToolUse: calling,
	anthropic.StopReasonMaxTokens: tooLong, anthropic.StopReasonRefusal: refused,
}

func (t *anthropicTalk) next(ctx context.Context) (round, error) {
	a, err := t.answer(ctx)
	if err != nil {
		return round{}, err
	}
	t.params.Messages = append(t.params.Messages, a.ToParam())
	u := a.Usage
	r := round{finish: anthropicFinishes[a.StopReason], usage: usage{
		u.InputTokens + u.CacheReadInputTokens + u.CacheCreationInputTokens, u.CacheReadInputTokens,
		u.OutputTokens, u.OutputTokensDetails.ThinkingTokens,
	}}
	for _, b := range a.Content {
		r.text += b.Text
		r.reasoning += b.Thinking
		if b.Type == "tool_use" {
			args, err := arguments(string(b.Input))
			if err != nil {
				return round{}, err
			}
			r.calls = append(r.calls, call{b.ID, b.Name, args})
		}
	}
	t.calls = r.calls
	return r, nil
}

// answer asks in the way that is wanted.
func (t *anthropicTalk) answer(ctx context.Context) (*anthropic.Message, error) {
	if !t.stream {
		a, err := t.Messages.New(ctx, t.params)
		if err != nil {
			return nil, err
		}
		for _, b := range a.Content {
			t.heard(b.Text)
		}
		return a, nil
	}
	s := t.Messages.NewStreaming(ctx, t.params)
	defer s.Close()
	var all anthropic.Message
	for s.Next() {
		e := s.Current()
		if err := all.Accumulate(e); err != nil {
			return nil, err
		}
		if e.Delta.Text != "" {
			t.heard(e.Delta.Text)
		}
	}
	return &all, s.Err()
}

func (t *anthropicTalk) give(results []string) {
	var content []anthropic.ContentBlockParamUnion
	for i, result := range results {
		content = append(content, anthropic.NewToolResultBlock(t.calls[i].id, result, false))
	}
	t.params.Messages = append(t.params.Messages, anthropic.NewUserMessage(content...))
}
