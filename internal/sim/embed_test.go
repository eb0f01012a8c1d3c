package sim

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type openAIVectors struct {
	Data []struct {
		Index     int `json:"index"`
		Embedding any `json:"embedding"`
	} `json:"data"`
	Usage struct {
		Prompt int `json:"prompt_tokens"`
	} `json:"usage"`
}

// The same text is the same vector, however it is asked for; another one isn't.
func TestVectorsAreDeterministic(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var plain, packed openAIVectors
	c.ok("/openai/v1/embeddings", `{"model":"sim","input":["a","b","a"],"dimensions":3}`, &plain)
	c.ok("/openai/v1/embeddings", `{"model":"sim","input":"a","dimensions":3,"encoding_format":"base64"}`, &packed)
	if len(plain.Data) != 3 || cmp.Equal(plain.Data[0].Embedding, plain.Data[1].Embedding) || !cmp.Equal(plain.Data[0].Embedding, plain.Data[2].Embedding) || plain.Usage.Prompt != 3 {
		t.Fatalf("%+v", plain)
	}
	text, _ := packed.Data[0].Embedding.(string)
	b, err := base64.StdEncoding.DecodeString(text)
	list, _ := plain.Data[0].Embedding.([]any)
	if err != nil || len(b) != 12 || len(list) != 3 {
		t.Fatalf("%v: %d bytes, %v", err, len(b), list)
	}
	for i, v := range list {
		said, _ := v.(float64)
		if got := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])); float32(said) != got {
			t.Errorf("%d: %v is packed as %v", i, v, got)
		}
	}
	var one struct {
		Embedding struct {
			Values []any `json:"values"`
		} `json:"embedding"`
	}
	var many struct {
		Embeddings []struct {
			Values []any `json:"values"`
		} `json:"embeddings"`
		Usage struct {
			Prompt int `json:"promptTokenCount"`
		} `json:"usageMetadata"`
	}
	c.ok(geminiPath+"gemini-embedding-001:embedContent", `{"content":{"parts":[{"text":"a"}]},"outputDimensionality":3}`, &one)
	c.ok(geminiPath+"gemini-embedding-001:batchEmbedContents", `{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},"outputDimensionality":3}]}`, &many)
	if len(many.Embeddings) != 1 || !cmp.Equal(one.Embedding.Values, many.Embeddings[0].Values) || len(one.Embedding.Values) != 3 || many.Usage.Prompt != 1 {
		t.Errorf("%+v, %+v", one, many)
	}
}

func TestEmbeddingsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.refuses("/openai/v1/embeddings", []refused{
		{"no input", `{"model":"sim"}`, "input"},
		{"nothing in the list", `{"model":"sim","input":[]}`, "input"},
		{"an empty text", `{"model":"sim","input":["a",""]}`, "input[1]"},
		{"an unknown field", `{"model":"sim","input":"a","title":"t"}`, "title"},
		{"another encoding", `{"model":"sim","input":"a","encoding_format":"hex"}`, "hex"},
		{"no vector", `{"model":"sim","input":"a","dimensions":0}`, "dimensions"},
		{"mixed", `{"model":"sim","input":[1,"a"]}`, "input[1]"},
	})
	c.refuses(geminiPath+"sim:embedContent", []refused{
		{"no content", `{}`, "content"},
		{"a picture", `{"content":{"parts":[{"inlineData":{}}]}}`, "inlineData"},
		{"another model", `{"model":"models/other","content":{"parts":[{"text":"a"}]}}`, "models/sim"},
		{"an unknown task", `{"content":{"parts":[{"text":"a"}]},"taskType":"DANCE"}`, "DANCE"},
		{"a title of no document", `{"content":{"parts":[{"text":"a"}]},"title":"t"}`, "title"},
	})
	c.refuses(geminiPath+"sim:batchEmbedContents", []refused{
		{"no requests", `{"requests":[]}`, "requests"},
		{"no model", `{"requests":[{"content":{"parts":[{"text":"a"}]}}]}`, "model"},
	})
	for path, cases := range map[string][]refused{
		"/nvidia/v1/embeddings": {
			{"no purpose", `{"model":"nvidia/sim","input":"a"}`, "input_type"},
			{"another purpose", `{"model":"nvidia/sim","input":"a","input_type":"search"}`, "search"},
			{"an unknown field", `{"model":"nvidia/sim","input":"a","input_type":"query","task":"x"}`, "task"},
		},
		"/groq/openai/v1/embeddings": {{"a length", `{"model":"sim","input":"a","dimensions":3}`, "dimensions"}},
		"/together/v1/embeddings":    {{"an encoding", `{"model":"sim","input":"a","encoding_format":"float"}`, "encoding_format"}},
		"/dashscope/compatible-mode/v1/embeddings": {
			{"bytes", `{"model":"sim","input":"a","encoding_format":"base64"}`, "base64"},
			{"too many", `{"model":"sim","input":["a","a","a","a","a","a","a","a","a","a","a"]}`, "10"},
		},
		"/vertex/v1/publishers/google/models/text-embedding-005:predict": {
			{"Gemini's body", `{"content":{"parts":[{"text":"a"}]}}`, "content"},
			{"Gemini's spelling", `{"instances":[{"content":"a","taskType":"CLUSTERING"}]}`, "taskType"},
			{"nothing", `{"instances":[]}`, "0 instance"},
			{"a length of one", `{"instances":[{"content":"a","outputDimensionality":3}]}`, "outputDimensionality"},
		},
		"/vertex/v1/publishers/google/models/gemini-embedding-2:embedContent": {
			{"Gemini's place", `{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"}`, "taskType"},
			{"no content", `{"embedContentConfig":{}}`, "content"},
		},
		"/vertex/v1/publishers/google/models/gemini-embedding-2:predict":      {{"the old way", `{"instances":[{"content":"a"}]}`, "predict"}},
		"/vertex/v1/publishers/google/models/text-embedding-005:embedContent": {{"the new way", `{"content":{"parts":[{"text":"a"}]}}`, "embedContent"}},
	} {
		c.refuses(path, cases)
	}
	for body, says := range map[string]string{
		`{"model":"sim","input":"a","dimensions":3}`: "dimensions", `{"model":"sim","input":"a","user":"u"}`: "user", `{"model":"sim","input":[1,2]}`: "valid string",
	} {
		if got := c.post("/mistral/v1/embeddings", body); got.status != 422 || !strings.Contains(got.body, says) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	for path, body := range map[string]string{
		"/xai/v1/embeddings":      `{"model":"sim","input":"a"}`,
		"/moonshot/v1/embeddings": `{"model":"sim","input":"a"}`,
		"/vertex/v1/publishers/google/models/text-embedding-005:batchEmbedContents": `{"requests":[]}`,
		"/openai/v1/embeddings":                    `{"model":"gpt-4o","input":"a"}`,
		"/openai/v1/chat/completions":              `{"model":"text-embedding-3-small","messages":[{"role":"user","content":"a"}]}`,
		"/deepseek/embeddings":                     `{"model":"sim","input":"a"}`,
		geminiPath + "gemini-2.5-pro:embedContent": `{"content":{"parts":[{"text":"a"}]}}`,
	} {
		if got := c.post(path, body); got.status != 404 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}
