package messages

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func TestPeek(t *testing.T) {
	t.Parallel()
	tests := map[string]wire.Peeked{
		wholeRequest: {
			Model: "claude-x", Stream: true, StreamUsage: true, MaxOutput: 4096, HasTools: true, EndUser: "user_7_account_8", Session: "9",
		},
		`{}`: {StreamUsage: true},
		`{"model":"m","tools":[ ],"metadata":{"user_id":"{\"session_id\":\"s\"}"}}`: {Model: "m", StreamUsage: true, EndUser: `{"session_id":"s"}`, Session: "s"},
		`{"metadata":{"user_id":null},"tools":null}`:                                {StreamUsage: true},
	}
	for body, want := range tests {
		got, err := Format{}.Peek(wire.RawRequest{Body: []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for _, body := range []string{``, `[]`, `{"model":1}`, `{"model":"a","model":"b"}`, `{"max_tokens":"x"}`, `{"a":}`, `{} x`, `{"metadata":3}`} {
		_, err := Format{}.Peek(wire.RawRequest{Body: []byte(body)})
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 || e.Message == "" {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestPeekAllocatesOnlyItsTexts(t *testing.T) {
	r := wire.RawRequest{Body: []byte(wholeRequest)}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := (Format{}).Peek(r); err != nil {
			t.Fatal(err)
		}
	}); n > 3 {
		t.Errorf("%v allocations", n)
	}
}

func TestSplice(t *testing.T) {
	t.Parallel()
	body := `{ "model" : "a", "thinking":{"type":"enabled", "budget_tokens":9}, "top_k":1,"messages": [1],  "x":"é\u00e9" }`
	tests := map[string]struct {
		edits wire.Edits
		want  string
	}{
		"nothing":      {wire.Edits{Model: "a", AskUsage: true}, body},
		"model":        {wire.Edits{Model: "b"}, `{ "model" : "b", "thinking":{"type":"enabled", "budget_tokens":9}, "top_k":1,"messages": [1],  "x":"é\u00e9" }`},
		"drop":         {wire.Edits{Drop: []string{"top_k", "none"}}, `{ "model" : "a", "thinking":{"type":"enabled", "budget_tokens":9}, "messages": [1],  "x":"é\u00e9" }`},
		"nested":       {wire.Edits{Drop: []string{"thinking.budget_tokens", "thinking.none", "none.x"}}, `{ "model" : "a", "thinking":{"type":"enabled"}, "top_k":1,"messages": [1],  "x":"é\u00e9" }`},
		"nested, all":  {wire.Edits{Drop: []string{"thinking.budget_tokens", "thinking.type"}}, `{ "model" : "a", "top_k":1,"messages": [1],  "x":"é\u00e9" }`},
		"conversation": {wire.Edits{Messages: []byte(`[2]`), Rename: map[string]string{"top_k": "k"}}, `{ "model" : "a", "thinking":{"type":"enabled", "budget_tokens":9}, "k":1,"messages": [2],  "x":"é\u00e9" }`},
		"set":          {wire.Edits{Set: map[string][]byte{"top_k": []byte("2")}, Drop: []string{"top_k"}}, `{ "model" : "a", "thinking":{"type":"enabled", "budget_tokens":9}, "top_k":2,"messages": [1],  "x":"é\u00e9" }`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := wire.RawRequest{Body: []byte(body), Header: http.Header{"Anthropic-Version": {"2026-10-21"}}}
			p, err := Format{}.Peek(r)
			if err != nil {
				t.Fatal(err)
			}
			out, err := Format{}.Splice(r, p, test.edits)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(out.Body)); diff != "" {
				t.Error(diff)
			}
			if out.Path != "/messages" || out.Header.Get("Anthropic-Version") != "2026-10-21" {
				t.Errorf("%s %v", out.Path, out.Header)
			}
		})
	}
}

// Ordinary deltas are measured, not decoded.
func TestMeterMeasuresDeltas(t *testing.T) {
	t.Parallel()
	tests := map[string]int{
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}`:                          0,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\n\"b\" é"}}`:                8,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\u00e9\ud83d\ude00"}}`:        6,
		`{"type": "content_block_delta", "index": 0, "delta": {"text": "ab", "type": "text_delta"}}`:                2,
		`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\"text\":\"x\""}}`:    10,
		`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"text\":1"}}`: 9,
	}
	for data, want := range tests {
		for _, name := range []string{"", "content_block_delta"} {
			m := Format{}.NewMeter(wire.Target{})
			v := m.Event(name, []byte(data))
			if got := m.Result().OutputBytes; got != int64(want) || v.Meaningful != (want > 0) {
				t.Errorf("%s: %d bytes, meaningful %v", data, got, v.Meaningful)
			}
		}
	}
}

func TestMeterAllocatesNothingForDeltas(t *testing.T) {
	m := Format{}.NewMeter(wire.Target{})
	data := []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"some words of an answer"}}`)
	if n := testing.AllocsPerRun(100, func() { m.Event("content_block_delta", data) }); n > 0 {
		t.Errorf("%v allocations a delta", n)
	}
}

func TestMeterSeesErrors(t *testing.T) {
	t.Parallel()
	m := Format{}.NewMeter(wire.Target{})
	v := m.Event("error", []byte(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`))
	if v.Err == nil || v.Err.Kind != llm.KindOverloaded || m.Result().Complete {
		t.Errorf("%+v", v)
	}
	// An end without a reason is none.
	if v = m.Event("message_stop", []byte(`{"type":"message_stop"}`)); v.Done || m.Result().Complete {
		t.Errorf("%+v", v)
	}
}

