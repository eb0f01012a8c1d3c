package wire

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

// OpenAIError is the error object of OpenAI's two formats, in which every field
// is there though null.
type OpenAIError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// face is how a kind looks to a client: the official SDKs choose their error
// class by the status, people and agents look at type and code.
type face struct {
	status    int
	typ, code string
}

var openAIFaces = map[llm.Kind]face{
	llm.KindBadRequest:    {400, "invalid_request_error", ""},
	llm.KindReasoning:     {400, "invalid_request_error", ""},
	llm.KindContextLength: {400, "invalid_request_error", "context_length_exceeded"},
	llm.KindContentFilter: {400, "invalid_request_error", "content_filter"},
	llm.KindAuth:          {401, "invalid_request_error", "invalid_api_key"},
	llm.KindPermission:    {403, "invalid_request_error", "permission_denied"},
	llm.KindNotFound:      {404, "invalid_request_error", "model_not_found"},
	llm.KindConflict:      {409, "invalid_request_error", "conflict"},
	llm.KindTooLarge:      {413, "invalid_request_error", "request_too_large"},
	llm.KindRateLimit:     {429, "rate_limit_error", "rate_limit_exceeded"},
	llm.KindQuota:         {429, "insufficient_quota", "insufficient_quota"},
	llm.KindCanceled:      {499, "invalid_request_error", "canceled"},
	llm.KindNotBuilt:      {501, "invalid_request_error", "not_implemented"},
	llm.KindUpstream:      {502, "server_error", "server_error"},
	llm.KindTruncated:     {502, "server_error", "truncated"},
	llm.KindUnavailable:   {503, "server_error", "unavailable"},
	llm.KindOverloaded:    {503, "server_error", "server_is_overloaded"},
	llm.KindTimeout:       {504, "server_error", "timeout"},
}

// ShowOpenAI is how a failure looks in OpenAI's formats. codes are the words of
// the one format that the other has none for.
func ShowOpenAI(e *llm.Error, codes map[llm.Kind]string) (status int, out OpenAIError) {
	e = Shown(e)
	f, ok := openAIFaces[e.Kind]
	if !ok {
		f = openAIFaces[llm.KindUpstream]
	}
	if code := codes[e.Kind]; code != "" {
		f.code = code
	}
	if e.Code != "" && (e.Provider == "" || f.code == "") {
		f.code = e.Code // our own word for it, like the name of a limit
	}
	out = OpenAIError{Message: e.Message, Type: f.typ}
	if out.Message == "" {
		out.Message = string(e.Kind)
	}
	if e.Param != "" {
		out.Param = &e.Param
	}
	if f.code != "" {
		out.Code = &f.code
	}
	return ShownStatus(e, f.status), out
}

// openAIWords maps the codes and types of OpenAI and those who speak its formats
// to kinds; they say more than a status. "server_error" isn't among them: it
// stands beside every status from 500 on.
var openAIWords = map[string]llm.Kind{
	"context_length_exceeded": llm.KindContextLength, "string_above_max_length": llm.KindTooLarge,
	"insufficient_quota": llm.KindQuota, "credit_balance_exhausted": llm.KindQuota,
	"billing_hard_limit_reached": llm.KindQuota, "billing_not_active": llm.KindQuota,
	"rate_limit_exceeded": llm.KindRateLimit, "rate_limit_error": llm.KindRateLimit, "too_many_requests": llm.KindRateLimit,
	"requests": llm.KindRateLimit, "tokens": llm.KindRateLimit,
	"invalid_api_key": llm.KindAuth, "authentication_error": llm.KindAuth,
	"permission_error": llm.KindPermission, "insufficient_permissions": llm.KindPermission,
	"model_not_found": llm.KindNotFound, "not_found_error": llm.KindNotFound,
	"content_filter": llm.KindContentFilter, "content_policy_violation": llm.KindContentFilter,
	"invalid_encrypted_content": llm.KindReasoning, "invalid_prompt": llm.KindBadRequest,
	"vector_store_timeout": llm.KindUpstream,
	"overloaded_error":     llm.KindOverloaded, "engine_overloaded_error": llm.KindOverloaded, "server_is_overloaded": llm.KindOverloaded,
}

// OpenAIKind is the kind of a failure as its code, its type and its status tell,
// in this order.
func OpenAIKind(e *llm.Error) llm.Kind {
	if kind, ok := openAIWords[e.Code]; ok {
		return kind
	}
	if strings.HasSuffix(e.Code, "_spend_limit_exceeded") {
		return llm.KindQuota
	}
	if kind, ok := openAIWords[e.Type]; ok {
		return kind
	}
	const vague = "invalid_request_error" // the type of nearly every refusal
	if _, told := statuses[e.Status]; e.Code == vague || e.Type == vague && !told {
		return llm.KindBadRequest
	}
	return KindOf(e.Status)
}

// JSONWord is said to OpenAI's models where JSON is wanted and the conversation
// doesn't name it: then the request is refused ("'messages' must contain the word
// 'json' in some form"). It is "" where nothing need be said.
func JSONWord(o llm.OutputFormat, messages []llm.Message) string {
	if o.Kind != llm.OutputJSON {
		return ""
	}
	for _, m := range messages {
		for _, p := range m.Parts {
			text := ""
			switch p := p.(type) {
			case llm.Text:
				text = p.Text
			case llm.ToolResult:
				text = p.Text()
			}
			if strings.Contains(strings.ToLower(text), "json") {
				return ""
			}
		}
	}
	return "Answer with one JSON object and with nothing else."
}

// UnixTime reads seconds since 1970, as OpenAI's formats write times; the zero
// time for what is none. Some servers write a fraction.
func UnixTime(v jsontext.Value) time.Time {
	var f float64
	if v.Kind() == '0' && json.Unmarshal(v, &f) == nil && f > 0 && f < 1e11 {
		return time.Unix(int64(f), 0).UTC()
	}
	return time.Time{}
}

// AudioFormat is the word that OpenAI's formats have for a MIME type of sound.
func AudioFormat(mime string) string {
	f := strings.TrimPrefix(mime, "audio/")
	switch f {
	case "mpeg", "mpga":
		return "mp3"
	case "x-wav", "wave", "vnd.wave":
		return "wav"
	}
	return f
}
