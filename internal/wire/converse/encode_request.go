package converse

import (
	"fmt"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// encoding is a request on its way to a provider.
type encoding struct {
	req *llm.Request
	t   wire.Target
	wire.Losses

	system []*block
	turns  []turn
	tools  []*tool
	choice *toolChoice
	names  map[string]int // of documents: how often each was asked for
	max    *int
	think  *thinking
	out    fields // what isn't one of the above
}

// Encode writes a request for a target.
func (Format) Encode(req *llm.Request, t wire.Target) (wire.Outbound, []wire.Downgrade, error) {
	e := &encoding{req: req, t: t, names: map[string]int{}}
	body, err := e.write()
	if err != nil {
		return wire.Outbound{}, nil, err
	}
	return wire.Outbound{Path: pathOf(t), Header: headerOf(t), Body: body}, e.Downgrades, nil
}

func (e *encoding) write() ([]byte, error) {
	if e.t.Model == "" {
		return nil, wire.BadRequest("model", "model: the model to ask is missing")
	}
	if e.req.Cache.Content != "" {
		return nil, wire.BadRequest("cached_content", "the cached content "+e.req.Cache.Content+" is another provider's, and a part of the conversation")
	}
	for _, step := range []func() error{e.converse, e.offer, e.shape, e.limit, e.reason, e.sample, e.rest, e.marks} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	e.unsayable()
	if e.Err != nil {
		return nil, e.Err
	}
	f := fields{}
	put := func(path string, there bool, v any) error {
		if !there {
			return nil
		}
		return f.put(path, v)
	}
	for _, x := range []struct {
		path  string
		there bool
		v     any
	}{
		{"system", len(e.system) > 0, e.system},
		{"messages", true, e.turns},
		{"toolConfig.tools", len(e.tools) > 0, e.tools},
		{choiceField, e.choice != nil, e.choice},
		{"inferenceConfig.maxTokens", e.max != nil, e.max},
	} {
		if err := put(x.path, x.there, x.v); err != nil {
			return nil, llm.Errorf(llm.KindBadRequest, "the request can't be written: %w", err)
		}
	}
	f = append(f, e.out...)
	if err := f.fit(e.t, &e.Losses); err != nil {
		return nil, err
	}
	return f.object(), nil
}

// drop names what is left out, each feature once.
func (e *encoding) drop(feature, format string, args ...any) {
	e.Lose(feature, fmt.Sprintf(format, args...))
}

// put sets a field outside the conversation.
func (e *encoding) put(path string, v any) error {
	if err := e.out.put(path, v); err != nil {
		return llm.Errorf(llm.KindBadRequest, "the request can't be written: %w", err)
	}
	return nil
}

// rest writes what stands beside the conversation and its options.
func (e *encoding) rest() error {
	switch tier := e.req.ServiceTier; tier {
	case "", "auto":
	case "default", "flex", "priority", "reserved":
		return e.put("serviceTier", typed{tier})
	case "standard_only":
		return e.put("serviceTier", typed{"default"})
	default:
		e.drop("service_tier", "the tier %s isn't known here", tier)
	}
	return nil
}

// unsayable names what the request says that the API has no word for.
func (e *encoding) unsayable() {
	r, s := e.req, e.req.Sampling
	for _, x := range []struct {
		said    bool
		feature string
	}{
		{s.FrequencyPenalty != nil && *s.FrequencyPenalty != 0, "frequency_penalty"},
		{s.PresencePenalty != nil && *s.PresencePenalty != 0, "presence_penalty"},
		{s.Seed != nil, "seed"},
		{s.N != nil && *s.N > 1, "n"},
		{s.LogProbs != nil && *s.LogProbs || s.TopLogProbs != nil, "logprobs"},
		{len(s.LogitBias) > 0, "logit_bias"},
		{len(r.Metadata) > 0, "metadata"},
		{r.EndUser != "", "user"},
		{r.Store != nil && *r.Store, "store"},
		{r.Cache.Key != "", "prompt_cache_key"},
		{r.Cache.Retention != "", "prompt_cache_retention"},
		{r.Output.Verbosity != "", "verbosity"},
	} {
		if x.said {
			e.drop(x.feature, "%s has no word in this format", x.feature)
		}
	}
	for _, x := range r.Extra {
		if !x.Mark() {
			e.drop(x.Name, "the field %s has no word in this format", x.Name)
		}
	}
}

// textBlock is a text of our own.
func textBlock(s string) *block { return &block{Text: &s} }
