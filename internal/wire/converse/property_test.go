package converse

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Draws of what clients of any format may ask.

var (
	words = rapid.SampledFrom([]string{"", " ", "\n", "Hi", "<b>", "a \"quote\"", "\x00\x01", "ä😀", "\xff", strings.Repeat("x", 300)})
	ids   = rapid.SampledFrom([]string{"", "t1", "t2", "t3", "a b", "call_" + strings.Repeat("9", 80)})
	calls = rapid.SampledFrom([]string{"", "f", "g", "my.tool", "9lives", strings.Repeat("n", 70)})
	marks = rapid.SampledFrom([]*llm.CacheMark{nil, nil, {}, {TTL: "1h"}, {TTL: "5m"}, {TTL: "odd"}})
	blobs = rapid.SampledFrom([]*llm.Blob{
		nil,
		{Kind: llm.BlobSignature, Data: "s", Origin: here},
		{Kind: llm.BlobRedacted, Data: "YQ==", Origin: here},
		{Kind: llm.BlobPlain, Origin: here},
		{Kind: llm.BlobSignature, Data: "s"},
		{Kind: llm.BlobEncrypted, Data: "e", Origin: here},
	})
	jsons = rapid.SampledFrom([]string{"", "{}", `{"a":1}`, `{"a":`, "[]", "text", `{"a":1,"a":2}`})
)

func anyMedia(t *rapid.T) llm.Part {
	m := llm.Media{Kind: rapid.SampledFrom([]llm.MediaKind{llm.MediaImage, llm.MediaDocument}).Draw(t, "kind"), Cache: marks.Draw(t, "mark")}
	m.Data = base64.StdEncoding.EncodeToString([]byte(rapid.StringN(1, 9, 20).Draw(t, "data")))
	m.Name = rapid.SampledFrom([]string{"", "a.pdf", "a_b.txt", "  ", "äöü", "document", "../x.pdf", "a  b", strings.Repeat("n-", 150)}).Draw(t, "name")
	if m.Kind == llm.MediaImage {
		m.MIME = rapid.SampledFrom([]string{"", "image/png", "image/jpg"}).Draw(t, "mime")
	} else {
		m.MIME = rapid.SampledFrom([]string{"", "application/pdf", "text/plain", "text/x-go", "application/json"}).Draw(t, "mime")
	}
	return m
}

func anyPart(t *rapid.T) llm.Part {
	switch rapid.IntRange(0, 8).Draw(t, "part") {
	case 0:
		return anyMedia(t)
	case 1:
		return llm.Reasoning{Text: words.Draw(t, "thought"), Blob: blobs.Draw(t, "blob")}
	case 2, 3:
		return llm.ToolCall{ID: ids.Draw(t, "id"), Name: calls.Draw(t, "name"), Arguments: jsons.Draw(t, "arguments"), Custom: rapid.Bool().Draw(t, "custom"), Cache: marks.Draw(t, "mark")}
	case 4, 5:
		r := llm.ToolResult{CallID: ids.Draw(t, "id"), IsError: rapid.Bool().Draw(t, "error"), Cache: marks.Draw(t, "mark")}
		for range rapid.IntRange(0, 3).Draw(t, "inner") {
			if rapid.Bool().Draw(t, "media") {
				r.Parts = append(r.Parts, anyMedia(t))
			} else {
				r.Parts = append(r.Parts, llm.Text{Text: words.Draw(t, "text"), Cache: marks.Draw(t, "mark")})
			}
		}
		return r
	case 6:
		return llm.Opaque{Format: llm.FormatGemini, Type: "executableCode", Raw: []byte(`{}`)}
	}
	return llm.Text{Text: words.Draw(t, "text"), Cache: marks.Draw(t, "mark")}
}

