package gemini_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

func seeds(f *testing.F) {
	f.Helper()
	f.Add([]byte(fullCamel))
	for _, s := range []string{
		`{}`, `{"contents":[{"parts":[{"text":"x"}]}]}`,
		`{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1,"a":2}}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"$ref":"#"},"parts":[{"inlineData":{"data":"x"}}]}}]}]}`,
		`{"contents":[{"parts":[{"fileData":{"fileUri":"gs://x"},"videoMetadata":{}},{"a":1}]}],"generationConfig":{"responseSchema":{"$ref":"#","anyOf":[{"type":"NULL"},{"enum":[1,2]}]}},"a.b":1,"tools":{"googleSearch":{}}}`,
	} {
		f.Add([]byte(s))
	}
}

func FuzzDecode(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := format.Decode(raw(streamPath, "", string(body)))
		if err != nil {
			wantBadRequest(t, err)
			return
		}
		out, _, err := format.Encode(q, target)
		if err != nil {
			wantBadRequest(t, err)
			return
		}
		if v := jsontext.Value(out.Body); !v.IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("not JSON: %s", out.Body)
		}
		if _, err := format.Decode(raw(streamPath, "", string(out.Body))); err != nil {
			t.Fatalf("what was written can't be read: %v\n%s", err, out.Body)
		}
		again, _, err := format.Encode(q, target)
		if err != nil || !bytes.Equal(again.Body, out.Body) {
			t.Fatalf("other bytes for the same request: %v\n%s\n%s", err, out.Body, again.Body)
		}
	})
}

func wantBadRequest(t *testing.T, err error) {
	t.Helper()
	var e *llm.Error
	if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 || e.Message == "" {
		t.Fatalf("%#v is no refusal", err)
	}
}

func FuzzPeek(f *testing.F) {
	seeds(f)
	edits := wire.Edits{
		Model: "m", Drop: []string{"topK", "generationConfig.seed", "a"}, Rename: map[string]string{"temperature": "heat", "tools": "b"},
		Set: map[string][]byte{"c": []byte("1"), "toolConfig.d": []byte("2")}, Messages: []byte("[]"),
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := raw(wholePath, "", string(body))
		k, err := format.Peek(r)
		if err != nil {
			wantBadRequest(t, err)
			return
		}
		out, err := format.Splice(r, k, edits)
		if err != nil {
			wantBadRequest(t, err)
			return
		}
		if v := jsontext.Value(out.Body); !v.IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("not JSON: %s", out.Body)
		}
	})
}

func FuzzDecodeStream(f *testing.F) {
	for _, lines := range wiretest.Recordings(f, wiretest.Streams) {
		f.Add(wiretest.Framed(wiretest.Short(lines)))
	}
	for _, s := range []string{
		candidateOf(`{"text":"a","thoughtSignature":"s"},{"text":"b","functionCall":{"name":"f","args":[]}}`, "STOP"),
		`{"candidates":[{"index":1,"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":"1"}}`, `[{"error":5}]`, `{"promptFeedback":{"blockReason":"X"}}`,
	} {
		f.Add(sent(s, s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		var events []llm.Event
		for e, err := range format.DecodeStream(bytes.NewReader(stream), target) {
			if err != nil {
				if e := llm.AsError(err); e.Kind == "" || e.Message == "" {
					t.Fatalf("%#v", err)
				}
				return
			}
			events = append(events, e)
		}
		if err := grammar(events); err != nil {
			t.Fatal(err)
		}
		a := collected(events)
		again := collected(eventsOf(t, encoded(t, events, false), target))
		if diff := cmp.Diff(shape(a), shape(again)); diff != "" {
			t.Fatalf("after a round trip (-want +got):\n%s", diff)
		}
		for _, keep := range []bool{true, false} {
			got := read(t, meterOf(t, keep), stream)
			if !got.Complete || got.Usage.Total() != a.Usage.Total() {
				t.Fatalf("metered %+v, decoded %+v", got, a)
			}
		}
	})
}

// read gives a stream's events to a meter.
func read(t *testing.T, m wire.Meter, stream []byte) wire.Metered {
	t.Helper()
	r := sse.NewReader(bytes.NewReader(stream))
	defer r.Close()
	for {
		ev, err := r.Next()
		if err != nil {
			return m.Result()
		}
		if v := m.Event("", ev.Data); v.Err != nil {
			t.Fatal(v.Err)
		}
	}
}

// shape is what must survive of an answer whatever it held: text, thoughts and
// calls of the first choice.
func shape(a *llm.Answer) (out []string) {
	for _, p := range a.Choices[0].Parts {
		switch p := p.(type) {
		case llm.Text:
			if p.Text != "" {
				out = append(out, "text "+p.Text)
			}
		case llm.Reasoning:
			if p.Text != "" {
				out = append(out, "thought "+p.Text)
			}
		case llm.ToolCall:
			out = append(out, "call "+p.ID+" "+p.Name)
		}
	}
	return out
}

// What is decoded is surveyed, and what it shows is seen.
func FuzzSurvey(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		wiretest.SurveyAlike(t, format, wire.RawRequest{Path: "/v1beta/models/m:generateContent", Body: body}, false)
	})
}
