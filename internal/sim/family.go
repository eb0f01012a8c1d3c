package sim

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// family is one vendor's API: where it stands and what it does its own way.
type family struct {
	name   string
	prefix string // before the paths of its formats

	openDoor    bool // works without a key
	lenient     bool // ignores fields that it doesn't know
	stores      bool // keeps answers of the Responses API
	oldLimit    bool // knows max_tokens alone
	noDeveloper bool // knows no role "developer"
	functions   bool // knows functions alone, no tools of free text
	numberCodes bool // errors carry the status as their code
	tellsEnds   bool // the list has shutdown_date
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

	ways // of its own in Chat Completions

	models []model
	embeds embedWays
}

// ways are how a vendor's Chat Completions differ from OpenAI's.
type ways struct {
	voice  voice                                   // complains about requests; nil: as OpenAI does
	error  func(x *exchange, f *failure) []byte    // the body of an error; nil: OpenAI's
	fields fields                                  // the parameters of a request; nil: OpenAI's
	said   fields                                  // the members of a message of the model's; nil: OpenAI's
	callID *regexp.Regexp                          // what the id of a call must look like
	check  func(x *exchange, p *prompt, root node) // what it refuses besides
	list   func(x *exchange)                       // its list of models; nil: OpenAI's
	usage  func(u *chatUsage, n *usage)            // what it counts in other words
	inText *regexp.Regexp                          // models whose reasoning stands in the text

	bareCalls     bool   // calls come whole, without index and type
	thinkParts    bool   // reasoning is a part of the content
	noRole        bool   // no role in the first chunk
	noObject      bool   // no object in chunks
	eos           bool   // an end is called so
	keepAlive     bool   // streams begin with a comment
	finishError   bool   // an error inside a stream finishes the choice, as "error"
	tiredWord     string // an overload inside a stream is a finish called so; "": an error
	everyUsage    bool   // usage so far in every chunk, when asked for
	costTicks     bool   // tells what an answer costs, in ticks
	keyStatus     int    // of a wrong key; 0 is 401
	usageInChoice bool   // usage stands in the choice that finishes
	vendorUsage   bool   // usage stands in x_groq of the last chunk as well
	vendorError   bool   // so does an error inside a stream
}

