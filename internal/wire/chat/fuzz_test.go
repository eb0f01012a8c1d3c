package chat_test

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/sse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

// A request that is accepted can be written again, always as the same bytes, and
// what was written is accepted.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(rich))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := chat.Format{}.Decode(wire.RawRequest{Body: body})
		if err != nil {
			refused(t, err)
			return
		}
		target := wire.Target{Model: "m", Names: &wire.ToolNames{}, Reasoning: wire.ReasoningStyle{Control: "effort", Replay: "always"}}
		out, _, err := chat.Format{}.Encode(q, target)
		if err != nil {
			refused(t, err)
			return
		}
		if !jsontext.Value(out.Body).IsValid() {
			t.Fatalf("not JSON: %s", out.Body)
		}
		again, _, err := chat.Format{}.Encode(q, target)
		if err != nil || !bytes.Equal(again.Body, out.Body) {
			t.Fatalf("other bytes for the same request: %v\n%s\n%s", err, out.Body, again.Body)
		}
		if _, err := (chat.Format{}).Decode(wire.RawRequest{Body: out.Body}); err != nil {
			t.Fatalf("what was written can't be read: %v\n%s", err, out.Body)
		}
		if conversation, err := (chat.Format{}).EncodeConversation(q, target); err != nil || !jsontext.Value(conversation).IsValid() {
			t.Fatalf("%v: %s", err, conversation)
		}
	})
}

func refused(t *testing.T, err error) {
	t.Helper()
	if e := llm.AsError(err); e.Kind != llm.KindBadRequest || e.Message == "" {
		t.Fatalf("%#v is no refusal", err)
	}
}

// What is peeked is what is decoded, and a splice changes what it should.
func FuzzPeek(f *testing.F) {
	f.Add([]byte(rich))
	f.Fuzz(func(t *testing.T, body []byte) {
		raw := wire.RawRequest{Body: body}
		p, err := chat.Format{}.Peek(raw)
		if err != nil {
			refused(t, err)
			return
		}
		if q, err := (chat.Format{}).Decode(raw); err == nil && (q.Model != p.Model || q.Stream != p.Stream || q.StreamUsage != p.StreamUsage || q.EndUser != p.EndUser) {
			t.Fatalf("peeked %+v, decoded %+v", p, q)
		}
		out, err := chat.Format{}.Splice(raw, p, wire.Edits{Model: "other", AskUsage: true, Drop: []string{"user"}, Set: map[string][]byte{"seed": []byte("1")}})
		if err != nil {
			refused(t, err)
			return
		}
		if !jsontext.Value(out.Body).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("not JSON: %s", out.Body)
		}
		if q, err := (chat.Format{}).Peek(wire.RawRequest{Body: out.Body}); err != nil || q.Model != "other" || !q.StreamUsage {
			t.Errorf("%+v %v after %s", q, err, out.Body)
		}
	})
}

// Whatever a provider streams ends once, keeps the grammar, and is written as a
// stream that clients can read; the meter sees the same end.
func FuzzDecodeStream(f *testing.F) {
	for _, lines := range wiretest.Recordings(f, wiretest.Streams) {
		f.Add(framed(wiretest.Short(lines)))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		target := wire.Target{Origin: origin}
		var out bytes.Buffer
		var seen llm.Collector
		e, g := chat.Format{}.NewStream(&out, caller()), wiretest.Grammar{Origin: origin}
		for ev, err := range (chat.Format{}).DecodeStream(bytes.NewReader(in), target) {
			if err != nil {
				return
			}
			if err := g.Add(ev); err != nil {
				t.Fatal(err)
			}
			seen.Add(ev)
			if err := e.Write(ev); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.End(); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if err := wiretest.Strict(out.Bytes()); err != nil {
			t.Fatal(err)
		}
		if _, err := llm.Collect(chat.Format{}.DecodeStream(&out, target)); err != nil {
			t.Errorf("what was written can't be read: %v", err)
		}
		m := chat.Format{}.NewMeter(target)
		r := sse.NewReader(bytes.NewReader(in))
		defer r.Close()
		for ev, err := r.Next(); err == nil; ev, err = r.Next() {
			if v := m.Event("", ev.Data); v.Err != nil {
				t.Fatal(v.Err)
			} else if v.Done {
				break
			}
		}
		if got := m.Result(); !got.Complete || got.Usage.Total() != seen.Answer().Usage.Total() {
			t.Fatalf("metered %+v, decoded %+v", got, seen.Answer())
		}
	})
}

// What is decoded is surveyed, and what it shows is seen.
func FuzzSurvey(f *testing.F) {
	f.Add([]byte(rich))
	f.Fuzz(func(t *testing.T, body []byte) {
		wiretest.SurveyAlike(t, chat.Format{}, wire.RawRequest{Body: body}, true)
	})
}
