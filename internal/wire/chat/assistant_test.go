package chat_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// A message has one field for reasoning. A model that thought twice gets all of it
// back, in order, and what the format can't say of its answer is named.
func TestAMessageHoldsAllThatWasThought(t *testing.T) {
	t.Parallel()
	details := func(s string) llm.Reasoning {
		return llm.Reasoning{Text: s, Blob: &llm.Blob{Kind: llm.BlobDetails, Data: `[{"type":"reasoning.text","text":"` + s + `"}]`, Origin: origin}}
	}
	plain := func(s string) llm.Reasoning {
		return llm.Reasoning{Text: s, Blob: &llm.Blob{Kind: llm.BlobPlain, Origin: origin}}
	}
	for want, parts := range map[string][]llm.Part{
		`"reasoning_details":[{"type":"reasoning.text","text":"a"},{"type":"reasoning.text","text":"b"}]`: {details("a"), llm.Text{Text: "x"}, details("b")},
		`"reasoning_content":"a\n\nb"`: {plain("a"), llm.Text{Text: "x"}, plain("b")},
	} {
		q := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "q"}}}, {Role: llm.RoleAssistant, Parts: append(parts, llm.Media{Kind: llm.MediaImage, Data: "AA"})}}}
		out, downgrades, err := chat.Format{}.Encode(q, wire.Target{Model: "m", Origin: origin, Reasoning: wire.ReasoningStyle{Replay: "always"}})
		if err != nil || !strings.Contains(string(out.Body), want) || len(downgrades) != 1 || downgrades[0].Feature != "assistant_media" {
			t.Errorf("%s, %v, %v; want %s", out.Body, downgrades, err, want)
		}
	}
	answer := &llm.Answer{Choices: []llm.Choice{{Parts: []llm.Part{details("a"), llm.Text{Text: "x"}, details("b")}}}}
	if body, err := (chat.Format{}).EncodeAnswer(answer, caller()); err != nil || !strings.Contains(string(body), `"text":"a"},{"type":"reasoning.text","text":"b"`) {
		t.Errorf("%s, %v", body, err)
	}
}
