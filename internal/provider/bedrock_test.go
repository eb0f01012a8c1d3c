package provider_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/converse"
	"github.com/oidostudio/oido/internal/wire/messages"
)

func bedrock(t *testing.T, to string, o provider.Options) *provider.Account {
	t.Helper()
	if o.BaseURL == "" {
		o.BaseURL = "http://b"
	}
	o.Settings, o.Keys = options{"region": "us-east-1"}, []string{"k"}
	return account(t, "bedrock", to, o)
}

// Claude is called in its own format, all others in Bedrock's, whatever the client
// speaks; an id with colons and slashes is one segment of the path.
func TestBedrocksModelsAreCalledInTheirFormat(t *testing.T) {
	const messages, talk = llm.FormatMessages, llm.FormatConverse
	to, last := vendor(t)
	all, only := bedrock(t, to, provider.Options{}), bedrock(t, to, provider.Options{Formats: map[llm.Format]string{talk: ""}})
	for _, c := range []struct {
		a      *provider.Account
		model  string
		stream bool
		format llm.Format
		uri    string
	}{
		{all, "anthropic.claude-opus-4-7", false, messages, "/model/anthropic.claude-opus-4-7/invoke"},
		{all, "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0", true, messages, "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream"},
		{all, "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-7", false, messages, "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Fanthropic.claude-opus-4-7/invoke"},
		{all, "amazon.nova-lite-v1:0", false, talk, "/model/amazon.nova-lite-v1%3A0/converse"},
		{all, "global.amazon.nova-2-lite-v1:0", true, talk, "/model/global.amazon.nova-2-lite-v1%3A0/converse-stream"},
		{all, "openai.gpt-oss-120b-1:0", false, talk, "/model/openai.gpt-oss-120b-1%3A0/converse"},
		{all, "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123", false, talk, "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fabc123/converse"},
		{only, "us.anthropic.claude-haiku-4-5-20251001-v1:0", true, talk, "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream"},
	} {
		for _, client := range []llm.Format{llm.FormatChat, llm.FormatMessages, llm.FormatGemini} {
			if got := c.a.Format(client, c.model); got != c.format {
				t.Errorf("%s for a client of %s: %s", c.model, client, got)
			}
		}
		key, _ := c.a.Pick(nil, "")
		target := c.a.Target(c.model, c.format, key)
		target.Stream = c.stream
		out := wire.Outbound{Path: "/messages", Body: []byte("{}")}
		if c.format == talk {
			var err error
			if out, _, err = (converse.Format{}).Encode(&llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "hi"}}}}}, target); err != nil {
				t.Fatal(err)
			}
		}
		out.Model, out.Stream = c.model, c.stream
		resp, err := c.a.Send(t.Context(), c.format, out, nil, key)
		if err != nil {
			t.Errorf("%s: %v", c.model, err)
			continue
		}
		_ = resp.Body.Close()
		if got := last(); got.uri != c.uri || got.header.Get("Authorization") != "Bearer k" {
			t.Errorf("%s: %s %v", c.model, got.uri, got.header)
		}
	}
	for _, model := range []string{"cohere.rerank-v3-5:0", "amazon.nova-2-sonic-v1:0", "us.twelvelabs.pegasus-1-2-v1:0", "amazon.titan-embed-text-v2:0"} {
		if all.Serves(model) {
			t.Errorf("%s is taken for a model that can be asked", model)
		}
	}
}

