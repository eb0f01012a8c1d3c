package messages

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func TestName(t *testing.T) {
	t.Parallel()
	if got := (Format{}).Name(); got != llm.FormatMessages {
		t.Error(got)
	}
}

// The version that the client asked for goes out with the request.
func TestVersionHeader(t *testing.T) {
	t.Parallel()
	q := &llm.Request{Messages: []llm.Message{user("a")}}
	for asked, want := range map[string]string{"": "2023-06-01", "2026-10-21": "2026-10-21"} {
		out, _, err := Format{}.Encode(q, wire.Target{Model: "m", APIVersion: asked})
		if err != nil || out.Header.Get("Anthropic-Version") != want {
			t.Errorf("%q: %v %v", asked, out.Header, err)
		}
	}
}

// Options that this package knows no word for come back as they were, and those
// that it knows mean what they say.
func TestOptionsAreRead(t *testing.T) {
	t.Parallel()
	decode := func(options string) *llm.Request {
		q, err := Format{}.Decode(wire.RawRequest{Body: []byte(`{"model":"m","messages":[{"role":"user","content":"a"}],` + options + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	for options, want := range map[string]string{
		`"thinking":{"type":"between_tools","x":1}`:                            `"thinking":{"type":"between_tools","x":1}`,
		`"thinking":{"type":"adaptive","display":"summarized"}`:                `"thinking":{"type":"adaptive","display":"summarized"}`,
		`"thinking":{"type":"disabled"}`:                                       `"thinking":{"type":"disabled"}`,
		`"cache_control":{"type":"ephemeral","ttl":"1h"}`:                      `"cache_control":{"type":"ephemeral","ttl":"1h"}`,
		`"tools":[{"name":"f"}],"tool_choice":{"type":"none"}`:                 `"tool_choice":{"type":"none"}`,
		`"tools":[{"name":"f"}],"tool_choice":{"type":"any"}`:                  `"tool_choice":{"type":"any"}`,
		`"tools":[{"name":"f"}],"tool_choice":{"type":"tool","name":"f"}`:      `"tool_choice":{"type":"tool","name":"f"}`,
		`"output_format":{"type":"json_schema","schema":{"type":"string"}}`:    `"output_config":{"format":{"type":"json_schema","schema":{"type":"string"}}}`,
		`"metadata":{"user_id":"{\"session_id\":\"s\"}"}`:                      `"metadata":{"user_id":"{\"session_id\":\"s\"}"}`,
		`"inference_geo":"eu","temperature":null,"metadata":null,"top_k":3`:    `"inference_geo":"eu"`,
		`"system":"S","thinking":null,"output_config":null,"tool_choice":null`: `"system":[{"type":"text","text":"S"}]`,
	} {
		out, down, err := Format{}.Encode(decode(options), wire.Target{Model: "m"})
		if err != nil || len(down) > 0 || !strings.Contains(string(out.Body), want) {
			t.Errorf("%s: %v %v %s", options, err, down, out.Body)
		}
	}
	if q := decode(`"tool_choice":{"type":"auto","disable_parallel_tool_use":false}`); q.ParallelTools == nil || !*q.ParallelTools {
		t.Error("parallel tools")
	}
	if q := decode(`"metadata":{"user_id":"_session_s","team":"t"}`); q.Session != "s" || q.EndUser != "" || q.Metadata["team"] != "t" {
		t.Errorf("%+v", q)
	}
}

// What can't be enforced is asked for in words, and said to be.
func TestOutputInWords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		o       llm.OutputFormat
		target  wire.Target
		want    string
		feature string
	}{
		"JSON":         {llm.OutputFormat{Kind: llm.OutputJSON}, wire.Target{}, "one JSON object", "json_object"},
		"other schema": {llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"type":"array"}`)}, wire.Target{NoSchemaOutput: true}, `{\"type\":\"array\"}`, "json_schema"},
		"no tools":     {llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"type":"object"}`)}, wire.Target{NoSchemaOutput: true, NoTools: true}, `{\"type\":\"object\"}`, "json_schema"},
	} {
		f, down := encode(t, &llm.Request{Messages: []llm.Message{user("a")}, Output: test.o}, test.target)
		if !strings.Contains(string(f["system"]), test.want) || !slices.Contains(down, test.feature) || f["output_config"] != nil {
			t.Errorf("%s: %s %v", name, f["system"], down)
		}
	}
	q := &llm.Request{Messages: []llm.Message{user("a")}, Output: llm.OutputFormat{Verbosity: "low", Modalities: []string{"text", "audio"}}}
	if _, down := encode(t, q, wire.Target{}); !slices.Equal(down, []string{"modalities", "verbosity"}) {
		t.Error(down)
	}
	_, _, err := Format{}.Encode(&llm.Request{Messages: []llm.Message{user("a")}, Output: llm.OutputFormat{Kind: llm.OutputSchema}}, wire.Target{})
	var e *llm.Error
	if !errors.As(err, &e) || e.Kind != llm.KindBadRequest {
		t.Error(err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	decode := func(body string, target wire.Target) llm.Usage {
		a, err := Format{}.DecodeAnswer([]byte(`{"type":"message","content":[],"stop_reason":"end_turn","usage":`+body+`}`), target)
		if err != nil {
			t.Fatal(err)
		}
		return a.Usage
	}
	tests := map[string]struct {
		body string
		want llm.Usage
	}{
		"split": {
			`{"input_tokens":1,"cache_creation_input_tokens":30,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":9,"output_tokens_details":{"thinking_tokens":5}}`,
			llm.Usage{Input: 1, CacheRead: 4, CacheWrite: 10, CacheWrite1h: 20, Output: 9, ReasoningOfOutput: 5, Quality: llm.QualityExact},
		},
		"split alone": {`{"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}`, llm.Usage{CacheWrite: 10, CacheWrite1h: 20, Quality: llm.QualityExact}},
		"total alone": {`{"cache_creation_input_tokens":30}`, llm.Usage{CacheWrite: 30, Quality: llm.QualityExact}},
		"negative":    {`{"input_tokens":-3,"output_tokens":-1,"output_tokens_details":{"thinking_tokens":7}}`, llm.Usage{Quality: llm.QualityExact}},
		"pieces": {
			`{"server_tool_use":{"web_search_requests":2,"web_fetch_requests":0},"service_tier":"priority"}`,
			llm.Usage{PerRequest: map[string]int64{"web_search": 2}, ServiceTier: "priority", Quality: llm.QualityExact},
		},
		"compaction": {
			`{"input_tokens":10,"output_tokens":2,"iterations":[{"type":"compaction","input_tokens":100,"output_tokens":20,"cache_read_input_tokens":3},{"type":"message","input_tokens":10,"output_tokens":2}]}`,
			llm.Usage{Input: 110, CacheRead: 3, Output: 22, Quality: llm.QualityExact},
		},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.want, decode(test.body, wire.Target{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	on := decode(`{"output_tokens":9,"output_tokens_details":{"thinking_tokens":5}}`, wire.Target{ReasoningOnTop: true})
	if on.Output != 14 || on.ReasoningOfOutput != 5 {
		t.Errorf("%+v", on)
	}
	// What is shown to a client is read back as it was.
	u := llm.Usage{
		Input: 1, CacheRead: 2, CacheWrite: 3, CacheWrite1h: 4, Output: 9, ReasoningOfOutput: 5,
		PerRequest: map[string]int64{"web_search": 1, "web_fetch": 2}, ServiceTier: "standard", Quality: llm.QualityExact,
	}
	if diff := cmp.Diff(u, usageOf(u).neutral(wire.Target{})); diff != "" {
		t.Error(diff)
	}
}

// Names and fields beside the answer come back to a client of this format.
func TestNamesAndExtrasComeBack(t *testing.T) {
	t.Parallel()
	target := wire.Target{Names: &wire.ToolNames{}}
	sent := target.Names.Out("a.b")
	body := `{"type":"message","id":"i","model":"m","role":"assistant","content":[{"type":"tool_use","id":"t","name":"` + sent + `","input":{}},{"odd":1}],` +
		`"stop_reason":"stop_sequence","stop_sequence":"X","container":{"id":"c"},"context_management":{"a":1},"diagnostics":null,"usage":{"input_tokens":1,"output_tokens":2}}`
	a, err := Format{}.DecodeAnswer([]byte(body), target)
	if err != nil {
		t.Fatal(err)
	}
	want := llm.Choice{
		Parts:  []llm.Part{llm.ToolCall{ID: "t", Name: "a.b", Arguments: "{}"}},
		Finish: llm.Finish{Reason: llm.FinishStopSequence, Raw: "stop_sequence", StopSequence: "X"},
	}
	if diff := cmp.Diff(want, a.Choices[0]); diff != "" {
		t.Error(diff)
	}
	out, err := Format{}.EncodeAnswer(a, wire.Caller{Model: "shown", ID: "unused"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"id":"i"`, `"model":"shown"`, `"container":{"id":"c"}`, `"context_management":{"a":1}`, `"stop_sequence":"X"`, `"name":"a.b"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
}

// Where the body says nothing, the status decides.
func TestErrorsByStatus(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]llm.Kind{
		400: llm.KindBadRequest, 401: llm.KindAuth, 402: llm.KindQuota, 403: llm.KindPermission, 404: llm.KindNotFound, 408: llm.KindTimeout,
		409: llm.KindUpstream, 410: llm.KindNotFound, 413: llm.KindTooLarge, 422: llm.KindBadRequest, 429: llm.KindRateLimit,
		451: llm.KindContentFilter, 500: llm.KindUpstream, 503: llm.KindOverloaded, 504: llm.KindTimeout, 529: llm.KindOverloaded,
	} {
		if e := (Format{}).DecodeError(status, http.Header{}, nil); e.Kind != kind || e.Message == "" {
			t.Errorf("%d: %s", status, e.Kind)
		}
	}
}

// What another format says is dropped and named.
func TestForeignPartsAreNamed(t *testing.T) {
	t.Parallel()
	foreign := llm.Opaque{Format: llm.FormatResponses, Type: "web_search_call", Raw: []byte("{}")}
	q := &llm.Request{Messages: []llm.Message{
		say(llm.RoleSystem, words("s"), llm.Media{Data: "x"}),
		{Role: llm.RoleUser, Name: "ada", Parts: []llm.Part{llm.Media{Data: "x", Detail: "high"}, words("a")}},
		say(llm.RoleAssistant, foreign, llm.Media{Data: "x"}, llm.Text{Text: "b", Citations: []llm.Citation{{URL: "u"}}}, llm.Refusal{Text: "no"}),
		user("c"),
	}}
	f, down := encode(t, q, wire.Target{})
	slices.Sort(down)
	if diff := cmp.Diff([]string{"assistant_media", "citations", "image_detail", "name", "system_media", "web_search_call"}, down); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(f["messages"]), `{"type":"text","text":"no"}`) {
		t.Errorf("%s", f["messages"])
	}
}

// Who sets a budget for thinking sees it, unless the client says otherwise: so it
// must be asked for where it shows only when asked.
func TestThinkingByBudgetIsShown(t *testing.T) {
	t.Parallel()
	for thinking, want := range map[string]string{
		`{"type":"enabled","budget_tokens":2048}`:                     "auto",
		`{"type":"enabled","budget_tokens":2048,"display":"omitted"}`: "omitted",
		`{"type":"adaptive"}`:                                         "",
	} {
		q, err := Format{}.Decode(wire.RawRequest{Body: []byte(`{"model":"m","messages":[{"role":"user","content":"a"}],"thinking":` + thinking + `}`)})
		if err != nil || q.Reasoning.Summary != want {
			t.Errorf("%s: %v, %+v", thinking, err, q.Reasoning)
		}
	}
}
