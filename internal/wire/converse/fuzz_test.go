package converse

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

func quoted(s string) string { return string(scan.Quote(s)) }

// events checks that a stream keeps the grammar that every encoder relies on.
type events struct {
	begun    bool
	open     map[int]llm.Part
	parts    int
	finished int
}

func (g *events) add(e llm.Event) string {
	if _, ok := e.(llm.Start); ok == g.begun {
		return "Start is not first, or not alone"
	}
	g.begun = true
	at := func(i int) bool { return g.open[i] != nil }
	switch e := e.(type) {
	case llm.PartStart:
		if e.Index != g.parts || e.Part == nil || g.finished > 0 {
			return "a part out of order"
		}
		if o, ok := e.Part.(llm.Opaque); ok && !jsontext.Value(o.Raw).IsValid(scan.Lenient) {
			return "an opaque part that is no JSON"
		}
		g.open[e.Index], g.parts = e.Part, g.parts+1
	case llm.TextDelta:
		if _, ok := g.open[e.Index].(llm.Text); !ok {
			return "text where none is open"
		}
	case llm.CitationDelta:
		if _, ok := g.open[e.Index].(llm.Text); !ok {
			return "a citation where no text is open"
		}
	case llm.ReasoningDelta:
		if _, ok := g.open[e.Index].(llm.Reasoning); !ok {
			return "reasoning where none is open"
		}
	case llm.BlobDelta:
		if _, ok := g.open[e.Index].(llm.Reasoning); !ok || e.Blob.Origin != here {
			return "a blob where no reasoning is open, or without its origin"
		}
	case llm.ArgumentsDelta:
		if _, ok := g.open[e.Index].(llm.ToolCall); !ok {
			return "arguments where no call is open"
		}
	case llm.PartEnd:
		if !at(e.Index) {
			return "the end of a part that isn't open"
		}
		delete(g.open, e.Index)
	case llm.Finish:
		if g.finished++; g.finished > 1 || e.Reason == "" || len(g.open) > 0 {
			return "a finish without a reason, a second one, or with parts open"
		}
	case llm.UsageUpdate:
		if u := e.Usage; min(u.Input, u.CacheRead, u.CacheWrite, u.CacheWrite1h, u.Output) < 0 {
			return "a counter below zero"
		}
	}
	return ""
}

// Whatever a provider sends ends once, in the grammar of events, or with an
// error that has a kind. The bytes are taken as a stream, and, since checksums
// stop nearly all of those, as the payloads of good frames.
func FuzzDecodeStream(f *testing.F) {
	f.Add(stream(begin, hello, halt, endTurn, metadata))
	f.Add(stream(begin, exception("throttlingException", `{"message":"x"}`)))
	f.Add(bytesOf(20, 200, nil, "1234"))
	f.Add([]byte(`{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}` + "\n" + `{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}"}}}` + "\n" + `{"stopReason":"tool_use"}`))
	f.Add([]byte(`{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"YQ=="}}}` + "\n" + `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"x","signature":"y"}}}` + "\n" + `{"stopReason":"x"}` + "\n" + `{"usage":{"inputTokens":-1,"cacheDetails":[{"ttl":"1h","inputTokens":-5}]}}`))
	f.Add([]byte(`{"contentBlockIndex":0,"start":{"image":{"format":"png"}}}` + "\n" + `{"contentBlockIndex":0,"delta":{"image":{}}}` + "\n" + `{"contentBlockIndex":0}` + "\n" + `{"stopReason":"x"}`))
	names := []string{"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "ping"}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var wrapped []byte
		for i, line := range bytes.Split(raw, []byte("\n")) {
			name := names[i%len(names)]
			for key, is := range map[string]string{`"start"`: "contentBlockStart", `"delta"`: "contentBlockDelta", `"stopReason"`: "messageStop", `"usage"`: "metadata"} {
				if bytes.Contains(line, []byte(key)) {
					name = is
				}
			}
			wrapped = append(wrapped, event1(name, string(line))...)
		}
		for _, in := range [][]byte{raw, wrapped} {
			g := events{open: map[int]llm.Part{}}
			var failed error
			for e, err := range (Format{}).DecodeStream(bytes.NewReader(in), wire.Target{Origin: here}) {
				if failed != nil {
					t.Fatal("more after an error")
				}
				if failed = err; err != nil {
					continue
				}
				if bad := g.add(e); bad != "" {
					t.Fatalf("%s: %#v in %q", bad, e, in)
				}
			}
			hasKind(t, failed)
			if (failed == nil) != (g.finished == 1) {
				t.Fatalf("%d finishes, %v", g.finished, failed)
			}
		}
	})
}

func hasKind(t *testing.T, err error) {
	t.Helper()
	var e *llm.Error
	if err != nil && (!errors.As(err, &e) || e.Kind == "" || e.Error() == "") {
		t.Fatalf("%#v", err)
	}
}

// Whatever a provider answers is an answer or an error that has a kind, and what
// an answer says can be asked again.
func FuzzDecodeAnswer(f *testing.F) {
	f.Add([]byte(`{"output":{"message":{"content":[{"text":"Hi"},{"reasoningContent":{"reasoningText":{"text":"x","signature":"y"}}},{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]}},"stopReason":"end_turn","usage":{"inputTokens":1}}`))
	f.Add([]byte(`{"output":{"message":{"content":[{"citationsContent":{"citations":[{"location":{"web":{"url":"u"}},"sourceContent":[{"text":"q"}]}]}},{"image":{"format":"x","source":{"bytes":"y"}}},{"a":1,"a":2}]}},"stopReason":"x"}`))
	f.Add([]byte(`{"message":"x","__type":"a#b:c"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		target := wire.Target{Model: "m", Origin: here, Reasoning: wire.ReasoningStyle{Replay: "always"}}
		a, err := Format{}.DecodeAnswer(raw, target)
		hasKind(t, err)
		hasKind(t, Format{}.DecodeError(400, nil, raw))
		if err != nil {
			return
		}
		g := events{open: map[int]llm.Part{}}
		for e, err := range llm.Events(a) {
			if err != nil {
				t.Fatal(err)
			}
			if bad := g.add(e); bad != "" && bad != "text where none is open" {
				t.Fatalf("%s: %#v", bad, e)
			}
		}
		redacted := bytes.Contains(raw, []byte("redactedContent")) // which may be no base64, and goes back as it came
		out, _, err := Format{}.Encode(&llm.Request{Messages: []llm.Message{user(say("Hi")), assistant(a.Choices[0].Parts...), user(say("Hi"))}}, target)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkRequest(out.Body); err != nil && !redacted {
			t.Fatalf("%v\n%s", err, out.Body)
		}
	})
}