// An odd entry costs neither of Bedrock's lists.
func TestAnOddEntryCostsNoListOfBedrock(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := `{"modelSummaries":[{"modelId":"a.b","outputModalities":"TEXT"},{"modelId":7},"c",{"modelId":"d.e","outputModalities":["TEXT"]}]}`
		if strings.HasSuffix(r.URL.Path, "/inference-profiles") {
			body = `{"inferenceProfileSummaries":[{"inferenceProfileId":"us.a.b","models":"all"},{"models":[]},{"inferenceProfileId":"us.d.e"}]}`
		}
		_, _ = io.WriteString(w, body)
	}))
	defer s.Close()
	a := bedrock(t, s.Listener.Addr().String(), provider.Options{BaseURL: s.URL})
	r := provider.NewRefresher([]*provider.Account{a}, map[llm.Format]wire.Lister{llm.FormatMessages: messages.Format{}}, nil, slog.New(slog.DiscardHandler), func() {})
	if err := r.Refresh(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range r.List("p").Models {
		got = append(got, m.ID)
	}
	if d := cmp.Diff([]string{"a.b", "d.e", "us.a.b", "us.d.e"}, got); d != "" {
		t.Error(d)
	}
}

// What models take is said in the words of the format that they are called in.
func TestTargetsInConverse(t *testing.T) {
	none := wire.ReasoningStyle{Control: "none"}
	steps := func(control string) wire.ReasoningStyle {
		return wire.ReasoningStyle{Control: control, Efforts: []llm.Effort{llm.EffortLow, llm.EffortMedium, llm.EffortHigh}}
	}
	oss := steps("effort")
	oss.CannotDisable = true
	const topK, topP, choice = "additionalModelRequestFields.top_k", "inferenceConfig.topP", "toolConfig.toolChoice"
	a := bedrock(t, "", provider.Options{Formats: map[llm.Format]string{llm.FormatConverse: ""}})
	for _, c := range []struct {
		model     string
		reasoning wire.ReasoningStyle
		refuses   string // a field, "" for none
		takes     string
		noSchema  bool
	}{
		{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", wire.ReasoningStyle{Control: "budget", Replay: "tools"}, "", topK, false},
		{"anthropic.claude-opus-4-6-v1", wire.ReasoningStyle{Control: "adaptive", Replay: "tools", Efforts: []llm.Effort{llm.EffortLow, llm.EffortMedium, llm.EffortHigh, llm.EffortMax}}, "", topP, false},
		{"arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-7", wire.ReasoningStyle{Control: "adaptive", Replay: "tools", Efforts: []llm.Effort{llm.EffortLow, llm.EffortMedium, llm.EffortHigh, "xhigh", llm.EffortMax}}, topP, choice, false},
		{"anthropic.claude-3-haiku-20240307-v1:0", wire.ReasoningStyle{Control: "budget", Replay: "tools"}, "", topP, true},
		{"openai.gpt-oss-20b-1:0", oss, topK, choice, false},
		{"moonshotai.kimi-k2.5", oss, topK, choice, false},
		{"amazon.nova-pro-v1:0", none, "", topK, true},
		{"eu.amazon.nova-2-lite-v1:0", steps("object"), "", topK, true},
		{"us.meta.llama4-scout-17b-instruct-v1:0", none, choice, topP, true},
		{"mistral.mistral-large-3-675b-instruct", none, "", topK, false},
		{"mistral.mistral-large-2407-v1:0", none, "", topK, true},
		{"deepseek.v3.2", none, topK, choice, false},
		{"deepseek.r1-v1:0", none, topK, choice, true},
	} {
		got := a.Target(c.model, llm.FormatConverse, provider.Key{})
		if d := cmp.Diff(c.reasoning, got.Reasoning); d != "" {
			t.Errorf("%s: %s", c.model, d)
		}
		if c.refuses != "" && !slices.Contains(got.Reject, c.refuses) || slices.Contains(got.Reject, c.takes) || got.NoSchemaOutput != c.noSchema {
			t.Errorf("%s refuses %v, no schema %t", c.model, got.Reject, got.NoSchemaOutput)
		}
	}
}

// A stream in Bedrock's own format tells its end, or how it broke.
func TestAConversationInFramesTellsHowItBroke(t *testing.T) {
	s := simulated(t)
	a := bedrock(t, s.Listener.Addr().String(), provider.Options{BaseURL: s.URL + "/bedrock"})
	key, _ := a.Pick(nil, "")
	for model, want := range map[string]llm.Kind{
		"amazon.nova-sim-n6-err2":      llm.KindUpstream,
		"amazon.nova-sim-n6-e429-err2": llm.KindRateLimit,
		"amazon.nova-sim-n6-e529-err2": llm.KindOverloaded,
		"amazon.nova-sim-n6-cut2":      llm.KindTruncated,
		"amazon.nova-sim-n6-end2":      llm.KindTruncated,
		"amazon.nova-sim-n6-bad2":      llm.KindUpstream,
		"amazon.nova-sim-n6":           "",
	} {
		out, _, err := converse.Format{}.Encode(&llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "hi"}}}}}, wire.Target{Model: model, Stream: true})
		if err != nil {
			t.Fatal(err)
		}
		out.Model, out.Stream = model, true
		resp, err := a.Send(t.Context(), llm.FormatConverse, out, nil, key)
		if err != nil {
			t.Errorf("%s: %v", model, err)
			continue
		}
		answer, err := llm.Collect(converse.Format{}.DecodeStream(resp.Body, wire.Target{}))
		_ = resp.Body.Close()
		if e := llm.AsError(err); want == "" && e != nil || want != "" && (e == nil || e.Kind != want) || len(answer.Choices[0].Parts) == 0 {
			t.Errorf("%s: %v %+v", model, err, answer)
		}
		if id := (converse.Format{}).AnswerID(resp.Header); len(id) != 32 {
			t.Errorf("%s: the answer's id is %q", model, id)
		}
	}
}

