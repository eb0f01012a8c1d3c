package responses_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// The answer says every field that typed clients expect, and echoes the request.
func TestEncodeAnswerEchoes(t *testing.T) {
	t.Parallel()
	q := decode(t, `{"model":"asked","instructions":"be brief","input":"hi","tools":[{"type":"web_search"}],"reasoning":{"effort":"low"},"temperature":0.5,"metadata":{"a":"b"},"store":false,"max_output_tokens":50,"previous_response_id":"resp_0"}`)
	a := &llm.Answer{ID: "msg_01", Model: "real", Usage: used, Choices: []llm.Choice{{
		Parts: []llm.Part{
			llm.Reasoning{Text: "hm", Blob: &llm.Blob{Kind: llm.BlobSignature, Data: "sig"}},
			llm.Text{Text: "a"},
			llm.Text{Text: "b"},
			llm.Opaque{Format: llm.FormatMessages, Type: "x", Raw: []byte(`{}`)},
			llm.Media{Kind: llm.MediaImage, MIME: "image/png", Data: "AA"},
			llm.ToolCall{ID: "c", Name: "f"},
		},
		Finish: llm.Finish{Reason: llm.FinishToolCalls},
	}}}
	got, err := format.EncodeAnswer(a, wire.Caller{Request: q, Model: "shown", ID: "01J", Now: time.Unix(1700000000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"resp_01J","object":"response","created_at":1700000000,"status":"completed","background":false,"error":null,"incomplete_details":null,"instructions":"be brief","max_output_tokens":50,"max_tool_calls":null,"model":"shown","output":[` +
		`{"id":"rs_01J_0","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},` +
		`{"id":"msg_01J_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"a"},{"type":"output_text","annotations":[],"logprobs":[],"text":"b"}]},` +
		`{"id":"ig_01J_2","type":"image_generation_call","status":"completed","result":"AA"},` +
		`{"id":"fc_01J_3","type":"function_call","status":"completed","arguments":"{}","call_id":"c","name":"f"}],` +
		`"parallel_tool_calls":true,"previous_response_id":"resp_0","prompt_cache_key":null,"prompt_cache_retention":null,"reasoning":{"effort":"low","summary":null},"safety_identifier":null,"service_tier":"default","store":false,"temperature":0.5,"text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[{"type":"web_search"}],"top_logprobs":0,"top_p":1,"truncation":"disabled",` +
		`"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":3,"ttl_12h_tokens":1},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15},"user":null,"metadata":{"a":"b"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestEncodeAnswerEnds(t *testing.T) {
	t.Parallel()
	text, refusal := llm.Text{Text: "x"}, llm.Refusal{Text: "no"}
	tests := []struct {
		name   string
		part   llm.Part
		finish llm.Finish
		want   string // status, reason, error
		item   string
	}{
		{"stop", text, llm.Finish{Reason: llm.FinishStop}, "completed", "completed"},
		{"a sequence", text, llm.Finish{Reason: llm.FinishStopSequence}, "completed", "completed"},
		{"the cap", text, llm.Finish{Reason: llm.FinishLength}, "incomplete max_output_tokens", "incomplete"},
		{"the window", text, llm.Finish{Reason: llm.FinishContextFull}, "incomplete max_output_tokens", "incomplete"},
		{"the filter", text, llm.Finish{Reason: llm.FinishContentFilter}, "incomplete content_filter", "incomplete"},
		{"a refusal in words", refusal, llm.Finish{Reason: llm.FinishContentFilter}, "completed", "completed"},
		{"an error", text, llm.Finish{Reason: llm.FinishError, Detail: "broke"}, "failed broke", "incomplete"},
		{"a pause", text, llm.Finish{Reason: llm.FinishPause}, "completed", "completed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := &llm.Answer{Choices: []llm.Choice{{Parts: []llm.Part{test.part}, Finish: test.finish}}}
			body, err := format.EncodeAnswer(a, wire.Caller{ID: "1"})
			if err != nil {
				t.Fatal(err)
			}
			var list []llm.Event
			for e := range llm.Events(a) {
				list = append(list, e)
			}
			stream := encode(t, list, wire.Caller{ID: "1"})
			if err := checkStream(stream); err != nil {
				t.Error(err)
			}
			all, err := events(stream)
			if err != nil {
				t.Fatal(err)
			}
			last := all[len(all)-1].Response
			for how, r := range map[string]any{"whole": body, "streamed": last} {
				var got struct {
					Status string            `json:"status"`
					Why    map[string]string `json:"incomplete_details"`
					Error  map[string]string `json:"error"`
					Output []map[string]any  `json:"output"`
				}
				raw, ok := r.([]byte)
				if !ok {
					if raw, err = json.Marshal(r); err != nil {
						t.Fatal(err)
					}
				}
				if err := json.Unmarshal(raw, &got); err != nil {
					t.Fatal(err)
				}
				said := strings.TrimSpace(got.Status + " " + got.Why["reason"] + got.Error["message"])
				if said != test.want || got.Output[0]["status"] != test.item {
					t.Errorf("%s: %q with an item %v", how, said, got.Output[0]["status"])
				}
			}
		})
	}
}

func TestDecodeAnswerRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, body string
		kind       llm.Kind
	}{
		{"no JSON", `<html>`, llm.KindUpstream},
		{"no answer", `{}`, llm.KindUpstream},
		{"an error in its place", `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, llm.KindRateLimit},
		{"an error that is text", `{"code":"x","error":"no"}`, llm.KindUpstream},
		{"failed", `{"status":"failed","error":{"code":"server_error","message":"oops"},"output":[]}`, llm.KindUpstream},
		{"canceled", `{"status":"cancelled","output":[]}`, llm.KindUpstream},
		{"not done", `{"status":"queued","output":[]}`, llm.KindUpstream},
		{"an item of numbers", `{"status":"completed","output":[7]}`, llm.KindUpstream},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := format.DecodeAnswer([]byte(test.body), here)
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != test.kind || e.Message == "" {
				t.Errorf("got %+v", err)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, usage string
		onTop       bool
		want        llm.Usage
	}{
		{"reasoning inside", `{"input_tokens":10,"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15}`, true, llm.Usage{Input: 10, Output: 5, ReasoningOfOutput: 2, Quality: llm.QualityExact}},
		{"reasoning on top", `{"input_tokens":10,"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":17}`, false, llm.Usage{Input: 10, Output: 7, ReasoningOfOutput: 2, Quality: llm.QualityExact}},
		{"no total", `{"input_tokens":10,"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2}}`, true, llm.Usage{Input: 10, Output: 7, ReasoningOfOutput: 2, Quality: llm.QualityExact}},
		{"more cached than there was", `{"input_tokens":10,"input_tokens_details":{"cached_tokens":99,"cache_write_tokens":5},"output_tokens":-1}`, false, llm.Usage{CacheRead: 10, Quality: llm.QualityExact}},
		{"the price", `{"input_tokens":1,"output_tokens":1,"total_tokens":2,"cost":0.0012}`, false, llm.Usage{Input: 1, Output: 1, Quality: llm.QualityExact, ProviderCost: ptr(llm.NanoUSD(1_200_000))}},
		{"nobody counted", `null`, false, llm.Usage{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target := wire.Target{ReasoningOnTop: test.onTop}
			a, err := format.DecodeAnswer([]byte(`{"status":"completed","output":[],"usage":`+test.usage+`}`), target)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, a.Usage); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
		})
	}
}

// counted counts the writes.
type counted struct {
	bytes.Buffer
	n int
}

func (c *counted) Write(p []byte) (int, error) {
	c.n++
	return c.Buffer.Write(p)
}

func TestStreamEdges(t *testing.T) {
	t.Parallel()
	t.Run("one write a call, pings before anything", func(t *testing.T) {
		t.Parallel()
		var w counted
		s := format.NewStream(&w, wire.Caller{ID: "1"})
		for i, do := range []func() error{
			s.Ping,
			func() error { return s.Write(llm.Start{}) },
			func() error { return s.Write(llm.PartStart{Part: llm.Text{Text: "x"}}) },
			s.Close,
		} {
			if err := do(); err != nil || w.n != i+1 {
				t.Fatalf("%d writes after %d calls, %v", w.n, i+1, err)
			}
		}
		if err := checkStream(w.Bytes()); err != nil || !bytes.HasPrefix(w.Bytes(), []byte(": ping\n\n")) {
			t.Errorf("%v in\n%s", err, w.Bytes())
		}
	})
	t.Run("a failure in the middle", func(t *testing.T) {
		t.Parallel()
		var w bytes.Buffer
		s := format.NewStream(&w, wire.Caller{ID: "1"})
		e := &llm.Error{Kind: llm.KindTruncated, Message: "it broke", Raw: []byte("secret")}
		for _, err := range []error{
			s.Write(llm.Start{}), s.Write(llm.PartStart{Part: llm.Text{Text: "x"}}), s.Fail(e),
			s.Write(llm.TextDelta{Text: "late"}), s.Close(), s.Fail(e),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := checkStream(w.Bytes()); err != nil {
			t.Errorf("%v in\n%s", err, w.Bytes())
		}
		if !strings.Contains(w.String(), `{"type":"error","code":"truncated","message":"it broke","param":null,"sequence_number":5}`) || strings.Contains(w.String(), "secret") {
			t.Error(w.String())
		}
	})
	t.Run("other choices and unknown parts are left out", func(t *testing.T) {
		t.Parallel()
		stream := encode(t, []llm.Event{
			llm.Start{},
			llm.PartStart{Choice: 1, Part: llm.Text{Text: "other"}},
			llm.TextDelta{Choice: 1, Text: "other"},
			llm.TextDelta{Index: 7, Text: "other"},
			llm.PartStart{Index: 0, Part: llm.Opaque{Format: llm.FormatGemini, Raw: []byte(`{}`)}},
			llm.PartEnd{},
			llm.PartStart{Index: 1, Part: llm.Opaque{Format: llm.FormatResponses, Type: "x", Raw: []byte(`{`)}},
			llm.Finish{Choice: 1},
			llm.Finish{},
		}, wire.Caller{ID: "1"})
		if err := checkStream(stream); err != nil || bytes.Contains(stream, []byte("other")) || bytes.Contains(stream, []byte("output_item")) {
			t.Errorf("%v in\n%s", err, stream)
		}
	})
}

func TestDecodeModels(t *testing.T) {
	t.Parallel()
	want := []wire.ListedModel{
		{ID: "a", OwnedBy: "o", Created: time.Unix(1700000000, 0).UTC(), Shutdown: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)},
		{ID: "b", Context: 8192},
	}
	list := `[{"id":"a","object":"model","created":1700000000,"owned_by":"o","shutdown_date":"2027-01-02"},{"id":7},{"id":"b","context_length":8192}]`
	for _, body := range []string{`{"object":"list","data":` + list + `}`, list} {
		got, next, err := format.DecodeModels([]byte(body))
		if err != nil || next != nil {
			t.Fatal(next, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("models (-want +got):\n%s", diff)
		}
	}
	if _, _, err := format.DecodeModels([]byte(`<html>`)); err == nil {
		t.Error("HTML is a model list")
	}
}

// A forwarded answer that breaks has begun already: what is added is the error
// alone, numbered as the event that it is.
func TestTheErrorOfAForwardedStream(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := format.NewStream(&b, wire.Caller{Request: &llm.Request{}, Passed: 7})
	if err := s.Fail(&llm.Error{Kind: llm.KindTruncated, Message: "broke"}); err != nil {
		t.Fatal(err)
	}
	want := "event: error\ndata: {\"type\":\"error\",\"code\":\"truncated\",\"message\":\"broke\",\"param\":null,\"sequence_number\":7}\n\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
