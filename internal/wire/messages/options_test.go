package messages

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func TestReasoning(t *testing.T) {
	t.Parallel()
	claude := []llm.Effort{llm.EffortLow, llm.EffortMedium, llm.EffortHigh, llm.EffortMax}
	on := func(e llm.Effort) llm.ReasoningConfig { return llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: e} }
	tests := map[string]struct {
		asked                  llm.ReasoningConfig
		style                  wire.ReasoningStyle
		max, cap               int
		thinking, output, most string
		down                   []string
	}{
		"nothing said":    {style: wire.ReasoningStyle{Control: "adaptive"}, most: "32000"},
		"share of cap":    {asked: on(llm.EffortMedium), style: wire.ReasoningStyle{Control: "budget"}, max: 8000, thinking: `{"type":"enabled","budget_tokens":4000}`, most: "8000"},
		"default level":   {asked: on(""), style: wire.ReasoningStyle{Control: "budget"}, max: 8000, thinking: `{"type":"enabled","budget_tokens":4000}`, most: "8000"},
		"raised cap":      {asked: on(llm.EffortLow), style: wire.ReasoningStyle{Control: "budget"}, max: 500, thinking: `{"type":"enabled","budget_tokens":1024}`, most: "1524"},
		"no room":         {asked: on(llm.EffortLow), style: wire.ReasoningStyle{Control: "budget"}, max: 500, cap: 900, most: "900", down: []string{"reasoning"}},
		"smaller budget":  {asked: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: ptr(9000)}, style: wire.ReasoningStyle{Control: "budget"}, max: 4000, cap: 8000, thinking: `{"type":"enabled","budget_tokens":6400}`, most: "8000"},
		"up to the model": {asked: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: ptr(-1)}, style: wire.ReasoningStyle{Control: "budget"}, max: 8000, thinking: `{"type":"enabled","budget_tokens":4000}`, most: "8000"},
		"bounds":          {asked: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: ptr(9000)}, style: wire.ReasoningStyle{Control: "budget", MaxBudget: 3000}, thinking: `{"type":"enabled","budget_tokens":3000}`, most: "32000"},
		"budget of none":  {asked: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: ptr(0)}, style: wire.ReasoningStyle{Control: "adaptive"}, thinking: `{"type":"disabled"}`, most: "32000"},
		"off":             {asked: llm.ReasoningConfig{Mode: llm.ReasoningOff}, thinking: `{"type":"disabled"}`, most: "32000"},
		"can't be off":    {asked: llm.ReasoningConfig{Mode: llm.ReasoningOff}, style: wire.ReasoningStyle{CannotDisable: true}, most: "32000", down: []string{"reasoning"}},
		"can't be chosen": {asked: on(llm.EffortHigh), style: wire.ReasoningStyle{Control: "none"}, most: "32000", down: []string{"reasoning"}},
		"adaptive":        {asked: on(llm.EffortHigh), style: wire.ReasoningStyle{Control: "adaptive", Efforts: claude}, thinking: `{"type":"adaptive"}`, output: `{"effort":"high"}`, most: "32000"},
		"nearest level":   {asked: on(llm.EffortMinimal), style: wire.ReasoningStyle{Control: "adaptive", Efforts: claude}, thinking: `{"type":"adaptive"}`, output: `{"effort":"low"}`, most: "32000", down: []string{"effort"}},
		"the weaker":      {asked: on(llm.EffortXHigh), style: wire.ReasoningStyle{Control: "adaptive", Efforts: claude}, thinking: `{"type":"adaptive"}`, output: `{"effort":"high"}`, most: "32000", down: []string{"effort"}},
		"level of budget": {asked: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: ptr(16000)}, style: wire.ReasoningStyle{Control: "adaptive", Efforts: claude}, thinking: `{"type":"adaptive"}`, output: `{"effort":"medium"}`, most: "32000"},
		"its own choice":  {asked: llm.ReasoningConfig{Mode: llm.ReasoningAdaptive, Summary: "auto"}, thinking: `{"type":"adaptive","display":"summarized"}`, most: "32000"},
		"level alone":     {asked: llm.ReasoningConfig{Effort: llm.EffortLow}, output: `{"effort":"low"}`, most: "32000"},
		"no levels":       {asked: llm.ReasoningConfig{Effort: llm.EffortLow}, style: wire.ReasoningStyle{Control: "budget"}, most: "32000", down: []string{"effort"}},
		"toggle":          {asked: on(llm.EffortHigh), style: wire.ReasoningStyle{Control: "toggle"}, thinking: `{"type":"enabled"}`, output: `{"effort":"high"}`, most: "32000"},
		"hidden":          {asked: llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: llm.EffortHigh, Summary: "omitted"}, style: wire.ReasoningStyle{Control: "adaptive"}, thinking: `{"type":"adaptive","display":"omitted"}`, output: `{"effort":"high"}`, most: "32000"},
		"small model":     {cap: 4096, most: "4096"},
		"too much":        {max: 9000, cap: 4096, most: "4096", down: []string{"max_tokens"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &llm.Request{Messages: []llm.Message{user("a")}, Reasoning: test.asked}
			if test.max > 0 {
				q.MaxOutput = &test.max
			}
			f, down := encode(t, q, wire.Target{Reasoning: test.style, MaxOutput: test.cap})
			got := []string{string(f["thinking"]), string(f["output_config"]), string(f["max_tokens"])}
			if diff := cmp.Diff([]string{test.thinking, test.output, test.most}, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.down, down); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Thinking by a budget is left out where the API would refuse it.
func TestNoThinkingWhereRefused(t *testing.T) {
	t.Parallel()
	style := wire.ReasoningStyle{Control: "budget", Replay: "tools"}
	loop := func(thought ...llm.Part) []llm.Message {
		return []llm.Message{
			user("a"),
			say(llm.RoleAssistant, append(thought, llm.ToolCall{ID: "1", Name: "f"})...),
			say(llm.RoleTool, llm.ToolResult{CallID: "1", Parts: []llm.Part{words("r")}}),
		}
	}
	signed := func(at llm.Origin) llm.Part {
		return llm.Reasoning{Text: "hm", Blob: &llm.Blob{Kind: llm.BlobSignature, Data: "s", Origin: at}}
	}
	tests := map[string]struct {
		messages []llm.Message
		choice   llm.ToolMode
		thinks   bool
		sent     bool // the reasoning
	}{
		"own reasoning":     {loop(signed(here)), 0, true, true},
		"foreign reasoning": {loop(signed(llm.Origin{Provider: "other"})), 0, false, false},
		"without":           {loop(), 0, false, false},
		"a new turn":        {append(loop(), say(llm.RoleAssistant, words("x")), user("y")), 0, true, false},
		"forced call":       {[]llm.Message{user("a")}, llm.ToolRequired, false, false},
		"given beginning":   {[]llm.Message{user("a"), say(llm.RoleAssistant, words("x"))}, 0, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &llm.Request{
				Messages: test.messages, Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Mode: test.choice},
				Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: llm.EffortLow},
			}
			f, down := encode(t, q, wire.Target{Origin: here, Reasoning: style})
			if got := f["thinking"] != nil; got != test.thinks || slices.Contains(down, "reasoning") == got {
				t.Errorf("thinks: %v, %v", got, down)
			}
			if got := strings.Contains(string(f["messages"]), `"signature":"s"`); got != test.sent {
				t.Errorf("sent: %s", f["messages"])
			}
		})
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	thought := llm.Reasoning{Text: "hm", Blob: &llm.Blob{Kind: llm.BlobSignature, Data: "s", Origin: here}}
	q := &llm.Request{Tools: []llm.Tool{{Name: "f"}}, Messages: []llm.Message{
		user("a"), say(llm.RoleAssistant, thought, words("x")),
		user("b"), say(llm.RoleAssistant, thought, llm.ToolCall{ID: "1", Name: "f"}),
		say(llm.RoleTool, llm.ToolResult{CallID: "1"}), say(llm.RoleAssistant, thought, words("y")),
		user("c"),
	}}
	for replay, want := range map[string]int{"": 0, "tools": 2, "always": 3} {
		f, _ := encode(t, q, wire.Target{Origin: here, Reasoning: wire.ReasoningStyle{Replay: replay}})
		if got := strings.Count(string(f["messages"]), `"type":"thinking"`); got != want {
			t.Errorf("%q: %d, want %d", replay, got, want)
		}
	}
}

