package gemini

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// encoding is a request on its way to a provider.
type encoding struct {
	q *llm.Request
	t wire.Target
	// forwarded says that only the conversation is written: the client's other
	// fields go out as they are, its system text and its tools among them.
	forwarded bool
	wire.Losses
	system []jsontext.Value
	turns  []turn
	out    request
}

// name is what a tool is called on the way out.
func (e *encoding) name(of string, freeText bool) string {
	switch {
	case e.forwarded:
		return of // as the client's own declaration has it
	case freeText:
		return e.t.Names.OutFreeText(of)
	}
	return e.t.Names.Out(of)
}

// Encode writes a request for a target.
func (Format) Encode(q *llm.Request, t wire.Target) (wire.Outbound, []wire.Downgrade, error) {
	e := &encoding{q: q, t: t}
	e.converse()
	e.tools()
	e.config()
	e.options()
	if e.Err != nil {
		return wire.Outbound{}, nil, e.Err
	}
	body, err := e.body()
	if err != nil {
		return wire.Outbound{}, nil, err
	}
	out := wire.Outbound{Path: toPath(t.Model, generate), Body: body}
	if t.Stream {
		out.Path, out.Query = toPath(t.Model, stream), maps.Clone(sseQuery)
	}
	return out, e.Downgrades, nil
}

// EncodeConversation writes the value of "contents" alone, for a request whose
// other fields are the client's own; its system text stands in one of those.
func (Format) EncodeConversation(q *llm.Request, t wire.Target) ([]byte, error) {
	e := &encoding{q: q, t: t, forwarded: true}
	e.converse()
	if e.Err != nil {
		return nil, e.Err
	}
	contents, err := e.contents()
	if err != nil {
		return nil, err
	}
	return marshal(contents)
}

// body writes the fields and makes of them what the target's profile wants.
func (e *encoding) body() ([]byte, error) {
	var err error
	if e.out.Contents, err = e.contents(); err != nil {
		return nil, err
	}
	if len(e.system) > 0 {
		e.out.SystemInstruction = &content{Parts: e.system}
	}
	body, err := marshal(e.out)
	if err != nil {
		return nil, llm.Errorf(llm.KindBadRequest, "the request can't be written: %w", err)
	}
	kept := changes{set: map[string][]byte{}}
	for _, f := range e.q.Extra {
		switch {
		case strings.HasPrefix(f.Name, "\x00"):
		case f.Format == llm.FormatGemini:
			kept.set[f.Name] = f.Value
		default:
			e.Lose(f.Name, "the field "+f.Name+" has no counterpart in Gemini's format")
		}
	}
	if body, _, err = kept.apply(body); err != nil {
		return nil, err
	}
	wanted := changes{drop: e.t.Reject, rename: e.t.Rename, set: map[string][]byte{}}
	for _, name := range slices.Sorted(maps.Keys(e.t.Set)) {
		if err := wanted.put(name, e.t.Set[name]); err != nil {
			return nil, err
		}
	}
	body, dropped, err := wanted.apply(body)
	for _, name := range dropped {
		e.Lose(name, "the model refuses the parameter "+name)
	}
	return body, err
}

// options writes the small fields, and names what the format can't say.
func (e *encoding) options() {
	q := e.q
	e.out.CachedContent = q.Cache.Content
	switch tier := strings.TrimSuffix(q.ServiceTier, "_only"); tier {
	case "", "auto", "default":
	case "standard", "flex", "priority":
		e.out.ServiceTier = tier
	default:
		e.Lose("service_tier", "the tier "+q.ServiceTier+" is not one of standard, flex, priority")
	}
	for _, l := range []struct {
		said            bool
		feature, detail string
	}{
		{q.ParallelTools != nil && !*q.ParallelTools && len(q.Tools) > 0, "parallel_tool_calls", "Gemini can't be told to make one call at a time"},
		{len(q.Sampling.LogitBias) > 0, "logit_bias", "Gemini takes no bias for tokens"},
		{q.Output.Verbosity != "", "verbosity", "Gemini takes no verbosity"},
		{q.EndUser != "", "user", "Gemini takes no name of an end user"},
		{len(q.Metadata) > 0, "metadata", "Gemini takes no labels of other formats"},
		{q.Store != nil && *q.Store, "store", "Gemini keeps no answers"},
		{q.Cache.Key != "", "prompt_cache_key", "Gemini chooses the cache itself"},
		{q.Cache.Retention != "", "prompt_cache_retention", "Gemini chooses how long it caches"},
		{wire.CacheMarked(q), "cache_control", "Gemini caches by itself: marks mean nothing to it"},
	} {
		if l.said {
			e.Lose(l.feature, l.detail)
		}
	}
}
