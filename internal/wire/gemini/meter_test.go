package gemini_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/wire"
)

// chunks draws a stream whose chunks are mostly alike, as a provider sends them:
// what differs is the text and the counts, now and then the shape.
func chunks(t *rapid.T) []string {
	shapes := []string{
		`{"candidates":[{"content":{"parts":[{"text":%s}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":%d,"candidatesTokenCount":%d},"responseId":"r7"}`,
		`{"candidates": [{"content": {"parts": [{"text": %s}]}}], "usageMetadata": {"promptTokenCount": %d, "candidatesTokenCount": %d}}`,
		`{"candidates":[{"content":{"parts":[{"text":%s}]}}],"usageMetadata":{"promptTokenCount":%d,"totalTokenCount":%d},"modelVersion":"m"}`,
		`{"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6},"candidates":[{"content":{"parts":[{"text":%s}]}}],"n":[%d,%d]}`,
		`{"candidates":[{"content":{"parts":[{"text":%s,"thought":true}]}}],"usageMetadata":{"promptTokenCount":%d,"candidatesTokenCount":%d}}`,
		`{"candidates":[{"content":{"parts":[{"text":%s},{"text":"and"}]}}],"usageMetadata":{"promptTokenCount":%d,"candidatesTokenCount":%d}}`,
	}
	var out []string
	for range rapid.IntRange(1, 12).Draw(t, "chunks") {
		shape := shapes[min(rapid.IntRange(0, 3*len(shapes)).Draw(t, "shape"), 2*len(shapes))/2%len(shapes)]
		said, err := jsontext.AppendQuote(nil, rapid.SampledFrom([]string{"a", "some words", `quoted "x" \ `, "é\n", "\x01", `"usageMetadata":{`, ""}).Draw(t, "text"))
		if err != nil {
			t.Fatal(err)
		}
		counts := rapid.IntRange(1, 12345)
		out = append(out, fmt.Sprintf(shape, said, counts.Draw(t, "prompt"), counts.Draw(t, "output")))
	}
	return append(out, `{"candidates":[{"content":{"parts":[{"text":"."}]},"finishReason":"STOP","index":0}]}`)
}

// What is searched or only compared counts as what is decoded does.
func TestAMeterCountsWhatADecoderReads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		searching, decoding := format.NewMeter(target), format.NewMeter(target)
		decoding.(wire.Keeper).Keep()
		list := chunks(t)
		for _, c := range list {
			if d := cmp.Diff(decoding.Event("", []byte(c)), searching.Event("", []byte(c))); d != "" {
				t.Fatalf("%s\nat %s of\n%s", d, c, strings.Join(list, "\n"))
			}
		}
		want, got := decoding.Result(), searching.Result()
		want.Parts = nil
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s\nof\n%s", d, strings.Join(list, "\n"))
		}
	})
}

// An answer's chunks are counted without being decoded.
func BenchmarkMeterChunk(b *testing.B) {
	m := format.NewMeter(target)
	chunk := []byte(`{"candidates":[{"content":{"parts":[{"text":" and some more words of it"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":30},"modelVersion":"bench","responseId":"g1"}`)
	m.Event("", chunk)
	b.ReportAllocs()
	for b.Loop() {
		m.Event("", chunk)
	}
}
