package wire_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

// surveyed are conversations as clients write them, and what they show. Those that
// are odd are not what a decoded request would show.
var surveyed = []struct {
	format, name, body string
	want               wire.Survey
	odd                bool
}{
	{
		"chat", "a first message", `{"model":"m","max_completion_tokens":1e2,"messages":[{"role":"system","content":"Be brief."},{"role":"developer","content":[{"type":"text","text":"And kind."}]},{"content":"Hello\n\u00e9\ud83d\ude00","role":"user"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}}}`,
		wire.Survey{System: []string{"Be brief.", "And kind."}, User: []string{"Hello\né😀"}, MaxOutput: 100, Schema: true, Turns: 1, UserTurns: 1, EndsInUser: true},
		false,
	},
	{
		"chat", "parallel tools, of which one is called again", `{"model":"m","tools":[{"type":"function","function":{"name":"f"}}],"messages":[
			{"role":"user","content":"old"},{"role":"assistant","content":null,"tool_calls":[{"id":"0","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"0","content":"x"},{"role":"assistant","content":"done"},
			{"role":"user","content":[{"type":"text","text":"new"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
			{"role":"assistant","content":"I look","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"2","type":"custom","custom":{"name":"g","input":"x"}}]},
			{"role":"tool","tool_call_id":"1","content":"x"},{"role":"tool","tool_call_id":"2","content":[{"type":"text","text":"error: it failed"}]},
			{"role":"assistant","tool_calls":[{"id":"3","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"3","content":"x"}]}`,
		wire.Survey{User: []string{"new"}, Tools: true, Image: true, Media: true, Turns: 9, UserTurns: 2, Steps: 2, ToolCalls: 3, Repeats: 1, EndsInTool: true},
		false,
	},
	{
		"chat", "files, sounds and functions of old", `{"model":"m","functions":[{"name":"f"}],"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA"}},{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]},
			{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"x"},{"role":"user","content":"and now?"}]}`,
		wire.Survey{User: []string{"and now?"}, Tools: true, PDF: true, Audio: true, Turns: 4, UserTurns: 2, EndsInUser: true},
		false,
	},
	{
		"chat", "a plain text file, and words put into the model's mouth", `{"model":"m","tools":[],"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:text/csv;base64,AAAA"}},{"text":"count"}]},{"role":"assistant","content":"I count "}]}`,
		wire.Survey{User: []string{"count"}, Media: true, Turns: 2, UserTurns: 1, Steps: 1},
		false,
	},
	{
		"messages", "tools' results with words beside them", `{"model":"m","max_tokens":9,"system":[{"type":"text","text":"You are an agent."},{"type":"text","text":"Keep rules."}],"tools":[{"name":"f","input_schema":{"type":"object"}}],"messages":[
			{"role":"user","content":[{"type":"text","text":"<system-reminder>r</system-reminder>"},{"type":"text","text":"fix it"}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"1","name":"f","input":{"a":1}},{"type":"tool_use","id":"2","name":"f","input":{"a":2}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"x","is_error":true},{"type":"tool_result","tool_use_id":"2","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},{"type":"text","text":"not that file"}]}]}`,
		wire.Survey{System: []string{"You are an agent.", "Keep rules."}, User: []string{"<system-reminder>r</system-reminder>", "fix it"}, Aside: []string{"not that file"}, MaxOutput: 9, Tools: true, Image: true, Turns: 3, UserTurns: 1, Steps: 1, ToolCalls: 2, ToolFailed: true, EndsInTool: true},
		false,
	},
	{
		"messages", "a failure that was mended", `{"model":"m","system":"S","output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},"messages":[{"role":"user","content":"go"},
			{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","is_error":true},{"type":"text","text":"hint"}]},
			{"role":"assistant","content":[{"type":"tool_use","id":"2","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"2","is_error":false,"content":"ok"}]}]}`,
		wire.Survey{System: []string{"S"}, User: []string{"go"}, Schema: true, Turns: 5, UserTurns: 1, Steps: 2, ToolCalls: 2, Repeats: 1, EndsInTool: true},
		false,
	},
	{
		"messages", "documents", `{"model":"m","messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"}},{"type":"text","text":"read"}]},{"role":"assistant","content":"yes"},
			{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://x/y"}}]}]}`,
		wire.Survey{User: []string{"read"}, PDF: true, Media: true, Turns: 3, UserTurns: 2, EndsInUser: true},
		false,
	},
	{
		"messages", "a document of blocks", `{"model":"m","messages":[{"role":"user","content":[{"type":"document","source":{"type":"content","content":[{"type":"text","text":"d"},{"type":"image","source":{"type":"url","url":"u"}}]}}]}]}`,
		wire.Survey{Image: true, Media: true, Turns: 1, UserTurns: 1, EndsInUser: true},
		true, // such a document has no neutral word
	},
	{
		"gemini", "functions", `{"systemInstruction":{"parts":[{"text":"S"}]},"tools":[{"functionDeclarations":[{"name":"f"}]}],"generation_config":{"max_output_tokens":"8","response_schema":{"type":"OBJECT"}},"contents":[{"role":"user","parts":[{"text":"go"},{"inline_data":{"mime_type":"audio/wav","data":"AA"}}]},
			{"role":"model","parts":[{"text":"hm","thought":true},{"functionCall":{"name":"f","args":{"a":1}}},{"functionCall":{"name":"f","args":{"a":1}}}]},
			{"role":"function","parts":[{"functionResponse":{"name":"f","response":{"output":"x"}}},{"functionResponse":{"name":"f","response":{"error":"no such file"}}}]}]}`,
		wire.Survey{System: []string{"S"}, User: []string{"go"}, MaxOutput: 8, Tools: true, Schema: true, Audio: true, Media: true, Turns: 3, UserTurns: 1, Steps: 1, ToolCalls: 2, Repeats: 1, ToolFailed: true, EndsInTool: true},
		false,
	},
	{
		"gemini", "results with an error among others, and words beside them", `{"system_instruction":"S","contents":[{"parts":[{"text":"see"},{"fileData":{"fileUri":"https://x/a.pdf","mimeType":"application/pdf"}}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f"}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"error":"","rows":[]},"parts":[{"inlineData":{"mimeType":"image/png","data":"AA"}}]}},{"text":"go on"}]}]}`,
		wire.Survey{System: []string{"S"}, User: []string{"see"}, Aside: []string{"go on"}, Image: true, PDF: true, Media: true, Turns: 3, UserTurns: 1, Steps: 1, ToolCalls: 1, EndsInTool: true},
		false,
	},
	{
		"gemini", "an error that is an object", `{"contents":[{"role":"user","parts":[{"text":"go"}]},{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"error":{"code":5}}}}]}]}`,
		wire.Survey{User: []string{"go"}, Turns: 3, UserTurns: 1, Steps: 1, ToolCalls: 1, ToolFailed: true, EndsInTool: true},
		true, // to other formats it is a result like any other
	},
	{
		"responses", "a text", `{"model":"m","instructions":"S","input":"Hello","max_output_tokens":7,"text":{"format":{"type":"json_schema","name":"n","schema":{}}}}`,
		wire.Survey{System: []string{"S"}, User: []string{"Hello"}, MaxOutput: 7, Schema: true, Turns: 1, UserTurns: 1, EndsInUser: true},
		false,
	},
	{
		"responses", "items", `{"model":"m","tools":[{"type":"function","name":"f"}],"input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"D"}]},{"role":"user","content":[{"type":"input_text","text":"go"},{"type":"input_image","image_url":"https://x/y"},{"type":"input_file","file_id":"f"}]},
			{"type":"reasoning","id":"r","summary":[]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look"}]},{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"type":"custom_tool_call","call_id":"2","name":"g","input":"{}"},
			{"type":"function_call_output","call_id":"1","output":"x"},{"type":"custom_tool_call_output","call_id":"2","output":[{"type":"input_text","text":"x"}]},
			{"type":"function_call","call_id":"3","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"3","output":"x"}]}`,
		wire.Survey{System: []string{"D"}, User: []string{"go"}, Tools: true, Image: true, PDF: true, Media: true, Turns: 5, UserTurns: 1, Steps: 2, ToolCalls: 3, Repeats: 1, EndsInTool: true},
		false,
	},
	{
		"responses", "only what is new", `{"model":"m","previous_response_id":"r","input":[{"type":"function_call_output","call_id":"1","output":"x"}]}`,
		wire.Survey{Turns: 1, EndsInTool: true},
		false,
	},
	{
		"responses", "the tools that clients run under names of the vendor's", `{"model":"m","input":[{"role":"user","content":"patch"},{"type":"web_search_call","id":"w"},{"type":"local_shell_call","call_id":"1","action":{"type":"exec","command":["ls"]}},{"type":"local_shell_call_output","id":"1","output":"x"},
			{"type":"computer_call","call_id":"3","action":{"type":"screenshot"}},{"type":"computer_call_output","call_id":"3","output":{"type":"computer_screenshot","image_url":"data:image/png;base64,AA"}},
			{"type":"apply_patch_call","call_id":"2","operation":{"type":"delete_file"}},{"type":"apply_patch_call_output","call_id":"2","status":"failed","output":"conflict"}]}`,
		wire.Survey{User: []string{"patch"}, Image: true, Turns: 7, UserTurns: 1, Steps: 3, ToolCalls: 3, ToolFailed: true, EndsInTool: true},
		true, // they have no neutral word
	},
}

