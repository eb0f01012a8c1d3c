package messages

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

var here = llm.Origin{Provider: "p", Model: "m", Account: "a"}

// recordedStreams gives every recorded stream in its framing.
func recordedStreams(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for name, lines := range wiretest.Recordings(t, wiretest.Streams) {
		out[name] = wiretest.FramedByType(t, lines)
	}
	return out
}

func collect(t *testing.T, raw []byte, target wire.Target) *llm.Answer {
	t.Helper()
	a, err := llm.Collect(Format{}.DecodeStream(bytes.NewReader(raw), target))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func encodeStream(t *testing.T, events llm.Stream, c wire.Caller) []byte {
	t.Helper()
	var out bytes.Buffer
	s := Format{}.NewStream(&out, c)
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A recorded stream, decoded and encoded again, keeps the grammar and tells the
// same answer.
func TestRecordedStreamsSurvive(t *testing.T) {
	t.Parallel()
	target := wire.Target{Origin: here}
	for name, raw := range recordedStreams(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := readGrammar(raw); err != nil {
				t.Fatalf("the checker refuses the vendor's own stream: %v", err)
			}
			want := collect(t, raw, target)
			again := encodeStream(t, Format{}.DecodeStream(bytes.NewReader(raw), target), wire.Caller{})
			if _, err := readGrammar(again); err != nil {
				t.Fatal(err)
			}
			got := collect(t, again, target)
			want.ServiceTier, got.ServiceTier = "", ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A recorded answer survives, told whole or as a stream.
func TestRecordedAnswersSurvive(t *testing.T) {
	t.Parallel()
	target := wire.Target{Origin: here}
	for name, raw := range wiretest.Recordings(t, wiretest.Answers) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := Format{}.DecodeAnswer(raw, target)
			if err != nil {
				t.Fatal(err)
			}
			body, err := Format{}.EncodeAnswer(want, wire.Caller{})
			if err != nil {
				t.Fatal(err)
			}
			var m map[string]any
			if err := json.Unmarshal(body, &m); err != nil {
				t.Fatal(err)
			}
			if err := wholeMessage(m, false); err != nil {
				t.Error(err)
			}
			got, err := Format{}.DecodeAnswer(body, target)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("whole: %s", diff)
			}
			streamed := encodeStream(t, llm.Events(want), wire.Caller{})
			if _, err := readGrammar(streamed); err != nil {
				t.Error(err)
			}
			got = collect(t, streamed, target)
			got.Extra = want.Extra
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("streamed: %s", diff)
			}
		})
	}
}

// The input counters and the output sum up to what the vendor counted.
func TestRecordedUsage(t *testing.T) {
	t.Parallel()
	want := map[string]llm.Usage{
		"anthropic-cache":    {Input: 6, CacheRead: 6289, CacheWrite: 3337, Output: 198, ServiceTier: "standard", Quality: llm.QualityExact},
		"anthropic-thinking": {Input: 69, Output: 53, ServiceTier: "standard", Quality: llm.QualityExact},
		"anthropic-tool":     {Input: 849, Output: 47, ServiceTier: "standard", Quality: llm.QualityExact},
	}
	streams := recordedStreams(t)
	for name, u := range want {
		if diff := cmp.Diff(u, collect(t, streams[name], wire.Target{}).Usage); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The meter sees in passing bytes what decoding the stream would tell.
func TestMeterAgreesWithDecoder(t *testing.T) {
	t.Parallel()
	target := wire.Target{Origin: here}
	for name, raw := range recordedStreams(t) {
		for _, keep := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				want := wire.Metered{}
				var c llm.Collector
				for e, err := range (Format{}).DecodeStream(bytes.NewReader(raw), target) {
					if err != nil {
						t.Fatal(err)
					}
					c.Add(e)
					switch e := e.(type) {
					case llm.Start:
						want.ID, want.Model = e.ID, e.Model
					case llm.UsageUpdate:
						want.Usage = e.Usage
					case llm.Finish:
						want.Finish, want.Complete = e.Reason, true
					case llm.PartStart:
						if call, ok := e.Part.(llm.ToolCall); ok {
							want.ToolCalls = append(want.ToolCalls, call.ID)
						}
					}
				}
				if keep {
					want.Parts = c.Answer().Choices[0].Parts
				}
				m := Format{}.NewMeter(target)
				if keep {
					m.(wire.Keeper).Keep()
				}
				done, meaningful := false, false
				in := sse.NewReader(bytes.NewReader(raw))
				defer in.Close()
				for ev, err := in.Next(); err == nil; ev, err = in.Next() {
					v := m.Event(string(ev.Name), ev.Data)
					if v.Err != nil {
						t.Fatal(v.Err)
					}
					done, meaningful = done || v.Done, meaningful || v.Meaningful
				}
				got := m.Result()
				if !done || !meaningful || got.OutputBytes == 0 && name != "anthropic-tool-noargs" {
					t.Errorf("done %v, meaningful %v, %d bytes", done, meaningful, got.OutputBytes)
				}
				got.OutputBytes = 0
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestMeterReadsWholeAnswers(t *testing.T) {
	t.Parallel()
	for name, raw := range wiretest.Recordings(t, wiretest.Answers) {
		want, err := Format{}.DecodeAnswer(raw, wire.Target{})
		if err != nil {
			t.Fatal(err)
		}
		m := Format{}.NewMeter(wire.Target{})
		if v := m.Body(raw); !v.Done || v.Err != nil {
			t.Errorf("%s: %+v", name, v)
		}
		if got := m.Result(); got.Usage.Total() != want.Usage.Total() || got.Finish != want.Choices[0].Finish.Reason || !got.Complete {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