func TestSampling(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		s      llm.Sampling
		think  bool
		target wire.Target
		want   string // temperature, top_p, top_k
		down   []string
	}{
		"clamped":           {s: llm.Sampling{Temperature: ptr(1.7)}, want: "1  ", down: []string{"temperature"}},
		"both":              {s: llm.Sampling{Temperature: ptr(0.5), TopP: ptr(0.9)}, want: "0.5  ", down: []string{"top_p"}},
		"both, one default": {s: llm.Sampling{Temperature: ptr(0.5), TopP: ptr(1.0)}, want: "0.5  "},
		"top_p":             {s: llm.Sampling{TopP: ptr(0.9), TopK: ptr(4)}, want: " 0.9 4"},
		"thinking":          {s: llm.Sampling{Temperature: ptr(0.5), TopP: ptr(0.9), TopK: ptr(4)}, think: true, want: "  ", down: []string{"temperature", "top_p", "top_k"}},
		"thinking, allowed": {s: llm.Sampling{Temperature: ptr(1.0), TopP: ptr(0.97)}, think: true, want: " 0.97 "},
		"newer version":     {s: llm.Sampling{Temperature: ptr(1.0), TopP: ptr(1.0), TopK: ptr(4)}, target: wire.Target{APIVersion: "2026-10-21"}, want: "  ", down: []string{"temperature", "top_p", "top_k"}},
		"refused":           {s: llm.Sampling{Temperature: ptr(1.0)}, target: wire.Target{Reject: []string{"temperature", "top_p"}}, want: "  ", down: []string{"temperature"}},
		"unsayable": {
			s:    llm.Sampling{N: ptr(3), Seed: ptr(int64(1)), FrequencyPenalty: ptr(0.5), PresencePenalty: ptr(0.5), LogProbs: ptr(true), LogitBias: []byte("{}")},
			want: "  ", down: []string{"frequency_penalty", "presence_penalty", "seed", "n", "logprobs", "logit_bias"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &llm.Request{Messages: []llm.Message{user("a")}, Sampling: test.s}
			if test.think {
				q.Reasoning.Mode = llm.ReasoningOn
			}
			f, down := encode(t, q, test.target)
			if got := string(f["temperature"]) + " " + string(f["top_p"]) + " " + string(f["top_k"]); got != test.want {
				t.Errorf("%q", got)
			}
			if diff := cmp.Diff(test.down, down); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProfileOfTheTarget(t *testing.T) {
	t.Parallel()
	q := &llm.Request{
		Messages: []llm.Message{user("a")}, Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: ptr(2000), Effort: llm.EffortLow},
		EndUser: "u", Stop: []string{"x", " "}, ServiceTier: "flex", Metadata: map[string]string{"k": "v"},
		Extra: []llm.Field{
			{Format: llm.FormatMessages, Name: "container", Value: []byte(`"c"`)},
			{Format: llm.FormatChat, Name: "prediction", Value: []byte(`{}`)},
			{Format: llm.FormatMessages, Name: "output_config", Value: []byte(`{"more":1}`)},
			{Format: llm.FormatMessages, Name: "cache_control", Value: []byte(`{"type":"new"}`)},
		},
	}
	f, down := encode(t, q, wire.Target{
		Reject: []string{"thinking.budget_tokens", "absent"},
		Rename: map[string]string{"stop_sequences": "stop"},
		Set:    map[string]any{"b": 1, "a": map[string]int{"y": 1, "x": 2}},
	})
	want := map[string]string{
		"thinking": `{"type":"enabled"}`, "stop": `["x"]`, "a": `{"x":2,"y":1}`, "b": "1",
		"container": `"c"`, "metadata": `{"user_id":"u"}`, "model": `"m"`,
		"output_config": `{"more":1,"effort":"low"}`, "cache_control": `{"type":"new"}`,
	}
	for name, v := range want {
		if string(f[name]) != v {
			t.Errorf("%s: %s, want %s", name, f[name], v)
		}
	}
	slices.Sort(down)
	if diff := cmp.Diff([]string{"metadata", "prediction", "service_tier", "stop", "thinking.budget_tokens"}, down); diff != "" {
		t.Error(diff)
	}
}

func TestWhatTheModelCannotTake(t *testing.T) {
	t.Parallel()
	media := func(m llm.Media) *llm.Request { return &llm.Request{Messages: []llm.Message{say(llm.RoleUser, m)}} }
	tests := map[string]struct {
		q      *llm.Request
		target wire.Target
	}{
		"image":        {media(llm.Media{Data: "x"}), wire.Target{NoVision: true}},
		"pdf":          {media(llm.Media{Kind: llm.MediaDocument, MIME: "application/pdf", Data: "x"}), wire.Target{NoPDF: true}},
		"sound":        {media(llm.Media{Kind: llm.MediaAudio, Data: "x"}), wire.Target{}},
		"film":         {media(llm.Media{Kind: llm.MediaVideo, Data: "x"}), wire.Target{}},
		"foreign file": {media(llm.Media{FileID: "f", Format: llm.FormatChat}), wire.Target{}},
		"tools": {
			&llm.Request{Messages: []llm.Message{user("a")}, Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolRequired}},
			wire.Target{NoTools: true},
		},
		"unknown tool": {
			&llm.Request{Messages: []llm.Message{user("a")}, Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolOne, Names: []string{"g"}}},
			wire.Target{},
		},
		"foreign cache": {&llm.Request{Messages: []llm.Message{user("a")}, Cache: llm.CacheHints{Content: "c"}}, wire.Target{}},
		"nothing":       {&llm.Request{Messages: []llm.Message{user(" ")}}, wire.Target{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Format{}.Encode(test.q, test.target)
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 || e.Message == "" {
				t.Errorf("%v", err)
			}
		})
	}
	q := &llm.Request{Messages: []llm.Message{user("a")}, Tools: []llm.Tool{{Name: "f"}}}
	if f, down := encode(t, q, wire.Target{NoTools: true}); f["tools"] != nil || !slices.Contains(down, "tools") {
		t.Error(down)
	}
}

