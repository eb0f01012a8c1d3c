package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// find returns the listed model that the path names, or one that is a script.
func (x *exchange) find(name string) (model, bool) {
	x.model = name
	if m, ok := x.serving(name); ok {
		return m, true
	}
	if _, scripted := parseName(name); scripted {
		m := scriptable
		m.id = name
		return m, true
	}
	return model{}, false
}

// openAIModel is a model as OpenAI and those after it list it.
type openAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
	// ShutdownDate stands with models whose end is announced.
	ShutdownDate string `json:"shutdown_date,omitzero"`
}

func (x *exchange) openAIModel(m model) any {
	if x.family.costs {
		return routedModel(m)
	}
	out := openAIModel{ID: m.id, Object: "model", Created: m.created, OwnedBy: "sim"}
	if x.family.tellsEnds && x.day != nil && m.ends != 0 {
		out.ShutdownDate = time.Unix(m.ends, 0).UTC().Format(time.DateOnly)
	}
	return out
}

// listOpenAI answers with the vendor's models. Where one path serves two formats
// the header of Anthropic's tells them apart.
func (x *exchange) listOpenAI() {
	if x.family.prefix == "" && x.r.Header.Get("Anthropic-Version") != "" {
		x.format = messagesFormat{}
		x.listAnthropic()
		return
	}
	switch {
	case x.family.list != nil:
		x.family.list(x)
		return
	case x.family.costs:
		x.listRouted()
		return
	}
	list := struct {
		Object string `json:"object"`
		Data   []any  `json:"data"`
	}{Object: "list"}
	for _, m := range x.models() {
		list.Data = append(list.Data, x.openAIModel(m))
	}
	x.json(list)
}

func (x *exchange) oneOpenAI() {
	if m, ok := x.find(x.r.PathValue("model")); ok {
		x.json(x.openAIModel(m))
		return
	}
	x.fail(unknownModel(x.model))
}

// routedModel is a model as OpenRouter lists it.
func routedModel(m model) any {
	writes := "text"
	if m.embeds {
		writes = "embeddings"
	}
	return map[string]any{
		"id": m.id, "canonical_slug": m.id, "name": m.name, "created": m.created, "description": m.name,
		"context_length": m.context,
		"architecture": map[string]any{
			"modality": "text+image->" + writes, "input_modalities": []string{"text", "image"},
			"output_modalities": []string{writes}, "tokenizer": "Other", "instruct_type": nil,
		},
		"pricing":              map[string]string{"prompt": m.in, "completion": m.out, "request": "0", "image": "0"},
		"top_provider":         map[string]any{"context_length": m.context, "max_completion_tokens": m.output, "is_moderated": false},
		"per_request_limits":   nil,
		"supported_parameters": []string{"max_tokens", "reasoning", "response_format", "stop", "temperature", "tool_choice", "tools", "top_p"},
		"expiration_date":      nil,
	}
}

// listRouted pages only when asked to, as OpenRouter does. Models that embed are in
// a list of their own.
func (x *exchange) listRouted() {
	query := x.r.URL.Query()
	embeds := strings.HasSuffix(x.r.URL.Path, "/embeddings/models")
	all := slices.DeleteFunc(x.models(), func(m model) bool { return m.embeds != embeds })
	offset := min(atLeast0(query.Get("offset")), len(all))
	limit := atLeast0(query.Get("limit"))
	page := all[offset:]
	list := map[string]any{"total_count": len(all)}
	links := map[string]any{"next": nil}
	if limit > 0 && limit < len(page) {
		page = page[:limit]
		links["next"] = fmt.Sprintf("/api/v1/models?offset=%d&limit=%d", offset+limit, limit)
	}
	data := []any{}
	for _, m := range page {
		data = append(data, routedModel(m))
	}
	list["data"], list["links"] = data, links
	x.json(list)
}

