package chat_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/sse"
)

func TestUsageIsSplitByWhatTheTotalSays(t *testing.T) {
	for _, c := range []struct {
		name, usage string
		onTop       bool
		want        llm.Usage
	}{
		{"cached inside the prompt", `{"prompt_tokens":100,"completion_tokens":9,"total_tokens":109,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30}}`, false, llm.Usage{Input: 10, CacheRead: 60, CacheWrite: 30, Output: 9}},
		{"hits and misses", `{"prompt_tokens":100,"completion_tokens":9,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36}`, false, llm.Usage{Input: 36, CacheRead: 64, Output: 9}},
		{"cached at the top", `{"prompt_tokens":100,"completion_tokens":9,"cached_tokens":64}`, false, llm.Usage{Input: 36, CacheRead: 64, Output: 9}},
		{"cached by their number", `{"prompt_tokens":100,"completion_tokens":9,"num_cached_tokens":64}`, false, llm.Usage{Input: 36, CacheRead: 64, Output: 9}},
		{"cached in details of one token", `{"prompt_tokens":100,"completion_tokens":9,"prompt_token_details":{"cached_tokens":64}}`, false, llm.Usage{Input: 36, CacheRead: 64, Output: 9}},
		{"reasoning inside", `{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19,"completion_tokens_details":{"reasoning_tokens":5}}`, true, llm.Usage{Input: 10, Output: 9, ReasoningOfOutput: 5}},
		{"reasoning on top", `{"prompt_tokens":10,"completion_tokens":4,"total_tokens":19,"completion_tokens_details":{"reasoning_tokens":5}}`, false, llm.Usage{Input: 10, Output: 9, ReasoningOfOutput: 5}},
		{"no total, a vendor that puts it on top", `{"prompt_tokens":10,"completion_tokens":4,"completion_tokens_details":{"reasoning_tokens":5}}`, true, llm.Usage{Input: 10, Output: 9, ReasoningOfOutput: 5}},
		{"no total", `{"prompt_tokens":10,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":5}}`, false, llm.Usage{Input: 10, Output: 9, ReasoningOfOutput: 5}},
		{"less than nothing", `{"prompt_tokens":-10,"completion_tokens":-9,"prompt_cache_hit_tokens":-1}`, false, llm.Usage{}},
		{"more cached than there was", `{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":50}}`, false, llm.Usage{CacheRead: 10, Output: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}],"usage":` + c.usage + `}`
			a, err := chat.Format{}.DecodeAnswer([]byte(body), wire.Target{ReasoningOnTop: c.onTop})
			if err != nil {
				t.Fatal(err)
			}
			c.want.Quality = llm.QualityExact
			if d := cmp.Diff(c.want, a.Usage); d != "" {
				t.Error(d)
			}
		})
	}
}

// Some servers count in every chunk, always from the beginning; others in a last
// chunk without choices.
func TestTheLastUsageOfAStreamCounts(t *testing.T) {
	chunk := func(text string, completion string) string {
		return `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"` + text + `"}}],"usage":{"prompt_tokens":10,"completion_tokens":` + completion + `}}` + "\n\n"
	}
	const end = `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	const last = `data: {"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4}}` + "\n\n"
	for name, stream := range map[string]string{
		"in every chunk":         chunk("a", "1") + chunk("b", "2") + chunk("c", "4") + end + "data: [DONE]\n\n",
		"in one without choices": chunk("a", "1") + end + last + "data: [DONE]\n\n",
	} {
		a, err := llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(stream), wire.Target{}))
		if err != nil {
			t.Fatal(err)
		}
		m := chat.Format{}.NewMeter(wire.Target{})
		r := sse.NewReader(strings.NewReader(stream))
		for {
			ev, err := r.Next()
			if err != nil {
				break
			}
			m.Event(string(ev.Name), ev.Data)
		}
		want := llm.Usage{Input: 10, Output: 4, Quality: llm.QualityExact}
		if d := cmp.Diff(want, a.Usage) + cmp.Diff(want, m.Result().Usage); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestEmptyListsOfCallsAreNoCalls(t *testing.T) {
	const stream = `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[]}}]}

data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"a","tool_calls":[]}}]}

data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[]},"finish_reason":"stop"}]}

data: [DONE]

`
	a, err := llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(stream), wire.Target{}))
	if err != nil {
		t.Fatal(err)
	}
	want := []llm.Choice{{Parts: []llm.Part{llm.Text{Text: "a"}}, Finish: llm.Finish{Reason: llm.FinishStop, Raw: "stop"}}}
	if d := cmp.Diff(want, a.Choices); d != "" {
		t.Error(d)
	}
}

// A turn of the user's may hold results and words in any order; here results come
// directly after the calls.
func TestResultsComeBeforeTheUsersWords(t *testing.T) {
	result := func(id string) llm.ToolResult {
		return llm.ToolResult{CallID: id, Parts: []llm.Part{llm.Text{Text: "r" + id}}}
	}
	out, _, err := chat.Format{}.Encode(&llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "hi"}}},
		{Role: llm.RoleAssistant, Parts: []llm.Part{llm.ToolCall{ID: "1", Name: "f"}, llm.Text{Text: "so"}, llm.ToolCall{ID: "2", Name: "f"}}},
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "and"}, result("2"), result("1"), llm.Text{Text: "on"}}},
	}}, wire.Target{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"model":"m","messages":[{"role":"user","content":"hi"},` +
		`{"role":"assistant","content":"so","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
		`{"role":"tool","content":"r2","tool_call_id":"2"},{"role":"tool","content":"r1","tool_call_id":"1"},` +
		`{"role":"user","content":[{"type":"text","text":"and"},{"type":"text","text":"on"}]}]}`
	if d := cmp.Diff(want, string(out.Body)); d != "" {
		t.Error(d)
	}
}

func TestCacheMarksAreReadInEitherSpelling(t *testing.T) {
	for mark, want := range map[string]*llm.CacheMark{
		`,"cache_control":{"type":"ephemeral","ttl":"1h"}`:     {TTL: "1h"},
		`,"prompt_cache_breakpoint":{"mode":"explicit"}`:       {},
		`,"prompt_cache_breakpoint":null,"cache_control":null`: nil,
		``: nil,
	} {
		q, err := chat.Format{}.Decode(wire.RawRequest{Body: []byte(`{"model":"m","prompt_cache_key":"k","messages":[{"role":"user","content":[{"type":"text","text":"a"` + mark + `}]}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]llm.Part{llm.Text{Text: "a", Cache: want}}, q.Messages[0].Parts); d != "" || q.Cache.Key != "k" {
			t.Errorf("%s: %s", mark, d)
		}
		out, down, err := chat.Format{}.Encode(q, wire.Target{Model: "m"})
		if err != nil || !strings.Contains(string(out.Body), `"prompt_cache_key":"k"`) || (len(down) == 1 && down[0].Feature == "cache_control") != (want != nil) {
			t.Errorf("%s: %v %v %s", mark, down, err, out.Body)
		}
	}
}
