package messages

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// writes counts the writes of an encoder.
type writes struct {
	bytes.Buffer
	n int
}

func (w *writes) Write(p []byte) (int, error) {
	w.n++
	return w.Buffer.Write(p)
}

// anyPart draws a part of an answer that this format can say, with its deltas.
func anyPart(t *rapid.T, index int) (llm.Part, []llm.Event) {
	piece := rapid.StringN(1, 8, -1)
	pieces := rapid.SliceOfN(piece, 1, 4)
	var events []llm.Event
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		p := llm.Text{}
		for _, s := range pieces.Draw(t, "text") {
			p.Text += s
			events = append(events, llm.TextDelta{Index: index, Text: s})
		}
		return p, append([]llm.Event{llm.PartStart{Index: index, Part: llm.Text{}}}, events...)
	case 1:
		p := llm.Reasoning{}
		for _, s := range pieces.Draw(t, "thought") {
			p.Text += s
			events = append(events, llm.ReasoningDelta{Index: index, Text: s})
		}
		p.Blob = &llm.Blob{Kind: llm.BlobSignature, Data: "sig" + piece.Draw(t, "signature"), Origin: here}
		events = append(events, llm.BlobDelta{Index: index, Blob: *p.Blob})
		return p, append([]llm.Event{llm.PartStart{Index: index, Part: llm.Reasoning{}}}, events...)
	case 2:
		p := llm.Reasoning{Blob: &llm.Blob{Kind: llm.BlobRedacted, Data: piece.Draw(t, "redacted"), Origin: here}}
		return p, []llm.Event{llm.PartStart{Index: index, Part: p}}
	case 3:
		raw := fmt.Sprintf(`{"type":"server_tool_use","id":"s%d","name":"w","input":{"q":%s}}`, index, scan.Quote(piece.Draw(t, "query")))
		v, _ := compacted([]byte(raw))
		p := llm.Opaque{Format: llm.FormatMessages, Type: "server_tool_use", Raw: v}
		return p, []llm.Event{llm.PartStart{Index: index, Part: p}}
	}
	p := llm.ToolCall{ID: fmt.Sprintf("call_%d", index), Name: "f"}
	start := llm.PartStart{Index: index, Part: p}
	p.Arguments = "{}"
	if s := piece.Draw(t, "argument"); rapid.Bool().Draw(t, "arguments") {
		p.Arguments = wire.FreeTextArguments(s)
		half := len(`{"in`)
		events = append(events, llm.ArgumentsDelta{Index: index, Arguments: p.Arguments[:half]}, llm.ArgumentsDelta{Index: index, Arguments: p.Arguments[half:]})
	}
	return p, append([]llm.Event{start}, events...)
}

// Whatever order the events of interleaving parts come in, the stream keeps the
// grammar and says all of them.
func TestAnyLegalOrderKeepsTheGrammar(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want []llm.Part
		var queues [][]llm.Event
		for i := range rapid.IntRange(0, 5).Draw(t, "parts") {
			p, events := anyPart(t, i)
			want = append(want, p)
			queues = append(queues, append(events, llm.PartEnd{Index: i}))
		}
		var out writes
		s := Format{}.NewStream(&out, wire.Caller{InputEstimate: 7, Model: "shown"})
		calls := 0
		put := func(e llm.Event) {
			before := out.n
			if err := s.Write(e); err != nil {
				t.Fatal(err)
			}
			if out.n > before+1 {
				t.Fatal("more than one write for an event")
			}
			calls++
		}
		if rapid.Bool().Draw(t, "early ping") {
			if err := s.Ping(); err != nil {
				t.Fatal(err)
			}
		}
		put(llm.Start{ID: "id", Model: "m"})
		opened := 0 // parts are opened in the order of their numbers
		for {
			var ready []int
			for i, q := range queues {
				if len(q) > 0 && i <= opened {
					ready = append(ready, i)
				}
			}
			if len(ready) == 0 {
				break
			}
			i := rapid.SampledFrom(ready).Draw(t, "next")
			if i == opened {
				opened++
			}
			put(queues[i][0])
			queues[i] = queues[i][1:]
			if rapid.IntRange(0, 5).Draw(t, "ping") == 0 {
				if err := s.Ping(); err != nil {
					t.Fatal(err)
				}
			}
		}
		finish := llm.Finish{Reason: llm.FinishLength, Raw: "length"}
		u := llm.Usage{Input: 3, CacheRead: 2, CacheWrite: 1, CacheWrite1h: 4, Output: 9, ReasoningOfOutput: 5, Quality: llm.QualityExact}
		put(finish)
		put(llm.UsageUpdate{Usage: u})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := readGrammar(out.Bytes()); err != nil {
			t.Fatalf("%v\n%s", err, out.Bytes())
		}
		a, err := llm.Collect(Format{}.DecodeStream(&out.Buffer, wire.Target{Origin: here}))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, a.Choices[0].Parts); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(u, a.Usage); diff != "" || a.Choices[0].Finish.Reason != llm.FinishLength || a.Model != "shown" {
			t.Fatal(diff, a)
		}
	})
}

