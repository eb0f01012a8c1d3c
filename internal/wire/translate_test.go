package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/converse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

// providers are the formats that answers come in.
var providers = []wire.Client{formats[0], formats[1], formats[2], formats[3], converse.Format{}}

var (
	made   = llm.Origin{Provider: "p", Model: "m"}
	asked  = wire.Target{Model: "m", Origin: made, InlineThinking: true, Reasoning: wire.ReasoningStyle{Replay: "always"}}
	client = wire.Caller{ID: "turn", Model: "shown", Request: &llm.Request{Stream: true, StreamUsage: true, Reasoning: llm.ReasoningConfig{Summary: "auto"}}}
)

// recorded adds the recordings of every format that end so.
func recorded(f *testing.F, end string, add func(from int, b []byte)) {
	f.Helper()
	for i, format := range formats {
		files, err := filepath.Glob(filepath.Join(string(format.Name()), "testdata", "*"+end))
		if err != nil || len(files) == 0 {
			f.Fatalf("no recordings of %s: %v", format.Name(), err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			add(i, b)
		}
	}
}

// Whatever a provider streams keeps the grammar, and becomes a stream that every
// format's clients can read: in all four formats, whether it ends well or not.
func FuzzTranslateStream(f *testing.F) {
	recorded(f, wiretest.Streams, func(from int, b []byte) { f.Add(uint8(from), wiretest.Framed(wiretest.Short(b))) })
	f.Fuzz(func(t *testing.T, from uint8, in []byte) {
		provider := formats[int(from)%len(formats)]
		g := wiretest.Grammar{Origin: made}
		var events []llm.Event
		var failed error
		for e, err := range provider.DecodeStream(bytes.NewReader(in), asked) {
			if failed != nil {
				t.Fatal("more after an error")
			}
			if failed = err; err != nil {
				continue
			}
			if err := g.Add(e); err != nil {
				t.Fatalf("%s: %v", provider.Name(), err)
			}
			events = append(events, e)
		}
		kind(t, failed)
		if failed == nil {
			if err := g.End(); err != nil {
				t.Fatalf("%s: %v", provider.Name(), err)
			}
		}
		for _, to := range formats {
			told(t, to, events, failed)
		}
	})
}

// Whatever a provider answers becomes an answer in every format, streamed or not,
// and goes back to every provider as what the model said before.
func FuzzTranslateAnswer(f *testing.F) {
	recorded(f, wiretest.Answers, func(from int, b []byte) { f.Add(uint8(from), b) })
	f.Add(uint8(4), []byte(`{"output":{"message":{"content":[{"text":"Hi"},{"reasoningContent":{"reasoningText":{"text":"x","signature":"y"}}},{"toolUse":{"toolUseId":"t","name":"f","input":{"a":1,"a":2}}}]}},"stopReason":"end_turn","usage":{"inputTokens":1}}`))
	f.Fuzz(func(t *testing.T, from uint8, body []byte) {
		provider := providers[int(from)%len(providers)]
		name := fmt.Sprintf("%T", provider)
		a, err := provider.DecodeAnswer(body, asked)
		if err != nil {
			kind(t, err)
			return
		}
		g := wiretest.Grammar{Origin: made}
		var events []llm.Event
		for e, err := range llm.Events(a) {
			if err = errors.Join(err, g.Add(e)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			events = append(events, e)
		}
		for _, to := range formats {
			out, err := to.EncodeAnswer(a, client)
			if err != nil || !jsontext.Value(out).IsValid() {
				t.Fatalf("%s in %s: %v: %s", name, to.Name(), err, out)
			}
			if _, err := to.DecodeAnswer(out, asked); err != nil && a.Choices[0].Finish.Reason != llm.FinishError {
				t.Fatalf("%s in %s can't be read: %v: %s", name, to.Name(), err, out)
			}
			told(t, to, events, nil)
		}
		say := llm.Message{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "Hi"}}}
		q := &llm.Request{Model: "m", Messages: []llm.Message{say, {Role: llm.RoleAssistant, Parts: a.Choices[0].Parts}, say}}
		for _, to := range providers {
			out, _, err := to.Encode(q, asked)
			switch {
			case err != nil:
				if llm.AsError(err).Kind != llm.KindBadRequest {
					t.Fatalf("%s back to %T: %v", name, to, err)
				}
			case !jsontext.Value(out.Body).IsValid():
				t.Fatalf("%s back to %T: not JSON: %s", name, to, out.Body)
			}
		}
	})
}

