package responses

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
)

// shownError is how a kind looks to a client: the official SDKs choose their
// error class by the status, people and agents look at type and code.
type shownError struct {
	status    int
	typ, code string
}

var shown = map[llm.Kind]shownError{
	llm.KindBadRequest:    {400, "invalid_request_error", ""},
	llm.KindReasoning:     {400, "invalid_request_error", "invalid_encrypted_content"},
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

type outError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// EncodeError writes a failure.
func (Format) EncodeError(e *llm.Error) (int, []byte) {
	status, out := showError(e)
	body, err := json.Marshal(struct {
		Error outError `json:"error"`
	}{out}, exact)
	if err != nil {
		return http.StatusInternalServerError, []byte(`{"error":{"message":"the error can't be written","type":"server_error","param":null,"code":null}}`)
	}
	return status, body
}

func showError(e *llm.Error) (int, outError) {
	s, ok := shown[e.Kind]
	if !ok {
		s = shown[llm.KindUpstream]
	}
	message, theirs := e.Message, e.Provider != ""
	switch {
	case theirs && (e.Kind == llm.KindAuth || e.Kind == llm.KindPermission || e.Status == http.StatusPaymentRequired):
		// The operator's account was refused: nothing that the client could mend.
		s, message = shown[llm.KindUpstream], "the provider refused the account that is configured for it"
	case theirs && !passable(e.Status):
	case e.Status >= 400 && e.Status < 600:
		s.status = e.Status
	}
	out := outError{Message: message, Type: s.typ}
	if out.Message == "" {
		out.Message = string(e.Kind)
	}
	if e.Param != "" {
		out.Param = &e.Param
	}
	code := s.code
	if e.Code != "" && (!theirs || code == "") {
		code = e.Code // our own word for it, like the name of a limit
	}
	if code != "" {
		out.Code = &code
	}
	return s.status, out
}

// passable says whether a provider's status tells the client something that is
// its own affair.
func passable(status int) bool {
	switch status {
	case 400, 404, 413, 422, 429:
		return true
	}
	return status >= 500
}