// atLeast0 reads a number of a query; what is none is 0.
func atLeast0(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// anthropicModel is a model as Anthropic lists it.
func anthropicModel(m model) any {
	type support struct {
		Supported bool `json:"supported"`
	}
	return struct {
		Type         string             `json:"type"`
		ID           string             `json:"id"`
		DisplayName  string             `json:"display_name"`
		CreatedAt    string             `json:"created_at"`
		MaxInput     int                `json:"max_input_tokens"`
		MaxTokens    int                `json:"max_tokens"`
		Lifecycle    string             `json:"lifecycle"`
		Capabilities map[string]support `json:"capabilities"`
	}{
		"model", m.id, m.name, timestamp(m.created), m.context, m.output, "active",
		map[string]support{"image_input": {true}, "pdf_input": {true}, "structured_outputs": {true}},
	}
}

func (x *exchange) listAnthropic() {
	query := x.r.URL.Query()
	limit := 20
	if query.Has("limit") {
		limit = atLeast0(query.Get("limit"))
		if limit < 1 || limit > 1000 {
			x.fail(refuse("limit", "", "limit: Input should be between 1 and 1000"))
			return
		}
	}
	page, more := x.models(), false
	if after := query.Get("after_id"); after != "" {
		i := slices.IndexFunc(page, func(m model) bool { return m.id == after })
		if i < 0 {
			x.fail(refuse("after_id", "", "after_id: Invalid cursor"))
			return
		}
		page = page[i+1:]
	}
	if before := query.Get("before_id"); before != "" {
		i := slices.IndexFunc(page, func(m model) bool { return m.id == before })
		if i < 0 {
			x.fail(refuse("before_id", "", "before_id: Invalid cursor"))
			return
		}
		page = page[:i]
		if len(page) > limit {
			page, more = page[len(page)-limit:], true
		}
	}
	if len(page) > limit {
		page, more = page[:limit], true
	}
	list := struct {
		Data    []any   `json:"data"`
		HasMore bool    `json:"has_more"`
		FirstID *string `json:"first_id"`
		LastID  *string `json:"last_id"`
	}{HasMore: more}
	for _, m := range page {
		list.Data = append(list.Data, anthropicModel(m))
	}
	if len(page) > 0 {
		list.FirstID, list.LastID = &page[0].id, &page[len(page)-1].id
	}
	x.json(list)
}

func (x *exchange) oneAnthropic() {
	if m, ok := x.find(x.r.PathValue("model")); ok {
		x.json(anthropicModel(m))
		return
	}
	x.fail(unknownModel(x.model))
}

// geminiModel is a model as Gemini lists it.
type geminiModel struct {
	Name        string   `json:"name"`
	Version     string   `json:"version"`
	DisplayName string   `json:"displayName"`
	Description string   `json:"description"`
	InputLimit  int      `json:"inputTokenLimit"`
	OutputLimit int      `json:"outputTokenLimit"`
	Methods     []string `json:"supportedGenerationMethods"`
	Temperature float64  `json:"temperature"`
	TopP        float64  `json:"topP"`
	TopK        int      `json:"topK"`
	MaxTemp     float64  `json:"maxTemperature"`
	Thinking    bool     `json:"thinking,omitzero"`
}

func newGeminiModel(m model) geminiModel {
	methods := []string{"generateContent", "countTokens"}
	if m.embeds {
		methods = []string{"embedContent", "countTextTokens", "countTokens"}
	}
	return geminiModel{
		"models/" + m.id, "001", m.name, m.name, m.context, m.output,
		methods,
		1, 0.95, 64, 2, m.thinks,
	}
}

func (x *exchange) listGemini() {
	query := x.r.URL.Query()
	size := 50
	if query.Has("pageSize") {
		size = min(max(atLeast0(query.Get("pageSize")), 1), 1000)
	}
	start := 0
	if token := query.Get("pageToken"); token != "" {
		n, ok := strings.CutPrefix(token, "page-")
		if start = atLeast0(n); !ok || start == 0 || start >= len(x.models()) {
			x.fail(refuse("page_token", "", "Page token is invalid"))
			return
		}
	}
	list := struct {
		Models []geminiModel `json:"models"`
		Next   string        `json:"nextPageToken,omitzero"`
	}{}
	page := x.models()[start:]
	if len(page) > size {
		page = page[:size]
		list.Next = "page-" + strconv.Itoa(start+size)
	}
	for _, m := range page {
		list.Models = append(list.Models, newGeminiModel(m))
	}
	x.json(list)
}

// The native list of Ollama and the detail of one of its models.

type ollamaDetails struct {
	Parent       string   `json:"parent_model"`
	Format       string   `json:"format"`
	Family       string   `json:"family"`
	Families     []string `json:"families"`
	Size         string   `json:"parameter_size"`
	Quantization string   `json:"quantization_level"`
}

func (m model) ollamaDetails() ollamaDetails {
	arch, _, _ := strings.Cut(m.id, ":")
	return ollamaDetails{Format: "gguf", Family: arch, Families: []string{arch}, Size: "8.2B", Quantization: "Q4_K_M"}
}

func (x *exchange) listOllama() {
	type entry struct {
		Name     string        `json:"name"`
		Model    string        `json:"model"`
		Modified string        `json:"modified_at"`
		Size     int64         `json:"size"`
		Digest   string        `json:"digest"`
		Details  ollamaDetails `json:"details"`
	}
	list := struct {
		Models []entry `json:"models"`
	}{[]entry{}}
	for _, m := range x.models() {
		list.Models = append(list.Models, entry{
			m.id, m.id, timestamp(m.created), 5_225_388_164, fmt.Sprintf("%064x", hashOf(m.id)), m.ollamaDetails(),
		})
	}
	x.json(list)
}

func (x *exchange) showOllama() {
	var in struct {
		Model string `json:"model"`
		Name  string `json:"name"`
	}
	if err := json.Unmarshal(x.body, &in); err != nil {
		x.ollamaError(http.StatusBadRequest, err.Error())
		return
	}
	name := in.Model
	if name == "" {
		name = in.Name
	}
	m, ok := x.find(name)
	if !ok {
		x.ollamaError(http.StatusNotFound, fmt.Sprintf("model '%s' not found", name))
		return
	}
	details := m.ollamaDetails()
	capabilities := []string{"completion", "tools"}
	if m.thinks {
		capabilities = append(capabilities, "thinking")
	}
	x.json(map[string]any{
		"modelfile": "FROM " + m.id, "parameters": "", "template": "{{ .Prompt }}", "details": details,
		"model_info":   map[string]any{"general.architecture": details.Family, details.Family + ".context_length": m.context},
		"capabilities": capabilities, "modified_at": timestamp(m.created),
	})
}

// ollamaError is an error of Ollama's native API.
func (x *exchange) ollamaError(status int, text string) {
	x.w.Header().Set("Content-Type", "application/json")
	x.status = status
	x.w.WriteHeader(status)
	_, _ = x.w.Write(encode(map[string]string{"error": text}))
}