// A plain text document is one, however it came.
func TestTextDocuments(t *testing.T) {
	t.Parallel()
	q := &llm.Request{Messages: []llm.Message{say(
		llm.RoleUser,
		llm.Media{Kind: llm.MediaDocument, MIME: "text/markdown", Data: "IyBIaQ==", Name: "a.md"},
		llm.Media{Kind: llm.MediaImage, Data: "/9j/4AAQ"},
	)}}
	f, _ := encode(t, q, wire.Target{NoPDF: true})
	for _, want := range []string{`{"type":"text","media_type":"text/plain","data":"# Hi"},"title":"a.md"`, `"media_type":"image/jpeg"`} {
		if !strings.Contains(string(f["messages"]), want) {
			t.Errorf("no %s in %s", want, f["messages"])
		}
	}
}

func TestCacheMarksAreSpared(t *testing.T) {
	t.Parallel()
	mark := &llm.CacheMark{TTL: "30m"}
	q := &llm.Request{
		Tools: []llm.Tool{{Name: "f", Cache: mark}},
		Messages: []llm.Message{
			say(llm.RoleSystem, llm.Text{Text: "s", Cache: mark}),
			say(llm.RoleUser, llm.Text{Text: "a", Cache: mark}, llm.Text{Text: "b", Cache: mark}, llm.Text{Text: "c", Cache: mark}),
		},
		Cache: llm.CacheHints{Auto: mark},
	}
	f, down := encode(t, q, wire.Target{})
	if !strings.Contains(string(f["tools"]), "cache_control") || strings.Contains(string(f["system"]), "cache_control") {
		t.Errorf("%s %s", f["tools"], f["system"])
	}
	if n := strings.Count(string(f["messages"]), "cache_control"); n != 2 || !slices.Contains(down, "cache_control") {
		t.Errorf("%d %v", n, down)
	}
}