// formatOf finds a format with how its requests come.
func formatOf(t testing.TB, name string) (f wire.Format, raw wire.RawRequest, beside bool) {
	t.Helper()
	for _, f = range formats {
		if string(f.Name()) == name {
			return f, wire.RawRequest{Path: "/v1beta/models/m:generateContent"}, name == "messages" || name == "gemini"
		}
	}
	t.Fatalf("no format %s", name)
	return nil, raw, false
}

func surveyOf(t testing.TB, f wire.Format, body []byte) wire.Survey {
	t.Helper()
	surveyor, ok := f.(wire.Surveyor)
	if !ok {
		t.Fatalf("%s surveys nothing", f.Name())
	}
	s, err := surveyor.Survey(body)
	if err != nil {
		t.Fatalf("%s: %v in %s", f.Name(), err, body)
	}
	return s
}

func TestASurveyTellsWhatAConversationShows(t *testing.T) {
	t.Parallel()
	for _, c := range surveyed {
		t.Run(c.format+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			f, raw, beside := formatOf(t, c.format)
			raw.Body = []byte(c.body)
			if diff := cmp.Diff(c.want, surveyOf(t, f, raw.Body)); diff != "" {
				t.Error(diff)
			}
			q, err := f.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wiretest.Surveyed(q, beside), c.want); (diff != "") != c.odd {
				t.Errorf("decoded, it shows otherwise: %s", diff)
			}
		})
	}
}

