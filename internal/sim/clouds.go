package sim

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// The endpoints of the clouds that serve other vendors' formats under paths and
// identities of their own.

func azureEndpoints() []endpoint {
	chat, responses := azureFormat{}, azureResponses{}
	return []endpoint{
		{"/openai/v1/chat/completions", chat, inAPIKey, http.MethodPost, (*exchange).askAzure},
		{"/openai/v1/responses", responses, inAPIKey, http.MethodPost, (*exchange).askAzure},
		{"/openai/v1/models", chat, inAPIKey, http.MethodGet, (*exchange).listOpenAI},
		{"/openai/deployments/{deployment}/chat/completions", chat, inAPIKey, http.MethodPost, (*exchange).askDeployment},
		{"/openai/v1/embeddings", chat, inAPIKey, http.MethodPost, (*exchange).embedOpenAI},
		{"/openai/deployments/{deployment}/embeddings", chat, inAPIKey, http.MethodPost, (*exchange).embedDeployment},
		{"/openai/responses", responses, inAPIKey, http.MethodPost, (*exchange).askDated},
		{"/openai/models", chat, inAPIKey, http.MethodGet, (*exchange).listDated},
		{"/openai/v1/responses/{id}", responses, inAPIKey, "", (*exchange).stored},
		{"/openai/responses/{id}", responses, inAPIKey, "", (*exchange).stored},
	}
}

func vertexEndpoints() []endpoint {
	const located = "/v1/projects/{project}/locations/{location}"
	return []endpoint{
		{located + "/publishers/google/models/{model}", geminiFormat{}, inGoogToken, http.MethodPost, (*exchange).callVertex},
		{located + "/publishers/anthropic/models/{model}", messagesFormat{}, inGoogToken, http.MethodPost, (*exchange).callVertexClaude},
		{"/v1/publishers/google/models/{model}", geminiFormat{}, inGoogKey, http.MethodPost, (*exchange).callVertex},
		{"/v1beta1/publishers/google/models", geminiFormat{}, inGoogToken, http.MethodGet, (*exchange).listVertex},
	}
}

func bedrockEndpoints() []endpoint {
	f, converse := bedrockFormat{}, converseFormat{}
	return []endpoint{
		{"/model/{model}/converse", converse, inAWS, http.MethodPost, func(x *exchange) { x.converse(false) }},
		{"/model/{model}/converse-stream", converse, inAWS, http.MethodPost, func(x *exchange) { x.converse(true) }},
		{"/model/{model}/invoke", f, inAWS, http.MethodPost, func(x *exchange) { x.invoke(false) }},
		{"/model/{model}/invoke-with-response-stream", f, inAWS, http.MethodPost, func(x *exchange) { x.invoke(true) }},
		{"/foundation-models", f, inAWS, http.MethodGet, (*exchange).listBedrock},
		{"/inference-profiles", f, inAWS, http.MethodGet, (*exchange).listInferenceProfiles},
	}
}

// azureFormat is Chat Completions with what Azure puts around it.
type azureFormat struct{ chatFormat }

// azureResponses is Responses with the same.
type azureResponses struct{ responsesFormat }

func (azureFormat) refusal(x *exchange, f *failure) []byte    { return azureError(x, f) }
func (azureResponses) refusal(x *exchange, f *failure) []byte { return azureError(x, f) }

// azureError is the body of an error of Azure's own; what the model refuses is
// in OpenAI's words.
func azureError(x *exchange, f *failure) []byte {
	type inner struct {
		Code   string         `json:"code"`
		Result map[string]any `json:"content_filter_result"`
	}
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Param   string `json:"param,omitzero"`
		Type    string `json:"type,omitzero"`
		Status  int    `json:"status,omitzero"`
		Inner   *inner `json:"innererror,omitzero"`
	}
	b := body{Code: strconv.Itoa(f.status), Message: f.message}
	switch {
	case f.code == filtered:
		b = body{
			Code: filtered, Param: "prompt", Status: f.status, Message: f.message,
			Inner: &inner{"ResponsibleAIPolicyViolation", map[string]any{"violence": map[string]any{"filtered": true, "severity": "high"}}},
		}
	case f.status == http.StatusUnauthorized:
		b.Message = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."
	case f.status == http.StatusNotFound && f.param == "model":
		b.Code, b.Message = "DeploymentNotFound", "The API deployment for this resource does not exist."
	case f.status == http.StatusNotFound:
		b.Message = "Resource not found"
	default:
		return openAIError(x, f)
	}
	return encode(struct {
		Error body `json:"error"`
	}{b})
}

// filtered is the code of a prompt that Azure's filter holds back, and
// filterWords what a prompt says to meet it.
const (
	filtered    = "content_filter"
	filterWords = "[meets the content filter]"
)

func (x *exchange) askAzure() {
	if bytes.Contains(x.body, []byte(filterWords)) {
		x.fail(&failure{
			status: http.StatusBadRequest, code: filtered,
			message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.",
		})
		return
	}
	x.w = &promptFiltered{ResponseWriter: x.w}
	x.ask()
}

