package sim

import (
	"net/http"
	"slices"
	"strings"
)

// family is one vendor's API: where it stands and what it does its own way.
type family struct {
	name   string
	prefix string // before the paths of its formats

	openDoor    bool // works without a key
	lenient     bool // ignores fields that it doesn't know
	oldLimit    bool // knows max_tokens alone
	noDeveloper bool // knows no role "developer"
	functions   bool // knows functions alone, no tools of free text
	numberCodes bool // errors carry the status as their code
	quotaStatus int  // when nothing is left to spend; 0 is 429

	// How reasoning looks in Chat Completions.
	reasoningField string // "" hides it
	details        bool   // reasoning_details beside it
	replay         bool   // reasoning_content of a tool turn must come back, and models that can reason do
	// How usage looks in Chat Completions.
	inFinish    bool // in the chunk that finishes, asked for or not
	alwaysUsage bool // in a chunk of its own, asked for or not
	cacheHits   bool // prompt_cache_hit_tokens
	costs       bool // cost, and the provider that answered

	models []model
}

// families are the vendors played. The one without a prefix is for quick use and
// lists the models of all.
var families = []*family{
	{name: "openai", prefix: "/openai", models: openAIModels},
	{name: "anthropic", prefix: "/anthropic", models: anthropicModels},
	{name: "gemini", prefix: "/gemini", models: geminiModels},
	{
		name: "deepseek", prefix: "/deepseek", lenient: true, functions: true, oldLimit: true, noDeveloper: true, quotaStatus: http.StatusPaymentRequired,
		reasoningField: "reasoning_content", replay: true, inFinish: true, cacheHits: true, models: deepSeekModels,
	},
	{
		name: "openrouter", prefix: "/openrouter", lenient: true, functions: true, numberCodes: true, quotaStatus: http.StatusPaymentRequired,
		reasoningField: "reasoning", details: true, alwaysUsage: true, costs: true, models: openRouterModels,
	},
	{name: "ollama", prefix: "/ollama", openDoor: true, lenient: true, functions: true, oldLimit: true, reasoningField: "reasoning", models: ollamaModels},
	{
		name: "any", reasoningField: "reasoning_content",
		models: slices.Concat(openAIModels, anthropicModels[1:], geminiModels[1:], deepSeekModels[1:]),
	},
}

// lists says whether the vendor serves a model of that name.
func (f *family) lists(name string) bool {
	return slices.ContainsFunc(f.models, func(m model) bool { return m.id == name })
}

// embeds says whether the vendor lists a model as one for embeddings alone.
func (f *family) embeds(name string) bool {
	return slices.ContainsFunc(f.models, func(m model) bool { return m.id == name && m.embeds })
}

// keyOf reads the API key of a request as the formats carry it. A vendor takes
// only its own header.
func keyOf(r *http.Request, place keyPlace) string {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch place {
	case inXAPIKey:
		if key := r.Header.Get("X-Api-Key"); key != "" {
			return key
		}
	case inGoogKey:
		if key := r.Header.Get("X-Goog-Api-Key"); key != "" {
			return key
		}
		return r.URL.Query().Get("key")
	}
	return bearer
}

// keyPlace is where a format carries the API key.
type keyPlace int

const (
	inBearer  keyPlace = iota
	inXAPIKey          // x-api-key, or as a bearer token
	inGoogKey          // x-goog-api-key, or ?key=
)

// admit checks the key of a request.
func (f *family) admit(r *http.Request, place keyPlace) *failure {
	key := keyOf(r, place)
	switch {
	case key == "" && f.openDoor:
		return nil
	case key == "" && place == inGoogKey:
		return &failure{
			status: http.StatusForbidden, kind: forbidden,
			message: "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
		}
	case key == "":
		return &failure{
			status: http.StatusUnauthorized, kind: unauthenticated,
			message: "You didn't provide an API key.",
		}
	case strings.HasPrefix(key, "bad") && place == inGoogKey:
		// Google's answer to a wrong key is that of a wrong argument.
		return &failure{status: http.StatusBadRequest, kind: unauthenticated, message: "API key not valid. Please pass a valid API key."}
	case strings.HasPrefix(key, "bad"):
		return &failure{
			status: http.StatusUnauthorized, kind: unauthenticated, code: "invalid_api_key",
			message: "Incorrect API key provided.",
		}
	}
	return nil
}
