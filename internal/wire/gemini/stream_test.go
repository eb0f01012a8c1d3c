package gemini_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

// sent frames chunks as a stream.
func sent(chunks ...string) []byte { return wiretest.Framed([]byte(strings.Join(chunks, "\n"))) }

func candidateOf(parts, finish string) string {
	if finish != "" {
		finish = `,"finishReason":"` + finish + `"`
	}
	return `{"responseId":"r","modelVersion":"v","candidates":[{"content":{"role":"model","parts":[` + parts + `]}` + finish + `}]}`
}

func TestStreamsBecomeParts(t *testing.T) {
	t.Parallel()
	sig := signature("s", origin)
	one := collected(eventsOf(t, sent(candidateOf(`{"functionCall":{"name":"f"}}`, "STOP")), target))
	base := strings.TrimSuffix(firstCall(t, one).ID, "0")
	for _, test := range []struct {
		name   string
		chunks []string
		parts  []llm.Part
		finish llm.Finish
	}{
		{
			"thoughts, text and parallel calls",
			[]string{
				candidateOf(`{"text":"th","thought":true}`, ""), candidateOf(`{"text":"ink","thought":true}`, ""),
				candidateOf(`{"text":"a"}`, ""), candidateOf(`{"text":"b"}`, ""),
				candidateOf(`{"functionCall":{"name":"f","args":{"x": 1}},"thoughtSignature":"s"}`, ""),
				candidateOf(`{"functionCall":{"name":"f","args":{"x": 2}}}`, ""), candidateOf(`{"functionCall":{"id":"own","name":"g"}}`, ""),
				candidateOf(`{"text":""}`, "STOP"),
			},
			[]llm.Part{
				llm.Reasoning{Text: "think", Summary: true},
				text("ab"),
				llm.ToolCall{ID: base + "0", Name: "f", Arguments: `{"x":1}`, Blob: sig},
				llm.ToolCall{ID: base + "1", Name: "f", Arguments: `{"x":2}`},
				llm.ToolCall{ID: "own", Name: "g", Arguments: "{}"},
			},
			llm.Finish{Reason: llm.FinishToolCalls, Raw: "STOP"},
		},
		{
			"text and a call in one part, the end in a chunk of its own",
			[]string{candidateOf(`{"text":"so","functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"s"}`, ""), `{"candidates":[{"finishReason":"STOP"}]}`},
			[]llm.Part{text("so"), llm.ToolCall{ID: "1", Name: "f", Arguments: "{}", Blob: sig}},
			llm.Finish{Reason: llm.FinishToolCalls, Raw: "STOP"},
		},
		{
			"a signature ends a text",
			[]string{candidateOf(`{"text":"a"}`, ""), candidateOf(`{"text":"","thoughtSignature":"s"},{"text":"b"}`, "MAX_TOKENS")},
			[]llm.Part{llm.Text{Text: "a", Blob: sig}, text("b")},
			llm.Finish{Reason: llm.FinishLength, Raw: "MAX_TOKENS"},
		},
		{
			"a signature on an empty text after a call",
			[]string{candidateOf(`{"functionCall":{"id":"1","name":"f"}},{"text":"","thoughtSignature":"s"}`, "STOP")},
			[]llm.Part{llm.ToolCall{ID: "1", Name: "f", Arguments: "{}"}, llm.Text{Blob: sig}},
			llm.Finish{Reason: llm.FinishToolCalls, Raw: "STOP"},
		},
		{
			"an image and code",
			[]string{candidateOf(`{"inlineData":{"mimeType":"image/png","data":"aGk="},"thoughtSignature":"s"},{"executableCode":{"code":"1"}}`, "STOP")},
			[]llm.Part{llm.Media{MIME: "image/png", Data: "aGk=", Blob: sig}, llm.Opaque{Format: llm.FormatGemini, Type: "executableCode", Raw: []byte(`{"executableCode":{"code":"1"}}`)}},
			llm.Finish{Reason: llm.FinishStop, Raw: "STOP"},
		},
		{
			"a finish in every chunk",
			[]string{candidateOf(`{"text":"a"}`, "STOP"), candidateOf(`{"text":"b"}`, "STOP")},
			[]llm.Part{text("ab")},
			llm.Finish{Reason: llm.FinishStop, Raw: "STOP"},
		},
		{
			"sources",
			[]string{candidateOf(`{"text":"Grüße"}`, ""), `{"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"u","title":"t"}}],"groundingSupports":[{"segment":{"startIndex":2,"endIndex":7},"groundingChunkIndices":[0,9]}]}}]}`},
			[]llm.Part{llm.Text{Text: "Grüße!", Citations: []llm.Citation{{Start: 2, End: 5, URL: "u", Title: "t"}}}},
			llm.Finish{Reason: llm.FinishStop, Raw: "STOP"},
		},
		{
			"probabilities",
			[]string{`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","logprobsResult":{"chosenCandidates":[{"token":"a","logProbability":-1}],"topCandidates":[{"candidates":[{"token":"b","logProbability":-2}]}]}}]}`},
			[]llm.Part{llm.Text{Text: "a", Logprobs: []llm.TokenLogprob{{Token: "a", Logprob: -1, Bytes: []byte("a"), Top: []llm.TokenLogprob{{Token: "b", Logprob: -2, Bytes: []byte("b")}}}}}},
			llm.Finish{Reason: llm.FinishStop, Raw: "STOP"},
		},
		{
			"a refused prompt",
			[]string{`{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3}}`},
			nil,
			llm.Finish{Reason: llm.FinishContentFilter, Raw: "PROHIBITED_CONTENT"},
		},
		{
			"a broken call",
			[]string{`{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"what?"}]}`},
			nil,
			llm.Finish{Reason: llm.FinishToolMalformed, Raw: "MALFORMED_FUNCTION_CALL", Detail: "what?"},
		},
	} {
		stream := sent(test.chunks...)
		events := eventsOf(t, stream, target)
		if err := grammar(events); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		a := collected(events)
		if diff := cmp.Diff(llm.Choice{Parts: test.parts, Finish: test.finish}, a.Choices[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		array, err := format.DecodeAnswer([]byte("["+strings.Join(test.chunks, ",")+"]"), target)
		if diff := cmp.Diff(a, array); diff != "" || err != nil {
			t.Errorf("%s: as an array: %v (-stream +array):\n%s", test.name, err, diff)
		}
		m := format.NewMeter(target)
		for _, c := range test.chunks {
			if v := m.Event("", []byte(c)); v.Err != nil {
				t.Error(v.Err)
			}
		}
		if diff := cmp.Diff(metered(a, false), m.Result()); diff != "" {
			t.Errorf("%s: metered (-want +got):\n%s", test.name, diff)
		}
		again := collected(eventsOf(t, encoded(t, events, false), target))
		again.Choices[0].Finish.Raw, again.Choices[0].Finish.Detail = test.finish.Raw, test.finish.Detail
		if diff := cmp.Diff(a.Choices[0], again.Choices[0]); diff != "" {
			t.Errorf("%s: after a round trip (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestStreamsThatFail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		stream []byte
		kind   llm.Kind
	}{
		{"cut", sent(candidateOf(`{"text":"a"}`, "")), llm.KindTruncated},
		{"empty", nil, llm.KindTruncated},
		{"cut in another format's way", append(sent(candidateOf(`{"text":"a"}`, "")), "data: [DONE]\n\n"...), llm.KindTruncated},
		{"error", sent(candidateOf(`{"text":"a"}`, ""), `{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}`), llm.KindOverloaded},
		{"error in a list", sent(`[{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}]`), llm.KindRateLimit},
		{"no JSON", sent(`{"candidates":`), llm.KindUpstream},
	} {
		_, err := llm.Collect(format.DecodeStream(bytes.NewReader(test.stream), target))
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != test.kind {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	for _, err := range format.DecodeStream(bytes.NewReader(sent(candidateOf(`{"text":"a"}`, "STOP"))), target) {
		if err != nil {
			t.Error(err)
		}
		break // leaving early is no failure
	}
}

func TestSeveralCandidates(t *testing.T) {
	t.Parallel()
	chunks := []string{
		`{"candidates":[{"index":0,"content":{"parts":[{"text":"a"}]}},{"index":1,"content":{"parts":[{"text":"b"}]}}]}`,
		`{"candidates":[{"index":0,"content":{"parts":[{"text":"c"}]},"finishReason":"STOP"}]}`,
		`{"candidates":[{"index":1,"content":{"parts":[{"functionCall":{"id":"1","name":"f"}}]},"finishReason":"STOP"}]}`,
	}
	m := format.NewMeter(target)
	for i, c := range chunks {
		if v := m.Event("", []byte(c)); v.Done != (i == 2) {
			t.Errorf("chunk %d: %+v", i, v)
		}
	}
	a := collected(eventsOf(t, sent(chunks...), target))
	want := []llm.Choice{
		{Parts: []llm.Part{text("ac")}, Finish: llm.Finish{Reason: llm.FinishStop, Raw: "STOP"}},
		{Parts: []llm.Part{text("b"), call("1", "f", "{}")}, Finish: llm.Finish{Choice: 1, Reason: llm.FinishToolCalls, Raw: "STOP"}},
	}
	if diff := cmp.Diff(want, a.Choices); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUsageIsSplitAndJoined(t *testing.T) {
	t.Parallel()
	body := `{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":30,"toolUsePromptTokenCount":7,"candidatesTokenCount":10,"thoughtsTokenCount":5,"totalTokenCount":122,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":4}]}}`
	a, err := format.DecodeAnswer([]byte(body), target)
	if err != nil {
		t.Fatal(err)
	}
	want := llm.Usage{Input: 77, CacheRead: 30, Output: 15, ReasoningOfOutput: 5, AudioIn: 4, Quality: llm.QualityExact}
	if diff := cmp.Diff(want, a.Usage); diff != "" || a.Usage.Total() != 122 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out, err := format.EncodeAnswer(a, caller())
	if err != nil || !strings.Contains(string(out), `"usageMetadata":{"promptTokenCount":107,"candidatesTokenCount":10,"totalTokenCount":122,"cachedContentTokenCount":30,"thoughtsTokenCount":5,`) {
		t.Errorf("%s, %v", out, err)
	}
}

func TestInterleavedPartsGoOutInOrder(t *testing.T) {
	t.Parallel()
	events := []llm.Event{
		llm.Start{ID: "r"},
		llm.PartStart{Index: 0, Part: llm.Text{}},
		llm.PartStart{Index: 1, Part: call("1", "f", "")},
		llm.PartStart{Index: 2, Part: call("2", "g", "")},
		llm.ArgumentsDelta{Index: 2, Arguments: `{"a"`},
		llm.ArgumentsDelta{Index: 1, Arguments: `{"b":`},
		llm.TextDelta{Index: 0, Text: "hi"},
		llm.ArgumentsDelta{Index: 2, Arguments: `:1}`},
		llm.PartEnd{Index: 2},
		llm.ArgumentsDelta{Index: 1, Arguments: `2}`},
		llm.TextDelta{Index: 0, Text: " you"},
		llm.PartEnd{Index: 0},
		llm.PartEnd{Index: 1},
		llm.Finish{Reason: llm.FinishToolCalls},
		llm.UsageUpdate{Usage: llm.Usage{Input: 1, Output: 2, Quality: llm.QualityExact}},
	}
	a := collected(eventsOf(t, encoded(t, events, false), target))
	want := []llm.Part{text("hi you"), call("1", "f", `{"b":2}`), call("2", "g", `{"a":1}`)}
	if diff := cmp.Diff(want, a.Choices[0].Parts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a.Usage.Total() != 3 {
		t.Errorf("usage %+v", a.Usage)
	}
}

func TestTheBytesOfAStream(t *testing.T) {
	t.Parallel()
	events := []llm.Event{
		llm.Start{ID: "r", Model: "v"},
		llm.PartStart{Part: llm.Text{}},
		llm.TextDelta{Text: "a"},
		llm.PartEnd{},
		llm.UsageUpdate{Usage: llm.Usage{Input: 1, Output: 2, Quality: llm.QualityExact}},
		llm.Finish{Reason: llm.FinishStop},
	}
	const (
		first = `{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"index":0}],"modelVersion":"shown","responseId":"r"}`
		last  = `{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"modelVersion":"shown","responseId":"r"}`
	)
	array := decode(t, streamPath, "", `{"contents":[{"parts":[{"text":"x"}]}]}`)
	for _, test := range []struct {
		request *llm.Request
		want    string
	}{
		{&llm.Request{}, "\n\ndata: " + first + "\n\ndata: " + last + "\n\n"},
		{array, "\n\n[" + first + ",\r\n" + last + "]"},
	} {
		var b bytes.Buffer
		enc := format.NewStream(&b, wire.Caller{Request: test.request, Model: "shown"})
		err := enc.Ping()
		for _, e := range events {
			err = errors.Join(err, enc.Write(e))
		}
		if err := errors.Join(err, enc.Close()); err != nil || b.String() != test.want {
			t.Errorf("%v\ngot  %q\nwant %q", err, b.String(), test.want)
		}
	}
}

func TestAFailureTakesThePlaceOfAChunk(t *testing.T) {
	t.Parallel()
	array := decode(t, streamPath, "", `{"contents":[{"parts":[{"text":"x"}]}]}`)
	failure := &llm.Error{Kind: llm.KindOverloaded, Message: "busy"}
	const body = `{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}`
	for want, q := range map[string]*llm.Request{"data: " + body + "\n\n": nil, "[" + body + "]": array} {
		var b bytes.Buffer
		if err := format.NewStream(&b, wire.Caller{Request: q}).Fail(failure); err != nil || b.String() != want {
			t.Errorf("%v, got %q, want %q", err, b.String(), want)
		}
	}
}

func TestThoughtsAreShownToWhoAskedForThem(t *testing.T) {
	t.Parallel()
	a := &llm.Answer{Choices: []llm.Choice{{Parts: []llm.Part{llm.Reasoning{Text: "hm", Blob: signature("s", origin)}, llm.Reasoning{Text: "hidden"}, text("a")}, Finish: llm.Finish{Reason: llm.FinishStop}}}}
	for config, want := range map[string]string{
		`{}`: `[{"text":"","thought":true,"thoughtSignature":"s"},{"text":"a"}]`,
		`{"thinkingConfig":{"includeThoughts":true}}`: `[{"text":"hm","thought":true,"thoughtSignature":"s"},{"text":"hidden","thought":true},{"text":"a"}]`,
	} {
		q := decode(t, wholePath, "", `{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":`+config+`}`)
		out, err := format.EncodeAnswer(a, wire.Caller{Request: q})
		if err != nil || !strings.Contains(string(out), `"parts":`+want) {
			t.Errorf("%s: %v\n%s", config, err, out)
		}
	}
}

func TestToolNamesFindTheirWayBack(t *testing.T) {
	t.Parallel()
	tg := wire.Target{Names: &wire.ToolNames{}}
	sentName := tg.Names.Out("mcp.read file")
	a, err := format.DecodeAnswer([]byte(candidateOf(`{"functionCall":{"name":"`+sentName+`"}}`, "STOP")), tg)
	if err != nil {
		t.Fatal(err)
	}
	if got := firstCall(t, a).Name; got != "mcp.read file" {
		t.Errorf("the call is named %q", got)
	}
}

func TestIdsOfTwoAnswersDiffer(t *testing.T) {
	t.Parallel()
	body := []byte(`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}]}`)
	seen := map[string]bool{}
	for range 2 {
		a, err := format.DecodeAnswer(body, target)
		if err != nil {
			t.Fatal(err)
		}
		seen[firstCall(t, a).ID] = true
	}
	if len(seen) != 2 {
		t.Errorf("ids %v", seen)
	}
}

func TestWholeAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for body, kind := range map[string]llm.Kind{
		`{"error":{"code":500,"message":"x","status":"INTERNAL"}}`: llm.KindUpstream,
		`{"usageMetadata":{"promptTokenCount":1}}`:                 llm.KindUpstream,
		`nonsense`: llm.KindUpstream,
		``:         llm.KindUpstream,
		`[` + candidateOf(`{"text":"a"}`, "") + `]`: llm.KindTruncated,
	} {
		_, err := format.DecodeAnswer([]byte(body), target)
		v := format.NewMeter(target).Body([]byte(body))
		if e := llm.AsError(err); e == nil || e.Kind != kind || v.Err == nil || v.Err.Kind != kind {
			t.Errorf("%s: %v, %v", body, err, v.Err)
		}
	}
}

func TestAnswersSayWhenTheyWereMade(t *testing.T) {
	t.Parallel()
	a, err := format.DecodeAnswer([]byte(`{"createTime":"2026-01-02T03:04:05Z","candidates":[{"finishReason":"STOP"}]}`), target)
	if err != nil || !a.Created.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("%+v, %v", a, err)
	}
}