// What a client asks for by name reaches Claude in the shape that each cloud takes,
// less what would have the whole request refused there.
func TestWhatClientsAskForByNameReachesClaude(t *testing.T) {
	to, last := vendor(t)
	asked := http.Header{"Anthropic-Beta": {"claude-code-20250219, context-1m-2025-08-07", "tool-search-tool-2025-10-19,"}}
	for _, c := range []struct {
		name   string
		a      *provider.Account
		body   string
		client http.Header
		header []string // Anthropic-Beta
		want   string   // in the body
	}{
		{"vertex", account(t, "vertex", to, provider.Options{BaseURL: "http://v", Settings: options{"project": "p", "token": "t"}}), `{"x":1}`, asked, []string{"context-1m-2025-08-07,tool-search-tool-2025-10-19"}, `{"anthropic_version":"vertex-2023-10-16","x":1}`},
		{"bedrock", bedrock(t, to, provider.Options{}), `{"x":1}`, asked, nil, `{"anthropic_beta":["context-1m-2025-08-07","tool-search-tool-2025-10-19"],"anthropic_version":"bedrock-2023-05-31","x":1}`},
		{"bedrock, said in the body", bedrock(t, to, provider.Options{}), `{"anthropic_beta":["a"]}`, asked, nil, `{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a"]}`},
		{"bedrock, nothing that it takes", bedrock(t, to, provider.Options{}), `{"x":1}`, http.Header{"Anthropic-Beta": {"claude-code-20250219"}}, nil, `{"anthropic_version":"bedrock-2023-05-31","x":1}`},
		{"anthropic", account(t, "anthropic", to, provider.Options{BaseURL: "http://a", Keys: []string{"k"}}), `{"x":1}`, asked, asked["Anthropic-Beta"], `{"x":1}`},
	} {
		key, _ := c.a.Pick(nil, "")
		sent := wire.Outbound{Path: "/messages", Body: []byte(c.body), Model: map[bool]string{true: "anthropic.claude-opus-4-6-v1", false: "claude-opus-4-6"}[strings.HasPrefix(c.name, "bedrock")]}
		resp, err := c.a.Send(t.Context(), llm.FormatMessages, sent, c.client, key)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		_ = resp.Body.Close()
		got := last()
		if d := cmp.Diff(c.want, got.body) + cmp.Diff(c.header, got.header["Anthropic-Beta"]); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}
