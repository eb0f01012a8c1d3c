package wire_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// What a provider says of the operator's account stays with the operator.
func TestShownHidesTheAccount(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		e      llm.Error
		hidden bool
	}{
		{"a bad key", llm.Error{Kind: llm.KindAuth, Status: 401, Provider: "p"}, true},
		{"a bad key, told with 400", llm.Error{Kind: llm.KindAuth, Status: 400, Provider: "p"}, true},
		{"no money", llm.Error{Kind: llm.KindQuota, Status: 402, Provider: "p"}, true},
		{"not entitled, in a stream", llm.Error{Kind: llm.KindPermission, Provider: "p"}, true},
		{"our own refusal", llm.Error{Kind: llm.KindAuth, Status: 401}, false},
		{"a prompt against the policy, told with 403", llm.Error{Kind: llm.KindContentFilter, Status: 403, Provider: "p"}, false},
		{"a rate limit", llm.Error{Kind: llm.KindRateLimit, Status: 429, Provider: "p"}, false},
	} {
		test.e.Message, test.e.Raw = "sk-123 is wrong", []byte("sk-123")
		got := wire.Shown(&test.e)
		if hidden := !strings.Contains(got.Message, "sk-123"); hidden != test.hidden || got.Provider != test.e.Provider {
			t.Errorf("%s: %+v", test.name, got)
		}
		if test.hidden && (got.Kind != llm.KindUpstream || got.Status != 502 || got.Raw != nil) {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestShownStatus(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		theirs bool
		want   int
	}{
		{0, false, 599},
		{200, true, 599},
		{700, true, 599},
		{405, false, 405},
		{405, true, 599},
		{409, true, 599},
		{498, true, 599},
		{400, true, 400},
		{404, true, 404},
		{413, true, 413},
		{422, true, 422},
		{429, true, 429},
		{500, true, 500},
		{529, true, 529},
	} {
		e := llm.Error{Status: test.status}
		if test.theirs {
			e.Provider = "p"
		}
		if got := wire.ShownStatus(&e, 599); got != test.want {
			t.Errorf("%d, theirs %v: %d, want %d", test.status, test.theirs, got, test.want)
		}
	}
}

// A provider's 400 is the client's affair only where the request is at fault.
func TestABadRequestThatIsNone(t *testing.T) {
	t.Parallel()
	for kind, want := range map[llm.Kind]int{
		llm.KindBadRequest: 400, llm.KindContextLength: 400, llm.KindContentFilter: 400, llm.KindReasoning: 400,
		llm.KindQuota: 599, llm.KindAuth: 599, llm.KindNotFound: 599, llm.KindOverloaded: 599, llm.KindRateLimit: 599,
	} {
		if got := wire.ShownStatus(&llm.Error{Status: 400, Provider: "p", Kind: kind}, 599); got != want {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
	}
}

// What is shown in OpenAI's formats is classed alike by who reads it, another
// gateway for one.
func TestOpenAIErrorsComeBack(t *testing.T) {
	t.Parallel()
	codes := map[llm.Kind]string{llm.KindReasoning: "invalid_encrypted_content"}
	for _, kind := range []llm.Kind{
		llm.KindBadRequest, llm.KindAuth, llm.KindPermission, llm.KindNotFound, llm.KindTooLarge, llm.KindContextLength, llm.KindRateLimit,
		llm.KindQuota, llm.KindOverloaded, llm.KindUpstream, llm.KindContentFilter, llm.KindReasoning,
	} {
		status, out := wire.ShowOpenAI(&llm.Error{Kind: kind}, codes)
		read := llm.Error{Status: status, Type: out.Type}
		if out.Code != nil {
			read.Code = *out.Code
		}
		if got := wire.OpenAIKind(&read); got != kind || out.Message == "" {
			t.Errorf("%s became %d %+v, read as %s", kind, status, read, got)
		}
	}
}

func TestOpenAIKind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		e    llm.Error
		want llm.Kind
	}{
		{llm.Error{Status: 429, Code: "project_spend_limit_exceeded", Type: "x"}, llm.KindQuota},
		{llm.Error{Status: 429, Type: "tokens"}, llm.KindRateLimit},
		{llm.Error{Status: 503, Type: "invalid_request_error"}, llm.KindOverloaded},
		{llm.Error{Status: 500, Type: "invalid_request_error"}, llm.KindBadRequest},
		{llm.Error{Type: "invalid_request_error"}, llm.KindBadRequest},
		{llm.Error{Status: 409}, llm.KindUpstream},
		{llm.Error{Status: 418}, llm.KindBadRequest},
		{llm.Error{Status: 451}, llm.KindContentFilter},
		{llm.Error{Status: 498}, llm.KindOverloaded},
		{llm.Error{}, llm.KindUpstream},
	} {
		if got := wire.OpenAIKind(&test.e); got != test.want {
			t.Errorf("%d %s %s is %s, want %s", test.e.Status, test.e.Code, test.e.Type, got, test.want)
		}
	}
}