// The same answer, told whole and told as a stream, is read alike.
func TestWholeAndStreamedAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var parts []llm.Part
		for i := range rapid.IntRange(0, 5).Draw(t, "parts") {
			p, _ := anyPart(t, i)
			parts = append(parts, p)
		}
		a := &llm.Answer{ID: "i", Model: "m", Choices: []llm.Choice{{Parts: parts, Finish: llm.Finish{Reason: llm.FinishStop}}}}
		body, err := Format{}.EncodeAnswer(a, wire.Caller{})
		if err != nil {
			t.Fatal(err)
		}
		whole, err := Format{}.DecodeAnswer(body, wire.Target{Origin: here})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		s := Format{}.NewStream(&out, wire.Caller{})
		for e := range llm.Events(a) {
			if err := s.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		streamed, err := llm.Collect(Format{}.DecodeStream(&out, wire.Target{Origin: here}))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole.Choices, streamed.Choices); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(parts, whole.Choices[0].Parts); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestMessageStartCarriesInput(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first []llm.Event
		want  string
	}{
		"estimate": {nil, `"input_tokens":40,`},
		"known":    {[]llm.Event{llm.UsageUpdate{Usage: llm.Usage{Input: 12, Quality: llm.QualityExact}}}, `"input_tokens":12,`},
	} {
		var out bytes.Buffer
		s := Format{}.NewStream(&out, wire.Caller{InputEstimate: 40, ID: "own"})
		events := append([]llm.Event{llm.Start{}}, test.first...)
		for _, e := range append(events, llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "x"}) {
			if err := s.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		start, _, _ := strings.Cut(out.String(), "\n\n")
		if !strings.Contains(start, test.want) || !strings.Contains(start, `"id":"own"`) {
			t.Errorf("%s: %s", name, start)
		}
	}
}