// dated says whether a request names a version of the API, as paths without one
// in them want.
func (x *exchange) dated() bool {
	if x.r.URL.Query().Get("api-version") == "" {
		x.fail(&failure{status: http.StatusNotFound, kind: notFound})
		return false
	}
	return true
}

func (x *exchange) askDated() {
	if x.dated() {
		x.askAzure()
	}
}

func (x *exchange) listDated() {
	if x.dated() {
		x.listOpenAI()
	}
}

// askDeployment answers where the path names the model.
func (x *exchange) askDeployment() {
	if x.model = x.r.PathValue("deployment"); x.dated() {
		x.askAzure()
	}
}

// embedDeployment makes embeddings where the path names the model.
func (x *exchange) embedDeployment() {
	if x.model = x.r.PathValue("deployment"); x.dated() {
		x.embedOpenAI()
	}
}

// callVertex answers models/NAME:METHOD of the publisher google, where embeddings
// are asked for in other words than at Gemini's own address.
func (x *exchange) callVertex() {
	name, method, _ := strings.Cut(x.r.PathValue("model"), ":")
	switch method {
	case "predict":
		x.model = name
		x.predictVertex()
	case "embedContent":
		x.model = name
		x.embedVertex()
	case "batchEmbedContents":
		x.lost()
	default:
		x.callGemini()
	}
}

// promptFiltered puts what the filter says of the prompt before a stream of Chat
// Completions, in an event without choices.
type promptFiltered struct {
	http.ResponseWriter
	begun bool
}

