package chat_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

const (
	begins = `{"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"so "}}]}`
	ends   = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
)

func streamOf(chunks ...string) string {
	return "data: " + strings.Join(chunks, "\n\ndata: ") + "\n\ndata: [DONE]\n\n"
}

// Servers that stream by tokens cut characters in two, and some write a field
// twice. Text that arrived otherwise is not lost for it.
func TestBrokenCharactersAreReplaced(t *testing.T) {
	t.Parallel()
	for name, half := range map[string]string{
		"half of a pair": `{"choices":[{"index":0,"delta":{"content":"\ud83d"}}]}`,
		"broken UTF-8":   "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xf0\x9f\"}}]}",
		"a field twice":  `{"id":"1","id":"1","choices":[{"index":0,"delta":{"content":"` + "\uFFFD" + `"}}]}`,
	} {
		a, err := llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(streamOf(begins, half, ends)), wire.Target{}))
		if err != nil || !strings.HasPrefix(llm.Message{Parts: a.Choices[0].Parts}.Text(), "so \uFFFD") {
			t.Errorf("%s, streamed: %+v, %v", name, a, err)
		}
		whole := strings.Replace(strings.Replace(half, "delta", "message", 1), "}}]", `},"finish_reason":"stop"}]`, 1)
		a, err = chat.Format{}.DecodeAnswer([]byte(whole), wire.Target{})
		if err != nil || !strings.HasPrefix(llm.Message{Parts: a.Choices[0].Parts}.Text(), "\uFFFD") {
			t.Errorf("%s, whole: %+v, %v", name, a, err)
		}
		m := chat.Format{}.NewMeter(wire.Target{})
		if v := m.Event("", []byte(half)); v.Err != nil || !v.Meaningful {
			t.Errorf("%s, metered: %+v", name, v)
		}
	}
}

// A forwarded stream isn't decoded chunk by chunk. One that is no chunk is an
// error all the same.
func TestAMeterSeesWhatIsNoChunk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		chunk string
		bad   bool
	}{
		{`{"choices":[{"index":0,"delta":{"content":"a"}}]}`, false},
		{`{"choices":[{"index":0,"delta":{"content":"a"}}]} `, false},
		{``, false},
		{`{"choices":[{"index":0,"delta":{"cont`, true},
		{`{"this is": ["no JSON`, true},
		{`<html>`, true},
		{`{"choices":[],"x_groq":{"error":"over capacity"}}`, true},
	} {
		m := chat.Format{}.NewMeter(wire.Target{})
		m.Event("", []byte(begins))
		if v := m.Event("", []byte(c.chunk)); (v.Err != nil) != c.bad {
			t.Errorf("%s: %+v", c.chunk, v)
		}
	}
}

// A vendor's error inside of its own extension ends the stream.
func TestAnErrorOfGroqsIsOne(t *testing.T) {
	t.Parallel()
	_, err := llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(streamOf(begins, `{"choices":[{"index":0,"delta":{"content":"a"}}],"x_groq":{"error":"over capacity"}}`, ends)), wire.Target{}))
	if err == nil || !strings.Contains(err.Error(), "over capacity") {
		t.Errorf("%v", err)
	}
}

// Reasoning comes in tens of thousands of pieces, and so do arguments of a call
// that is named late. What they cost grows with their number, not its square.
func TestManyPiecesAreJoined(t *testing.T) {
	t.Parallel()
	const n = 60_000
	piece := `{"choices":[{"index":0,"delta":{"reasoning":"x","reasoning_details":[{"type":"reasoning.text","index":0,"text":"x\n"}]}}]}`
	chunks := []string{`{"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`}
	for range n {
		chunks = append(chunks, piece)
	}
	chunks = append(chunks, `{"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.text","index":0,"text":null,"signature":"s"}]}}]}`)
	for range n {
		chunks = append(chunks, `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"          "}}]}}]}`)
	}
	chunks = append(chunks, `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}`, ends)
	a, err := llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(streamOf(chunks...)), wire.Target{}))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := a.Choices[0].Parts[0].(llm.Reasoning)
	var details []struct{ Type, Text, Signature string }
	if r.Blob == nil || json.Unmarshal([]byte(r.Blob.Data), &details, json.MatchCaseInsensitiveNames(true)) != nil {
		t.Fatalf("%+v", r)
	}
	if len(details) != 1 || details[0].Text != strings.Repeat("x\n", n) || details[0].Signature != "s" || details[0].Type != "reasoning.text" {
		t.Errorf("%d details, the first of %d bytes", len(details), len(details[0].Text))
	}
	if c, _ := a.Choices[0].Parts[1].(llm.ToolCall); len(c.Arguments) != 10*n+2 {
		t.Errorf("%d bytes of arguments", len(c.Arguments))
	}
}

// Servers that leave the ids of calls out answer many times in a conversation, and
// call one tool many times in an answer.
func TestCallsWithoutIDsAreToldApart(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	calls := 0
	note := func(a *llm.Answer, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range a.Choices[0].Parts {
			if c, ok := p.(llm.ToolCall); ok {
				calls++
				seen[c.ID] = true
			}
		}
	}
	for _, id := range []string{"a", "b", ""} {
		many := strings.TrimSuffix(strings.Repeat(`{"type":"function","function":{"name":"f","arguments":"{}"}},`, 12), ",")
		note(chat.Format{}.DecodeAnswer([]byte(`{"id":"`+id+`","choices":[{"index":0,"message":{"tool_calls":[`+many+`]},"finish_reason":"tool_calls"}]}`), wire.Target{Model: "m"}))
		note(llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(streamOf(`{"id":"s`+id+`","choices":[{"index":0,"delta":{"tool_calls":[`+many+`]},"finish_reason":"tool_calls"}]}`)), wire.Target{Model: "m"})))
	}
	if calls != 72 || len(seen) != calls {
		t.Errorf("%d ids for %d calls", len(seen), calls)
	}
}