func anyRequest(t *rapid.T) *llm.Request {
	q := &llm.Request{}
	roles := rapid.SampledFrom([]llm.Role{llm.RoleUser, llm.RoleUser, llm.RoleAssistant, llm.RoleAssistant, llm.RoleTool, llm.RoleSystem})
	for range rapid.IntRange(1, 7).Draw(t, "messages") {
		m := llm.Message{Role: roles.Draw(t, "role")}
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			m.Parts = append(m.Parts, anyPart(t))
		}
		q.Messages = append(q.Messages, m)
	}
	for range rapid.IntRange(0, 3).Draw(t, "tools") {
		q.Tools = append(q.Tools, llm.Tool{
			Kind: rapid.SampledFrom([]llm.ToolKind{llm.ToolFunction, llm.ToolFunction, llm.ToolCustom, llm.ToolBuiltin}).Draw(t, "kind"),
			Name: calls.Draw(t, "name"), Description: words.Draw(t, "description"), Schema: []byte(jsons.Draw(t, "schema")),
			Strict: rapid.SampledFrom([]*bool{nil, p(true), p(false)}).Draw(t, "strict"), Cache: marks.Draw(t, "mark"),
		})
	}
	q.ToolChoice.Mode = rapid.SampledFrom([]llm.ToolMode{llm.ToolUnset, llm.ToolAuto, llm.ToolNone, llm.ToolRequired, llm.ToolOne, llm.ToolAllowed}).Draw(t, "choice")
	q.ToolChoice.Names = rapid.SliceOfN(calls, 0, 2).Draw(t, "names")
	if rapid.Bool().Draw(t, "schema") {
		q.Output = llm.OutputFormat{Kind: llm.OutputSchema, Name: words.Draw(t, "of"), Schema: []byte(rapid.SampledFrom([]string{`{"type":"object"}`, `{"type":"array"}`}).Draw(t, "output"))}
	}
	q.Reasoning = llm.ReasoningConfig{
		Mode:    llm.ReasoningMode(rapid.IntRange(0, 3).Draw(t, "mode")),
		Effort:  rapid.SampledFrom(append([]llm.Effort{""}, llm.Efforts...)).Draw(t, "effort"),
		Budget:  rapid.SampledFrom([]*int{nil, nil, p(-1), p(0), p(100), p(5000), p(90_000)}).Draw(t, "budget"),
		Summary: rapid.SampledFrom([]string{"", "auto", "omitted"}).Draw(t, "summary"),
	}
	q.MaxOutput = rapid.SampledFrom([]*int{nil, p(1), p(1500), p(100_000)}).Draw(t, "max")
	q.Sampling.Temperature = rapid.SampledFrom([]*float64{nil, p(0.0), p(1.0), p(2.0)}).Draw(t, "temperature")
	q.Sampling.TopP = rapid.SampledFrom([]*float64{nil, p(0.2), p(1.0)}).Draw(t, "top_p")
	q.Sampling.TopK = rapid.SampledFrom([]*int{nil, p(5)}).Draw(t, "top_k")
	q.Stop = rapid.SliceOfN(words, 0, 3).Draw(t, "stop")
	q.Cache.Auto = marks.Draw(t, "auto")
	return q
}

func anyTarget(t *rapid.T) wire.Target {
	return wire.Target{
		Model: "m", Origin: here, Names: &wire.ToolNames{},
		MaxOutput: rapid.SampledFrom([]int{0, 500, 3000, 64_000}).Draw(t, "cap"),
		NoTools:   rapid.IntRange(0, 5).Draw(t, "notools") == 0, NoPrefill: rapid.Bool().Draw(t, "noprefill"),
		NoSchemaOutput: rapid.Bool().Draw(t, "noschema"), SystemAnywhere: rapid.Bool().Draw(t, "anywhere"),
		Reject: rapid.SampledFrom([][]string{nil, {"cachePoint"}, {"cachePoint.ttl", "toolResult.status"}, {"inferenceConfig"}, {"toolConfig.toolChoice", "toolConfig.tools.strict"}}).Draw(t, "reject"),
		Reasoning: wire.ReasoningStyle{
			Control: rapid.SampledFrom([]string{"", "effort", "budget", "adaptive", "toggle", "object", "none"}).Draw(t, "control"),
			Replay:  rapid.SampledFrom([]string{"", "tools", "always"}).Draw(t, "replay"),
		},
	}
}

// Whatever clients ask is refused with a reason or written in a form that the
// API takes, and as the same bytes each time.
func TestEveryRequestIsOneThatTheAPITakes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q, target := anyRequest(t), anyTarget(t)
		out, downgrades, err := Format{}.Encode(q, target)
		if err != nil {
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Message == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		cut := target.Reject != nil && target.Reject[0] == "inferenceConfig" // takes the cap of a budget with it
		if err := checkRequest(out.Body); err != nil && !cut {
			t.Fatalf("%v\n%s", err, out.Body)
		}
		again, _, err := Format{}.Encode(q, target)
		if err != nil || !bytes.Equal(out.Body, again.Body) {
			t.Fatalf("another time: %v\n%s\n%s", err, out.Body, again.Body)
		}
		seen := map[string]bool{}
		for _, d := range downgrades {
			if d.Feature == "" || d.Detail == "" || seen[d.Feature] {
				t.Fatalf("%q is named %v", d.Feature, downgrades)
			}
			seen[d.Feature] = true
		}
	})
}

