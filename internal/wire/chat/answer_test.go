package chat_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// TestARefusalEndsAsOne reads an answer that refuses in words. The format ends
// it with "stop" and tells it by its field alone; other formats have a word for
// it, and clients of this one expect the field.
func TestARefusalEndsAsOne(t *testing.T) {
	f := chat.Format{}
	target := wire.Target{Origin: origin, Model: "m"}
	whole := []byte(`{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"No."},"finish_reason":"stop"}]}`)
	streamed := `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}}]}` + "\n\n" +
		`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"refusal":"No."}}]}` + "\n\n" +
		`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"

	answer, err := f.DecodeAnswer(whole, target)
	if err != nil {
		t.Fatal(err)
	}
	collected, err := llm.Collect(f.DecodeStream(strings.NewReader(streamed), target))
	if err != nil {
		t.Fatal(err)
	}
	meter := f.NewMeter(target)
	for r := sse.NewReader(strings.NewReader(streamed)); ; {
		ev, err := r.Next()
		if err != nil {
			break
		}
		meter.Event(string(ev.Name), ev.Data)
	}
	for name, got := range map[string]llm.FinishReason{
		"whole": answer.Choices[0].Finish.Reason, "streamed": collected.Choices[0].Finish.Reason, "metered": meter.Result().Finish,
	} {
		if got != llm.FinishContentFilter {
			t.Errorf("%s: ends with %q", name, got)
		}
	}

	body, err := f.EncodeAnswer(answer, caller())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	enc := f.NewStream(&out, caller())
	for e, err := range llm.Events(answer) {
		if err != nil || enc.Write(e) != nil {
			t.Fatal(err)
		}
	}
	for name, got := range map[string]string{"whole": string(body), "streamed": out.String()} {
		if !strings.Contains(got, `"refusal":"No."`) || !strings.Contains(got, `"finish_reason":"stop"`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestUsageTellsWhatWasWrittenToTheCache(t *testing.T) {
	answer := &llm.Answer{Choices: []llm.Choice{{Parts: []llm.Part{llm.Text{Text: "hi"}}, Finish: llm.Finish{Reason: llm.FinishStop}}}}
	answer.Usage = llm.Usage{Input: 1, CacheRead: 2, CacheWrite: 3, CacheWrite1h: 4, Output: 5, Quality: llm.QualityExact}
	body, err := chat.Format{}.EncodeAnswer(answer, caller())
	if err != nil {
		t.Fatal(err)
	}
	again, err := chat.Format{}.DecodeAnswer(body, wire.Target{Origin: origin, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if u := again.Usage; u.Input != 1 || u.CacheRead != 2 || u.CacheWrite != 7 || u.Output != 5 {
		t.Errorf("%+v", u)
	}
}

// TestReasoningBesideTheCompletion reads a usage whose total says that reasoning
// isn't part of the completion, as xAI counts it, whoever serves it.
func TestReasoningBesideTheCompletion(t *testing.T) {
	for usage, want := range map[string]int64{
		`{"prompt_tokens":12,"completion_tokens":2,"total_tokens":334,"completion_tokens_details":{"reasoning_tokens":320}}`:   322,
		`{"prompt_tokens":12,"completion_tokens":322,"total_tokens":334,"completion_tokens_details":{"reasoning_tokens":320}}`: 322,
		`{"prompt_tokens":12,"completion_tokens":322,"completion_tokens_details":{"reasoning_tokens":320}}`:                    322,
	} {
		a, err := chat.Format{}.DecodeAnswer([]byte(`{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":`+usage+`}`), wire.Target{})
		if err != nil || a.Usage.Output != want || a.Usage.ReasoningOfOutput != 320 {
			t.Errorf("%s: %v, %+v", usage, err, a.Usage)
		}
	}
}