// Parts that the format can't show, and empty ones, leave no trace.
func TestUnsayablePartsAreLeftOut(t *testing.T) {
	t.Parallel()
	a := &llm.Answer{Choices: []llm.Choice{{Parts: []llm.Part{
		llm.Text{},
		llm.Media{Data: "x"},
		llm.Reasoning{Blob: &llm.Blob{Kind: llm.BlobEncrypted, Data: "e"}},
		llm.Opaque{Format: llm.FormatGemini, Type: "x", Raw: []byte("{}")},
		llm.Reasoning{Text: "seen", Blob: &llm.Blob{Kind: llm.BlobThought, Data: "foreign"}},
		llm.Text{Text: "said", Citations: []llm.Citation{{URL: "u", Format: llm.FormatChat}}},
		llm.Refusal{Text: "no"},
	}, Finish: llm.Finish{Reason: llm.FinishContentFilter, Detail: "why"}}, {Parts: []llm.Part{llm.Text{Text: "other choice"}}}}}
	raw := encodeStream(t, llm.Events(a), wire.Caller{})
	g, err := readGrammar(raw)
	if err != nil {
		t.Fatal(err)
	}
	body, err := Format{}.EncodeAnswer(a, wire.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Format{}.DecodeAnswer(body, wire.Target{})
	if err != nil {
		t.Fatal(err)
	}
	want := []llm.Part{llm.Reasoning{Text: "seen"}, llm.Text{Text: "said"}, llm.Text{Text: "no"}}
	if diff := cmp.Diff(want, whole.Choices[0].Parts); diff != "" {
		t.Error(diff)
	}
	if len(g.blocks) != 3 || g.blocks[0].sign != "" || g.reason != "refusal" || strings.Contains(string(raw), "foreign") {
		t.Errorf("%s", raw)
	}
	if f := whole.Choices[0].Finish; f.Reason != llm.FinishContentFilter || f.Detail != "why" {
		t.Errorf("%+v", f)
	}
}

func TestStopReasons(t *testing.T) {
	t.Parallel()
	for word, reason := range finishes {
		f := llm.Finish{Reason: reason, StopSequence: "X"}
		if got := stopReason(f, reason == llm.FinishToolCalls); got != word {
			t.Errorf("%s became %s", word, got)
		}
	}
	for _, f := range []llm.Finish{{Reason: llm.FinishStop}, {Reason: llm.FinishToolCalls}, {}} {
		if got := stopReason(f, true); got != "tool_use" {
			t.Errorf("%v with a call: %s", f, got)
		}
	}
	if got := stopReason(llm.Finish{Reason: llm.FinishStopSequence}, false); got != "end_turn" {
		t.Errorf("a stop sequence that nobody named: %s", got)
	}
	if got := finishOf("new_reason", "", nil); got.Reason != llm.FinishStop || got.Raw != "new_reason" {
		t.Errorf("%+v", got)
	}
}

func TestFailEndsTheStream(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := Format{}.NewStream(&out, wire.Caller{})
	for _, e := range []llm.Event{llm.Start{}, llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "x"}} {
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	e := &llm.Error{Kind: llm.KindOverloaded, Message: "full", Raw: []byte("secret")}
	if err := errors.Join(s.Fail(e), s.Write(llm.TextDelta{Text: "y"}), s.Ping(), s.Close()); err != nil {
		t.Fatal(err)
	}
	g, err := readGrammar(out.Bytes())
	if err != nil || !g.failed || strings.Contains(out.String(), "secret") {
		t.Errorf("%v %s", err, out.String())
	}
	_, err = llm.Collect(Format{}.DecodeStream(&out, wire.Target{}))
	var got *llm.Error
	if !errors.As(err, &got) || got.Kind != llm.KindOverloaded || got.Message != "full" {
		t.Errorf("%v", err)
	}
}

// Held parts are bounded.
func TestInterleavingIsBounded(t *testing.T) {
	t.Parallel()
	s := Format{}.NewStream(&bytes.Buffer{}, wire.Caller{})
	big := strings.Repeat("x", 1<<20)
	err := errors.Join(s.Write(llm.PartStart{Part: llm.ToolCall{ID: "a", Name: "f"}}), s.Write(llm.PartStart{Index: 1, Part: llm.ToolCall{ID: "b", Name: "f"}}))
	for range 17 {
		err = errors.Join(err, s.Write(llm.ArgumentsDelta{Index: 1, Arguments: big}))
	}
	var e *llm.Error
	if !errors.As(err, &e) || e.Kind != llm.KindUpstream {
		t.Errorf("%v", err)
	}
}

// lines frames events, one a line.
func lines(events string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(events), "\n") {
		b.WriteString("data: " + strings.TrimSpace(line) + "\n\n")
	}
	return b.String()
}

