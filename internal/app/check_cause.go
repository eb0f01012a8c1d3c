package app

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// fault is why a model did not answer.
type fault struct {
	kind  llm.Kind
	said  string // what the provider said, or the gateway
	begun bool   // the answer had begun
}

// cause says in plain words what a fault most likely comes of, and what to do.
func (t *trial) cause(a *provider.Account, f fault) string {
	option, place := a.Place()
	switch f.kind {
	case llm.KindAuth:
		if f.begun {
			return "its key or token was refused in the middle of the answer: it has expired or was revoked; give a new one, best by a way that renews it, like token_file or credentials"
		}
		return "its API key or token is wrong, expired or revoked" + t.stranger(a, "")
	case llm.KindPermission:
		return "its account may not use this model: have it allowed in the vendor's console" + orElsewhere(option, place)
	case llm.KindNotFound:
		if like := t.looks[a.Name]; like != "" {
			return "it has no such address, and its list looks like one of type " + like + ": if it is that, say so in type"
		}
		if option != "" {
			return fmt.Sprintf("the model is not there in %s %s: choose another %s, or name a model that it has under `models`", option, place, option)
		}
		return "the model is not there: the account may lack it, or base_url is wrong; name a model that it has under `models`, or write base_url as the vendor's own SDK takes it"
	case llm.KindQuota:
		return "nothing is left to spend: add credit, or raise the limit in the vendor's console"
	case llm.KindRateLimit:
		return "it takes no more requests for now: wait a little, or have its limits raised"
	case llm.KindOverloaded:
		return "it has no capacity now: try again later"
	case llm.KindTimeout:
		return "it took too long: try again later, or raise its timeout"
	case llm.KindTruncated:
		return "its answer broke off: look at what is between here and there, like a proxy"
	case llm.KindBadRequest:
		return "it refuses what every model of its type takes: is the type right?"
	case llm.KindNotBuilt:
		return "it can't be asked in a format that is spoken here"
	}
	return "it has trouble of its own, or base_url leads to something that is no API of type " + a.Profile.Type
}

func orElsewhere(option, place string) string {
	if option == "" {
		return ""
	}
	return fmt.Sprintf(", or choose another %s than %s", option, place)
}

// stranger is told of a refused key that looks like another vendor's; hint names
// the key, "" any of the account's.
func (t *trial) stranger(a *provider.Account, hint string) string {
	e, _ := t.cfg.Providers.Get(a.Name)
	for _, k := range e.Keys() {
		typ, err := provider.TypeOfKey(k.Reveal())
		if err == nil && typ != "" && typ != a.Profile.Type && (hint == "" || provider.HintOf(k.Reveal()) == hint) {
			return ": it looks like a key for " + typ
		}
	}
	return ""
}

// likeness is the type of provider whose way of answering a body is in; "" for
// the account's own and for what can't be told.
func likeness(a *provider.Account, body []byte) string {
	f := shapeOf(body)
	if f == "" || f == a.Profile.List.Format {
		return ""
	}
	all, err := provider.Profiles()
	if err != nil {
		return ""
	}
	for _, p := range all {
		for _, e := range p.Endpoints {
			if e.Format == f && e.Override {
				return p.Type
			}
		}
	}
	return ""
}

// shapeOf is the format that a list or a refusal is in; "" where it could be any.
func shapeOf(body []byte) llm.Format {
	var doc struct {
		Object  string         `json:"object"`
		Type    string         `json:"type"`
		HasMore *bool          `json:"has_more"`
		Models  jsontext.Value `json:"models"`
		Error   jsontext.Value `json:"error"`
	}
	if json.Unmarshal(body, &doc) != nil {
		return ""
	}
	var refusal struct {
		Status string         `json:"status"`
		Type   string         `json:"type"`
		Code   jsontext.Value `json:"code"`
	}
	if doc.Error.Kind() == '{' && json.Unmarshal(doc.Error, &refusal) != nil {
		return ""
	}
	switch {
	case doc.Type == "error", doc.Object == "" && doc.HasMore != nil:
		return llm.FormatMessages
	case doc.Object == "list":
		return llm.FormatChat
	case doc.Models.Kind() == '[' && strings.Contains(string(doc.Models), `"models/`), refusal.Status != "" && refusal.Code.Kind() == '0':
		return llm.FormatGemini
	case refusal.Type != "":
		return llm.FormatChat
	}
	return ""
}