// Tools of earlier turns are declared where the request names none.
func TestToolsOfHistoryAreDeclared(t *testing.T) {
	t.Parallel()
	q := &llm.Request{Messages: []llm.Message{
		user("a"), say(llm.RoleAssistant, llm.ToolCall{ID: "1", Name: "f"}), say(llm.RoleTool, llm.ToolResult{CallID: "1"}), user("b"),
	}}
	f, _ := encode(t, q, wire.Target{})
	if string(f["tools"]) != `[{"name":"f","input_schema":{"type":"object"}}]` || string(f["tool_choice"]) != `{"type":"none"}` {
		t.Errorf("%s %s", f["tools"], f["tool_choice"])
	}
}

// A model that can't call tools is told of earlier calls in words: the API
// refuses their blocks in a request without tools.
func TestToolsOfHistoryAreTold(t *testing.T) {
	t.Parallel()
	q := &llm.Request{
		Messages: []llm.Message{
			user("a"),
			say(llm.RoleAssistant, words("I look."), llm.ToolCall{ID: "1", Name: "f", Arguments: `{"x": 1}`}, llm.ToolCall{ID: "2", Name: "g.h", Arguments: "free", Custom: true}, llm.ToolCall{ID: "3", Name: "f"}),
			say(
				llm.RoleTool,
				llm.ToolResult{CallID: "1", Name: "f", Parts: []llm.Part{words("seen"), llm.Media{Data: "/9j/4AAQ"}}},
				llm.ToolResult{CallID: "2", Name: "g.h", Parts: []llm.Part{words("broken")}, IsError: true, Cache: &llm.CacheMark{}},
				llm.ToolResult{CallID: "3"},
			),
			user("b"),
		},
		Tools: []llm.Tool{{Name: "f"}},
	}
	const want = `[{"role":"user","content":[{"type":"text","text":"a"}]},` +
		`{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"text","text":"Called the tool f: {\"x\": 1}"},` +
		`{"type":"text","text":"Called the tool g.h: free"},{"type":"text","text":"Called the tool f: {}"}]},` +
		`{"role":"user","content":[{"type":"text","text":"Result of the tool f: seen"},` +
		`{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"/9j/4AAQ"}},` +
		`{"type":"text","text":"Error of the tool g.h: broken","cache_control":{"type":"ephemeral"}},` +
		`{"type":"text","text":"Result of an earlier tool call: nothing"},{"type":"text","text":"b"}]}]`
	for _, tools := range [][]llm.Tool{q.Tools, nil} {
		q.Tools = tools
		f, down := encode(t, q, wire.Target{NoTools: true})
		if diff := cmp.Diff(want, string(f["messages"])); diff != "" {
			t.Error(diff)
		}
		if f["tools"] != nil || f["tool_choice"] != nil || !slices.Contains(down, "tool_history") || slices.Contains(down, "tools") != (tools != nil) {
			t.Errorf("tools %s, downgrades %v", f["tools"], down)
		}
	}
}

