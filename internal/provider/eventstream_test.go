package provider_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// framed writes one frame of AWS's, by its vendor's encoder.
func framed(t testing.TB, kind, name string, payload []byte) []byte {
	t.Helper()
	var h eventstream.Headers
	h.Set(":message-type", eventstream.StringValue(kind))
	h.Set(":"+kind+"-type", eventstream.StringValue(name))
	var out bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&out, eventstream.Message{Headers: h, Payload: payload}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// chunk is a frame around an event of the model's stream.
func chunk(t testing.TB, event []byte) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string][]byte{"bytes": event})
	if err != nil {
		t.Fatal(err)
	}
	return framed(t, "event", "chunk", payload)
}

// clouds answers every request with a stream of frames, and says what an account
// gives of them.
func clouds(t testing.TB) (unpacked func(t testing.TB, frames []byte) ([]byte, error)) {
	t.Helper()
	var frames []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		_, _ = w.Write(frames)
	}))
	t.Cleanup(s.Close)
	a := account(t, "bedrock", s.Listener.Addr().String(), provider.Options{BaseURL: s.URL, Keys: []string{"k"}, Settings: options{"region": "us-east-1"}})
	key, _ := a.Pick(nil, "")
	return func(t testing.TB, in []byte) ([]byte, error) {
		t.Helper()
		frames = in
		resp, err := a.Send(t.Context(), llm.FormatMessages, wire.Outbound{Path: "/messages", Body: []byte(hello), Model: "anthropic.claude-opus-4-7", Stream: true}, nil, key)
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(resp.Body)
		return out, errors.Join(err, resp.Body.Close())
	}
}

// An event is one line of the stream, whatever it holds that ends one, and takes
// what its format's reader does.
func TestUnpackedEventsAreLines(t *testing.T) {
	in := chunk(t, []byte("{\"type\":\r\"a\\n\\rb\",\n\"text\":\"\xff\"\r\n}"))
	in = append(in, framed(t, "exception", "throttlingException", []byte(`{"message":"slower"}`))...)
	got, err := clouds(t)(t, in)
	want := "event: ab\ndata: {\"type\":\"a\\n\\rb\",\"text\":\"\xff\"}\n\n" +
		"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slower\"}}\n\n"
	if d := cmp.Diff(want, string(got)); d != "" || err != nil {
		t.Error(err, d)
	}
}

// Whatever comes in frames, or as none, becomes events of JSON, one a frame and
// little larger than it. The bytes are taken as they are, and, since checksums stop
// nearly all of those, as what frames hold.
func FuzzUnpack(f *testing.F) {
	f.Add(chunk(f, []byte(`{"type":"message_stop"}`)))
	f.Add([]byte(`{"type":"message_stop"}` + "\n!" + `{"message":"no"}` + "\n?" + `{"bytes":"e30="}`))
	unpacked := clouds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		var frames []byte
		n := 0
		for line := range bytes.SplitSeq(in, []byte("\n")) {
			n++
			switch {
			case bytes.HasPrefix(line, []byte("!")):
				frames = append(frames, framed(t, "exception", "validationException", line[1:])...)
			case bytes.HasPrefix(line, []byte("?")):
				frames = append(frames, framed(t, "event", "chunk", line[1:])...)
			default:
				frames = append(frames, chunk(t, line)...)
			}
		}
		for _, body := range [][]byte{in, frames} {
			out, _ := unpacked(t, body) // what is no frame, or no event, ends the stream
			if len(out) > 3*len(body)+200*n {
				t.Fatalf("%d bytes of %d", len(out), len(body))
			}
			r := sse.NewReader(bytes.NewReader(out))
			defer r.Close()
			events := 0
			for ev, err := r.Next(); !errors.Is(err, io.EOF); ev, err = r.Next() {
				if events++; err != nil || events > max(n, len(in)/16) || !jsontext.Value(ev.Data).IsValid(scan.Lenient) {
					t.Fatalf("event %d of %q: %v: %q", events, out, err, ev.Raw)
				}
			}
		}
	})
}
