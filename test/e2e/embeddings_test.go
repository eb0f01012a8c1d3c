package e2e

import (
	"encoding/base64"
	le "encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// newEmbedLab is a gateway in front of providers with embeddings, and one without.
func newEmbedLab(t *testing.T) *lab {
	t.Helper()
	accounts := [][2]string{
		{"openai", `type: openai, base_url: "SIM/openai/v1", api_key: k, models: [{id: priced-sim, price: {input: 2}}]`},
		{"rotating", `type: openai, base_url: "SIM/openai/v1", api_keys: [bad-key, good-key]`},
		{"messages", `type: anthropic, base_url: "SIM/anthropic", api_key: k`},
		{"pair", `type: openai, base_url: "SIM/openai/v1", api_keys: [one-key, another-key]`},
		{"bedrock", `type: bedrock, base_url: "SIM/bedrock", region: us-east-1, api_key: k`},
	}
	for _, v := range vectorMakers[1:] {
		accounts = append(accounts, [2]string{v.name, v.options})
	}
	return newCloudLabWith(t, "aliases: {vectors: messages/sim, both: [messages/sim, gemini/sim]}\n", accounts...)
}

// vectorMakers are accounts of every type that has embeddings, and of each shape in
// which a type has them.
var vectorMakers = []struct {
	name, options, model string
	fixed                bool // a length can't be asked for
	most                 int  // texts at once; 0 is as many as are asked for here
	silent               bool // doesn't count
	priced               bool
}{
	{name: "openai", model: "text-embedding-3-small"}, // the lab has it
	{name: "gemini", options: `type: gemini, base_url: "SIM/gemini", api_key: k`, model: "gemini-embedding-001", priced: true},
	{name: "ollama", options: `type: ollama, base_url: "SIM/ollama", models: [{id: sim-few}]`, model: "bge-m3:latest"},
	{name: "nvidia", options: `base_url: "SIM/nvidia/v1", api_key: k`, model: "nvidia/nv-embed-v1", priced: true},
	{name: "symmetric", options: `type: nvidia, base_url: "SIM/nvidia/v1", api_key: k`, model: "baai/bge-m3", priced: true},
	{name: "openrouter", options: `base_url: "SIM/openrouter/api/v1", api_key: k`, model: "openai/text-embedding-3-small", priced: true},
	{name: "mistral", options: `base_url: "SIM/mistral/v1", api_key: k`, model: "mistral-embed", priced: true},
	{name: "groq", options: `base_url: "SIM/groq/openai/v1", api_key: k`, model: "nomic-embed-text-v1_5", fixed: true},
	{name: "together", options: `base_url: "SIM/together/v1", api_key: k`, model: "BAAI/bge-large-en-v1.5", fixed: true, silent: true, priced: true},
	{name: "dashscope", options: `base_url: "SIM/dashscope/compatible-mode/v1", api_key: k`, model: "text-embedding-v4", most: 10},
	{name: "azure", options: `base_url: "SIM/azure", api_key: k`, model: "text-embedding-3-small", priced: true},
	{name: "azure-dated", options: `type: azure, base_url: "SIM/azure", api_version: "2024-10-21", api_key: k, deployments: {vectors-of-ours: text-embedding-3-small}`, model: "vectors-of-ours", priced: true},
	{name: "vertex", options: `base_url: "SIM/vertex", api_key: k`, model: "text-embedding-005"},
	{name: "vertex-project", options: `type: vertex, base_url: "SIM/vertex", project: p, location: us-central1, credentials: "${file:sa.json}"`, model: "gemini-embedding-001", priced: true},
	{name: "vertex-new", options: `type: vertex, base_url: "SIM/vertex", api_key: k`, model: "gemini-embedding-2", most: 1},
}

// embedAsk is what a client wants embedded.
type embedAsk struct {
	texts []string
	dims  int
	// In OpenAI's words: the vectors as base64. In Gemini's: a batch of one, too.
	packed, batch bool
}

// embedDialect is a client format's way to ask for embeddings.
type embedDialect struct {
	name    string
	request func(model string, a embedAsk) (path string, body any)
	// understand reads the vectors and the tokens told; -1: none are.
	understand func(body []byte) (vectors [][]float32, tokens int, err error)
}

var embedDialects = []embedDialect{
	{"chat", func(model string, a embedAsk) (string, any) {
		body := map[string]any{"model": model, "input": a.texts}
		if len(a.texts) == 1 {
			body["input"] = a.texts[0]
		}
		if a.dims > 0 {
			body["dimensions"] = a.dims
		}
		if a.packed {
			body["encoding_format"] = "base64"
		}
		return "/v1/embeddings", body
	}, func(body []byte) (vectors [][]float32, tokens int, err error) {
		var answer struct {
			Object string `json:"object"`
			Model  string `json:"model"`
			Data   []struct {
				Object    string         `json:"object"`
				Index     int            `json:"index"`
				Embedding jsontext.Value `json:"embedding"`
			} `json:"data"`
			Usage struct {
				Prompt int `json:"prompt_tokens"`
				Total  int `json:"total_tokens"`
			} `json:"usage"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return nil, 0, err
		}
		if answer.Object != "list" || answer.Model == "" || answer.Usage.Total != answer.Usage.Prompt {
			return nil, 0, fmt.Errorf("not a list of OpenAI's: %s", body)
		}
		for i, d := range answer.Data {
			if d.Index != i || d.Object != "embedding" {
				return nil, 0, fmt.Errorf("element %d is %d, %q", i, d.Index, d.Object)
			}
			v, err := unpacked(d.Embedding)
			if err != nil {
				return nil, 0, err
			}
			vectors = append(vectors, v)
		}
		return vectors, answer.Usage.Prompt, nil
	}},
	{"gemini", func(model string, a embedAsk) (string, any) {
		var requests []any
		for _, text := range a.texts {
			r := map[string]any{"model": "models/" + model, "content": map[string]any{"parts": []any{map[string]any{"text": text}}}}
			if a.dims > 0 {
				r["outputDimensionality"] = a.dims
			}
			requests = append(requests, r)
		}
		if len(requests) == 1 && !a.batch {
			return "/v1beta/models/" + model + ":embedContent", requests[0]
		}
		return "/v1beta/models/" + model + ":batchEmbedContents", map[string]any{"requests": requests}
	}, func(body []byte) (vectors [][]float32, tokens int, err error) {
		type values struct {
			Values []float32 `json:"values"`
		}
		var answer struct {
			One   *values  `json:"embedding"`
			Many  []values `json:"embeddings"`
			Usage *struct {
				Prompt int `json:"promptTokenCount"`
			} `json:"usageMetadata"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return nil, 0, err
		}
		if answer.One != nil {
			vectors = append(vectors, answer.One.Values)
		}
		for _, v := range answer.Many {
			vectors = append(vectors, v.Values)
		}
		if answer.Usage == nil {
			return vectors, -1, nil
		}
		return vectors, answer.Usage.Prompt, nil
	}},
}

// unpacked reads a vector, as numbers or as base64.
func unpacked(v jsontext.Value) ([]float32, error) {
	var out []float32
	if v.Kind() != '"' {
		err := json.Unmarshal(v, &out)
		return out, err
	}
	var b []byte
	if err := json.Unmarshal(v, &b); err != nil {
		return nil, err
	}
	for ; len(b) >= 4; b = b[4:] {
		out = append(out, math.Float32frombits(le.LittleEndian.Uint32(b)))
	}
	return out, nil
}

// sendTo posts a body and returns the whole exchange.
func (l *lab) sendTo(t *testing.T, path string, body any) (status int, header http.Header, answer []byte) {
	t.Helper()
	b, ok := body.(string)
	if !ok {
		text, err := json.Marshal(body, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		b = string(text)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.url+path, strings.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, out
}

// asksForVectors are the questions that every client format asks every provider.
var asksForVectors = map[string]embedAsk{
	"one":              {texts: []string{"hello there"}},
	"a batch":          {texts: []string{"hello", "there", "hello"}},
	"a batch of one":   {texts: []string{"hello"}, batch: true},
	"dimensions":       {texts: []string{"hello", "there"}, dims: 3},
	"packed":           {texts: []string{"hello", "there"}, dims: 5, packed: true},
	"letters of all":   {texts: []string{"“Größe” 日本語 🙂 \"quoted\" a\\b\n"}},
	"one, packed":      {texts: []string{"hello"}, packed: true},
	"one, three wide":  {texts: []string{"hello"}, dims: 3},
	"a batch of fifty": {texts: slices.Repeat([]string{"hello"}, 50)},
}

// Whichever formats meet, the same texts are the same vectors, in their order, and
// the ledger knows what the client was told.
func TestEmbeddingsOfEveryPair(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	type said struct {
		tokens         int
		silent, priced bool
	}
	turns := 0
	told := map[string]said{}
	for name, a := range asksForVectors {
		for _, v := range vectorMakers {
			var first [][]float32
			for _, d := range embedDialects {
				path, body := d.request(v.name+"/"+v.model, a)
				status, header, answer := l.sendTo(t, path, body)
				what := fmt.Sprintf("%s, %s to %s", name, d.name, v.name)
				if v.fixed && a.dims > 0 || v.most > 0 && len(a.texts) > v.most {
					if status != 400 {
						t.Errorf("%s: %d %s", what, status, answer)
					}
					if header.Get("X-Oido-Attempts") != "" && header.Get("X-Oido-Attempts") != "0" {
						turns++
					}
					continue
				}
				vectors, tokens, err := d.understand(answer)
				if status != 200 || err != nil || len(vectors) != len(a.texts) || tokens <= 0 && (!v.silent || d.name == "chat") {
					t.Fatalf("%s: %d, %v, %d tokens: %s", what, status, err, tokens, answer)
				}
				for _, v := range vectors {
					if a.dims > 0 && len(v) != a.dims || len(v) == 0 {
						t.Errorf("%s: a vector of %d", what, len(v))
					}
				}
				if first == nil {
					first = vectors
				}
				if diff := cmp.Diff(first, vectors); diff != "" {
					t.Errorf("%s: another vector (-first +this)\n%s", what, diff)
				}
				if header.Get("X-Oido-Provider") != v.name || header.Get("X-Oido-Model") != v.model || header.Get("X-Oido-Downgrades") != "" {
					t.Errorf("%s: %v", what, header)
				}
				told[header.Get("X-Oido-Turn")] = said{tokens, v.silent, v.priced}
				turns++
			}
		}
	}
	for _, row := range l.turns(t, turns) {
		want, ok := told[row.ID]
		if !ok && row.Status == "error" {
			continue
		}
		quality := "exact"
		if want.silent {
			quality = "estimated"
		}
		if !ok || row.Status != "ok" || row.Stream || row.Input != int64(want.tokens) && want.tokens >= 0 || row.Output != 0 || row.Quality != quality || row.Attempts != 1 ||
			row.Format != "chat" && row.Format != "gemini" || (row.Cost != nil) != want.priced {
			t.Errorf("told %+v: %+v", want, row)
		}
	}
}

// In its own format a request reaches the provider as it was written but for the
// model's name, and the answer comes back as it is.
func TestEmbeddingsAreForwardedAsBytes(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	for _, c := range []struct{ path, model, body, want string }{
		{
			"/v1/embeddings", "sim", `{ "input" : ["a" , [1,2]],"model":"openai/sim", "encoding_format":"base64"}`,
			`{ "input" : ["a" , [1,2]],"model":"sim", "encoding_format":"base64"}`,
		},
		{
			"/v1beta/models/gemini/sim:embedContent", "sim", `{ "content": {"parts":[{"text" : "a"}]}, "task_type":"CLUSTERING"}`,
			`{ "content": {"parts":[{"text" : "a"}]}, "task_type":"CLUSTERING"}`,
		},
		{
			"/v1beta/models/gemini/sim:embedContent", "sim", `{"model":"models/gemini/sim", "content": {"parts":[{"text" : "a"}]}}`,
			`{"model":"models/sim", "content": {"parts":[{"text" : "a"}]}}`,
		},
		{
			"/v1beta/models/gemini/sim:batchEmbedContents", "sim", `{"requests" : [{"model":"models/gemini/sim" ,"content":{"parts":[{"text":"a"}]}, "title":"t","taskType":"RETRIEVAL_DOCUMENT"}]}`,
			`{"requests" : [{"model":"models/sim" ,"content":{"parts":[{"text":"a"}]}, "title":"t","taskType":"RETRIEVAL_DOCUMENT"}]}`,
		},
	} {
		got := l.received(t, c.model, 1, func() {
			if status, _, answer := l.sendTo(t, c.path, c.body); status != 200 {
				t.Errorf("%s: %d %s", c.path, status, answer)
			}
		})
		if diff := cmp.Diff([]string{c.want}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.path, diff)
		}
	}
}

// Each vendor is asked in its own words: for a length, for what a vector is for, in
// the path and the body that it has.
func TestEmbeddingsInEachVendorsWords(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	const content = `"content":{"parts":[{"text":"a"}]}`
	for _, c := range []struct{ path, body, model, want string }{
		{"/v1/embeddings", `{"model":"nvidia/nvidia/nv-embed-v1","input":"a","encoding_format":"base64"}`, "nvidia/nv-embed-v1", `{"model":"nvidia/nv-embed-v1","input_type":"query","input":"a"}`},
		{
			"/v1/embeddings", `{"model":"nvidia/nvidia/nv-embed-v1","input":["a"],"input_type":"passage","truncate":"END","user":"u"}`, "nvidia/nv-embed-v1",
			`{"model":"nvidia/nv-embed-v1","input":"a","user":"u","input_type":"passage","truncate":"END"}`,
		},
		{
			"/v1beta/models/nvidia/nvidia/nv-embed-v1:embedContent", `{` + content + `,"taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":4}`, "nvidia/nv-embed-v1",
			`{"model":"nvidia/nv-embed-v1","input_type":"passage","input":"a","dimensions":4}`,
		},
		{"/v1/embeddings", `{"model":"symmetric/baai/bge-m3", "input":"a"}`, "baai/bge-m3", `{"model":"baai/bge-m3", "input":"a"}`},
		{
			"/v1/embeddings", `{"model":"mistral/mistral-embed","input":["a","b"],"dimensions":4,"encoding_format":"base64","output_dtype":"int8"}`, "mistral-embed-2312",
			`{"model":"mistral-embed","input":["a","b"],"output_dimension":4,"output_dtype":"int8"}`,
		},
		{"/v1/embeddings", `{"model":"together/BAAI/bge-large-en-v1.5","input":"a","encoding_format":"base64"}`, "BAAI/bge-large-en-v1.5", `{"model":"BAAI/bge-large-en-v1.5","input":"a"}`},
		{"/v1/embeddings", `{"model":"dashscope/text-embedding-v4","input":"a","encoding_format":"base64","dimensions":64}`, "text-embedding-v4", `{"model":"text-embedding-v4","input":"a","dimensions":64}`},
		{
			"/v1beta/models/openrouter/openai/text-embedding-3-small:embedContent", `{` + content + `,"taskType":"RETRIEVAL_QUERY"}`, "openai/text-embedding-3-small",
			`{"model":"openai/text-embedding-3-small","input_type":"search_query","input":"a"}`,
		},
		{
			"/v1beta/models/vertex/text-embedding-005:embedContent", `{` + content + `,"task_type":"RETRIEVAL_DOCUMENT","title":"t","autoTruncate":false,"outputDimensionality":4}`, "text-embedding-005",
			`{"instances":[{"content":"a","task_type":"RETRIEVAL_DOCUMENT","title":"t"}],"parameters":{"autoTruncate":false,"outputDimensionality":4}}`,
		},
		{"/v1/embeddings", `{"model":"vertex/text-embedding-005","input":["a","b"]}`, "text-embedding-005", `{"instances":[{"content":"a"},{"content":"b"}]}`},
		{
			"/v1beta/models/vertex-new/gemini-embedding-2:embedContent", `{` + content + `,"taskType":"CLUSTERING"}`, "gemini-embedding-2",
			`{"content":{"parts":[{"text":"a"}]},"embedContentConfig":{"taskType":"CLUSTERING"}}`,
		},
		{"/v1/embeddings", `{"model":"vertex-new/gemini-embedding-2","input":"a"}`, "gemini-embedding-2", `{"content":{"parts":[{"text":"a"}]}}`},
	} {
		got := l.received(t, c.model, 1, func() {
			status, header, answer := l.sendTo(t, c.path, c.body)
			if status != 200 || header.Get("X-Oido-Downgrades") != "" || strings.Contains(c.body, "base64") && !strings.Contains(string(answer), `"embedding":"`) {
				t.Errorf("%s: %d %v %s", c.body, status, header, answer)
			}
		})
		if diff := cmp.Diff([]string{c.want}, got); diff != "" {
			t.Errorf("%s %s (-want +got)\n%s", c.path, c.body, diff)
		}
	}
}

// What the other format has no word for is named, and nothing is lost in silence.
func TestEmbeddingsThatLoseSomething(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	for _, c := range []struct{ path, body, lost string }{
		{"/v1beta/models/openai/sim:embedContent", `{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_DOCUMENT","title":"t","autoTruncate":true}`, "task_type, title, autoTruncate"},
		{"/v1/embeddings", `{"model":"gemini/sim","input":"a","user":"u","truncate":"END"}`, "user, truncate"},
		{"/v1/embeddings", `{"model":"together/sim","input":"a","user":"u"}`, "user"},
		{"/v1beta/models/nvidia/nvidia/sim:embedContent", `{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"}`, "task_type"},
		{"/v1beta/models/vertex/text-embedding-005:embedContent", `{"content":{"parts":[{"text":"a"}]},"labels":{}}`, "labels"},
	} {
		status, header, answer := l.sendTo(t, c.path, c.body)
		if got := header.Get("X-Oido-Downgrades"); status != 200 || got != c.lost {
			t.Errorf("%s: %d, lost %q, want %q: %s", c.path, status, got, c.lost, answer)
		}
	}
}

// What a provider doesn't count is estimated, and the turn says so.
func TestEmbeddingsThatNobodyCounted(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	for _, d := range embedDialects {
		for _, provider := range []string{"openai", "gemini"} {
			path, body := d.request(provider+"/sim-nousage", embedAsk{texts: []string{strings.Repeat("word ", 20)}})
			status, _, answer := l.sendTo(t, path, body)
			if vectors, _, err := d.understand(answer); status != 200 || err != nil || len(vectors) != 1 {
				t.Errorf("%s to %s: %d %v %s", d.name, provider, status, err, answer)
			}
		}
	}
	for _, row := range l.turns(t, 4) {
		if row.Quality != "estimated" || row.Input != 25 || row.Output != 0 {
			t.Errorf("%+v", row)
		}
	}
}

// Names are resolved as for generation, keys rotate, and prices apply.
func TestEmbeddingsGoTheWayOfEveryCall(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	l.ready(t)
	for _, c := range []struct{ model, provider, cost string }{
		{"text-embedding-3-small", "openai", ""},
		{"gemini-embedding-001", "gemini", ""},
		{"both", "gemini", ""},
		{"rotating/sim", "rotating", ""},
		{"openai/priced-sim", "openai", "0.000020000"},
	} {
		status, header, answer := l.sendTo(t, "/v1/embeddings", map[string]any{"model": c.model, "input": strings.Repeat("word", 10)})
		if status != 200 || header.Get("X-Oido-Provider") != c.provider || c.cost != "" && header.Get("X-Oido-Cost-Usd") != c.cost {
			t.Errorf("%s: %d %v %s", c.model, status, header, answer)
		}
		if c.model == "rotating/sim" && header.Get("X-Oido-Attempts") != "2" {
			t.Errorf("%s attempts over a bad key", header.Get("X-Oido-Attempts"))
		}
	}
	status, header, answer := l.sendTo(t, "/v1/embeddings", `{"model":"pair/sim-e429","input":"a"}`)
	if status != 429 || header.Get("X-Oido-Attempts") != "2" {
		t.Errorf("every key is tried where one has reached its limit: %d %v %s", status, header, answer)
	}
	// A list that is read doesn't take a model away for what it can't do.
	path, body := embedDialects[0].request("gemini/gemini-2.5-pro", embedAsk{texts: []string{"a"}})
	if status, _, answer := l.sendTo(t, path, body); status != 404 {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer, err := l.post(t, "/v1/chat/completions", hello("gemini/gemini-2.5-pro", false)); status != 200 || err != nil {
		t.Errorf("it answers no more: %d %v %s", status, err, answer)
	}
}

// A refusal comes in the caller's format, whoever refuses.
func TestEmbeddingsThatAreRefused(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	content := `"content":{"parts":[{"text":"a"}]}`
	many := strings.TrimSuffix(strings.Repeat(`"a",`, 101), ",")
	for _, c := range []struct {
		name, path, body string
		status           int
		words            string
	}{
		{"no body", "/v1/embeddings", ``, 400, ""},
		{"no model", "/v1/embeddings", `{"input":"a"}`, 400, "model"},
		{"no such model", "/v1/embeddings", `{"model":"nothing","input":"a"}`, 404, "nothing"},
		{"no embeddings there", "/v1/embeddings", `{"model":"messages/sim","input":"a"}`, 400, "has no embeddings"},
		{"nor behind an alias", "/v1/embeddings", `{"model":"vectors","input":"a"}`, 400, "has no embeddings"},
		{"nor at a cloud that can't be asked", "/v1/embeddings", `{"model":"bedrock/amazon.titan-embed-text-v2:0","input":"a"}`, 400, "has no embeddings"},
		{"a length that can't be asked for", "/v1/embeddings", `{"model":"together/sim","input":"a","dimensions":4}`, 400, "dimensions"},
		{"a length that can't be asked for, of Groq", "/v1beta/models/groq/sim:embedContent", `{` + content + `,"outputDimensionality":4}`, 400, "dimensions"},
		{"tokens at one that takes text", "/v1/embeddings", `{"model":"mistral/sim","input":[1,2]}`, 422, "input"},
		{"one at a time", "/v1/embeddings", `{"model":"vertex-new/gemini-embedding-2","input":["a","b"]}`, 400, "one by one"},
		{"several tasks at once", "/v1beta/models/nvidia/nvidia/sim:batchEmbedContents", `{"requests":[{` + content + `,"taskType":"RETRIEVAL_QUERY"},{` + content + `}]}`, 400, "apart"},
		{"several wishes at once", "/v1beta/models/vertex/text-embedding-005:batchEmbedContents", `{"requests":[{` + content + `,"autoTruncate":true},{` + content + `,"autoTruncate":false}]}`, 400, "apart"},
		{"no input, same format", "/v1/embeddings", `{"model":"openai/sim"}`, 400, "input"},
		{"no input", "/v1/embeddings", `{"model":"gemini/sim"}`, 400, "input"},
		{"an empty list", "/v1/embeddings", `{"model":"gemini/sim","input":[]}`, 400, "input"},
		{"tokens", "/v1/embeddings", `{"model":"gemini/sim","input":[1,2]}`, 400, "tokens"},
		{"lists of tokens", "/v1/embeddings", `{"model":"gemini/sim","input":[[1,2],[3]]}`, 400, "tokens"},
		{"neither", "/v1/embeddings", `{"model":"gemini/sim","input":[{"a":1}]}`, 400, "input[0]"},
		{"an object", "/v1/embeddings", `{"model":"gemini/sim","input":{"a":1}}`, 400, "input"},
		{"another encoding", "/v1/embeddings", `{"model":"gemini/sim","input":"a","encoding_format":"hex"}`, 400, "hex"},
		{"no length", "/v1/embeddings", `{"model":"gemini/sim","input":"a","dimensions":0}`, 400, "dimensions"},
		{"too many", "/v1/embeddings", `{"model":"gemini/sim","input":[` + many + `]}`, 400, "100"},
		{"a model that writes", "/v1/embeddings", `{"model":"openai/gpt-4o","input":"a"}`, 404, ""},
		{"busy", "/v1/embeddings", `{"model":"openai/sim-e429-ra7","input":"a"}`, 429, ""},
		{"busy elsewhere", "/v1/embeddings", `{"model":"gemini/sim-e429-ra7","input":"a"}`, 429, ""},
		{"the operator's fault", "/v1/embeddings", `{"model":"gemini/sim-e403","input":"a"}`, 502, "operator"},
		{"down", "/v1/embeddings", `{"model":"gemini/sim-e503","input":"a"}`, 503, ""},
		{"an error in a 200", "/v1/embeddings", `{"model":"openai/sim-err0","input":"a"}`, 502, ""},
		{"an error in a 200 elsewhere", "/v1/embeddings", `{"model":"gemini/sim-err0","input":"a"}`, 500, ""},
		{"broken JSON", "/v1/embeddings", `{"model":"gemini/sim-bad0","input":"a"}`, 502, ""},
		{"broken off", "/v1/embeddings", `{"model":"gemini/sim-cut0","input":"a"}`, 502, ""},
		{"a page", "/v1/embeddings", `{"model":"gemini/sim-html","input":"a"}`, 502, ""},
		{"no such model", "/v1beta/models/nothing:embedContent", `{` + content + `}`, 404, "nothing"},
		{"no embeddings there", "/v1beta/models/messages/sim:embedContent", `{` + content + `}`, 400, "has no embeddings"},
		{"nor in batches", "/v1/models/messages/sim:batchEmbedContents", `{"requests":[{` + content + `}]}`, 400, "has no embeddings"},
		{"no content", "/v1beta/models/openai/sim:embedContent", `{}`, 400, "content"},
		{"no content, same format", "/v1beta/models/gemini/sim:embedContent", `{}`, 400, "content"},
		{"a picture", "/v1beta/models/openai/sim:embedContent", `{"content":{"parts":[{"inlineData":{"data":""}}]}}`, 400, "content.parts[0]"},
		{"no requests", "/v1beta/models/openai/sim:batchEmbedContents", `{}`, 400, "requests"},
		{"a request that is none", "/v1beta/models/openai/sim:batchEmbedContents", `{"requests":[1]}`, 400, "requests[0]"},
		{"several lengths", "/v1beta/models/openai/sim:batchEmbedContents", `{"requests":[{` + content + `,"outputDimensionality":3},{` + content + `}]}`, 400, "requests[1]"},
		{"busy", "/v1beta/models/openai/sim-e429-ra7:embedContent", `{` + content + `}`, 429, ""},
		{"the operator's fault", "/v1beta/models/openai/sim-e401:embedContent", `{` + content + `}`, 502, "operator"},
	} {
		status, _, answer := l.sendTo(t, c.path, c.body)
		var e struct {
			Error struct {
				Message string `json:"message"`
				Type    string `json:"type"`
				Status  string `json:"status"`
			} `json:"error"`
		}
		if err := json.Unmarshal(answer, &e); err != nil {
			t.Errorf("%s: %v in %s", c.name, err, answer)
		}
		word := e.Error.Type
		if strings.Contains(c.path, ":") {
			word = e.Error.Status
		}
		if status != c.status || word == "" || !strings.Contains(e.Error.Message, c.words) {
			t.Errorf("%s at %s: %d %s, want %d with %q", c.name, c.path, status, answer, c.status, c.words)
		}
	}
}

// The simulator's base64 is OpenAI's, so what is packed here is what it packs.
func TestPackedVectorsAreTheProviders(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	_, _, answer := l.sendTo(t, "/v1/embeddings", `{"model":"gemini/sim","input":"a","dimensions":4,"encoding_format":"base64"}`)
	var list struct {
		Data []struct {
			Embedding string `json:"embedding"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &list); err != nil || len(list.Data) != 1 {
		t.Fatalf("%v: %s", err, answer)
	}
	if b, err := base64.StdEncoding.DecodeString(list.Data[0].Embedding); err != nil || len(b) != 16 {
		t.Errorf("%v: %d bytes", err, len(b))
	}
}