// What is no request, or says a thing twice, is refused, and what is odd passed over.
func TestASurveyRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	fields := map[llm.Format]string{"chat": "messages", "messages": "messages", "gemini": "contents", "responses": "input"}
	for _, f := range formats {
		list := fields[f.Name()]
		surveyor, _ := f.(wire.Surveyor)
		for _, body := range []string{
			``, `null`, `[]`, `{`, `{} x`, `{"` + list + `":[{]}`, `{"` + list + `":[{"role":"user" "content":1}]}`, `{"a":1,"a":2}`,
			`{"` + list + `":[{"role":"user","role":"user"}]}`, `{"` + list + `":["` + strings.Repeat(`[`, 20000) + `]}`, `{"x":` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `}`,
		} {
			_, err := surveyor.Survey([]byte(body))
			if e := llm.AsError(err); err == nil || e.Kind != llm.KindBadRequest {
				t.Errorf("%s: %.60s: %v", f.Name(), body, err)
			}
		}
		for _, body := range []string{
			`{}`, `{"` + list + `":5}`, `{"` + list + `":[5,null,[],{}]}`, `{"` + list + `":[{"role":7}]}`, `{"` + list + `":[{"role":"narrator","content":"x","parts":[{"text":"x"}]}]}`,
			`{"` + list + `":[{"role":"user","content":[5,{"type":[]}],"parts":[{"text":5,"inlineData":[]}]}],"tools":{},"` + list + `x":1}`,
		} {
			if s, err := surveyor.Survey([]byte(body)); err != nil || s.User != nil || s.UserTurns > 1 {
				t.Errorf("%s: %s: %v %+v", f.Name(), body, err, s)
			}
		}
	}
}

