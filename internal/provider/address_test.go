package provider_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
)

// seen is what a vendor received.
type seen struct {
	host, uri, body string
	header          http.Header
}

// vendor is a server that stands wherever an account calls.
func vendor(t *testing.T) (proxy string, last func() seen) {
	t.Helper()
	got := make(chan seen, 8)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- seen{r.Host, r.RequestURI, string(b), r.Header}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), func() seen { return <-got }
}

// account makes an account whose connections all go to one address.
func account(t testing.TB, typ, to string, o provider.Options) *provider.Account {
	t.Helper()
	p, err := provider.ProfileAt(typ, o.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	o.Name, o.Profile = "p", p
	o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", to)
	}
	if lacks := o.Lacks(); lacks != "" {
		t.Fatalf("%s: %s", typ, lacks)
	}
	a, err := provider.NewAccount(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

type options = map[string]string

// clouds are requests and where they must arrive. The addresses are written http
// so that no certificate stands between; the profiles' own are https.
func TestCloudsAreCalledWhereTheyAre(t *testing.T) {
	to, last := vendor(t)
	google := options{"project": "p-1", "token": "t"}
	located := func(at string) options { return options{"project": "p-1", "location": at, "token": "t"} }
	for _, c := range []struct {
		name, typ, base string
		settings        options
		keys            []string
		deployments     options
		format          llm.Format
		model           string
		stream          bool
		out             string // the format's own path
		uri             string
		header, value   string
	}{
		{"v1 chat", "azure-openai", "http://res.openai.azure.com", nil, []string{"k"}, nil, llm.FormatChat, "dep", false, "/chat/completions", "/openai/v1/chat/completions", "Api-Key", "k"},
		{"v1 responses", "azure", "http://res.openai.azure.com/openai/v1/", nil, []string{"k"}, nil, llm.FormatResponses, "dep", false, "/responses", "/openai/v1/responses", "Api-Key", "k"},
		{"dated chat", "azure-openai", "http://res.openai.azure.com", options{"api_version": "2024-10-21"}, []string{"k"}, options{"gpt-4o": "my dep"}, llm.FormatChat, "gpt-4o", true, "/chat/completions", "/openai/deployments/my%20dep/chat/completions?api-version=2024-10-21", "Api-Key", "k"},
		{"dated, the v1 address given", "azure-openai", "http://res.openai.azure.com/openai/v1", options{"api_version": "2024-10-21"}, []string{"k"}, nil, llm.FormatChat, "d", false, "/chat/completions", "/openai/deployments/d/chat/completions?api-version=2024-10-21", "Api-Key", "k"},
		{"dated responses", "azure-openai", "http://res.openai.azure.com/openai", options{"api_version": "2025-04-01-preview", "token": "t"}, nil, nil, llm.FormatResponses, "d", false, "/responses", "/openai/responses?api-version=2025-04-01-preview", "Authorization", "Bearer t"},
		{"vertex", "vertex", "http://v", google, nil, nil, llm.FormatGemini, "gemini-2.5-pro", false, "/models/gemini-2.5-pro:generateContent", "/v1/projects/p-1/locations/global/publishers/google/models/gemini-2.5-pro:generateContent", "Authorization", "Bearer t"},
		{"vertex, version given", "google-vertex", "http://v/v1", located("eu"), nil, nil, llm.FormatGemini, "gemini-2.5-pro", false, "/models/gemini-2.5-pro:generateContent", "/v1/projects/p-1/locations/eu/publishers/google/models/gemini-2.5-pro:generateContent", "Authorization", "Bearer t"},
		{"vertex claude", "vertex", "http://v", located("us-east5"), nil, nil, llm.FormatMessages, "claude-opus-4-1@20250805", false, "/messages", "/v1/projects/p-1/locations/us-east5/publishers/anthropic/models/claude-opus-4-1@20250805:rawPredict", "Authorization", "Bearer t"},
		{"vertex claude stream", "vertex", "http://v", located("us-east5"), nil, nil, llm.FormatMessages, "claude-sonnet-4-6", true, "/messages", "/v1/projects/p-1/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-6:streamRawPredict", "Authorization", "Bearer t"},
		{"vertex open model", "vertex", "http://v", located("us-central1"), nil, nil, llm.FormatChat, "meta/llama-4-maas", true, "/chat/completions", "/v1/projects/p-1/locations/us-central1/endpoints/openapi/chat/completions", "Authorization", "Bearer t"},
		{"express", "vertex", "http://v", nil, []string{"k"}, nil, llm.FormatGemini, "gemini-2.5-pro", false, "/models/gemini-2.5-pro:generateContent", "/v1/publishers/google/models/gemini-2.5-pro:generateContent", "X-Goog-Api-Key", "k"},
		{"bedrock claude", "bedrock", "http://b", options{"region": "us-east-1"}, []string{"k"}, nil, llm.FormatMessages, "us.anthropic.claude-haiku-4-5-20251001-v1:0", false, "/messages", "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke", "Authorization", "Bearer k"},
		{"bedrock claude stream", "bedrock", "http://b", options{"region": "us-east-1"}, []string{"k"}, nil, llm.FormatMessages, "anthropic.claude-opus-4-7", true, "/messages", "/model/anthropic.claude-opus-4-7/invoke-with-response-stream", "Authorization", "Bearer k"},
	} {
		a := account(t, c.typ, to, provider.Options{BaseURL: c.base, Settings: c.settings, Keys: c.keys, Deployments: c.deployments})
		if got := a.Format(c.format, c.model); got != c.format {
			t.Errorf("%s: spoken to in %s", c.name, got)
		}
		key, _ := a.Pick(nil, "")
		body := `{"model":"m","stream":true,"x":1}`
		resp, err := a.Send(t.Context(), c.format, wire.Outbound{Path: c.out, Body: []byte(body), Model: c.model, Stream: c.stream, Header: http.Header{"Anthropic-Version": {"2023-06-01"}}}, nil, key)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		_ = resp.Body.Close()
		got := last()
		if got.uri != c.uri || got.header.Get(c.header) != c.value {
			t.Errorf("%s: %s with %s %q", c.name, got.uri, c.header, got.header.Get(c.header))
		}
		for _, h := range []string{"Api-Key", "X-Goog-Api-Key", "Authorization"} {
			if h != c.header && got.header.Get(h) != "" {
				t.Errorf("%s: sends %s too", c.name, h)
			}
		}
		switch {
		case c.format != llm.FormatMessages:
			if got.body != body {
				t.Errorf("%s: the body is %s", c.name, got.body)
			}
		case got.header.Get("Anthropic-Version") != "" || strings.Contains(got.body, `"model"`) || !strings.Contains(got.body, `"anthropic_version":"`) || !strings.Contains(got.body, `"x":1`):
			t.Errorf("%s: %v %s", c.name, got.header, got.body)
		}
	}
}

// The hosts follow from options alone, without a base_url.
func TestCloudsHaveTheirHosts(t *testing.T) {
	for _, c := range []struct {
		typ      string
		settings options
		keys     []string
		format   llm.Format
		model    string
		host     string
	}{
		{"azure-openai", options{"resource": "res"}, []string{"k"}, llm.FormatChat, "d", "res.openai.azure.com"},
		{"vertex", options{"project": "p", "token": "t"}, nil, llm.FormatGemini, "gemini-2.5-pro", "aiplatform.googleapis.com"},
		{"vertex", options{"project": "p", "token": "t", "location": "eu"}, nil, llm.FormatGemini, "gemini-2.5-pro", "aiplatform.eu.rep.googleapis.com"},
		{"vertex", options{"project": "p", "token": "t", "location": "us-east5"}, nil, llm.FormatMessages, "claude-opus-4-6", "us-east5-aiplatform.googleapis.com"},
		{"vertex", nil, []string{"k"}, llm.FormatGemini, "gemini-2.5-pro", "aiplatform.googleapis.com"},
		{"bedrock", options{"region": "eu-west-1"}, []string{"k"}, llm.FormatMessages, "eu.anthropic.claude-opus-4-7", "bedrock-runtime.eu-west-1.amazonaws.com"},
		{"bedrock", options{"region": "cn-north-1"}, []string{"k"}, llm.FormatMessages, "anthropic.claude-opus-4-7", "bedrock-runtime.cn-north-1.amazonaws.com.cn"},
	} {
		p, err := provider.ProfileOf(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		asked := ""
		a, err := provider.NewAccount(provider.Options{
			Name: "p", Profile: p, Settings: c.settings, Keys: c.keys,
			Dial: func(_ context.Context, _, address string) (net.Conn, error) {
				asked = address
				return nil, io.ErrClosedPipe
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		key, _ := a.Pick(nil, "")
		if resp, err := a.Send(t.Context(), c.format, wire.Outbound{Path: "/x", Body: []byte("{}"), Model: c.model}, nil, key); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%v: answered", c)
		}
		if asked != c.host+":443" {
			t.Errorf("%s %v: asked %s", c.typ, c.settings, asked)
		}
		a.Close()
	}
}

func TestACloudSaysWhatItLacks(t *testing.T) {
	for _, c := range []struct {
		typ      string
		settings options
		keys     []string
		want     string
	}{
		{"azure-openai", nil, []string{"k"}, "resource"},
		{"azure-openai", options{"resource": "r"}, nil, "tenant_id with client_id with client_secret"},
		{"azure-openai", options{"resource": "r/../x"}, []string{"k"}, "resource holds characters"},
		{"vertex", options{"token": "t"}, nil, "project, and no api_key"},
		{"vertex", options{"project": "p"}, nil, "credentials"},
		{"bedrock", nil, []string{"k"}, "region"},
		{"bedrock", options{"region": "us-east-1", "access_key_id": "a"}, nil, "access_key_id with secret_access_key"},
	} {
		p, err := provider.ProfileOf(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		o := provider.Options{Name: "p", Profile: p, Settings: c.settings, Keys: c.keys}
		if got := o.Lacks(); !strings.Contains(got, c.want) {
			t.Errorf("%s %v: %q", c.typ, c.settings, got)
		}
	}
}

func TestAClaudeIsOneOnEveryCloud(t *testing.T) {
	for typ, model := range map[string]string{
		"anthropic": "claude-opus-4-7", "vertex": "claude-opus-4-7@default", "bedrock": "us.anthropic.claude-opus-4-7",
	} {
		p, err := provider.ProfileOf(typ)
		if err != nil {
			t.Fatal(err)
		}
		a, err := provider.NewAccount(provider.Options{Name: "p", Profile: p, Keys: []string{"k"}, Settings: options{"project": "p", "token": "t", "region": "us-east-1"}})
		if err != nil {
			t.Fatal(err)
		}
		target := a.Target(model, llm.FormatMessages, provider.Key{})
		if target.Reasoning.Control != "adaptive" || target.Reasoning.Replay != "tools" || !target.NoPrefill || len(target.Reject) != 3 {
			t.Errorf("%s: %+v", typ, target)
		}
		a.Close()
	}
}
