package gosdk

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/shared"
)

var openaiChat = sdk{
	name: "openai, Chat Completions", format: "chat",
	dial: func(base, key string) (client, error) {
		return chatClient{dialOpenAI(base, key)}, nil
	},
	raised: raisedByOpenAI, kinds: openaiKinds,
}

// openaiKinds are the types of errors with their codes.
var openaiKinds = map[string]string{
	"invalid": "invalid_request_error ", "overlong": "invalid_request_error context_length_exceeded",
	"strange": "invalid_request_error invalid_api_key", "missing": "invalid_request_error model_not_found",
	"limited": "rate_limit_error rate_limit_exceeded", "spent": "insufficient_quota insufficient_quota",
	"failing": "server_error server_error", "busy": "server_error server_is_overloaded",
}

func raisedByOpenAI(err error) (int, string, bool) {
	e, ok := errors.AsType[*openai.Error](err)
	if !ok {
		return 0, "", false
	}
	return e.StatusCode, e.Type + " " + e.Code, true
}

// openaiClient is what both formats of the SDK share.
type openaiClient struct{ openai.Client }

func dialOpenAI(base, key string) openaiClient {
	return openaiClient{openai.NewClient(option.WithBaseURL(base+"/v1"), option.WithAPIKey(key), option.WithMaxRetries(0))}
}

func (c openaiClient) models(ctx context.Context) (ids []string, err error) {
	list := c.Models.ListAutoPaging(ctx)
	for list.Next() {
		ids = append(ids, list.Current().ID)
	}
	return ids, list.Err()
}

func (c openaiClient) embed(ctx context.Context, model string, dimensions int, texts ...string) (vectors [][]float32, err error) {
	a, err := c.Embeddings.New(ctx, openai.EmbeddingNewParams{
		Model: model, Dimensions: openai.Int(int64(dimensions)),
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: texts},
	})
	if err != nil {
		return nil, err
	}
	for _, e := range a.Data {
		v := make([]float32, len(e.Embedding))
		for i, x := range e.Embedding {
			v[i] = float32(x)
		}
		vectors = append(vectors, v)
	}
	return vectors, nil
}

// read hands each event of a stream to take.
func read[T any](s *ssestream.Stream[T], take func(T)) error {
	defer s.Close()
	for s.Next() {
		take(s.Current())
	}
	return s.Err()
}

// arguments reads what a tool is called with.
func arguments(text string) (args map[string]any, err error) {
	return args, json.Unmarshal([]byte(text), &args)
}

type chatClient struct{ openaiClient }

type chatTalk struct {
	chatClient
	ask
	params openai.ChatCompletionNewParams
	calls  []call
}

func (c chatClient) begin(q ask) conversation {
	t := &chatTalk{chatClient: c, ask: q, params: openai.ChatCompletionNewParams{Model: q.model}}
	content := []openai.ChatCompletionContentPartUnionParam{openai.TextContentPart(q.user)}
	if q.image != "" {
		content = append(content, openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + q.image}))
	}
	t.params.Messages = append(t.params.Messages, openai.UserMessage(content))
	for _, tool := range q.tools {
		t.params.Tools = append(t.params.Tools, openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: tool.name, Description: openai.String(tool.description), Parameters: tool.schema,
		}))
	}
	if q.schema != nil {
		t.params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "answer", Schema: q.schema, Strict: openai.Bool(true)},
		}
	}
	if q.max > 0 {
		t.params.MaxCompletionTokens = openai.Int(q.max)
	}
	if q.think {
		t.params.ReasoningEffort = shared.ReasoningEffortHigh
	}
	t.params.Stop.OfStringArray = q.stop
	return t
}

func (t *chatTalk) next(ctx context.Context) (round, error) {
	a, err := t.answer(ctx)
	if err != nil {
		return round{}, err
	}
	if len(a.Choices) != 1 {
		return round{}, fmt.Errorf("%d choices: %s", len(a.Choices), a.RawJSON())
	}
	m := a.Choices[0].Message
	t.params.Messages = append(t.params.Messages, m.ToParam())
	r := round{text: m.Content, finish: a.Choices[0].FinishReason, usage: usage{
		a.Usage.PromptTokens, a.Usage.PromptTokensDetails.CachedTokens,
		a.Usage.CompletionTokens, a.Usage.CompletionTokensDetails.ReasoningTokens,
	}}
	switch {
	case m.Refusal != "" || r.finish == "content_filter":
		r.finish = refused
	case r.finish == "tool_calls":
		r.finish = calling
	}
	for _, c := range m.ToolCalls {
		args, err := arguments(c.Function.Arguments)
		if err != nil {
			return round{}, err
		}
		r.calls = append(r.calls, call{c.ID, c.Function.Name, args})
	}
	t.calls = r.calls
	return r, nil
}

// answer asks in the way that is wanted.
func (t *chatTalk) answer(ctx context.Context) (*openai.ChatCompletion, error) {
	if !t.stream {
		a, err := t.Chat.Completions.New(ctx, t.params)
		if err == nil && len(a.Choices) == 1 {
			t.heard(a.Choices[0].Message.Content)
		}
		return a, err
	}
	t.params.StreamOptions.IncludeUsage = openai.Bool(true)
	var all openai.ChatCompletionAccumulator
	fits := true
	err := read(t.Chat.Completions.NewStreaming(ctx, t.params), func(chunk openai.ChatCompletionChunk) {
		fits = all.AddChunk(chunk) && fits
		if len(chunk.Choices) == 1 && chunk.Choices[0].Delta.Content != "" {
			t.heard(chunk.Choices[0].Delta.Content)
		}
	})
	if err == nil && !fits {
		err = errors.New("the SDK can't put the chunks together")
	}
	return &all.ChatCompletion, err
}

func (t *chatTalk) give(results []string) {
	for i, result := range results {
		t.params.Messages = append(t.params.Messages, openai.ToolMessage(result, t.calls[i].id))
	}
}
