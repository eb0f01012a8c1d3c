package sim

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// fastAPIVoice complains as servers made with FastAPI do, Mistral's among them:
// with status 422 and a list of places.
type fastAPIVoice struct{ openAIVoice }

func misfit(at, code, text string) *failure {
	return &failure{status: http.StatusUnprocessableEntity, kind: invalid, param: at, code: code, message: text}
}

func (v fastAPIVoice) item(at string, i int) string { return v.join(at, fmt.Sprint(i)) }

func (v fastAPIVoice) unknown(at, name string) *failure {
	return misfit(v.join(at, name), "extra_forbidden", "Extra inputs are not permitted")
}

func (fastAPIVoice) missing(at string) *failure { return misfit(at, "missing", "Field required") }

func (fastAPIVoice) mistyped(at, want string, _ any) *failure {
	return misfit(at, want+"_type", "Input should be a valid "+want)
}

func (fastAPIVoice) notAmong(at, _ string, allowed []string) *failure {
	return misfit(at, "enum", "Input should be '"+strings.Join(allowed, "', '")+"'")
}

// Mistral: its own names for parameters, and no others.

var mistralFields = func() fields {
	known := fields{"random_seed": anyInt, "safe_prompt": anyFlag, "prompt_mode": anyText, "reasoning_effort": oneOf("none", "low", "medium", "high"), "tool_choice": nil}
	for _, name := range []string{
		"model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "metadata", "response_format", "tools",
		"presence_penalty", "frequency_penalty", "n", "prediction", "parallel_tool_calls", "prompt_cache_key",
	} {
		known[name] = chatFields[name]
	}
	return known
}()

var mistralSaid = fields{"role": nil, "content": nil, "tool_calls": anyList, "prefix": anyFlag}

func mistralError(_ *exchange, f *failure) []byte {
	type place struct {
		Type string   `json:"type"`
		At   []string `json:"loc"`
		What string   `json:"msg"`
	}
	switch {
	case f.status == http.StatusUnprocessableEntity:
		at := []string{"body"}
		if f.param != "" {
			at = append(at, strings.Split(f.param, ".")...)
		}
		return encode(map[string]any{"detail": []place{{f.code, at, f.message}}})
	case f.kind == unauthenticated:
		return encode(map[string]any{"detail": "Unauthorized"})
	}
	kind, code := "invalid_request_error", "3000"
	switch f.kind {
	case notFound:
		kind, code = "invalid_model", "1500"
	case rateLimited, outOfQuota:
		kind, code = "rate_limited", "1300"
	case broken, overloaded:
		kind, code = "internal_server_error", "1000"
	}
	return encode(map[string]any{"object": "error", "message": f.message, "type": kind, "param": nil, "code": code})
}

func mistralUsage(u *chatUsage, n *usage) {
	u.PromptDetails, u.CompletionDetails, u.NumCached = nil, nil, &n.cached
}

// plainUsage is that of vendors who don't count what was written to the cache.
func plainUsage(u *chatUsage, _ *usage) { u.PromptDetails.Written = 0 }

// listMistral lists a model under each of its names.
func (x *exchange) listMistral() {
	list := []any{}
	add := func(id string, m model) {
		entry := map[string]any{
			"id": id, "object": "model", "created": m.created, "owned_by": "mistralai", "name": m.id, "description": m.name,
			"capabilities": map[string]bool{
				"completion_chat": !m.embeds, "completion_fim": false, "function_calling": !m.embeds, "fine_tuning": false, "vision": !m.embeds, "classification": false, "reasoning": m.thinks,
			},
			"max_context_length": m.context, "aliases": []string{}, "deprecation": nil, "deprecation_replacement_model": nil,
			"default_model_temperature": 0.3, "type": "base",
		}
		if m.ends != 0 {
			entry["deprecation"], entry["deprecation_replacement_model"] = timestamp(m.ends), m.next
		}
		list = append(list, entry)
	}
	for _, m := range x.models() {
		add(m.id, m)
		if m.also != "" {
			add(m.also, m)
		}
	}
	x.json(map[string]any{"object": "list", "data": list})
}

// xAI.

var (
	grokThinks = regexp.MustCompile(`^grok-(3-mini|[4-9]|build|code|latest)`)
	grokEffort = regexp.MustCompile(`^grok-(3-mini|4\.[3-9]|latest|4\.20-multi)`)
)

