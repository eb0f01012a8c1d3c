package converse

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func p[T any](v T) *T { return &v }

func user(parts ...llm.Part) llm.Message { return llm.Message{Role: llm.RoleUser, Parts: parts} }

func assistant(parts ...llm.Part) llm.Message {
	return llm.Message{Role: llm.RoleAssistant, Parts: parts}
}

func results(parts ...llm.Part) llm.Message { return llm.Message{Role: llm.RoleTool, Parts: parts} }

func system(s string) llm.Message {
	return llm.Message{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: s}}}
}

func say(s string) llm.Text { return llm.Text{Text: s} }

// encoded writes a request and gives its body without spaces, with the features
// that were left out.
func encoded(t *testing.T, q *llm.Request, target wire.Target) (body string, lost []string) {
	t.Helper()
	if target.Model == "" {
		target.Model = "m"
	}
	out, downgrades, err := Format{}.Encode(q, target)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkRequest(out.Body); err != nil {
		t.Fatalf("%v\n%s", err, out.Body)
	}
	v := jsontext.Value(out.Body)
	if err := v.Compact(); err != nil {
		t.Fatalf("%v\n%s", err, out.Body)
	}
	for _, d := range downgrades {
		lost = append(lost, d.Feature)
		if d.Detail == "" {
			t.Errorf("%s is lost without a word", d.Feature)
		}
	}
	return string(v), lost
}

const (
	hi    = `{"role":"user","content":[{"text":"Hi"}]}`
	png   = "iVBORw0KGgo="
	ftool = `{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}`
)

