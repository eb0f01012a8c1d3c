package responses_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/responses"
	"github.com/oidostudio/oido/internal/wire/sse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

var (
	format = responses.Format{}
	here   = wire.Target{Model: "m", Origin: llm.Origin{Provider: "p", Model: "m", Account: "a"}, Reasoning: wire.ReasoningStyle{Replay: "tools"}}
)

func collect(t testing.TB, stream []byte) ([]llm.Event, *llm.Answer, error) {
	t.Helper()
	var list []llm.Event
	var c llm.Collector
	for e, err := range format.DecodeStream(bytes.NewReader(stream), here) {
		if err != nil {
			return list, c.Answer(), err
		}
		list = append(list, e)
		c.Add(e)
	}
	return list, c.Answer(), nil
}

// encode writes events as a stream.
func encode(t testing.TB, list []llm.Event, c wire.Caller) []byte {
	t.Helper()
	var b bytes.Buffer
	s := format.NewStream(&b, c)
	for _, e := range list {
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRecordedStreams(t *testing.T) {
	t.Parallel()
	for name, lines := range wiretest.Recordings(t, wiretest.Streams) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := wiretest.FramedByType(t, lines)
			if err := checkStream(stream); err != nil {
				t.Fatalf("the checker refuses what was recorded: %v", err)
			}
			list, answer, err := collect(t, stream)
			if err != nil {
				t.Fatal(err)
			}
			checkEvents(t, list)
			again := encode(t, list, wire.Caller{ID: "turn", Request: &llm.Request{}})
			if err := checkStream(again); err != nil {
				t.Errorf("%v in\n%s", err, again)
			}
			_, back, err := collect(t, again)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(answer, back, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("written and read again (-want +got):\n%s", diff)
			}
			metered(t, stream, answer)
		})
	}
}

// metered holds a meter to what the decoder says of the same stream.
func metered(t *testing.T, stream []byte, want *llm.Answer) {
	t.Helper()
	m := format.NewMeter(here)
	m.(wire.Keeper).Keep()
	r := sse.NewReader(bytes.NewReader(stream))
	defer r.Close()
	meaningful := false
	for {
		ev, err := r.Next()
		if err != nil {
			break
		}
		v := m.Event(string(ev.Name), ev.Data)
		if v.Err != nil {
			t.Fatal(v.Err)
		}
		meaningful = meaningful || v.Meaningful
	}
	got := m.Result()
	if !got.Complete || !meaningful {
		t.Errorf("complete %v, meaningful %v", got.Complete, meaningful)
	}
	sum := wire.Metered{ID: want.ID, Model: want.Model, Usage: want.Usage, Finish: want.Choices[0].Finish.Reason, Complete: true, Parts: want.Choices[0].Parts}
	for _, p := range sum.Parts {
		switch p := p.(type) {
		case llm.Text:
			sum.OutputBytes += int64(len(p.Text))
		case llm.Reasoning:
			sum.OutputBytes += int64(len(p.Text))
		case llm.Refusal:
			sum.OutputBytes += int64(len(p.Text))
		case llm.ToolCall:
			sum.OutputBytes += int64(len(p.Arguments))
			sum.ToolCalls = append(sum.ToolCalls, p.ID)
		}
	}
	if diff := cmp.Diff(sum, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("metered (-want +got):\n%s", diff)
	}
}

func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	for name, body := range wiretest.Recordings(t, wiretest.Answers) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, err := format.DecodeAnswer(body, here)
			if err != nil {
				t.Fatal(err)
			}
			var told struct {
				Usage struct {
					Total int64 `json:"total_tokens"`
				} `json:"usage"`
			}
			if err := json.Unmarshal(body, &told); err != nil || told.Usage.Total != answer.Usage.Total() {
				t.Errorf("counted %d of %d tokens, %v", answer.Usage.Total(), told.Usage.Total, err)
			}
			again, err := format.EncodeAnswer(answer, wire.Caller{ID: "turn"})
			if err != nil {
				t.Fatal(err)
			}
			back, err := format.DecodeAnswer(again, here)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(answer, back, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("written and read again (-want +got):\n%s", diff)
			}
			m := format.NewMeter(here)
			m.(wire.Keeper).Keep()
			if v := m.Body(body); v.Err != nil || !v.Done {
				t.Errorf("verdict %+v", v)
			}
			got := m.Result()
			if diff := cmp.Diff(answer.Choices[0].Parts, got.Parts); diff != "" {
				t.Errorf("metered parts (-want +got):\n%s", diff)
			}
			if got.ID != answer.ID || got.Finish != answer.Choices[0].Finish.Reason || !cmp.Equal(got.Usage, answer.Usage) {
				t.Errorf("metered %+v", got)
			}
			asStream(t, answer)
		})
	}
}

// asStream holds an answer told as a stream to the same answer.
func asStream(t *testing.T, answer *llm.Answer) {
	t.Helper()
	var list []llm.Event
	for e, err := range llm.Events(answer) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	stream := encode(t, list, wire.Caller{ID: "turn", Now: time.Unix(1, 0)})
	if err := checkStream(stream); err != nil {
		t.Errorf("%v in\n%s", err, stream)
	}
	_, back, err := collect(t, stream)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(answer, back, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(llm.Answer{}, "Extra", "ServiceTier"), cmpopts.IgnoreFields(llm.Usage{}, "ServiceTier")); diff != "" {
		t.Errorf("told as a stream (-want +got):\n%s", diff)
	}
}

// A reasoning item that was recorded goes back to its maker as it came, before
// its call, and to nobody else.
func TestRecordedReasoningGoesBack(t *testing.T) {
	t.Parallel()
	_, answer, err := collect(t, wiretest.FramedByType(t, wiretest.Recordings(t, wiretest.Streams)["openai-resp-reasoning"]))
	if err != nil {
		t.Fatal(err)
	}
	q := &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "go"}}},
		{Role: llm.RoleAssistant, Parts: answer.Choices[0].Parts},
	}}
	for _, test := range []struct {
		name string
		edit func(*wire.Target)
		want bool
	}{
		{"to its maker", func(*wire.Target) {}, true},
		{"to another account", func(t *wire.Target) { t.Origin.Account = "b" }, false},
		{"to another model", func(t *wire.Target) { t.Origin.Model = "n" }, false},
		{"where nothing is replayed", func(t *wire.Target) { t.Reasoning.Replay = "" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target := here
			test.edit(&target)
			out, err := format.EncodeConversation(q, target)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(out), "gAAAAABp"); got != test.want {
				t.Errorf("encrypted reasoning sent: %v\n%s", got, out)
			}
			if got := strings.Contains(string(out), `"id":"fc_`); got != test.want {
				t.Errorf("item id sent: %v\n%s", got, out)
			}
			if !strings.Contains(string(out), "(no result)") {
				t.Errorf("a call without result stays without:\n%s", out)
			}
		})
	}
}