// Long texts keep their two ends, cut where a character begins; of many the last
// are kept.
func TestASurveyIsBounded(t *testing.T) {
	t.Parallel()
	f, _, _ := formatOf(t, "messages")
	for _, unit := range []string{"a", "é", "😀", `\n`, `\\`, `\"`, `\u00e9`, `\ud83d\ude00`, `\\\ud83d\uDE00x`, "ab\\\\\\\\"} {
		for shift := range 13 {
			long := strings.Repeat("x", shift) + strings.Repeat(unit, 40_000/len(unit))
			s := surveyOf(t, f, []byte(`{"system":"`+long+`","messages":[{"role":"user","content":[{"type":"text","text":"`+long+`"},{"type":"text","text":"last"}]}]}`))
			whole := surveyOf(t, f, []byte(`{"messages":[{"role":"user","content":"`+strings.Repeat("x", shift)+strings.Repeat(unit, 1000/len(unit))+`"}]}`)).User[0]
			if len(s.User) != 2 || s.User[1] != "last" || len(s.System) != 1 {
				t.Fatalf("%q: %d texts", unit, len(s.User))
			}
			if n := len(s.User[0]); n > 16<<10 || n < 2<<10 || len(s.System[0]) > 2<<10 || len(s.System[0]) < 300 {
				t.Errorf("%q: %d and %d bytes are kept", unit, n, len(s.System[0]))
			}
			if !strings.HasPrefix(s.User[0], whole) || !strings.HasPrefix(s.System[0], whole[:300]) || !strings.HasSuffix(s.User[0], whole[shift+len(whole)/2:]) && len(unit) != 14 {
				t.Errorf("%q: neither beginning nor end: %.80q … %q", unit, s.User[0], s.User[0][len(s.User[0])-80:])
			}
			if strings.Contains(s.User[0], "\ufffd") {
				t.Errorf("%q: a character was cut", unit)
			}
		}
	}
	many := strings.Repeat(`{"type":"text","text":"first"},`, 100) + `{"type":"text","text":"last"}`
	s := surveyOf(t, f, []byte(`{"messages":[{"role":"user","content":[`+many+`]}],"system":[`+many+`]}`))
	if len(s.User) != 16 || s.User[15] != "last" || len(s.System) != 8 {
		t.Errorf("%d and %d texts", len(s.User), len(s.System))
	}
}

// conversation draws what an agent's client might send.
func conversation(t *rapid.T) *llm.Request {
	word := rapid.StringMatching(`[a-z"\\é😀\n ]{0,6}[a-z]`)
	medium := rapid.SampledFrom([]llm.Part{
		llm.Media{Kind: llm.MediaImage, MIME: "image/png", Data: "AAAA"},
		llm.Media{Kind: llm.MediaDocument, MIME: "application/pdf", Data: "AAAA", Name: "a.pdf"},
	})
	q := &llm.Request{Model: "m", Tools: []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object"}`)}}}
	if rapid.Bool().Draw(t, "system") {
		q.Messages = append(q.Messages, llm.Message{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: word.Draw(t, "system text")}}})
	}
	id := 0
	for range rapid.IntRange(1, 4).Draw(t, "tasks") {
		asks := llm.Message{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: word.Draw(t, "text")}}}
		if rapid.IntRange(0, 3).Draw(t, "medium") == 0 {
			asks.Parts = append(asks.Parts, medium.Draw(t, "of kind"))
		}
		q.Messages = append(q.Messages, asks)
		for range rapid.IntRange(0, 3).Draw(t, "steps") {
			says := llm.Message{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Text{Text: word.Draw(t, "said")}}}
			results := llm.Message{Role: llm.RoleTool}
			for range rapid.IntRange(1, 3).Draw(t, "calls") {
				id++
				call := fmt.Sprintf("call_%d", id)
				says.Parts = append(says.Parts, llm.ToolCall{ID: call, Name: "f", Arguments: fmt.Sprintf(`{"a":%d}`, rapid.IntRange(0, 9).Draw(t, "argument"))})
				results.Parts = append(results.Parts, llm.ToolResult{CallID: call, Name: "f", Parts: []llm.Part{llm.Text{Text: word.Draw(t, "result")}}, IsError: rapid.Bool().Draw(t, "failed")})
			}
			q.Messages = append(q.Messages, says, results)
		}
		q.Messages = append(q.Messages, llm.Message{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Text{Text: word.Draw(t, "answer")}}})
	}
	// It ends anywhere but in the system text or in calls: who writes it for a provider
	// answers those.
	end := rapid.IntRange(2, len(q.Messages)).Draw(t, "messages")
	if m := q.Messages[end-1]; len(m.Parts) > 1 && m.Role == llm.RoleAssistant {
		end++
	}
	q.Messages = q.Messages[:end]
	return q
}

