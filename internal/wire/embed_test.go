package wire_test

import (
	"math"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/gemini"
)

var embedders = map[string]wire.Embedder{"chat": chat.Format{}, "gemini": gemini.Format{}}

// What a format writes of an embedding it reads again, packed or not, to the bit.
func TestEmbeddingsSurviveTheirFormat(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		finite := rapid.Float32().Filter(func(f float32) bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) })
		want := &llm.Embedding{Usage: llm.Usage{Input: rapid.Int64Range(1, 1<<30).Draw(t, "used"), Quality: llm.QualityExact}}
		want.Vectors = rapid.SliceOfN(rapid.SliceOfN(finite, 1, 5), 1, 4).Draw(t, "vectors")
		q := &llm.EmbedRequest{Base64: rapid.Bool().Draw(t, "packed"), Batch: rapid.Bool().Draw(t, "batch")}
		for name, f := range embedders {
			body, err := f.EncodeEmbedding(want, q)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.DecodeEmbedding(body)
			if err != nil {
				t.Fatalf("%s: %v: %s", name, err, body)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: %s\n(-want +got)\n%s", name, body, diff)
			}
		}
	})
}

// Answers that are none are the provider's fault, whatever they hold.
func TestEmbeddingsThatAreNone(t *testing.T) {
	t.Parallel()
	for name, bodies := range map[string][]string{
		"chat": {
			``, `[]`, `null`, `{}`, `{"data":null}`, `{"data":{}}`, `<html>`, `{"error":{"message":"no","code":500}}`, `{"error":"no"}`,
			`{"data":[{"embedding":"AAAA"}]}`, `{"data":[{"embedding":"!"}]}`, `{"data":[{"embedding":"AADAfw=="}]}`,
			`{"data":[{"embedding":{}}]}`, `{"data":[{"embedding":["a"]}]}`, `{"data":[1]}`, `{"data":[{"index":"x","embedding":[1]}]}`, `{"data":[{"embedding":[1e99]}]}`,
		},
		"gemini": {
			``, `[]`, `{}`, `{"embedding":null}`, `{"embeddings":{}}`, `<html>`, `{"error":{"message":"no","code":500}}`,
			`{"embedding":{"values":"a"}}`, `{"embeddings":[{"values":[1,"a"]}]}`, `{"embeddings":[1]}`, `{"embedding":{"values":[1e99]}}`,
			`{"predictions":{}}`, `{"predictions":[1]}`, `{"predictions":[{"embeddings":[]}]}`, `{"predictions":[{"embeddings":{"values":"a"}}]}`, `{"predictions":null}`,
		},
	} {
		for _, body := range bodies {
			got, err := embedders[name].DecodeEmbedding([]byte(body))
			if e := llm.AsError(err); e == nil || e.Kind != llm.KindUpstream {
				t.Errorf("%s, %s: %v, %v", name, body, got, err)
			}
		}
	}
}

// Servers that number vectors out of order are understood, and such as don't
// number them, too.
func TestVectorsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][][]float32{
		`{"data":[{"index":1,"embedding":[1]},{"index":0,"embedding":[2]}]}`:       {{2}, {1}},
		`{"data":[{"embedding":[1]},{"embedding":[2]}]}`:                           {{1}, {2}},
		`{"data":[{"index":-1,"embedding":[1]},{"index":7,"embedding":[2]}]}`:      {{1}, {2}},
		`{"data":[{"index":0,"embedding":"AACAPw=="}],"usage":"many","model":"m"}`: {{1}},
	} {
		got, err := chat.Format{}.DecodeEmbedding([]byte(body))
		if err != nil || !cmp.Equal(want, got.Vectors) {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
}

// Vertex's predictions are vectors in their order, and what each of them used is
// what all used where all of them say it.
func TestVectorsOfPredictions(t *testing.T) {
	t.Parallel()
	const first, second, uncounted = `{"embeddings":{"values":[1],"statistics":{"token_count":2,"truncated":false}}}`, `{"embeddings":{"values":[2,3],"statistics":{"token_count":"3"}}}`, `{"embeddings":{"values":[4]}}`
	for body, want := range map[string]*llm.Embedding{
		`{"predictions":[` + first + `,` + second + `],"metadata":{"billableCharacterCount":7}}`: {Vectors: [][]float32{{1}, {2, 3}}, Usage: llm.Usage{Input: 5, Quality: llm.QualityExact}},
		`{"predictions":[` + first + `,` + uncounted + `]}`:                                      {Vectors: [][]float32{{1}, {4}}},
		`{"predictions":[]}`: {Vectors: [][]float32{}},
	} {
		got, err := gemini.Format{}.DecodeEmbedding([]byte(body))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", body, err, diff)
		}
	}
}

// styles are ways to ask for embeddings that providers have.
var styles = []wire.EmbedStyle{
	{},
	{Shape: "predict"},
	{Shape: "config"},
	{Reject: []string{"dimensions", "user"}},
	{Rename: map[string]string{"dimensions": "output_dimension"}},
	{Task: "input_type", Tasks: map[string]string{"RETRIEVAL_QUERY": "query"}, TaskElse: "passage"},
}

// A provider that is asked in other words is never passed a client's bytes.
func TestPlainStyles(t *testing.T) {
	t.Parallel()
	for i, s := range styles {
		if s.Plain() != (i == 0) {
			t.Errorf("%+v is plain: %v", s, s.Plain())
		}
	}
	if s := (wire.EmbedStyle{Task: "input_type", Tasks: map[string]string{"CLUSTERING": "c"}}); !s.Plain() {
		t.Error("words for what only other formats say need no other request")
	}
}

// No request makes a reader fall over, and what is read can be written for the
// other format or is refused by name.
func FuzzDecodeEmbed(f *testing.F) {
	for _, body := range []string{
		`{"model":"m","input":["a","b"],"dimensions":3,"encoding_format":"base64"}`, `{"model":"m","input":[[1],[2]]}`,
		`{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING","title":"t"}`, `{"requests":[{"content":{"parts":[{"text":"a"}]}}]}`, `{"requests":[null]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/embeddings", "/v1beta/models/m:embedContent", "/v1beta/models/m:batchEmbedContents"} {
			from, to := embedders["chat"], embedders["gemini"]
			if strings.Contains(path, ":") {
				from, to = to, from
			}
			raw := wire.RawRequest{Path: path, Body: []byte(body)}
			p, err := from.PeekEmbed(raw)
			if err != nil {
				continue
			}
			out, err := from.SpliceEmbed(raw, p, wire.Edits{Model: "other"})
			if err != nil && llm.AsError(err).Kind != llm.KindBadRequest {
				t.Errorf("%s, spliced: %v", body, err)
			}
			if err == nil && !jsontext.Value(out.Body).IsValid(jsontext.AllowDuplicateNames(true)) {
				t.Errorf("%s, spliced, is no JSON: %s", body, out.Body)
			}
			q, err := from.DecodeEmbed(raw)
			for _, style := range styles {
				for _, f := range []wire.Embedder{from, to} {
					if err == nil {
						out, _, err = f.EncodeEmbed(q, wire.Target{Model: "other", Embed: style})
						if err == nil && !jsontext.Value(out.Body).IsValid() {
							t.Errorf("%s became no JSON: %s", body, out.Body)
						}
					}
				}
				if err != nil && llm.AsError(err).Kind != llm.KindBadRequest {
					t.Errorf("%s: %v", body, err)
				}
			}
		}
	})
}