func xaiCheck(x *exchange, _ *prompt, root node) {
	base := x.script.base
	thinks := grokThinks.MatchString(base) && !strings.Contains(base, "non-reasoning")
	if effort := root.field("reasoning_effort"); effort.has() && !grokEffort.MatchString(base) {
		effort.fail("", "Model %s does not support parameter reasoningEffort.", x.model)
	}
	if effort := root.field("reasoning").field("effort"); effort.has() && !grokEffort.MatchString(base) {
		effort.fail("", "Model %s does not support parameter reasoningEffort.", x.model)
	}
	for _, name := range []string{"stop", "presence_penalty", "frequency_penalty"} {
		if n := root.field(name); thinks && n.has() {
			n.fail("", "Argument not supported on this model: %s", name)
		}
	}
	for _, m := range namedMessages(root) {
		m.fail("", "Message names are not supported.")
	}
}

// namedMessages are the messages of a request that say who speaks.
func namedMessages(root node) (named []node) {
	list, _ := root.field("messages").v.([]any)
	for i := range list {
		m := node{c: root.c, at: fmt.Sprintf("messages.%d", i), v: list[i]}
		if m.field("name").has() && m.field("role").v != "tool" {
			named = append(named, m)
		}
	}
	return named
}

func xaiError(_ *exchange, f *failure) []byte {
	code, text := "Client specified an invalid argument", f.message
	switch f.kind {
	case unauthenticated:
		text = "Incorrect API key provided: ba***ad. You can obtain an API key from https://console.x.ai."
	case forbidden:
		code = "The caller does not have permission to execute the specified operation"
	case notFound:
		code = "Some requested entity was not found"
	case rateLimited:
		code = "Some resource has been exhausted"
	case outOfQuota:
		code, text = "Some resource has been exhausted", "Your team has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits or raise your spending limit."
	case tooLong:
		text = "This model's maximum prompt length is 500000 but the request contains 508279 tokens."
	case overloaded:
		code = "The service is currently unavailable"
	case broken:
		code = "Internal error"
	}
	return encode(map[string]string{"code": code, "error": text})
}

// ticksPerMicro are what a millionth of a dollar has in xAI's counting.
const ticksPerMicro = 10_000

func xaiUsage(u *chatUsage, n *usage) {
	u.CompletionTokens -= n.reasoning // counted beside it
	u.PromptDetails.Written = 0
	u.Ticks = n.ticks
}

// Groq.

var groqFields = func() fields {
	known := maps.Clone(chatFields)
	for _, name := range []string{"logprobs", "top_logprobs", "logit_bias", "modalities", "audio", "moderation", "prompt_cache_retention", "web_search_options", "verbosity"} {
		delete(known, name)
	}
	known["reasoning_effort"] = oneOf("none", "default", "low", "medium", "high")
	known["reasoning_format"], known["include_reasoning"] = oneOf("parsed", "raw", "hidden"), anyFlag
	return known
}()

func groqCheck(x *exchange, p *prompt, root node) {
	base := x.script.base
	allowed := []string{}
	switch {
	case strings.Contains(base, "gpt-oss"):
		allowed = []string{"low", "medium", "high"}
	case strings.Contains(base, "qwen3"):
		allowed = []string{"none", "default"}
	}
	if effort := root.field("reasoning_effort"); effort.has() && !slices.Contains(allowed, effort.text()) {
		effort.fail("", "`reasoning_effort` must be one of %q for this model", allowed)
	}
	if p.variants > 1 {
		root.field("n").fail("", "'n' : number must be at most 1")
	}
	if root.field("reasoning_format").has() && root.field("include_reasoning").has() {
		root.field("include_reasoning").fail("", "cannot specify both `include_reasoning` and `reasoning_format`")
	}
	for _, m := range namedMessages(root) {
		m.fail("", "'%s' : property 'name' is unsupported", m.at)
	}
}

func (x *exchange) listGroq() {
	list := []any{}
	for _, m := range x.models() {
		list = append(list, map[string]any{
			"id": m.id, "object": "model", "created": m.created, "owned_by": "sim", "active": true, "context_window": m.context, "max_completion_tokens": m.output, "public_apps": nil,
		})
	}
	x.json(map[string]any{"object": "list", "data": list})
}