// families are the vendors played. The one without a prefix is for quick use and
// lists the models of all.
var families = []*family{
	{name: "openai", prefix: "/openai", stores: true, tellsEnds: true, models: openAIModels},
	{name: "anthropic", prefix: "/anthropic", models: anthropicModels},
	{name: "gemini", prefix: "/gemini", models: geminiModels},
	{name: "azure", prefix: "/azure", stores: true, models: lasting(openAIModels), embeds: embedWays{fields: azureEmbed}},
	{name: "vertex", prefix: "/vertex", models: lasting(slices.Concat(geminiModels, vertexEmbeds, anthropicModels[1:]))},
	{name: "bedrock", prefix: "/bedrock", models: bedrockModels},
	{
		name: "deepseek", prefix: "/deepseek", lenient: true, functions: true, oldLimit: true, noDeveloper: true, quotaStatus: http.StatusPaymentRequired,
		reasoningField: "reasoning_content", replay: true, inFinish: true, cacheHits: true, models: deepSeekModels, embeds: embedWays{none: true},
		ways: ways{usage: plainUsage, keepAlive: true, tiredWord: "insufficient_system_resource"},
	},
	{
		name: "openrouter", prefix: "/openrouter", lenient: true, functions: true, numberCodes: true, quotaStatus: http.StatusPaymentRequired,
		reasoningField: "reasoning", details: true, alwaysUsage: true, costs: true, models: openRouterModels,
		ways: ways{finishError: true},
	},
	{
		name: "nvidia", prefix: "/nvidia", lenient: true, oldLimit: true, noDeveloper: true, quotaStatus: http.StatusPaymentRequired, reasoningField: "reasoning_content",
		ways:   ways{error: nvidiaError, usage: plainUsage, noRole: true, everyUsage: true, inText: regexp.MustCompile(`minimax|deepseek-r1`)},
		models: nvidiaModels, embeds: nvidiaEmbed,
	},
	{
		name: "mistral", prefix: "/mistral", oldLimit: true, noDeveloper: true, inFinish: true,
		ways: ways{
			voice: fastAPIVoice{}, error: mistralError, fields: mistralFields, said: mistralSaid, callID: regexp.MustCompile(`^[A-Za-z0-9]{9}$`),
			list: (*exchange).listMistral, usage: mistralUsage, bareCalls: true, thinkParts: true,
		},
		models: mistralModels, embeds: mistralEmbed,
	},
	{
		name: "xai", prefix: "/xai", lenient: true, stores: true, reasoningField: "reasoning_content",
		ways:   ways{error: xaiError, check: xaiCheck, usage: xaiUsage, costTicks: true, keyStatus: http.StatusBadRequest},
		models: xaiModels, embeds: embedWays{none: true},
	},
	{
		name: "groq", prefix: "/groq", noDeveloper: true, reasoningField: "reasoning",
		ways:   ways{fields: groqFields, check: groqCheck, list: (*exchange).listGroq, usage: plainUsage, vendorUsage: true, vendorError: true},
		models: groqModels, embeds: groqEmbed,
	},
	{
		name: "together", prefix: "/together", lenient: true, oldLimit: true, noDeveloper: true, quotaStatus: http.StatusPaymentRequired, reasoningField: "reasoning", inFinish: true,
		ways:   ways{list: (*exchange).listTogether, usage: plainUsage, eos: true, inText: regexp.MustCompile(`DeepSeek-R1`)},
		models: togetherModels, embeds: togetherEmbed,
	},
	{
		name: "moonshot", prefix: "/moonshot", lenient: true, noDeveloper: true, reasoningField: "reasoning_content",
		ways:   ways{error: moonshotError, check: moonshotCheck, usage: moonshotUsage, noObject: true, usageInChoice: true},
		models: moonshotModels, embeds: embedWays{none: true},
	},
	{
		name: "dashscope", prefix: "/dashscope", lenient: true, oldLimit: true, noDeveloper: true, quotaStatus: http.StatusBadRequest, reasoningField: "reasoning_content",
		ways:   ways{error: dashscopeError, check: dashscopeCheck, usage: dashscopeUsage},
		models: dashscopeModels, embeds: dashscopeEmbed,
	},
	{name: "ollama", prefix: "/ollama", openDoor: true, lenient: true, functions: true, oldLimit: true, reasoningField: "reasoning", models: ollamaModels},
	{
		name: "any", reasoningField: "reasoning_content",
		models: slices.Concat(openAIModels, anthropicModels[1:], geminiModels[1:], deepSeekModels[1:]),
	},
}

// ownKeys are whose keys begin so.
var ownKeys = map[string][]string{
	"sk-ant-": {"anthropic"}, "sk-or-": {"openrouter"}, "AIza": {"gemini", "vertex"}, "nvapi-": {"nvidia"}, "gsk_": {"groq"}, "xai-": {"xai"},
}

// foreign says whether a key is another vendor's.
func (f *family) foreign(key string) bool {
	for prefix, vendors := range ownKeys {
		if strings.HasPrefix(key, prefix) {
			return !slices.Contains(vendors, f.name) && f.prefix != ""
		}
	}
	return false
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

	// The clouds', checked by admitCloud.
	inAPIKey    // api-key, or an access token
	inGoogToken // an access token, or as inGoogKey
	inAWS       // a signature, or a bearer key
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
	case (strings.HasPrefix(key, "bad") || f.foreign(key)) && place == inGoogKey:
		// Google's answer to a wrong key is that of a wrong argument.
		return &failure{status: http.StatusBadRequest, kind: unauthenticated, message: "API key not valid. Please pass a valid API key."}
	case strings.HasPrefix(key, "bad") || f.foreign(key):
		return &failure{
			status: cmp.Or(f.keyStatus, http.StatusUnauthorized), kind: unauthenticated, code: "invalid_api_key",
			message: "Incorrect API key provided.",
		}
	}
	return nil
}
