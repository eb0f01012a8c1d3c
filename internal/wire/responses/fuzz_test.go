package responses_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

// A request that is accepted can be written again, always as the same bytes, and
// what was written is accepted.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(forwarded))
	f.Add([]byte(`{"model":"m","input":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"e"},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":[{"type":"input_text","text":"x"}]}],"tools":[{"type":"custom","name":"c"}],"text":{"format":{"type":"json_object"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := format.Decode(wire.RawRequest{Body: body})
		if err != nil {
			if e := llm.AsError(err); e.Kind != llm.KindBadRequest || e.Status != 400 {
				t.Fatalf("refused as %+v", e)
			}
			return
		}
		target := wire.Target{Model: "m", Reasoning: wire.ReasoningStyle{Replay: "always"}}
		out, _, err := format.Encode(q, target)
		if err != nil {
			return // a film, a file of another
		}
		if !jsontext.Value(out.Body).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("written as %s", out.Body)
		}
		again, _, err := format.Encode(q, target)
		if err != nil || !bytes.Equal(again.Body, out.Body) {
			t.Fatalf("%s\nand\n%s\n%v", out.Body, again.Body, err)
		}
		if _, err := format.EncodeAnswer(&llm.Answer{}, wire.Caller{Request: q}); err != nil {
			t.Fatal(err)
		}
	})
}

// What is peeked is what is decoded.
func FuzzPeek(f *testing.F) {
	f.Add([]byte(forwarded))
	f.Add([]byte(`{"reasoning":{"":"","":0}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		raw := wire.RawRequest{Body: body}
		p, err := format.Peek(raw)
		if err != nil {
			if e := llm.AsError(err); e.Kind != llm.KindBadRequest || e.Status != 400 {
				t.Fatalf("refused as %+v", e)
			}
			return
		}
		if q, err := format.Decode(raw); err == nil && (q.Model != p.Model || q.Stream != p.Stream || q.EndUser != p.EndUser) {
			t.Fatalf("peeked %+v, decoded %+v", p, q)
		}
		out, err := format.Splice(raw, p, wire.Edits{Model: "another", Drop: []string{"store", "reasoning.summary"}, Set: map[string][]byte{"user": []byte(`"u"`)}})
		if err != nil {
			if llm.AsError(err).Kind != llm.KindBadRequest { // below the top level, a member may stand twice
				t.Fatal(err)
			}
			return
		}
		if !jsontext.Value(out.Body).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("spliced to %s", out.Body)
		}
	})
}

// Any bytes give events that keep the grammar, and what is written of them keeps
// the format's.
func FuzzDecodeStream(f *testing.F) {
	for _, lines := range wiretest.Recordings(f, wiretest.Streams) {
		f.Add(wiretest.FramedByType(f, lines))
	}
	for _, test := range streams {
		var stream []byte
		for _, line := range append(append([]string{created}, test.lines...), completed) {
			stream = sse.AppendData(stream, []byte(line))
		}
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		list, answer, err := collect(t, stream)
		if len(list) > 0 {
			checkEvents(t, list)
		}
		if err != nil {
			return
		}
		again := encode(t, list, wire.Caller{ID: "turn"})
		if err := errors.Join(checkStream(again), wiretest.Strict(again)); err != nil {
			t.Fatalf("%v in\n%s", err, again)
		}
		m := format.NewMeter(here)
		r := sse.NewReader(bytes.NewReader(stream))
		defer r.Close()
		for ev, err := r.Next(); err == nil && !m.Result().Complete; ev, err = r.Next() {
			if v := m.Event(string(ev.Name), ev.Data); v.Err != nil {
				t.Fatal(v.Err)
			}
		}
		if got := m.Result(); !got.Complete || got.Usage.Total() != answer.Usage.Total() {
			t.Fatalf("metered %+v, decoded %+v", got, answer)
		}
	})
}

// What a request adds to a conversation is what is decoded of it.
func FuzzAsked(f *testing.F) {
	f.Add([]byte(forwarded))
	f.Add([]byte(`{"model":"m","instructions":"s","input":"x"}`))
	f.Add([]byte(`{"model":"m","input":[{"role":"system","content":"s"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"e"},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":[{"type":"input_text","text":"x"}]},{"id":"msg_1"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		raw := wire.RawRequest{Body: body}
		if _, err := format.Peek(raw); err != nil {
			return
		}
		want, err := format.Decode(raw)
		if err != nil {
			return
		}
		asked, err := format.Asked(body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := format.Messages(asked.Items, llm.Origin{})
		if err != nil {
			t.Fatalf("%v in %s", err, asked.Items)
		}
		whole, err := format.DecodeAfter(wire.RawRequest{Body: []byte(`{"model":"m","previous_response_id":"r"}`)}, got)
		if err != nil {
			t.Fatal(err)
		}
		rest := want.Messages
		if n := len(rest) - len(got); n == 1 {
			rest = rest[1:] // the instructions
		}
		if d := cmp.Diff(rest, whole.Messages, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%s: %s", asked.Items, d)
		}
	})
}

// Whatever a provider answers, what is kept of it is an answer of the same id.
func FuzzAnswered(f *testing.F) {
	f.Add([]byte(`{"id":"r","status":"completed","store":false,"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"\ud800"}]}]}`))
	f.Add([]byte(`{"type":"response.completed","response":{"id":"r"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if final := format.Final(body); final != nil {
			body = final
		}
		a, ok := format.Answered(body)
		if !ok {
			return
		}
		kept, err := format.KeptAs(body, "resp_0")
		if err != nil {
			t.Fatal(err)
		}
		again, ok := format.Answered(kept)
		a.Stored = true
		if d := cmp.Diff(a, again); d != "" || !ok {
			t.Fatalf("%s: %s", kept, d)
		}
		_, _ = format.Messages(a.Items, llm.Origin{}) // which may be anything
	})
}

// What is decoded is surveyed, and what it shows is seen.
func FuzzSurvey(f *testing.F) {
	f.Add([]byte(forwarded))
	f.Fuzz(func(t *testing.T, body []byte) {
		wiretest.SurveyAlike(t, format, wire.RawRequest{Body: body}, true)
	})
}