// Only the conversation is written, in place: system text at its head is the
// client's own field.
func TestEncodeConversation(t *testing.T) {
	t.Parallel()
	body := `{"model":"m","system":"S","messages":[{"role":"user","content":"a"},{"role":"system","content":"mid"},` +
		`{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}`
	q, err := Format{}.Decode(wire.RawRequest{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Format{}.EncodeConversation(q, wire.Target{})
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"system","content":[{"type":"text","text":"mid"}]},` +
		`{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"b"}]},{"role":"user","content":[{"type":"text","text":"c"}]}]`
	if string(got) != want {
		t.Errorf("%s", got)
	}
}

func TestThinkingShowsWhatItShowsHere(t *testing.T) {
	t.Parallel()
	for thinking, want := range map[string]string{
		`{"type":"enabled","budget_tokens":1024}`:                        "auto", // this way to think shows what was thought
		`{"type":"enabled","budget_tokens":1024,"display":"omitted"}`:    "omitted",
		`{"type":"enabled","budget_tokens":1024,"display":"summarized"}`: "auto",
		`{"type":"adaptive"}`: "", // it depends on the model
		`{"type":"disabled"}`: "",
	} {
		q, err := Format{}.Decode(wire.RawRequest{Method: "POST", Path: "/v1/messages", Body: []byte(`{"model":"m","max_tokens":2000,"thinking":` + thinking + `,"messages":[{"role":"user","content":"a"}]}`)})
		if err != nil || q.Reasoning.Summary != want {
			t.Errorf("%s: %+v, %v", thinking, q, err)
		}
	}
}
