package responses_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

var word = rapid.StringMatching(`[a-zé ✓"\\]{1,8}`)

// partGen makes parts that an answer in this format can hold.
func partGen(n int) *rapid.Generator[llm.Part] {
	return rapid.Custom(func(t *rapid.T) llm.Part {
		text := word.Draw(t, "text")
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			r := llm.Reasoning{ID: fmt.Sprintf("rs_%d", n), Text: text, Summary: true}
			if rapid.Bool().Draw(t, "signed") {
				r.Blob = &llm.Blob{Kind: llm.BlobEncrypted, Data: text, Origin: here.Origin}
			}
			return r
		case 1:
			return llm.ToolCall{ID: fmt.Sprintf("call_%d", n), Name: "f", Arguments: `{"x":"y"}`, ItemID: fmt.Sprintf("fc_%d", n)}
		case 2:
			return llm.ToolCall{ID: fmt.Sprintf("call_%d", n), Name: "g", Arguments: text, Custom: true, ItemID: fmt.Sprintf("ctc_%d", n)}
		case 3:
			return llm.Refusal{Text: text}
		case 4:
			return llm.Opaque{Format: llm.FormatResponses, Type: "web_search_call", Raw: fmt.Appendf(nil, `{"type":"web_search_call","id":"ws_%d"}`, n)}
		}
		return llm.Text{Text: text}
	})
}

func drawParts(t *rapid.T, atLeast int) []llm.Part {
	n := rapid.IntRange(atLeast, 5).Draw(t, "parts")
	parts := make([]llm.Part, n)
	for i := range parts {
		parts[i] = partGen(i).Draw(t, "part")
	}
	return parts
}

// shuffled tells the parts in a legal order of events: each part's in a row, but
// parts among each other at random.
func shuffled(t *rapid.T, parts []llm.Part) []llm.Event {
	out := []llm.Event{llm.Start{ID: "resp_1", Model: "m1"}}
	var waiting [][]llm.Event
	for i, p := range parts {
		var own []llm.Event
		for e := range llm.Events(&llm.Answer{Choices: []llm.Choice{{Parts: []llm.Part{p}}}}) {
			switch e := e.(type) {
			case llm.PartStart:
				own = append(own, llm.PartStart{Index: i, Part: e.Part})
			case llm.TextDelta:
				half := len([]rune(e.Text)) / 2
				own = append(own, llm.TextDelta{Index: i, Text: string([]rune(e.Text)[:half])}, llm.TextDelta{Index: i, Text: string([]rune(e.Text)[half:])})
			case llm.ReasoningDelta:
				own = append(own, llm.ReasoningDelta{Index: i, Text: e.Text})
			case llm.ArgumentsDelta:
				own = append(own, llm.ArgumentsDelta{Index: i, Arguments: e.Arguments})
			case llm.BlobDelta:
				own = append(own, llm.BlobDelta{Index: i, Blob: e.Blob})
			case llm.PartEnd:
				own = append(own, llm.PartEnd{Index: i})
			}
		}
		waiting = append(waiting, own)
	}
	started := 0
	for started < len(waiting) {
		// Starts must come in order; any part that has started may go on.
		i := rapid.IntRange(0, started).Draw(t, "next")
		if i == started || len(waiting[i]) == 0 {
			i = started
			started++
		}
		out = append(out, waiting[i][0])
		waiting[i] = waiting[i][1:]
	}
	for _, own := range waiting {
		out = append(out, own...)
	}
	return append(out, llm.Finish{Reason: llm.FinishStop}, llm.UsageUpdate{Usage: used})
}

// Whatever legal order the events come in, the stream keeps the grammar and
// tells the same parts.
func TestStreamProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		parts := drawParts(rt, 0)
		stream := encode(t, shuffled(rt, parts), wire.Caller{ID: "turn"})
		if err := checkStream(stream); err != nil {
			rt.Fatalf("%v in\n%s", err, stream)
		}
		list, answer, err := collect(t, stream)
		if err != nil {
			rt.Fatal(err)
		}
		checkEvents(t, list)
		if diff := cmp.Diff(parts, answer.Choices[0].Parts, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("parts (-want +got):\n%s\n%s", diff, stream)
		}
		if diff := cmp.Diff(used, answer.Usage, cmpopts.IgnoreFields(llm.Usage{}, "ServiceTier")); diff != "" {
			rt.Fatalf("usage (-want +got):\n%s", diff)
		}
	})
}

// An answer is the same after it was written whole and read again.
func TestAnswerProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		want := &llm.Answer{ID: "resp_1", Model: "m1", ServiceTier: "flex", Usage: used, Choices: []llm.Choice{{Parts: drawParts(rt, 0)}}}
		want.Usage.ServiceTier = "flex"
		body, err := format.EncodeAnswer(want, wire.Caller{ID: "turn"})
		if err != nil {
			rt.Fatal(err)
		}
		got, err := format.DecodeAnswer(body, here)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreTypes(llm.Finish{})); diff != "" {
			rt.Fatalf("answer (-want +got):\n%s\n%s", diff, body)
		}
	})
}

// A conversation is the same after it was written and read again, but for the
// origin, which the wire can't say, and reasoning that leads nowhere.
func TestRequestProperty(t *testing.T) {
	t.Parallel()
	target := here
	target.Reasoning.Replay = "always"
	rapid.Check(t, func(rt *rapid.T) {
		q := &llm.Request{
			Model: "m", StreamUsage: true, Store: ptr(rapid.Bool().Draw(rt, "store")),
			Messages: []llm.Message{
				{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: word.Draw(rt, "system")}}},
				{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: word.Draw(rt, "user")}}},
			},
		}
		// Without any reasoning the ids of calls would be left out.
		turn := llm.Message{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Reasoning{ID: "rs_9", Blob: &llm.Blob{Kind: llm.BlobEncrypted, Data: "e", Origin: here.Origin}}}}
		results := llm.Message{Role: llm.RoleTool}
		for _, p := range append(drawParts(rt, 1), llm.Text{Text: "end"}) {
			if r, ok := p.(llm.Reasoning); ok && r.Blob == nil {
				continue
			}
			turn.Parts = append(turn.Parts, p)
			if c, ok := p.(llm.ToolCall); ok {
				results.Parts = append(results.Parts, llm.ToolResult{CallID: c.ID, Custom: c.Custom, Parts: []llm.Part{llm.Text{Text: word.Draw(rt, "result")}}})
			}
		}
		q.Messages = append(q.Messages, turn)
		if len(results.Parts) > 0 {
			q.Messages = append(q.Messages, results)
		}
		out, downgrades, err := format.Encode(q, target)
		if err != nil || len(downgrades) > 0 {
			rt.Fatal(downgrades, err)
		}
		got, err := format.Decode(wire.RawRequest{Body: out.Body})
		if err != nil {
			rt.Fatal(err)
		}
		noOrigin := cmp.Transformer("origin", func(b llm.Blob) string { return string(b.Kind) + b.Data })
		if diff := cmp.Diff(q, got, cmpopts.EquateEmpty(), noOrigin); diff != "" {
			rt.Fatalf("request (-want +got):\n%s\n%s", diff, out.Body)
		}
		again, _, err := format.Encode(q, target)
		if err != nil || !bytes.Equal(again.Body, out.Body) {
			rt.Fatalf("the same request is written as\n%s\nand\n%s", out.Body, again.Body)
		}
	})
}
