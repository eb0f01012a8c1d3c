package chat

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// listed is an entry of a model list: OpenAI's, with what OpenRouter, Groq, vLLM
// and others add.
type listed struct {
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	Created       jsontext.Value `json:"created"`
	OwnedBy       string         `json:"owned_by"`
	Shutdown      string         `json:"shutdown_date"`
	Expiration    string         `json:"expiration_date"`
	ContextLength int            `json:"context_length"`
	ContextWindow int            `json:"context_window"`
	MaxModelLen   int            `json:"max_model_len"`
	MaxCompletion int            `json:"max_completion_tokens"` // Groq
	TopProvider   *struct {
		MaxCompletion int `json:"max_completion_tokens"`
	} `json:"top_provider"`
	Architecture *struct {
		Input  []string `json:"input_modalities"`
		Output []string `json:"output_modalities"`
	} `json:"architecture"`
	Parameters []string `json:"supported_parameters"`
	// What follows others may write in other ways, which must not cost the list.
	MaxContext   int            `json:"max_context_length"` // Mistral
	Capabilities jsontext.Value `json:"capabilities"`
	Deprecation  jsontext.Value `json:"deprecation"`
	Replacement  jsontext.Value `json:"deprecation_replacement_model"`
	Aliases      jsontext.Value `json:"aliases"`
	Type         jsontext.Value `json:"type"`   // Together: what it does
	Active       jsontext.Value `json:"active"` // Groq
	Pricing      *struct {
		// Together's, of a million tokens.
		Input       jsontext.Value `json:"input"`
		Output      jsontext.Value `json:"output"`
		CachedInput jsontext.Value `json:"cached_input"`
		// OpenRouter's, of one token.
		Prompt     jsontext.Value `json:"prompt"`
		Completion jsontext.Value `json:"completion"`
		CacheRead  jsontext.Value `json:"input_cache_read"`
		CacheWrite jsontext.Value `json:"input_cache_write"`
	} `json:"pricing"`
}

// maxListed bounds what is taken from one page.
const maxListed = 20_000

// entries reads the entries of a list one by one: as they come they take several
// times the room of what is made of them.
type entries []wire.ListedModel

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (all *entries) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	*all, err = entriesOf(d, func(d *jsontext.Decoder) (wire.ListedModel, error) {
		var l listed
		err := json.UnmarshalDecode(d, &l)
		return l.model(), err
	})
	return err
}

// oddEntries reads a list of which an entry isn't as it should be, which doesn't
// cost the list: its id is all that is needed of it.
type oddEntries []wire.ListedModel

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (all *oddEntries) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	*all, err = entriesOf(d, func(d *jsontext.Decoder) (wire.ListedModel, error) {
		raw, err := d.ReadValue()
		if err != nil {
			return wire.ListedModel{}, err
		}
		var l listed
		if json.Unmarshal(raw, &l) == nil {
			return l.model(), nil
		}
		var bare struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(raw, &bare) // without an id it is no entry
		return wire.ListedModel{ID: bare.ID}, nil
	})
	return err
}

