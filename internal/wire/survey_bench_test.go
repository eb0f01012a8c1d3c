package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/messages"
	"github.com/oidostudio/oido/internal/wire/responses"
)

// agents are bodies of about 50 KB: a coding agent's conversation of a few tasks
// with two calls a step, the last of them at work, as each format writes it.
func agents() map[string]struct {
	format wire.Surveyor
	body   []byte
} {
	type request = struct {
		format wire.Surveyor
		body   []byte
	}
	const steps, tasks = 28, 4
	given := strings.Repeat(`\tif err != nil {\n\t\treturn fmt.Errorf(\"it failed: %%w\", err)\n\t}\n`, 8)
	build := func(user, step string) string {
		var all []string
		for i := range steps {
			if i%(steps/tasks) == 0 {
				all = append(all, user)
			}
			all = append(all, fmt.Sprintf(step, i, given))
		}
		return strings.Join(all, ",")
	}
	asked := strings.Repeat("Please make the tests of the parser pass and say what was wrong. ", 6)
	system := strings.Repeat(`You are a coding agent.\nKeep the rules of the project.\n`, 60)
	tools := func(form string) string {
		return strings.Repeat(fmt.Sprintf(form, `{"type":"object","properties":{"path":{"type":"string","description":"`+strings.Repeat("where it is ", 20)+`"}}}`)+",", 11) +
			fmt.Sprintf(form, `{"type":"object"}`)
	}
	return map[string]request{
		"chat": {chat.Format{}, []byte(`{"model":"m","max_tokens":9000,"messages":[{"role":"system","content":"` + system + `"},` +
			build(`{"role":"user","content":"`+asked+`"}`, `{"role":"assistant","content":"I look at it.","tool_calls":[`+
				`{"id":"a%[1]d","type":"function","function":{"name":"read","arguments":"{\"path\":\"internal/parser/file%[1]d.go\"}"}},`+
				`{"id":"b%[1]d","type":"function","function":{"name":"run","arguments":"{\"command\":\"go test ./... -run %[1]d\"}"}}]},`+
				`{"role":"tool","tool_call_id":"a%[1]d","content":"%[2]s"},{"role":"tool","tool_call_id":"b%[1]d","content":"%[2]s"}`) +
			`],"tools":[` + tools(`{"type":"function","function":{"name":"read","parameters":%s}}`) + `]}`)},
		"messages": {messages.Format{}, []byte(`{"model":"m","max_tokens":9000,"system":[{"type":"text","text":"` + system + `"}],"messages":[` +
			build(`{"role":"user","content":[{"type":"text","text":"`+asked+`"}]}`, `{"role":"assistant","content":[{"type":"text","text":"I look at it."},`+
				`{"type":"tool_use","id":"a%[1]d","name":"read","input":{"path":"internal/parser/file%[1]d.go"}},`+
				`{"type":"tool_use","id":"b%[1]d","name":"run","input":{"command":"go test ./... -run %[1]d"}}]},`+
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"a%[1]d","content":"%[2]s"},{"type":"tool_result","tool_use_id":"b%[1]d","content":[{"type":"text","text":"%[2]s"}]}]}`) +
			`],"tools":[` + tools(`{"name":"read","input_schema":%s}`) + `]}`)},
		"gemini": {gemini.Format{}, []byte(`{"systemInstruction":{"parts":[{"text":"` + system + `"}]},"contents":[` +
			build(`{"role":"user","parts":[{"text":"`+asked+`"}]}`, `{"role":"model","parts":[{"text":"I look at it."},`+
				`{"functionCall":{"name":"read","args":{"path":"internal/parser/file%[1]d.go"}}},`+
				`{"functionCall":{"name":"run","args":{"command":"go test ./... -run %[1]d"}}}]},`+
				`{"role":"user","parts":[{"functionResponse":{"name":"read","response":{"output":"%[2]s"}}},{"functionResponse":{"name":"run","response":{"output":"%[2]s"}}}]}`) +
			`],"tools":[{"functionDeclarations":[` + tools(`{"name":"read","parametersJsonSchema":%s}`) + `]}]}`)},
		"responses": {responses.Format{}, []byte(`{"model":"m","instructions":"` + system + `","input":[` +
			build(`{"type":"message","role":"user","content":[{"type":"input_text","text":"`+asked+`"}]}`, `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look at it."}]},`+
				`{"type":"function_call","call_id":"a%[1]d","name":"read","arguments":"{\"path\":\"internal/parser/file%[1]d.go\"}"},`+
				`{"type":"function_call","call_id":"b%[1]d","name":"run","arguments":"{\"command\":\"go test ./... -run %[1]d\"}"},`+
				`{"type":"function_call_output","call_id":"a%[1]d","output":"%[2]s"},{"type":"function_call_output","call_id":"b%[1]d","output":"%[2]s"}`) +
			`],"tools":[` + tools(`{"type":"function","name":"read","parameters":%s}`) + `]}`)},
	}
}

// What a benchmark measures is what was meant: all of the conversation is seen.
func TestAnAgentsConversationIsSurveyed(t *testing.T) {
	t.Parallel()
	for name, q := range agents() {
		s, err := q.format.Survey(q.body)
		if err != nil || s.Steps != 7 || s.ToolCalls != 14 || s.UserTurns != 4 || s.Turns != 4+2*28 || !s.Tools || !s.EndsInTool ||
			len(s.System) != 1 || len(s.User) != 1 || s.Repeats != 0 {
			t.Errorf("%s: %v: %+v", name, err, s)
		}
		if len(q.body) < 45<<10 || len(q.body) > 60<<10 {
			t.Errorf("%s: %d bytes", name, len(q.body))
		}
	}
}

func BenchmarkSurvey(b *testing.B) {
	for name, q := range agents() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(q.body)))
			for b.Loop() {
				if _, err := q.format.Survey(q.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