func TestDecodeModels(t *testing.T) {
	t.Parallel()
	body := `{"data":[{"type":"model","id":"m1","display_name":"M 1","created_at":"2026-02-03T00:00:00Z","max_input_tokens":200000,"max_tokens":64000,
		"lifecycle":"deprecated","retires_at":"2026-12-01T00:00:00Z","capabilities":{"image_input":{"supported":true},"thinking":{"supported":false}}},
		{"id":"m2","created_at":"1970-01-01T00:00:00Z","capabilities":null,"lifecycle":{"state":"active"}},{"id":""},{"id":"m3","created_at":123}],
		"has_more":true,"last_id":"m3"}`
	got, next, err := Format{}.DecodeModels([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := []wire.ListedModel{
		{
			ID: "m1", Name: "M 1", Context: 200000, MaxOutput: 64000, State: "deprecated", Vision: ptr(true), Thinking: ptr(false),
			Created: time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), Shutdown: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
		},
		{ID: "m2"},
		{ID: "m3"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if next.Get("after_id") != "m3" {
		t.Error(next)
	}
	odd, _, err := Format{}.DecodeModels([]byte(`{"data":[{"id":"a","capabilities":[]},{"id":7},"b",{"id":"c","max_tokens":5}]}`))
	if err != nil || len(odd) != 2 || odd[0].ID != "a" || odd[1].ID != "c" || odd[1].MaxOutput != 5 {
		t.Errorf("entries that are odd: %+v %v", odd, err)
	}
	if _, next, err = (Format{}).DecodeModels([]byte(`{"data":[],"has_more":false}`)); err != nil || next != nil {
		t.Error(next, err)
	}
	for _, body := range []string{"", "<html>", "[]", "{}"} {
		if _, _, err := (Format{}).DecodeModels([]byte(body)); err == nil {
			t.Errorf("%q is taken for a list", body)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const rest = `"model":"m","max_tokens":1`
	for body, param := range map[string]string{
		`[]`:                             "",
		`{"messages":[{"role":"user"}]}`: "model",
		`{` + rest + `}`:                 "messages",
		`{` + rest + `,"messages":[]}`:   "messages",
		`{` + rest + `,"messages":"x"}`:  "messages",
		`{` + rest + `,"messages":[{"role":"tool","content":"x"}]}`:                                         "messages.0.role",
		`{` + rest + `,"messages":[{"role":"user","content":3}]}`:                                           "messages.0.content",
		`{` + rest + `,"messages":[{"role":"user","content":[{"text":"x"}]}]}`:                              "messages.0.content.0",
		`{` + rest + `,"messages":[{"role":"user","content":[{"type":"text","text":3}]}]}`:                  "messages.0.content.0.text",
		`{` + rest + `,"messages":[{"role":"user","content":[{"type":"tool_result","content":"x"}]}]}`:      "messages.0.content.0",
		`{` + rest + `,"system":7,"messages":[{"role":"user","content":"x"}]}`:                              "system",
		`{` + rest + `,"temperature":"x","messages":[{"role":"user","content":"x"}]}`:                       "temperature",
		`{` + rest + `,"tools":[{}],"messages":[{"role":"user","content":"x"}]}`:                            "tools",
		`{` + rest + `,"tool_choice":{"type":"x"},"messages":[{"role":"user","content":"x"}]}`:              "tool_choice",
		`{` + rest + `,"thinking":{},"messages":[{"role":"user","content":"x"}]}`:                           "thinking",
		`{` + rest + `,"output_config":{"effort":"huge"},"messages":[{"role":"user","content":"x"}]}`:       "output_config.effort",
		`{` + rest + `,"output_config":{"format":{"type":"x"}},"messages":[{"role":"user","content":"x"}]}`: "output_config.format",
		`{` + rest + `,"metadata":{"user_id":3},"messages":[{"role":"user","content":"x"}]}`:                "metadata.user_id",
	} {
		_, err := Format{}.Decode(wire.RawRequest{Body: []byte(body)})
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 || e.Param != param {
			t.Errorf("%s: %+v", body, err)
		}
	}
}