func entriesOf(d *jsontext.Decoder, entry func(*jsontext.Decoder) (wire.ListedModel, error)) ([]wire.ListedModel, error) {
	if d.PeekKind() != '[' {
		return nil, d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	all := []wire.ListedModel{}
	for n := 0; d.PeekKind() != ']'; n++ {
		if n == maxListed {
			return nil, fmt.Errorf("the list holds more than %d entries", maxListed)
		}
		m, err := entry(d)
		if err != nil {
			return nil, err
		}
		if m.ID != "" {
			all = append(all, m)
		}
	}
	_, err := d.ReadToken()
	return all, err
}

// page is a page of a list.
type page[E any] struct {
	Data  E `json:"data"`
	Links *struct {
		Next string `json:"next"`
	} `json:"links"`
}

func pageIn[E any](body []byte) (p page[E], err error) {
	if jsontext.Value(body).Kind() == '[' {
		err = json.Unmarshal(body, &p.Data)
	} else {
		err = json.Unmarshal(body, &p)
	}
	return p, err
}

// DecodeModels reads a model list.
func (Format) DecodeModels(body []byte) ([]wire.ListedModel, url.Values, error) {
	p, err := pageIn[entries](body)
	if odd := new(json.SemanticError); errors.As(err, &odd) {
		var q page[oddEntries]
		q, err = pageIn[oddEntries](body)
		p.Data, p.Links = entries(q.Data), q.Links
	}
	if err != nil {
		return nil, nil, llm.Errorf(llm.KindUpstream, "the model list can't be read: %w", err)
	}
	if p.Data == nil {
		return nil, nil, llm.Errorf(llm.KindUpstream, "there is no list of models in it")
	}
	var next url.Values
	if p.Links != nil && p.Links.Next != "" {
		if u, err := url.Parse(p.Links.Next); err == nil {
			next = u.Query()
		}
	}
	return p.Data, next, nil
}

func (l *listed) model() wire.ListedModel {
	m := wire.ListedModel{
		ID: l.ID, Name: l.Name, Created: wire.UnixTime(l.Created), OwnedBy: l.OwnedBy,
		Context: max(l.ContextLength, l.ContextWindow, l.MaxModelLen, l.MaxContext), Replacement: wordOf(l.Replacement),
	}
	m.Chat, m.Embeds = does(wordOf(l.Type))
	for _, date := range []string{l.Shutdown, l.Expiration, wordOf(l.Deprecation)} {
		if date == "" {
			continue
		}
		if at, err := time.Parse(time.DateOnly, date[:min(len(date), len(time.DateOnly))]); err == nil {
			m.Shutdown = at
		}
	}
	if string(l.Active) == "false" {
		m.State = "retired"
	}
	var can struct {
		Chat      *bool `json:"completion_chat"`
		Tools     *bool `json:"function_calling"`
		Vision    *bool `json:"vision"`
		Reasoning *bool `json:"reasoning"`
	}
	if len(l.Capabilities) > 0 && json.Unmarshal(l.Capabilities, &can) == nil {
		if can.Chat != nil {
			m.Chat = can.Chat
		}
		m.Tools, m.Vision, m.Thinking = can.Tools, can.Vision, can.Reasoning
	}
	var aliases []string
	if len(l.Aliases) > 0 && json.Unmarshal(l.Aliases, &aliases) == nil && len(aliases) > 0 {
		m.Aliases = aliases
	}
	m.MaxOutput = l.MaxCompletion
	if l.TopProvider != nil {
		m.MaxOutput = l.TopProvider.MaxCompletion
	}
	if a := l.Architecture; a != nil {
		m.Vision = among(a.Input, "image")
		if len(a.Output) > 0 {
			m.Chat, m.Embeds = among(a.Output, "text"), *among(a.Output, "embeddings")
		}
	}
	if len(l.Parameters) > 0 {
		m.Tools, m.Thinking = among(l.Parameters, "tools"), among(l.Parameters, "reasoning")
	}
	if p := l.Pricing; p != nil {
		m.PricePerMillion = map[string]string{}
		for _, of := range []struct {
			name string
			v    jsontext.Value
		}{{"input", p.Prompt}, {"output", p.Completion}, {"cache_read", p.CacheRead}, {"cache_write", p.CacheWrite}} {
			if len(of.v) == 0 {
				continue
			}
			if s, ok := perMillion(strings.Trim(string(of.v), `"`)); ok {
				m.PricePerMillion[of.name] = s
			}
		}
		// That of an image model is one of zeros, which says nothing.
		if in, ok := decimal(p.Input); ok && (m.Chat == nil || *m.Chat || m.Embeds) {
			if out, ok := decimal(p.Output); ok && in+out != "00" {
				m.PricePerMillion["input"], m.PricePerMillion["output"] = in, out
			}
			if cached, ok := decimal(p.CachedInput); ok && cached != "0" {
				m.PricePerMillion["cache_read"] = cached
			}
		}
	}
	return m
}

// does says of a type of Together's models whether they write text and whether they
// embed. A type that isn't known may well write text.
func does(kind string) (chat *bool, embeds bool) {
	switch kind {
	case "chat", "language", "code":
		chat = new(bool)
		*chat = true
	case "embedding", "image", "rerank", "audio", "video", "moderation", "transcribe":
		chat, embeds = new(bool), kind == "embedding"
	}
	return chat, embeds
}

// decimal reads a price as it is; negative ones are none.
func decimal(v jsontext.Value) (string, bool) {
	if len(v) == 0 {
		return "", false
	}
	f, err := strconv.ParseFloat(strings.Trim(string(v), `"`), 64)
	if err != nil || !(f >= 0 && f < 1e9) {
		return "", false
	}
	return strconv.FormatFloat(f, 'f', -1, 64), true
}

func among(list []string, word string) *bool {
	found := false
	for _, s := range list {
		found = found || s == word
	}
	return &found
}

// perMillion makes a price of one token, in USD, that of a million, exactly.
// Negative prices ("depends on the route") are none.
func perMillion(s string) (string, bool) {
	if f, err := strconv.ParseFloat(s, 64); err != nil || f < 0 || strings.ContainsAny(s, "eExXpP_n") {
		if err != nil || f < 0 {
			return "", false
		}
		s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	whole, frac, _ := strings.Cut(s, ".")
	frac += "000000"
	whole, frac = strings.TrimLeft(whole+frac[:6], "0+"), strings.TrimRight(frac[6:], "0")
	if whole == "" {
		whole = "0"
	}
	if frac == "" {
		return whole, true
	}
	return whole + "." + frac, true
}
