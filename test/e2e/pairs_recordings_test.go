package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// tapes are what real providers sent, as the simulated ones play it.
const tapes = "../../internal/sim/recordings"

// recordedBy says which provider of a lab plays a recording.
func recordedBy(name string) upstream {
	for prefix, provider := range map[string]string{"anthropic-": "messages", "google-": "gemini", "openai-resp-": "responses"} {
		if strings.HasPrefix(name, prefix) {
			return upstream{name: provider}
		}
	}
	return upstream{name: "chat"}
}

// TestRecordingsReachEveryClient plays what real providers sent to clients of
// every format: each gets the text, the calls, the reasoning and the usage that a
// client of the provider's own format gets, and the ledger tells the same.
func TestRecordingsReachEveryClient(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var b book
	t.Run("recordings", func(t *testing.T) {
		for _, stream := range []bool{false, true} {
			suffix := map[bool]string{false: ".json", true: ".chunks.txt"}[stream]
			files, err := filepath.Glob(filepath.Join(tapes, "*"+suffix))
			if err != nil || len(files) < 10 {
				t.Fatalf("%d recordings, %v", len(files), err)
			}
			for _, file := range files {
				t.Run(filepath.Base(file), func(t *testing.T) {
					t.Parallel()
					name := strings.TrimSuffix(filepath.Base(file), suffix)
					from := recordedBy(name)
					doc, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					want := readRecording(t, doc, from.name, stream)
					for i := range dialects {
						t.Run("to "+dialects[i].name, func(t *testing.T) {
							p := &pair{T: t, l: l, book: &b, who: t.Name(), client: &dialects[i], upstream: from, stream: stream}
							p.plays(name, doc, *want)
						})
					}
				})
			}
		}
	})
	b.check(t, l)
}

// readRecording reads a recording as a client of its own format does.
func readRecording(t *testing.T, doc []byte, format string, stream bool) *reply {
	t.Helper()
	for i := range dialects {
		if dialects[i].name != format {
			continue
		}
		if !stream {
			r, err := dialects[i].whole(doc)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		var list []event
		for line := range strings.Lines(string(doc)) {
			if line = strings.TrimSpace(line); line != "" {
				head, err := read[struct {
					Type string `json:"type"`
				}]([]byte(line))
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, event{head.Type, []byte(line)})
			}
		}
		r, err := dialects[i].stream(list)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	t.Fatalf("no format %q", format)
	return nil
}

// plays asks for a recording. A client of its own format gets its very bytes.
func (p *pair) plays(name string, doc []byte, want reply) {
	p.Helper()
	got, x := p.exchange("rec-"+name, ask{reasons: true, tools: []tool{lookUp}})
	if p.client.name == p.upstream.name {
		if p.stream {
			var lines []string
			for _, e := range events(x.body) {
				lines = append(lines, string(e.data))
			}
			x.body, doc = []byte(strings.TrimSuffix(strings.Join(lines, "\n"), "\n[DONE]")), bytes.TrimSpace(doc)
		}
		if diff := cmp.Diff(string(doc), string(x.body)); diff != "" {
			p.Errorf("other bytes (-recorded +got):\n%s", diff)
		}
	}
	parts := cmp.Options{
		cmp.AllowUnexported(reply{}), cmpopts.IgnoreFields(reply{}, "model", "usage", "stop", "ended", "native"),
		cmp.Comparer(sameCall),
	}
	if diff := cmp.Diff(want, *got, parts); diff != "" {
		p.Errorf("another answer (-recorded +got):\n%s", diff)
	}
	if told, recorded := got.usage.within(*want.usage), want.usage.within(*got.usage); told != recorded {
		p.Errorf("usage %+v, recorded is %+v", told, recorded)
	}
}

// sameCall compares calls but for the spaces in their arguments, and for ids that
// one of them lacks, as formats without them do.
func sameCall(a, b call) bool {
	x, y := jsontext.Value(a.arguments), jsontext.Value(b.arguments)
	return a.name == b.name && (a.id == b.id || a.id == "" || b.id == "") && x.Canonicalize() == nil && y.Canonicalize() == nil && string(x) == string(y)
}