// Together: a bare list, with prices of a million tokens.
func (x *exchange) listTogether() {
	list := []any{}
	for _, m := range x.models() {
		kind := "chat"
		if m.embeds {
			kind = "embedding"
		}
		list = append(list, map[string]any{
			"id": m.id, "object": "model", "created": m.created, "type": kind, "display_name": m.name, "organization": "sim", "context_length": m.context,
			"pricing": map[string]any{"hourly": 0, "input": 0.5, "output": 1.5, "base": 0, "finetune": 0},
		})
	}
	list = append(list, map[string]any{"id": "black-forest-labs/FLUX.1-schnell", "object": "model", "type": "image", "pricing": map[string]any{"input": 0, "output": 0}})
	x.json(list)
}

// Moonshot.

var kimi = regexp.MustCompile(`^kimi-`)

func moonshotCheck(x *exchange, p *prompt, root node) {
	if kimi.MatchString(x.script.base) {
		for name, only := range map[string]float64{"temperature": 1, "top_p": 0.95, "n": 1, "presence_penalty": 0, "frequency_penalty": 0} {
			if n := root.field(name); n.has() && n.v != only {
				n.fail("", "invalid %s: only %v is allowed for this model", name, only)
			}
		}
	}
	if !p.reasons {
		return
	}
	list, _ := root.field("messages").v.([]any)
	for i := len(list) - 1; i >= 0; i-- {
		m := node{c: root.c, at: fmt.Sprintf("messages.%d", i), v: list[i]}
		if m.field("role").v == "user" {
			return // what came before isn't part of this loop
		}
		if m.field("tool_calls").has() && !m.field("reasoning_content").isText() {
			m.fail("", "thinking is enabled but reasoning_content is missing in assistant tool call message at index %d", i)
		}
	}
}

func moonshotError(_ *exchange, f *failure) []byte {
	kind, text := "invalid_request_error", f.message
	switch f.kind {
	case unauthenticated:
		kind, text = "invalid_authentication_error", "Invalid Authentication"
	case forbidden:
		kind = "permission_denied_error"
	case notFound:
		kind = "resource_not_found_error"
	case rateLimited:
		kind = "rate_limit_reached_error"
	case outOfQuota, unpaid:
		kind, text = "exceeded_current_quota_error", "Your account is suspended, please check your plan and billing details"
	case tooLong:
		text = "Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)"
	case overloaded:
		kind, text = "engine_overloaded_error", "The engine is currently overloaded, please try again later"
	case broken:
		kind = "server_error"
	}
	return encode(map[string]any{"error": map[string]string{"message": text, "type": kind}})
}

func moonshotUsage(u *chatUsage, n *usage) { u.PromptDetails, u.Cached = nil, &n.cached }

// DashScope.

var qwenStreams = regexp.MustCompile(`^(qwq|qvq|qwen3-[0-9])`)

func dashscopeCheck(x *exchange, p *prompt, root node) {
	if _, chat := x.format.(chatFormat); chat && p.reasons && !p.stream && qwenStreams.MatchString(x.script.base) {
		root.fail("invalid_parameter_error", "parameter.enable_thinking must be set to false for non-streaming calls")
	}
}

func dashscopeError(x *exchange, f *failure) []byte {
	kind, code, text := "invalid_request_error", f.code, f.message
	switch f.kind {
	case unauthenticated:
		code, text = "invalid_api_key", "Incorrect API key provided."
	case notFound:
		code = "model_not_found"
	case rateLimited:
		kind, code = "limit_requests", "limit_requests"
	case outOfQuota, unpaid:
		kind, code, text = "Arrearage", "Arrearage", "Access denied, please make sure your account is in good standing."
	case tooLong:
		code, text = "invalid_parameter_error", "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]"
	case broken, overloaded:
		kind, code = "internal_error", "internal_error"
	}
	return encode(map[string]any{
		"error":      map[string]any{"message": text, "type": kind, "param": nil, "code": optional(code)},
		"request_id": x.w.Header().Get("X-Request-Id"),
	})
}

func dashscopeUsage(u *chatUsage, n *usage) {
	u.PromptDetails.Written, u.PromptDetails.Created = 0, n.written
}

// nvidiaError is a problem document before a model is reached, the model's own
// words behind.
func nvidiaError(_ *exchange, f *failure) []byte {
	switch f.status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusTooManyRequests:
		return encode(map[string]any{"status": f.status, "title": http.StatusText(f.status), "detail": f.message})
	}
	return encode(map[string]any{"error": map[string]any{"message": f.message, "type": "BadRequestError", "param": optional(f.param), "code": f.status}})
}