func (w *promptFiltered) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *promptFiltered) Write(p []byte) (int, error) {
	if !w.begun && bytes.HasPrefix(p, []byte(`data: {"id":"chatcmpl`)) {
		const first = `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}` + "\n\n"
		if _, err := w.ResponseWriter.Write([]byte(first)); err != nil {
			return 0, err
		}
	}
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// callVertexClaude answers models/NAME:METHOD of the publisher anthropic.
func (x *exchange) callVertexClaude() {
	name, method, _ := strings.Cut(x.r.PathValue("model"), ":")
	if name == "count-tokens" && method == "rawPredict" {
		x.countVertexClaude()
		return
	}
	x.model = name
	switch method {
	case "rawPredict":
		x.reshape("vertex-2023-10-16", false)
	case "streamRawPredict":
		x.reshape("vertex-2023-10-16", true)
	default:
		x.lost()
	}
}

// countVertexClaude counts for a model that the body names, unlike all else there.
func (x *exchange) countVertexClaude() {
	var body map[string]any
	if json.Unmarshal(x.body, &body) == nil {
		delete(body, "anthropic_version")
		x.body = encode(body)
	}
	x.r.Header.Set("Anthropic-Version", "2023-06-01")
	x.count()
}

// invoke answers Bedrock's InvokeModel for a Claude.
func (x *exchange) invoke(stream bool) {
	if x.model = x.profiled(); x.unrouted() {
		return
	}
	if !strings.Contains(x.model, "anthropic.claude-") {
		x.fail(refuse("", "", "The provided model identifier is invalid."))
		return
	}
	if stream {
		x.w = &framed{ResponseWriter: x.w}
	}
	x.reshape("bedrock-2023-05-31", stream)
}

// reshape checks a body in which the version stands and the model doesn't, and
// answers it as what it is else.
func (x *exchange) reshape(version string, stream bool) {
	var body map[string]any
	if json.Unmarshal(x.body, &body) == nil {
		_, named := body["model"]
		_, streamed := body["stream"]
		_, vertex := x.format.(messagesFormat)
		switch {
		case body["anthropic_version"] != version:
			x.fail(refuse("", "", "anthropic_version: Input should be '%s'", version))
			return
		case named:
			x.fail(refuse("", "", "model: Extra inputs are not permitted"))
			return
		case streamed && !vertex:
			x.fail(refuse("", "", "stream: Extra inputs are not permitted"))
			return
		case x.r.Header.Get("Anthropic-Version") != "":
			x.fail(refuse("", "", "anthropic-version: the version stands in the body here"))
			return
		case !x.takesBetas(body["anthropic_beta"], vertex):
			x.fail(refuse("", "", "invalid beta flag"))
			return
		}
		delete(body, "anthropic_version")
		delete(body, "anthropic_beta")
		body["stream"] = stream
		x.body = encode(body)
	}
	x.r.Header.Set("Anthropic-Version", "2023-06-01")
	x.ask()
}

// strangeBetas are names of features that a cloud doesn't know, or not by these.
var strangeBetas = regexp.MustCompile(`^(advanced-tool-use|claude-code|files-api|mcp-client|oauth|prompt-caching-scope|skills)-`)

// takesBetas checks the features that a request names: in a header at Vertex, in a
// list of the body elsewhere.
func (x *exchange) takesBetas(said any, vertex bool) bool {
	names, listed := said.([]any)
	header := strings.Join(x.r.Header.Values("Anthropic-Beta"), ",")
	if said != nil && (vertex || !listed) || header != "" && !vertex {
		return false
	}
	for name := range strings.SplitSeq(header, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return !slices.ContainsFunc(names, func(v any) bool {
		name, ok := v.(string)
		return !ok || strangeBetas.MatchString(name)
	})
}

// listVertex lists the publisher's models.
func (x *exchange) listVertex() {
	type model struct {
		Name    string `json:"name"`
		Version string `json:"versionId"`
		Stage   string `json:"launchStage"`
	}
	list := struct {
		Models []model `json:"publisherModels"`
		Next   string  `json:"nextPageToken,omitzero"`
	}{}
	const page = 3
	start := atLeast0(x.r.URL.Query().Get("pageToken"))
	all := geminiModels[min(start, len(geminiModels)):]
	if len(all) > page {
		all, list.Next = all[:page], strconv.Itoa(start+page)
	}
	for _, m := range all {
		list.Models = append(list.Models, model{"publishers/google/models/" + m.id, "default", "GA"})
	}
	x.json(list)
}

// listBedrock lists the models of a region.
func (x *exchange) listBedrock() {
	type lifecycle struct {
		Status string `json:"status"`
		End    string `json:"endOfLifeTime,omitzero"`
	}
	type model struct {
		ARN       string    `json:"modelArn"`
		ID        string    `json:"modelId"`
		Name      string    `json:"modelName"`
		Provider  string    `json:"providerName"`
		In        []string  `json:"inputModalities"`
		Out       []string  `json:"outputModalities"`
		Inference []string  `json:"inferenceTypesSupported"`
		Lifecycle lifecycle `json:"modelLifecycle"`
	}
	var list struct {
		Models []model `json:"modelSummaries"`
	}
	add := func(id, name, out, inference, status, end string) {
		list.Models = append(list.Models, model{bedrockARN + id, id, name, bedrockOwner(id), []string{"TEXT", "IMAGE"}, []string{out}, []string{inference}, lifecycle{status, end}})
	}
	const onDemand = "ON_DEMAND"
	for _, m := range bedrockModels {
		inference := onDemand
		if m.routed {
			inference = "INFERENCE_PROFILE"
		}
		add(m.id, m.name, "TEXT", inference, "ACTIVE", "")
	}
	add("anthropic.claude-3-haiku-20240307-v1:0", "Claude 3 Haiku", "TEXT", onDemand, "LEGACY", "2027-03-31T00:00:00Z")
	add("amazon.titan-embed-text-v2:0", "Titan Text Embeddings V2", "EMBEDDING", onDemand, "ACTIVE", "")
	add("cohere.rerank-v3-5:0", "Rerank 3.5", "TEXT", onDemand, "ACTIVE", "")
	x.json(list)
}

// listInferenceProfiles pages by two.
func (x *exchange) listInferenceProfiles() {
	type to struct {
		ARN string `json:"modelArn"`
	}
	type profile struct {
		ID     string `json:"inferenceProfileId"`
		Name   string `json:"inferenceProfileName"`
		ARN    string `json:"inferenceProfileArn"`
		Type   string `json:"type"`
		Status string `json:"status"`
		Models []to   `json:"models"`
	}
	list := struct {
		Profiles []profile `json:"inferenceProfileSummaries"`
		Next     string    `json:"nextToken,omitzero"`
	}{}
	const page = 2
	start := min(atLeast0(x.r.URL.Query().Get("nextToken")), len(bedrockModels))
	rest := bedrockModels[start:]
	if len(rest) > page {
		rest, list.Next = rest[:page], strconv.Itoa(start+page)
	}
	for _, m := range rest {
		id := "us." + m.id
		list.Profiles = append(list.Profiles, profile{id, "US " + m.name, "arn:aws:bedrock:us-east-1:123456789012:inference-profile/" + id, "SYSTEM_DEFINED", "ACTIVE", []to{{bedrockARN + m.id}}})
	}
	x.json(list)
}

const bedrockARN = "arn:aws:bedrock:us-east-1::foundation-model/"

var bedrockModels = []model{
	{id: "anthropic.claude-opus-4-7", name: "Claude Opus 4.7", routed: true},
	{id: "anthropic.claude-sonnet-4-6", name: "Claude Sonnet 4.6", routed: true},
	{id: "anthropic.claude-haiku-4-5-20251001-v1:0", name: "Claude Haiku 4.5", routed: true},
	{id: "amazon.nova-lite-v1:0", name: "Nova Lite"},
	{id: "amazon.nova-2-lite-v1:0", name: "Nova 2 Lite", routed: true},
	{id: "openai.gpt-oss-120b-1:0", name: "gpt-oss-120b"},
	{id: "meta.llama3-3-70b-instruct-v1:0", name: "Llama 3.3 70B Instruct"},
	{id: "mistral.mistral-large-3-675b-instruct", name: "Mistral Large 3"},
	{id: "qwen.qwen3-32b-v1:0", name: "Qwen3 32B"},
}
