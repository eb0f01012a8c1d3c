package wire_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// A demanded call is no wish: without a tool that the target could call, the
// request is refused.
func TestADemandedCallNeedsATool(t *testing.T) {
	t.Parallel()
	for _, choice := range []llm.ToolChoice{{Mode: llm.ToolRequired}, {Mode: llm.ToolOne, Names: []string{"search"}}, {Mode: llm.ToolAllowed, Names: []string{"search"}, Required: true}} {
		for _, target := range []wire.Target{{Model: "m"}, {Model: "m", NoTools: true}} {
			q := &llm.Request{
				Messages:   []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "a"}}}},
				Tools:      []llm.Tool{{Kind: llm.ToolBuiltin, Name: "search", Format: "elsewhere", Raw: []byte(`{}`)}},
				ToolChoice: choice,
			}
			for _, f := range formats {
				if out, _, err := f.Encode(q, target); err == nil {
					t.Errorf("%+v to %s: %s", choice, f.Name(), out.Body)
				}
			}
		}
	}
}

// Numbers are whole by their value, not by how they are written.
func TestACapMayBeWrittenAsAFloat(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"100", "1e2", "100.0", "0.1e3"} {
		for _, c := range []struct {
			f    wire.Format
			body string
		}{
			{formats[0], `{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":` + n + `}`},
			{formats[1], `{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":` + n + `}`},
			{formats[3], `{"model":"m","input":"a","max_output_tokens":` + n + `}`},
		} {
			raw := wire.RawRequest{Body: []byte(c.body)}
			if p, err := c.f.Peek(raw); err != nil || p.MaxOutput != 100 {
				t.Errorf("%s, %s: peeked %d, %v", c.f.Name(), n, p.MaxOutput, err)
			}
			if q, err := c.f.Decode(raw); err != nil || q.MaxOutput == nil || *q.MaxOutput != 100 {
				t.Errorf("%s, %s: %v", c.f.Name(), n, err)
			}
		}
	}
	raw := wire.RawRequest{Body: []byte(`{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":1.5}`)}
	if _, err := formats[0].Peek(raw); err == nil {
		t.Error("a cap of one and a half tokens is taken")
	}
}

// JSON is asked for by a field alone in Gemini's format; OpenAI's refuse that
// unless the conversation names it.
func TestJSONIsNamedWhereItMustBe(t *testing.T) {
	t.Parallel()
	for text, told := range map[string]int{"List three moons.": 1, "List three moons as Json.": 0} {
		q := &llm.Request{Output: llm.OutputFormat{Kind: llm.OutputJSON}, Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: text}}}}}
		for _, i := range []int{0, 3} {
			out, _, err := formats[i].Encode(q, wire.Target{Model: "m"})
			if n := strings.Count(string(out.Body), "Answer with one JSON object"); err != nil || n != told {
				t.Errorf("%s, %q: told %d times, %v: %s", formats[i].Name(), text, n, err, out.Body)
			}
		}
	}
}
