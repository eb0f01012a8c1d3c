package gemini

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// request is the body of a request, as we write it.
type request struct {
	Contents          []content         `json:"contents"`
	SystemInstruction *content          `json:"systemInstruction,omitzero"`
	Tools             []jsontext.Value  `json:"tools,omitzero"`
	ToolConfig        *toolConfig       `json:"toolConfig,omitzero"`
	GenerationConfig  *generationConfig `json:"generationConfig,omitzero"`
	CachedContent     string            `json:"cachedContent,omitzero"`
	ServiceTier       string            `json:"serviceTier,omitzero"`
}

// content is one turn. Its parts stay raw, so that one of an unknown kind can be
// kept as it is.
type content struct {
	Parts []jsontext.Value `json:"parts,omitzero"`
	Role  string           `json:"role,omitzero"`
}

// part is one part of a content, of a known kind.
type part struct {
	Text             *string           `json:"text,omitzero"`
	Thought          bool              `json:"thought,omitzero"`
	InlineData       *inlineData       `json:"inlineData,omitzero"`
	FileData         *fileData         `json:"fileData,omitzero"`
	FunctionCall     *functionCall     `json:"functionCall,omitzero"`
	FunctionResponse *functionResponse `json:"functionResponse,omitzero"`
	ThoughtSignature string            `json:"thoughtSignature,omitzero"`
	VideoMetadata    jsontext.Value    `json:"videoMetadata,omitzero"`
	MediaResolution  jsontext.Value    `json:"mediaResolution,omitzero"`
}

type inlineData struct {
	MIMEType    string `json:"mimeType,omitzero"`
	Data        string `json:"data"`
	DisplayName string `json:"displayName,omitzero"`
}

type fileData struct {
	MIMEType    string `json:"mimeType,omitzero"`
	FileURI     string `json:"fileUri"`
	DisplayName string `json:"displayName,omitzero"`
}

type functionCall struct {
	ID   string         `json:"id,omitzero"`
	Name string         `json:"name"`
	Args jsontext.Value `json:"args,omitzero"`
}

type functionResponse struct {
	ID       string           `json:"id,omitzero"`
	Name     string           `json:"name"`
	Response jsontext.Value   `json:"response,omitzero"`
	Parts    []jsontext.Value `json:"parts,omitzero"`
}

// declaration is a function that the model may call.
type declaration struct {
	Name                 string         `json:"name"`
	Description          string         `json:"description,omitzero"`
	Parameters           jsontext.Value `json:"parameters,omitzero"`
	ParametersJSONSchema jsontext.Value `json:"parametersJsonSchema,omitzero"`
}

type toolConfig struct {
	FunctionCalling *functionCalling `json:"functionCallingConfig,omitzero"`
}

type functionCalling struct {
	Mode    string   `json:"mode,omitzero"`
	Allowed []string `json:"allowedFunctionNames,omitzero"`
}

// generationConfig is how an answer is to be made, as we write it.
type generationConfig struct {
	Temperature      *float64        `json:"temperature,omitzero"`
	TopP             *float64        `json:"topP,omitzero"`
	TopK             *int            `json:"topK,omitzero"`
	CandidateCount   *int            `json:"candidateCount,omitzero"`
	MaxOutputTokens  *int            `json:"maxOutputTokens,omitzero"`
	StopSequences    []string        `json:"stopSequences,omitzero"`
	PresencePenalty  *float64        `json:"presencePenalty,omitzero"`
	FrequencyPenalty *float64        `json:"frequencyPenalty,omitzero"`
	Seed             *int64          `json:"seed,omitzero"`
	ResponseLogprobs *bool           `json:"responseLogprobs,omitzero"`
	Logprobs         *int            `json:"logprobs,omitzero"`
	ResponseMIMEType string          `json:"responseMimeType,omitzero"`
	ResponseSchema   jsontext.Value  `json:"responseJsonSchema,omitzero"`
	Modalities       []string        `json:"responseModalities,omitzero"`
	Thinking         *thinkingConfig `json:"thinkingConfig,omitzero"`
}

type thinkingConfig struct {
	IncludeThoughts *bool  `json:"includeThoughts,omitzero"`
	ThinkingBudget  *whole `json:"thinkingBudget,omitzero"`
	ThinkingLevel   string `json:"thinkingLevel,omitzero"`
}

// answer is a whole answer, or a chunk of a streamed one.
type answer struct {
	Candidates     []candidate     `json:"candidates,omitzero"`
	PromptFeedback *promptFeedback `json:"promptFeedback,omitzero"`
	Usage          *usage          `json:"usageMetadata,omitzero"`
	ModelVersion   string          `json:"modelVersion,omitzero"`
	CreateTime     string          `json:"createTime,omitzero"`
	ResponseID     string          `json:"responseId,omitzero"`
	Error          jsontext.Value  `json:"error,omitzero"`
}

type candidate struct {
	Content       *content   `json:"content,omitzero"`
	FinishReason  string     `json:"finishReason,omitzero"`
	FinishMessage string     `json:"finishMessage,omitzero"`
	Grounding     *grounding `json:"groundingMetadata,omitzero"`
	Logprobs      *logprobs  `json:"logprobsResult,omitzero"`
	Index         whole      `json:"index"`
}

type promptFeedback struct {
	BlockReason  string `json:"blockReason,omitzero"`
	BlockMessage string `json:"blockReasonMessage,omitzero"`
}

type logprobs struct {
	Top    []topLogprobs `json:"topCandidates,omitzero"`
	Chosen []logprob     `json:"chosenCandidates,omitzero"`
}

type topLogprobs struct {
	Candidates []logprob `json:"candidates"`
}

type logprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logProbability"`
}

// whole is an integer in any of the ways in which protobuf's JSON may hold one:
// 5, 5.0 and "5".
type whole int64

// UnmarshalJSON reads the number; null is 0.
func (w *whole) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" {
		*w = 0
		return nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		*w = whole(n)
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return fmt.Errorf("%.40s is not a whole number", b)
	}
	*w = whole(f)
	return nil
}
