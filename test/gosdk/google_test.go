package gosdk

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"google.golang.org/genai"
)

var googleGemini = sdk{
	name: "google", format: "gemini",
	dial: func(base, key string) (client, error) {
		c, err := genai.NewClient(context.Background(), &genai.ClientConfig{
			Backend: genai.BackendGeminiAPI, APIKey: key, HTTPOptions: genai.HTTPOptions{BaseURL: base},
		})
		if err != nil {
			return nil, err
		}
		return googleClient{c}, nil
	},
	raised: func(err error) (int, string, bool) {
		e, ok := errors.AsType[genai.APIError](err)
		return e.Code, e.Status, ok
	},
	kinds: map[string]string{
		"invalid": "INVALID_ARGUMENT", "overlong": "INVALID_ARGUMENT", "strange": "UNAUTHENTICATED", "missing": "NOT_FOUND",
		"limited": "RESOURCE_EXHAUSTED", "spent": "RESOURCE_EXHAUSTED", "failing": "INTERNAL", "busy": "UNAVAILABLE",
	},
	shows: []string{"messages", "responses", "gemini"},
}

type googleClient struct{ *genai.Client }

func (c googleClient) models(ctx context.Context) (ids []string, err error) {
	for m, err := range c.Models.All(ctx) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, strings.TrimPrefix(m.Name, "models/"))
	}
	return ids, nil
}

func (c googleClient) count(ctx context.Context, model, text string) (int64, error) {
	n, err := c.Models.CountTokens(ctx, model, genai.Text(text), nil)
	if err != nil {
		return 0, err
	}
	return int64(n.TotalTokens), nil
}

func (c googleClient) embed(ctx context.Context, model string, dimensions int, texts ...string) (vectors [][]float32, err error) {
	var contents []*genai.Content
	for _, text := range texts {
		contents = append(contents, genai.Text(text)...)
	}
	a, err := c.Models.EmbedContent(ctx, model, contents, &genai.EmbedContentConfig{OutputDimensionality: genai.Ptr(int32(dimensions))})
	if err != nil {
		return nil, err
	}
	for _, e := range a.Embeddings {
		vectors = append(vectors, e.Values)
	}
	return vectors, nil
}

type googleTalk struct {
	googleClient
	ask
	contents []*genai.Content
	config   genai.GenerateContentConfig
	calls    []call
}

func (c googleClient) begin(q ask) conversation {
	t := &googleTalk{googleClient: c, ask: q, config: genai.GenerateContentConfig{MaxOutputTokens: int32(q.max), StopSequences: q.stop}}
	parts := []*genai.Part{genai.NewPartFromText(q.user)}
	if picture, err := base64.StdEncoding.DecodeString(q.image); err == nil && q.image != "" {
		parts = append(parts, genai.NewPartFromBytes(picture, "image/png"))
	}
	t.contents = append(t.contents, genai.NewContentFromParts(parts, genai.RoleUser))
	for _, tool := range q.tools {
		t.config.Tools = append(t.config.Tools, &genai.Tool{FunctionDeclarations: []*genai.FunctionDeclaration{
			{Name: tool.name, Description: tool.description, ParametersJsonSchema: tool.schema},
		}})
	}
	if q.schema != nil {
		t.config.ResponseMIMEType, t.config.ResponseJsonSchema = "application/json", q.schema
	}
	if q.think {
		t.config.ThinkingConfig = &genai.ThinkingConfig{IncludeThoughts: true}
	}
	return t
}

var googleFinishes = map[genai.FinishReason]string{
	genai.FinishReasonStop: stopped, genai.FinishReasonMaxTokens: tooLong,
	genai.FinishReasonSafety: refused, genai.FinishReasonProhibitedContent: refused,
}

func (t *googleTalk) next(ctx context.Context) (round, error) {
	var r round
	var parts []*genai.Part
	take := func(a *genai.GenerateContentResponse) {
		if u := a.UsageMetadata; u != nil {
			r.usage = usage{
				int64(u.PromptTokenCount), int64(u.CachedContentTokenCount),
				int64(u.CandidatesTokenCount + u.ThoughtsTokenCount), int64(u.ThoughtsTokenCount),
			}
		}
		if a.PromptFeedback != nil && a.PromptFeedback.BlockReason != "" {
			r.finish = refused
		}
		if len(a.Candidates) == 0 {
			return
		}
		if a.Candidates[0].FinishReason != "" {
			r.finish = googleFinishes[a.Candidates[0].FinishReason]
		}
		if a.Candidates[0].Content == nil {
			return
		}
		for _, part := range a.Candidates[0].Content.Parts {
			parts = append(parts, part)
			switch {
			case part.FunctionCall != nil:
				r.calls = append(r.calls, call{part.FunctionCall.ID, part.FunctionCall.Name, part.FunctionCall.Args})
			case part.Thought:
				r.reasoning += part.Text
			case part.Text != "":
				r.text += part.Text
				t.heard(part.Text)
			}
		}
	}
	if t.stream {
		for a, err := range t.Models.GenerateContentStream(ctx, t.model, t.contents, &t.config) {
			if err != nil {
				return round{}, err
			}
			take(a)
		}
	} else {
		a, err := t.Models.GenerateContent(ctx, t.model, t.contents, &t.config)
		if err != nil {
			return round{}, err
		}
		take(a)
	}
	t.contents = append(t.contents, genai.NewContentFromParts(parts, genai.RoleModel))
	if t.calls = r.calls; len(r.calls) > 0 && r.finish == stopped {
		r.finish = calling
	}
	return r, nil
}

func (t *googleTalk) give(results []string) {
	var parts []*genai.Part
	for i, result := range results {
		part := genai.NewPartFromFunctionResponse(t.calls[i].name, map[string]any{"output": result})
		part.FunctionResponse.ID = t.calls[i].id
		parts = append(parts, part)
	}
	t.contents = append(t.contents, genai.NewContentFromParts(parts, genai.RoleUser))
}
