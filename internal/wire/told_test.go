package wire_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/messages"
	"github.com/oidostudio/oido/internal/wire/responses"
)

var formats = []wire.Format{chat.Format{}, messages.Format{}, gemini.Format{}, responses.Format{}}

// A part that the client said and that only its own format has a word for is told
// in words where it holds any, whether the user said it or a tool gave it; else
// the request is refused, since it would be another one without the part.
func TestWhatTheClientSaidIsNotLeftOut(t *testing.T) {
	t.Parallel()
	search := `{"type":"search_result","source":"https://e.example","title":"Moon","content":[{"type":"text","text":"It is far."}]}`
	blocks := `{"type":"document","source":{"type":"content","content":[{"type":"text","text":"It is far."}]}}`
	for _, c := range []struct{ name, body, want string }{
		{"a search result", `{"role":"user","content":[` + search + `]}`, "It is far."},
		{"a document of blocks", `{"role":"user","content":[` + blocks + `]}`, "It is far."},
		{"a tool's search result", `{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[` + search + `]}]}`, "It is far."},
		{"a lost call's search result", `{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[` + search + `]}]}`, "It is far."},
		{"another part", `{"role":"user","content":[{"type":"text","text":"a"},{"type":"container_upload","file_id":"f"}]}`, ""},
		{"another part of a tool", `{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"tool_reference","tool_name":"f"}]}]}`, ""},
	} {
		q, err := messages.Format{}.Decode(wire.RawRequest{Body: []byte(`{"model":"m","max_tokens":99,"messages":[` + c.body + `]}`)})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range formats {
			out, downgrades, err := f.Encode(q, wire.Target{Model: "m"})
			switch {
			case f.Name() == llm.FormatMessages:
				if err != nil || len(downgrades) > 0 {
					t.Errorf("%s to its own format: %v, %v", c.name, downgrades, err)
				}
			case c.want == "":
				if err == nil || llm.AsError(err).Kind != llm.KindBadRequest {
					t.Errorf("%s to %s: %s, %v; want a refusal", c.name, f.Name(), out.Body, err)
				}
			case err != nil || !strings.Contains(string(out.Body), c.want) || len(downgrades) != 1:
				t.Errorf("%s to %s: %s, %v, %v", c.name, f.Name(), out.Body, downgrades, err)
			}
		}
	}
	q := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Opaque{Format: llm.FormatChat, Type: "video_url", Raw: []byte(`{"type":"video_url"}`)}}}}}
	if _, _, err := (messages.Format{}).Encode(q, wire.Target{Model: "m"}); err == nil {
		t.Error("a film was left out")
	}
}

// An attachment of a result whose call is gone goes where the result does.
func TestALostResultKeepsItsAttachments(t *testing.T) {
	t.Parallel()
	q := &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "a"}}},
		{Role: llm.RoleTool, Parts: []llm.Part{llm.ToolResult{CallID: "gone", Parts: []llm.Part{llm.Text{Text: "seen"}, llm.Media{Kind: llm.MediaImage, MIME: "image/png", Data: "iVBORw0KGgo="}}}}},
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "b"}}},
	}}
	for _, f := range formats {
		out, _, err := f.Encode(q, wire.Target{Model: "m"})
		if err != nil || !strings.Contains(string(out.Body), "seen") || !strings.Contains(string(out.Body), "iVBORw0KGgo=") {
			t.Errorf("%s: %s, %v", f.Name(), out.Body, err)
		}
	}
}