// What a model thought comes back to it as it was, whole or streamed, and to no
// other.
func TestReasoningGoesBackAsItCame(t *testing.T) {
	t.Parallel()
	const content = `{"reasoningContent":{"reasoningText":{"text":"Hm","signature":"c2ln"}}},{"reasoningContent":{"redactedContent":"YWJj"}},{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}`
	target := wire.Target{Model: "m", Origin: here, Names: &wire.ToolNames{}, Reasoning: wire.ReasoningStyle{Replay: "tools"}}
	a, err := Format{}.DecodeAnswer([]byte(`{"output":{"message":{"content":[`+content+`]}},"stopReason":"tool_use"}`), target)
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := llm.Collect(Format{}.DecodeStream(bytes.NewReader(stream(
		begin,
		event1("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm"}}}`), event1("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}`), halt,
		event1("contentBlockDelta", `{"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"YWJj"}}}`), event1("contentBlockStop", `{"contentBlockIndex":1}`),
		event1("contentBlockStart", `{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"f"}}}`), event1("contentBlockDelta", `{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":1}"}}}`), event1("contentBlockStop", `{"contentBlockIndex":2}`),
		event1("messageStop", `{"stopReason":"tool_use"}`), event1("metadata", `{"usage":{"inputTokens":1,"outputTokens":1}}`),
	)), target))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a.Choices, streamed.Choices); d != "" {
		t.Fatal(d)
	}
	q := &llm.Request{
		Tools:    []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object"}`)}},
		Messages: []llm.Message{user(say("Hi")), assistant(a.Choices[0].Parts...), results(llm.ToolResult{CallID: "t1", Parts: []llm.Part{say("ok")}})},
	}
	got, _ := encoded(t, q, target)
	if !strings.Contains(got, `{"role":"assistant","content":[`+content+`]}`) {
		t.Error(got)
	}
	for _, other := range []llm.Origin{{}, {Provider: "aws", Model: here.Model, Account: "k2"}, {Provider: "aws", Model: "m2", Account: "k1"}} {
		target.Origin = other
		if got, _ := encoded(t, q, target); strings.Contains(got, "reasoningContent") {
			t.Errorf("%v was sent what isn't its own: %s", other, got)
		}
	}
}

// A stream tells what the whole answer does.
func TestStreamsCollectToTheWholeAnswer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := []byte(nil)
		in = append(in, begin...)
		var content []string
		for i := range rapid.IntRange(1, 5).Draw(t, "blocks") {
			s := rapid.StringMatching(`[a-z "\\{}é😀]{1,12}`).Draw(t, "text")
			at, text := fmt.Sprintf(`"contentBlockIndex":%d`, i), quoted(s)
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				in = append(in, event1("contentBlockDelta", `{`+at+`,"delta":{"text":`+text+`}}`)...)
				content = append(content, `{"text":`+text+`}`)
			case 1:
				in = append(in, event1("contentBlockDelta", `{`+at+`,"delta":{"reasoningContent":{"text":`+text+`}}}`)...)
				in = append(in, event1("contentBlockDelta", `{`+at+`,"delta":{"reasoningContent":{"signature":`+text+`}}}`)...)
				content = append(content, `{"reasoningContent":{"reasoningText":{"text":`+text+`,"signature":`+text+`}}}`)
			case 2:
				in = append(in, event1("contentBlockStart", `{`+at+`,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}`)...)
				in = append(in, event1("contentBlockDelta", `{`+at+`,"delta":{"toolUse":{"input":`+quoted(`{"a":`+text+`}`)+`}}}`)...)
				content = append(content, `{"toolUse":{"toolUseId":"t","name":"f","input":{"a":`+text+`}}}`)
			}
			in = append(in, event1("contentBlockStop", `{`+at+`}`)...)
		}
		const end = `"usage":{"inputTokens":7,"outputTokens":3,"totalTokens":10}`
		in = append(append(in, endTurn...), event1("metadata", `{`+end+`}`)...)
		target := wire.Target{Origin: here}
		streamed, err := llm.Collect(Format{}.DecodeStream(bytes.NewReader(in), target))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := Format{}.DecodeAnswer([]byte(`{"output":{"message":{"content":[`+strings.Join(content, ",")+`]}},"stopReason":"end_turn",`+end+`}`), target)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(whole, streamed); d != "" {
			t.Fatal(d)
		}
	})
}