func TestConversation(t *testing.T) {
	t.Parallel()
	mine := func(kind llm.BlobKind, data string) *llm.Blob { return &llm.Blob{Kind: kind, Data: data, Origin: here} }
	tools := []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object"}`)}}
	call := llm.ToolCall{ID: "t1", Name: "f", Arguments: `{"a":1}`}
	for _, c := range []struct {
		name string
		in   []llm.Message
		t    wire.Target
		want string // of "messages"; the tools of the calls are there besides
		sys  string // of "system"
		lost []string
	}{
		{"system text at the head", []llm.Message{system("S"), {Role: llm.RoleDeveloper, Parts: []llm.Part{say("D")}}, user(say("Hi"))}, wire.Target{}, `[` + hi + `]`, `[{"text":"S"},{"text":"D"}]`, nil},
		{"system text further down", []llm.Message{user(say("Hi")), system("S"), assistant(say("Yo")), user(say("Hi"))}, wire.Target{}, `[` + hi + `,{"role":"assistant","content":[{"text":"Yo"}]},` + hi + `]`, `[{"text":"S"}]`, []string{"system_position"}},
		{
			"system text where models take it anywhere",
			[]llm.Message{user(say("Hi")), system("S"), assistant(say("Yo")), user(say("Hi"))},
			wire.Target{SystemAnywhere: true},
			`[` + hi + `,{"role":"system","content":[{"text":"S"}]},{"role":"assistant","content":[{"text":"Yo"}]},` + hi + `]`, ``, nil,
		},
		{"messages of one role", []llm.Message{user(say("Hi")), user(say("you"))}, wire.Target{}, `[{"role":"user","content":[{"text":"Hi"},{"text":"you"}]}]`, ``, nil},
		{"blank text, and messages of it", []llm.Message{system(" "), user(say(""), say("Hi")), assistant(say(" \n")), user(say("\t"))}, wire.Target{}, `[` + hi + `]`, ``, nil},
		{"the assistant first", []llm.Message{assistant(say("Yo")), user(say("Hi"))}, wire.Target{}, `[{"role":"user","content":[{"text":"(The conversation begins here.)"}]},{"role":"assistant","content":[{"text":"Yo"}]},` + hi + `]`, ``, nil},
		{"a beginning to go on from", []llm.Message{user(say("Hi")), assistant(say("Yo  \n"))}, wire.Target{}, `[` + hi + `,{"role":"assistant","content":[{"text":"Yo"}]}]`, ``, nil},
		{"a beginning that is refused", []llm.Message{user(say("Hi")), assistant(say("Yo"))}, wire.Target{NoPrefill: true}, `[` + hi + `,{"role":"assistant","content":[{"text":"Yo"}]},{"role":"user","content":[{"text":"Go on from where you stopped."}]}]`, ``, []string{"prefill"}},
		{"names of speakers", []llm.Message{{Role: llm.RoleUser, Name: "Ann", Parts: []llm.Part{say("Hi")}}}, wire.Target{}, `[` + hi + `]`, ``, []string{"name"}},
		{"a refusal", []llm.Message{user(say("Hi")), assistant(llm.Refusal{Text: "No."}), user(say("Hi"))}, wire.Target{}, `[` + hi + `,{"role":"assistant","content":[{"text":"No."}]},` + hi + `]`, ``, nil},
		{"another vendor's part", []llm.Message{user(say("Hi"), llm.Opaque{Format: llm.FormatMessages, Type: "search_result", Raw: []byte(`{}`)})}, wire.Target{}, `[` + hi + `]`, ``, []string{"search_result"}},
		{
			"a call and its result, with an image, before what the user says",
			[]llm.Message{
				user(say("Hi")), assistant(say("So"), call),
				user(say("also"), llm.ToolResult{CallID: "t1", Parts: []llm.Part{say("ok"), llm.Media{Kind: llm.MediaImage, MIME: "image/png", Data: png}}}),
			},
			wire.Target{},
			`[` + hi + `,{"role":"assistant","content":[{"text":"So"},{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"ok"},{"image":{"format":"png","source":{"bytes":"` + png + `"}}}]}},{"text":"also"}]}]`, ``, nil,
		},
		{
			"results in the order of their calls, one an error, one empty",
			[]llm.Message{
				user(say("Hi")), assistant(call, llm.ToolCall{ID: "t2", Name: "f"}),
				results(llm.ToolResult{CallID: "t2", IsError: true}), results(llm.ToolResult{CallID: "t1", Parts: []llm.Part{say("")}}),
			},
			wire.Target{},
			`[` + hi + `,{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}},{"toolUse":{"toolUseId":"t2","name":"f","input":{}}}]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"(no output)"}]}},{"toolResult":{"toolUseId":"t2","content":[{"text":"(no output)"}],"status":"error"}}]}]`, ``, nil,
		},
		{
			"words among calls",
			[]llm.Message{
				user(say("Hi")), assistant(call, say("and"), llm.Text{Text: "then", Cache: &llm.CacheMark{}}, llm.ToolCall{ID: "t2", Name: "f", Cache: &llm.CacheMark{}}, say("now")),
				results(llm.ToolResult{CallID: "t1", Parts: []llm.Part{say("1")}}, llm.ToolResult{CallID: "t2", Parts: []llm.Part{say("2")}}),
			},
			wire.Target{},
			`[` + hi + `,{"role":"assistant","content":[{"text":"and"},{"text":"then"},{"cachePoint":{"type":"default"}},{"text":"now"},` +
				`{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}},{"toolUse":{"toolUseId":"t2","name":"f","input":{}}},{"cachePoint":{"type":"default"}}]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"1"}]}},{"toolResult":{"toolUseId":"t2","content":[{"text":"2"}]}}]}]`, ``, nil,
		},
		{
			"a call without a result, a result without a call",
			[]llm.Message{user(say("Hi"), llm.ToolResult{CallID: "gone", Parts: []llm.Part{say("42")}}), assistant(call), user(say("Hi"))},
			wire.Target{},
			`[{"role":"user","content":[{"text":"Hi"},{"text":"Result of an earlier tool call: 42"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"no result"}],"status":"error"}},{"text":"Hi"}]}]`, ``, nil,
		},
		{
			"ids that don't fit, and one that comes twice",
			[]llm.Message{user(say("Hi")), assistant(llm.ToolCall{ID: "a b", Name: "f"}), results(llm.ToolResult{CallID: "a b"}), assistant(llm.ToolCall{ID: "a b", Name: "f"}), results(llm.ToolResult{CallID: "a b"})},
			wire.Target{},
			`[` + hi + `,{"role":"assistant","content":[{"toolUse":{"toolUseId":"` + wire.ToolID("a b", wire.ShapeAnthropic) + `","name":"f","input":{}}}]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"` + wire.ToolID("a b", wire.ShapeAnthropic) + `","content":[{"text":"(no output)"}]}}]},` +
				`{"role":"assistant","content":[{"toolUse":{"toolUseId":"` + wire.ToolID("a b again", wire.ShapeAnthropic) + `","name":"f","input":{}}}]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"` + wire.ToolID("a b again", wire.ShapeAnthropic) + `","content":[{"text":"(no output)"}]}}]}]`, ``, nil,
		},
		{
			"arguments that are no object",
			[]llm.Message{user(say("Hi")), assistant(llm.ToolCall{ID: "t1", Name: "f", Arguments: `{"a":`}), results(llm.ToolResult{CallID: "t1", Parts: []llm.Part{say("x")}})},
			wire.Target{},
			`[` + hi + `,{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{"_malformed_arguments":"{\"a\":"}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"x"}]}}]}]`, ``, nil,
		},
		{
			"a model without tools",
			[]llm.Message{user(say("Hi")), assistant(call), results(llm.ToolResult{CallID: "t1", Name: "f", Parts: []llm.Part{say("ok")}})},
			wire.Target{NoTools: true},
			`[` + hi + `,{"role":"assistant","content":[{"text":"Called the tool f: {\"a\":1}"}]},{"role":"user","content":[{"text":"Result of the tool f: ok"}]}]`, ``,
			[]string{"tool_history", "tools"},
		},
		{
			"reasoning of this very model, of others, and unsigned",
			[]llm.Message{
				user(say("Hi")),
				assistant(
					llm.Reasoning{Text: "Hm", Blob: mine(llm.BlobSignature, "s")}, llm.Reasoning{Blob: mine(llm.BlobRedacted, "YQ==")}, llm.Reasoning{Text: "plain", Blob: mine(llm.BlobPlain, "")},
					llm.Reasoning{Text: "foreign", Blob: &llm.Blob{Kind: llm.BlobSignature, Data: "x", Origin: llm.Origin{Provider: "other"}}}, llm.Reasoning{Text: "none"}, say("Yo"),
				),
				user(say("Hi")),
			},
			wire.Target{Origin: here, Reasoning: wire.ReasoningStyle{Replay: "always"}},
			`[` + hi + `,{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Hm","signature":"s"}}},{"reasoningContent":{"redactedContent":"YQ=="}},{"reasoningContent":{"reasoningText":{"text":"plain"}}},{"text":"Yo"}]},` + hi + `]`, ``, nil,
		},
		{
			"reasoning that only tool turns ask for",
			[]llm.Message{
				user(say("Hi")), assistant(llm.Reasoning{Text: "old", Blob: mine(llm.BlobSignature, "s")}, say("Yo")),
				user(say("Hi")), assistant(llm.Reasoning{Text: "new", Blob: mine(llm.BlobSignature, "s")}, call), results(llm.ToolResult{CallID: "t1", Parts: []llm.Part{say("ok")}}),
			},
			wire.Target{Origin: here, Reasoning: wire.ReasoningStyle{Replay: "tools"}},
			`[` + hi + `,{"role":"assistant","content":[{"text":"Yo"}]},` + hi + `,{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"new","signature":"s"}}},{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"ok"}]}}]}]`, ``, nil,
		},
		{
			"images by type, by their first bytes, and at S3",
			[]llm.Message{user(llm.Media{MIME: "image/jpg", Data: "/9j/"}, llm.Media{Data: "R0lG"}, llm.Media{URL: "s3://b/a.webp", Detail: "high"})},
			wire.Target{},
			`[{"role":"user","content":[{"image":{"format":"jpeg","source":{"bytes":"/9j/"}}},{"image":{"format":"gif","source":{"bytes":"R0lG"}}},{"image":{"format":"webp","source":{"s3Location":{"uri":"s3://b/a.webp"}}}}]}]`, ``,
			[]string{"image_detail"},
		},
		{
			"documents, whose names are made to fit and stand once",
			[]llm.Message{user(
				llm.Media{Kind: llm.MediaDocument, MIME: "application/pdf", Data: "JVBE", Name: "Über_den  Plan (v1.2).pdf"},
				llm.Media{Kind: llm.MediaDocument, Text: "abc", Name: "x"}, llm.Media{Kind: llm.MediaDocument, MIME: "text/csv; charset=utf-8", Data: "YQ==", Name: "x.csv"},
				llm.Media{Kind: llm.MediaDocument, Data: "JVBE", Extra: []byte(`{"citations":{"enabled":true},"context":"c"}`)}, llm.Media{Kind: llm.MediaDocument, MIME: "application/octet-stream", Data: "UEs=", Name: "../???.DOCX"},
			)},
			wire.Target{},
			`[{"role":"user","content":[{"document":{"format":"pdf","name":"ber-den Plan (v1-2)","source":{"bytes":"JVBE"}}},` +
				`{"document":{"format":"txt","name":"x","source":{"bytes":"` + base64.StdEncoding.EncodeToString([]byte("abc")) + `"}}},{"document":{"format":"csv","name":"x (2)","source":{"bytes":"YQ=="}}},` +
				`{"document":{"format":"pdf","name":"document","source":{"bytes":"JVBE"},"context":"c","citations":{"enabled":true}}},{"document":{"format":"docx","name":"--","source":{"bytes":"UEs="}}},{"text":"(See the document.)"}]}]`, ``, nil,
		},
		{
			"sound and films",
			[]llm.Message{user(say("Hi"), llm.Media{Kind: llm.MediaAudio, MIME: "audio/mpeg", Data: "SUQz"}, llm.Media{Kind: llm.MediaVideo, MIME: "video/quicktime", Data: "AAAA"})},
			wire.Target{},
			`[{"role":"user","content":[{"text":"Hi"},{"audio":{"format":"mp3","source":{"bytes":"SUQz"}}},{"video":{"format":"mov","source":{"bytes":"AAAA"}}}]}]`, ``, nil,
		},
		{"the assistant's own images, and citations", []llm.Message{user(say("Hi")), assistant(llm.Text{Text: "Yo", Citations: []llm.Citation{{URL: "https://a.example"}}}, llm.Media{Data: png}), user(say("Hi"))}, wire.Target{}, `[` + hi + `,{"role":"assistant","content":[{"text":"Yo"}]},` + hi + `]`, ``, []string{"citations", "assistant_media"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := &llm.Request{Messages: c.in}
			if slices.ContainsFunc(c.in, func(m llm.Message) bool { return slices.ContainsFunc(m.Parts, isCall) }) {
				q.Tools = tools
			}
			got, lost := encoded(t, q, c.t)
			want := `{`
			if c.sys != "" {
				want += `"system":` + c.sys + `,`
			}
			want += `"messages":` + c.want
			if q.Tools != nil && !c.t.NoTools {
				want += `,"toolConfig":{"tools":[` + ftool + `]}`
			}
			if d := cmp.Diff(want+`}`, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(c.lost, lost); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRequestsThatCantBeSaid(t *testing.T) {
	t.Parallel()
	one := []llm.Message{user(say("Hi"))}
	media := func(m llm.Media) llm.Request { return llm.Request{Messages: []llm.Message{user(m)}} }
	for _, c := range []struct {
		name  string
		in    llm.Request
		t     wire.Target
		param string
		say   string
	}{
		{"nothing to send", llm.Request{Messages: []llm.Message{system("S"), user(say(" "))}}, wire.Target{}, "messages", "every message is empty"},
		{"another vendor's cache", llm.Request{Messages: one, Cache: llm.CacheHints{Content: "c"}}, wire.Target{}, "cached_content", "another provider's"},
		{"an image at an address", media(llm.Media{URL: "https://a.example/x.png"}), wire.Target{}, "messages", "send its content"},
		{"another vendor's file", media(llm.Media{FileID: "file-1", Format: llm.FormatChat}), wire.Target{}, "messages", "belongs to another provider"},
		{"an image of no known type", media(llm.Media{MIME: "image/tiff", Data: "SUkq"}), wire.Target{}, "messages", "image/tiff"},
		{"an empty image", media(llm.Media{MIME: "image/png"}), wire.Target{}, "messages", "empty"},
		{"a document of no known type", media(llm.Media{Kind: llm.MediaDocument, MIME: "application/zip", Data: "UEs="}), wire.Target{}, "messages", "application/zip"},
		{"an image for a blind model", media(llm.Media{Data: png}), wire.Target{NoVision: true}, "messages", "takes no images"},
		{"a document for a model without", media(llm.Media{Kind: llm.MediaDocument, MIME: "application/pdf", Data: "JVBE"}), wire.Target{NoPDF: true}, "messages", "takes no documents"},
		{"sound for a deaf model", media(llm.Media{Kind: llm.MediaAudio, MIME: "audio/wav", Data: "UklG"}), wire.Target{NoAudio: true}, "messages", "takes no sound"},
		{"a demanded call without tools", llm.Request{Messages: one, ToolChoice: llm.ToolChoice{Mode: llm.ToolRequired}}, wire.Target{}, "tool_choice", "no tool is there"},
		{"a demanded call of a model without", llm.Request{Messages: one, Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolRequired}}, wire.Target{NoTools: true}, "tools", "can't call tools"},
		{"a tool that isn't there", llm.Request{Messages: one, Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolOne, Names: []string{"g"}}}, wire.Target{}, "tool_choice", "not among the tools"},
		{"a schema that is missing", llm.Request{Messages: one, Output: llm.OutputFormat{Kind: llm.OutputSchema}}, wire.Target{}, "response_format", "missing"},
		{"no output at all", llm.Request{Messages: one, MaxOutput: p(0)}, wire.Target{}, "max_tokens", "below 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.t.Model = "m"
			_, _, err := Format{}.Encode(&c.in, c.t)
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Param != c.param || !strings.Contains(e.Message, c.say) {
				t.Fatalf("got %#v", err)
			}
		})
	}
}

func TestPathAndHeaders(t *testing.T) {
	t.Parallel()
	q := &llm.Request{Messages: []llm.Message{user(say("Hi"))}}
	for _, c := range []struct {
		t            wire.Target
		path, accept string
	}{
		{wire.Target{Model: "us.anthropic.some-model-20250929-v1:0"}, "/model/us.anthropic.some-model-20250929-v1%3A0/converse", "application/json"},
		{
			wire.Target{Model: "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.x~y", Stream: true},
			"/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Feu.x~y/converse-stream", "application/vnd.amazon.eventstream",
		},
		{wire.Target{Model: "../ä?#%"}, "/model/..%2F%C3%A4%3F%23%25/converse", "application/json"},
	} {
		out, _, err := Format{}.Encode(q, c.t)
		if err != nil || out.Path != c.path || out.Header.Get("Accept") != c.accept || out.Query != nil {
			t.Errorf("%v: %+v", err, out)
		}
	}
	if _, _, err := (Format{}).Encode(q, wire.Target{}); err == nil {
		t.Error("a request for no model was written")
	}
}