// What a walk through a request shows is what its decoding shows, and it is the same
// in every format, but for the mark of failed results that some lack.
func TestASurveyIsWhatDecodingShows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := conversation(t)
		want := wiretest.Surveyed(q, false)
		for _, f := range formats {
			got, decoded := both(t, f, q)
			if diff := cmp.Diff(decoded, got); diff != "" {
				t.Fatalf("%s, decoded: %s", f.Name(), diff)
			}
			marks := f.Name() == llm.FormatMessages || f.Name() == llm.FormatGemini
			got.ToolFailed, got.MaxOutput = marks && got.ToolFailed || !marks && want.ToolFailed, 0
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: %s", f.Name(), diff)
			}
		}
	})
}

// both surveys a request as the format writes it, and as it reads it back.
func both(t interface{ Fatalf(string, ...any) }, f wire.Format, q *llm.Request) (walked, decoded wire.Survey) {
	out, _, err := f.Encode(q, wire.Target{Model: "m", Origin: made, Names: &wire.ToolNames{}, Reasoning: wire.ReasoningStyle{Replay: "always"}})
	if err != nil {
		t.Fatalf("%s: %v", f.Name(), err)
	}
	surveyor, _ := f.(wire.Surveyor)
	walked, err = surveyor.Survey(out.Body)
	if err != nil {
		t.Fatalf("%s: %v in %s", f.Name(), err, out.Body)
	}
	again, err := f.Decode(wire.RawRequest{Path: "/v1beta/models/m:generateContent", Body: out.Body})
	if err != nil {
		t.Fatalf("%s: %v in %s", f.Name(), err, out.Body)
	}
	return walked, wiretest.Surveyed(again, f.Name() == llm.FormatMessages || f.Name() == llm.FormatGemini)
}

// The same holds for conversations in which real answers stand, in every format.
func TestRecordedAnswersAreSurveyedAsTheyAreDecoded(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, from := range formats {
		files, err := filepath.Glob(filepath.Join(string(from.Name()), "testdata", "*"+wiretest.Answers))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a, err := from.DecodeAnswer(body, wire.Target{Origin: made})
			if err != nil {
				t.Fatal(file, err)
			}
			q := &llm.Request{Model: "m", Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "go"}}}, {Role: llm.RoleAssistant, Parts: a.Choices[0].Parts}}}
			results := llm.Message{Role: llm.RoleTool}
			for _, p := range a.Choices[0].Parts {
				if c, ok := p.(llm.ToolCall); ok {
					results.Parts = append(results.Parts, llm.ToolResult{CallID: c.ID, Name: c.Name, Parts: []llm.Part{llm.Text{Text: "done"}}})
				}
			}
			if len(results.Parts) > 0 {
				q.Messages = append(q.Messages, results)
			}
			for _, to := range formats {
				walked, decoded := both(t, to, q)
				if diff := cmp.Diff(decoded, walked); diff != "" || walked.ToolCalls != len(results.Parts) {
					t.Errorf("%s in %s: %s", file, to.Name(), diff)
				}
			}
			seen++
		}
	}
	if seen < 10 {
		t.Errorf("only %d recorded answers", seen)
	}
}
