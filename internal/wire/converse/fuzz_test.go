package converse

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

func quoted(s string) string { return string(scan.Quote(s)) }

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
			for _, kind := range [][2]string{{`"start"`, "contentBlockStart"}, {`"delta"`, "contentBlockDelta"}, {`"stopReason"`, "messageStop"}, {`"usage"`, "metadata"}} {
				if bytes.Contains(line, []byte(kind[0])) {
					name = kind[1]
				}
			}
			wrapped = append(wrapped, event1(name, string(line))...)
		}
		for _, in := range [][]byte{raw, wrapped} {
			g := wiretest.Grammar{Origin: here}
			var failed error
			for e, err := range (Format{}).DecodeStream(bytes.NewReader(in), wire.Target{Origin: here}) {
				if failed != nil {
					t.Fatal("more after an error")
				}
				if failed = err; err != nil {
					continue
				}
				if err := g.Add(e); err != nil {
					t.Fatalf("%v in %q", err, in)
				}
			}
			hasKind(t, failed)
			if (failed == nil) != (g.End() == nil) {
				t.Fatalf("%v, after %v", g.End(), failed)
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
		g := wiretest.Grammar{Origin: here}
		for e, err := range llm.Events(a) {
			if err = errors.Join(err, g.Add(e)); err != nil {
				t.Fatal(err)
			}
		}
		redacted := bytes.Contains(raw, []byte("redactedContent")) // which may be no base64, and goes back as it came
		out, _, err := Format{}.Encode(&llm.Request{Messages: []llm.Message{user(say("Hi")), assistant(a.Choices[0].Parts...), user(say("Hi"))}}, target)
		if err != nil {
			t.Fatal(err)
		}
		if !jsontext.Value(out.Body).IsValid() {
			t.Fatalf("not JSON: %s", out.Body)
		}
		if err := checkRequest(out.Body); err != nil && !redacted {
			t.Fatalf("%v\n%s", err, out.Body)
		}
	})
}
