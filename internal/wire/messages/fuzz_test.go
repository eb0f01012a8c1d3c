package messages

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

// Whatever a client sends is refused with a reason, or can be written again in
// a form that the API takes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(wholeRequest))
	f.Add([]byte(`{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a b","name":"x y","input":{"a":"b"}}]},{"role":"system","content":"s"}]}`))
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"},{"type":"image","source":{"type":"text"}}]}],"output_config":{"x":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := Format{}.Decode(wire.RawRequest{Body: body})
		if err != nil {
			refused(t, err)
			return
		}
		for _, target := range []wire.Target{
			{Model: "m"},
			{Model: "m", Names: &wire.ToolNames{}, NoPrefill: true, NoSchemaOutput: true, SystemAnywhere: true, Reasoning: wire.ReasoningStyle{Control: "budget", Replay: "always"}},
			{Model: "m", APIVersion: strictVersion, MaxOutput: 3000, Reject: []string{"metadata", "thinking.display"}, Reasoning: wire.ReasoningStyle{Control: "adaptive", Replay: "tools"}},
		} {
			out, _, err := Format{}.Encode(q, target)
			if err != nil {
				refused(t, err)
				continue
			}
			if target.MaxOutput == 0 && oddLimit(q) {
				continue
			}
			if err := checkRequest(out.Body); err != nil {
				t.Fatalf("%v\n%s\n%s", err, body, out.Body)
			}
			if _, err := (Format{}).Decode(wire.RawRequest{Body: out.Body}); err != nil {
				t.Fatalf("%v\n%s", err, out.Body)
			}
		}
		if conversation, err := (Format{}).EncodeConversation(q, wire.Target{}); err == nil && !isJSON(conversation) {
			t.Fatalf("%s", conversation)
		}
	})
}

// oddLimit says that the client's own number can't be met: the provider says so.
func oddLimit(q *llm.Request) bool { return q.MaxOutput != nil && *q.MaxOutput < 0 }

func isJSON(b []byte) bool { _, ok := compacted(b); return ok }

func refused(t *testing.T, err error) {
	t.Helper()
	var e *llm.Error
	if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Message == "" {
		t.Fatalf("%v", err)
	}
}

// Peek and Decode agree on what a body is, and a splice changes what it should.
func FuzzPeek(f *testing.F) {
	f.Add([]byte(wholeRequest))
	f.Add([]byte(`{"model":"m","metadata":{"user_id":"a_session_b"},"tools":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := wire.RawRequest{Body: body}
		p, err := Format{}.Peek(r)
		if err != nil {
			refused(t, err)
			return
		}
		if q, err := (Format{}).Decode(r); err == nil && (q.Model != p.Model || q.Stream != p.Stream || q.Session != p.Session) {
			t.Fatalf("%+v but %+v", p, q)
		}
		out, err := Format{}.Splice(r, p, wire.Edits{Model: "other", Drop: []string{"thinking.budget_tokens", "top_k"}, Messages: []byte("[]")})
		if err != nil {
			refused(t, err)
			return
		}
		if again, err := (Format{}).Peek(wire.RawRequest{Body: out.Body}); err != nil || again.Model != "other" {
			t.Fatalf("%v: %s", err, out.Body)
		}
	})
}

// Whatever a provider streams ends once, keeps the grammar when it is written
// again, and the meter sees the same end.
func FuzzDecodeStream(f *testing.F) {
	for _, raw := range recordedStreams(f) {
		f.Add(raw)
	}
	f.Add([]byte("data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		target := wire.Target{Origin: here}
		var out bytes.Buffer
		s := Format{}.NewStream(&out, wire.Caller{})
		var failed error
		g := wiretest.Grammar{Origin: here}
		var seen llm.Collector
		arguments := map[int]string{}
		for e, err := range (Format{}).DecodeStream(bytes.NewReader(raw), target) {
			if failed != nil {
				t.Fatal("more after an error")
			}
			if failed = err; err != nil {
				continue
			}
			if err := g.Add(e); err != nil {
				t.Fatal(err)
			}
			seen.Add(e)
			if d, ok := e.(llm.ArgumentsDelta); ok {
				arguments[d.Index] += d.Arguments
			}
			if err := s.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		if (failed == nil) != (g.End() == nil) {
			t.Fatalf("%v, after %v", g.End(), failed)
		}
		err := s.Close()
		if failed != nil {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := wiretest.Strict(out.Bytes()); err != nil {
			t.Fatal(err)
		}
		// Arguments that aren't JSON are the model's, and go on as they are.
		broken := slices.ContainsFunc(slices.Collect(maps.Values(arguments)), func(s string) bool { return !jsontext.Value(s).IsValid() })
		if _, err := readGrammar(out.Bytes()); err != nil && !broken {
			t.Fatalf("%v\n%s", err, out.Bytes())
		}
		m := Format{}.NewMeter(target)
		in := sse.NewReader(bytes.NewReader(raw))
		defer in.Close()
		for ev, err := in.Next(); err == nil; ev, err = in.Next() {
			if !ev.Comment {
				m.Event("", ev.Data)
			}
		}
		if got := m.Result(); !got.Complete || got.Usage.Total() != seen.Answer().Usage.Total() || got.Finish != seen.Answer().Choices[0].Finish.Reason {
			t.Fatalf("metered %+v, decoded %+v", got, seen.Answer())
		}
	})
}

// What is decoded is surveyed, and what it shows is seen.
func FuzzSurvey(f *testing.F) {
	f.Add([]byte(wholeRequest))
	f.Fuzz(func(t *testing.T, body []byte) {
		wiretest.SurveyAlike(t, Format{}, wire.RawRequest{Body: body}, true)
	})
}