// What look-alikes send is understood.
func TestStreamsOfLookAlikes(t *testing.T) {
	t.Parallel()
	const end = `
{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}
{"type":"message_stop"}`
	tests := map[string]struct {
		events string
		want   []llm.Part
	}{
		"no starts":   {`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}` + end, []llm.Part{words("a")}},
		"no stops":    {`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}` + end, []llm.Part{words("a")}},
		"other words": {"[DONE]\n{\"type\":\"new\"}\n" + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}` + end, []llm.Part{words("a")}},
		"broken text": {
			`{"type":"content_block_start","index":0,"content_block":{"type":"new","a":"x\ud83dy"}}
			{"type":"content_block_stop","index":0}
			{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a` + "\x83" + `\ud83d\ude00"}}` + end,
			[]llm.Part{llm.Opaque{Format: llm.FormatMessages, Type: "new", Raw: []byte(`{"type":"new","a":"x�y"}`)}, words("a�😀")},
		},
		"whole call": {
			`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"i","name":"f","input":{"a": 1}}}` + end,
			[]llm.Part{llm.ToolCall{ID: "i", Name: "f", Arguments: `{"a":1}`}},
		},
		"empty arguments": {
			`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"i","name":"f","input":{}}}
			{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}` + end,
			[]llm.Part{llm.ToolCall{ID: "i", Name: "f", Arguments: `{}`}},
		},
		"citations": {
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":[]}}
			{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"q","document_title":"d"}}}
			{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}` + end,
			[]llm.Part{llm.Text{Text: "a", Citations: []llm.Citation{{
				Title: "d", Quote: "q", Format: llm.FormatMessages, Raw: []byte(`{"type":"char_location","cited_text":"q","document_title":"d"}`),
			}}}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := collect(t, []byte(lines(test.events)), wire.Target{})
			if diff := cmp.Diff(test.want, a.Choices[0].Parts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStreamsThatBreak(t *testing.T) {
	t.Parallel()
	const start = `{"type":"message_start","message":{"id":"i","model":"m","usage":{"input_tokens":1}}}` + "\n"
	tests := map[string]struct {
		events string
		kind   llm.Kind
	}{
		"nothing":       {"", llm.KindTruncated},
		"no end":        {start + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, llm.KindTruncated},
		"no last event": {start + `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}`, llm.KindTruncated},
		"no reason":     {start + `{"type":"message_stop"}`, llm.KindTruncated},
		"error":         {start + `{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}`, llm.KindRateLimit},
		"foreign error": {start + `{"error":{"message":"prompt is too long","type":"invalid_request_error"}}`, llm.KindContextLength},
		"nonsense":      {start + `{"type":"content_block_delta","index":"x"}`, llm.KindUpstream},
		"no JSON":       {start + `{"this is": ["no JSON`, llm.KindUpstream},
		"no JSON typed": {start + `{"type":"ping","x":`, llm.KindUpstream},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := lines(test.events)
			_, err := llm.Collect(Format{}.DecodeStream(strings.NewReader(raw), wire.Target{}))
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != test.kind || e.Message == "" {
				t.Errorf("%v", err)
			}
		})
	}
}

// An event that this format has a name for must be readable, and so must one
// without a name; what other events hold is their own affair.
func TestMalformedEvents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, data string
		fails      bool
	}{
		{"", `{"this is": ["no JSON`, true},
		{"message", `{"this is": ["no JSON`, true},
		{"content_block_delta", `{"this is": ["no JSON`, true},
		{"content_block_delta", `{"type":"content_block_delta","index":"x"}`, true},
		{"message_stop", `no JSON`, true},
		{"error", `no JSON`, true},
		{"ping", `no JSON`, false},
		{"new", `no JSON`, false},
		{"", `{"type":"new","index":"x"}`, false},
		{"", `["new"]`, false},
		{"", `[DONE]`, false},
	} {
		stream := "data: {\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"model\":\"m\",\"usage\":{}}}\n\n"
		if test.name != "" {
			stream += "event: " + test.name + "\n"
		}
		stream += "data: " + test.data + "\n\n" + lines(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}
			{"type":"message_stop"}`)
		_, err := llm.Collect(Format{}.DecodeStream(strings.NewReader(stream), wire.Target{}))
		if got := err != nil && llm.AsError(err).Kind == llm.KindUpstream; got != test.fails || !got && err != nil {
			t.Errorf("%s: %s: decoded with error %v", test.name, test.data, err)
		}
		for _, keep := range []bool{false, true} {
			m := Format{}.NewMeter(wire.Target{})
			if keep {
				m.(wire.Keeper).Keep()
			}
			v := m.Event(test.name, []byte(test.data))
			if got := v.Err != nil && v.Err.Kind == llm.KindUpstream; got != test.fails || !got && v.Err != nil {
				t.Errorf("%s: %s: metered with error %v", test.name, test.data, v.Err)
			}
		}
	}
}

// Leaving the loop ends the stream.
func TestStreamCanBeLeft(t *testing.T) {
	t.Parallel()
	for _, raw := range recordedStreams(t) {
		for range (Format{}).DecodeStream(bytes.NewReader(raw), wire.Target{}) {
			break
		}
	}
}