// A request that one format takes is refused by name or written for every provider,
// as JSON that each takes for what it is. Fields that only the client's own vendor
// has a word for go to it as they came.
func FuzzTranslateRequest(f *testing.F) {
	for from, body := range []string{
		`{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,YQ=="}}]},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1,\"a\":2}"}}]},{"role":"tool","tool_call_id":"c","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","$ref":"#"}}},"x":{"y":1}}`,
		`{"model":"m","max_tokens":9,"system":"s","messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","data":"d"},"context":"c"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"c","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"r"}],"is_error":true}]}],"tools":[{"name":"f","input_schema":{"type":"object"}},{"type":"web_search_1","name":"w"}],"output_config":{"effort":"high"}}`,
		`{"contents":[{"role":"user","parts":[{"text":"a"},{"fileData":{"fileUri":"https://x/y.png"}}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"s"}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"r"}}}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true}}}}]}],"generationConfig":{"responseSchema":{"type":"STRING","enum":["a"]},"thinkingConfig":{"thinkingBudget":1}}}`,
		`{"model":"m","instructions":"s","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_file","file_data":"YQ==","filename":"f.pdf"}]},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"e"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"r"}],"tools":[{"type":"function","name":"f","parameters":{"type":"object"}},{"type":"custom","name":"g","format":{"type":"grammar","definition":"x"}}],"text":{"format":{"type":"json_schema","name":"n","schema":{}}}}`,
	} {
		f.Add(uint8(from), []byte(body))
	}
	f.Fuzz(func(t *testing.T, from uint8, body []byte) {
		client := formats[int(from)%len(formats)]
		q, err := client.Decode(wire.RawRequest{Path: "/v1beta/models/m:streamGenerateContent", Body: body})
		if err != nil {
			badRequest(t, err)
			return
		}
		for _, to := range providers {
			target := asked
			target.Names = &wire.ToolNames{}
			out, _, err := to.Encode(q, target)
			if err != nil {
				badRequest(t, err)
				continue
			}
			if !jsontext.Value(out.Body).IsValid(jsontext.AllowDuplicateNames(any(to) == any(client))) {
				t.Fatalf("%s to %T: not JSON: %s", client.Name(), to, out.Body)
			}
		}
	})
}

func badRequest(t *testing.T, err error) {
	t.Helper()
	if kind(t, err); llm.AsError(err).Kind != llm.KindBadRequest {
		t.Fatalf("%#v", err)
	}
}

// told writes events as a stream, which must be one that the format reads.
func told(t *testing.T, to wire.Format, events []llm.Event, failed error) {
	t.Helper()
	var out bytes.Buffer
	s := to.NewStream(&out, client)
	blamed := failed != nil // an answer that ended in an error may be written as one
	for _, e := range events {
		if err := s.Write(e); err != nil {
			t.Fatalf("%s: %v", to.Name(), err)
		}
		if f, ok := e.(llm.Finish); ok && f.Reason == llm.FinishError {
			blamed = true
		}
	}
	end := s.Close
	if failed != nil {
		end = func() error { return s.Fail(llm.AsError(failed)) }
	}
	if err := errors.Join(end(), wiretest.Strict(out.Bytes())); err != nil {
		t.Fatalf("%s: %v", to.Name(), err)
	}
	if _, err := llm.Collect(to.DecodeStream(&out, asked)); err != nil && !blamed || err == nil && failed != nil {
		t.Fatalf("%s: read again: %v, after %v", to.Name(), err, failed)
	}
}

// kind holds a failure to what is known of every one.
func kind(t *testing.T, err error) {
	t.Helper()
	var e *llm.Error
	if err != nil && (!errors.As(err, &e) || e.Kind == "" || strings.TrimSpace(e.Error()) == "") {
		t.Fatalf("%#v", err)
	}
}
