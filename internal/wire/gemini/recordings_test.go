package gemini_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

var (
	format = gemini.Format{}
	origin = llm.Origin{Provider: "p", Model: "m"}
	target = wire.Target{Model: "m", Origin: origin}
)

// totalOf is the provider's own sum in the last chunk.
func totalOf(t testing.TB, chunk []byte) int64 {
	t.Helper()
	var c struct {
		Usage struct {
			Total int64 `json:"totalTokenCount"`
		} `json:"usageMetadata"`
	}
	if err := json.Unmarshal(chunk, &c); err != nil {
		t.Fatal(err)
	}
	return c.Usage.Total
}

// grammar checks the events of a stream and returns what is wrong with them.
func grammar(events []llm.Event) error {
	return (&wiretest.Grammar{Origin: origin}).All(events)
}

func eventsOf(t testing.TB, stream []byte, tg wire.Target) []llm.Event {
	t.Helper()
	var events []llm.Event
	for e, err := range format.DecodeStream(bytes.NewReader(stream), tg) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func collected(events []llm.Event) *llm.Answer {
	var c llm.Collector
	for _, e := range events {
		c.Add(e)
	}
	return c.Answer()
}

// metered is what a decoded answer should have been metered as.
func metered(a *llm.Answer, keep bool) wire.Metered {
	m := wire.Metered{ID: a.ID, Model: a.Model, Usage: a.Usage, Finish: a.Choices[0].Finish.Reason, Complete: true}
	for _, p := range a.Choices[0].Parts {
		switch p := p.(type) {
		case llm.ToolCall:
			m.ToolCalls = append(m.ToolCalls, p.ID)
			m.OutputBytes += int64(len(p.Arguments))
		case llm.Text:
			m.OutputBytes += int64(len(p.Text))
		case llm.Reasoning:
			m.OutputBytes += int64(len(p.Text))
		}
	}
	if keep {
		m.Parts = a.Choices[0].Parts
	}
	return m
}

// meterOf makes a meter, one that keeps the parts when asked to.
func meterOf(t testing.TB, keep bool) wire.Meter {
	t.Helper()
	m := format.NewMeter(target)
	k, ok := m.(wire.Keeper)
	if !ok {
		t.Fatal("the meter keeps no parts")
	}
	if keep {
		k.Keep()
	}
	return m
}

// firstCall returns the call that an answer begins with.
func firstCall(t testing.TB, a *llm.Answer) llm.ToolCall {
	t.Helper()
	c, ok := a.Choices[0].Parts[0].(llm.ToolCall)
	if !ok {
		t.Fatalf("%T is no call", a.Choices[0].Parts[0])
	}
	return c
}

func caller() wire.Caller { return wire.Caller{Origin: origin} }

func TestWholeRecordings(t *testing.T) {
	t.Parallel()
	for name, body := range wiretest.Recordings(t, wiretest.Answers) {
		a, err := format.DecodeAnswer(body, target)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, want := a.Usage.Total(), totalOf(t, body); got != want {
			t.Errorf("%s: %d tokens, the provider says %d", name, got, want)
		}
		again, err := format.EncodeAnswer(a, caller())
		if err != nil {
			t.Fatal(err)
		}
		b, err := format.DecodeAnswer(again, target)
		if err != nil {
			t.Fatalf("%s: re-encoded: %v\n%s", name, err, again)
		}
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: after a round trip (-want +got):\n%s", name, diff)
		}
		m := format.NewMeter(target)
		v := m.Body(body)
		if diff := cmp.Diff(metered(a, false), m.Result()); diff != "" || !v.Done || v.Err != nil {
			t.Errorf("%s: metered (-want +got), %+v:\n%s", name, v, diff)
		}
	}
}

func TestStreamedRecordings(t *testing.T) {
	t.Parallel()
	for name, lines := range wiretest.Recordings(t, wiretest.Streams) {
		stream := wiretest.Framed(lines)
		events := eventsOf(t, stream, target)
		if err := grammar(events); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		a := collected(events)
		last := bytes.TrimSpace(lines[bytes.LastIndexByte(bytes.TrimSpace(lines), '\n')+1:])
		if got, want := a.Usage.Total(), totalOf(t, last); got != want {
			t.Errorf("%s: %d tokens, the provider says %d", name, got, want)
		}
		for _, keep := range []bool{false, true} {
			m := meterOf(t, keep)
			var v wire.Verdict
			meaningful := false
			for line := range bytes.Lines(lines) {
				v = m.Event("", bytes.TrimSpace(line))
				meaningful = meaningful || v.Meaningful
			}
			if diff := cmp.Diff(metered(a, keep), m.Result()); diff != "" || !v.Done || !meaningful {
				t.Errorf("%s: metered with keep %t (-want +got):\n%s", name, keep, diff)
			}
		}
		for _, array := range []bool{false, true} {
			again := encoded(t, events, array)
			var b *llm.Answer
			if array {
				var err error
				if b, err = format.DecodeAnswer(again, target); err != nil {
					t.Fatalf("%s: %v\n%s", name, err, again)
				}
			} else {
				b = collected(eventsOf(t, again, target))
			}
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("%s: array %t: after a round trip (-want +got):\n%s", name, array, diff)
			}
		}
	}
}

// onceWriter counts writes.
type onceWriter struct {
	bytes.Buffer
	writes int
}

func (w *onceWriter) Write(p []byte) (int, error) {
	w.writes++
	return w.Buffer.Write(p)
}

// encoded writes events as a stream and checks its form.
func encoded(t testing.TB, events []llm.Event, array bool) []byte {
	t.Helper()
	q := &llm.Request{Stream: true, Reasoning: llm.ReasoningConfig{Summary: "auto"}}
	if array {
		q = decode(t, "/v1beta/models/m:streamGenerateContent", "", `{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}`)
	}
	var w onceWriter
	enc := format.NewStream(&w, wire.Caller{Request: q})
	do := func(err error) {
		t.Helper()
		if err != nil || w.writes > 1 {
			t.Fatalf("%d writes, %v", w.writes, err)
		}
		w.writes = 0
	}
	do(enc.Ping())
	for _, e := range events {
		do(enc.Write(e))
	}
	do(enc.Ping())
	do(enc.Close())
	out := w.Bytes()
	if array {
		if !jsontext.Value(out).IsValid() {
			t.Fatalf("not one JSON value: %s", out)
		}
		return bytes.TrimSpace(out)
	}
	for line := range strings.Lines(string(out)) {
		data, isData := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if isData != (strings.TrimSpace(line) != "") || isData && !jsontext.Value(data).IsValid() {
			t.Fatalf("line %q", line)
		}
	}
	return out
}
