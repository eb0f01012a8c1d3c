package chat

import "github.com/go-json-experiment/json/jsontext"

// message is a message of a request or of an answer.
type message struct {
	Role             string         `json:"role"`
	Content          jsontext.Value `json:"content"`
	Name             string         `json:"name"`
	ToolCalls        []toolCall     `json:"tool_calls"`
	FunctionCall     *function      `json:"function_call"`
	ToolCallID       string         `json:"tool_call_id"`
	Refusal          string         `json:"refusal"`
	ReasoningContent *string        `json:"reasoning_content"`
	Reasoning        jsontext.Value `json:"reasoning"`
	ReasoningDetails jsontext.Value `json:"reasoning_details"`
	Annotations      []annotation   `json:"annotations"`
}

type toolCall struct {
	Index    *int      `json:"index"`
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Function *function `json:"function"`
	Custom   *custom   `json:"custom"`
}

type function struct {
	Name      string         `json:"name"`
	Arguments jsontext.Value `json:"arguments"`
}

type custom struct {
	Name  string `json:"name"`
	Input string `json:"input"`
}

type annotation struct {
	Type        string `json:"type"`
	URLCitation *struct {
		URL   string `json:"url"`
		Title string `json:"title"`
		Start int    `json:"start_index"`
		End   int    `json:"end_index"`
	} `json:"url_citation"`
}

// contentPart is one part of a message's content.
type contentPart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Refusal  string `json:"refusal"`
	Thinking []struct {
		Text string `json:"text"`
	} `json:"thinking"` // Mistral
	ImageURL *struct {
		URL    string `json:"url"`
		Detail string `json:"detail"`
	} `json:"image_url"`
	InputAudio *struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio"`
	File *struct {
		FileData string `json:"file_data"`
		FileID   string `json:"file_id"`
		Filename string `json:"filename"`
	} `json:"file"`
	CacheControl *struct {
		TTL string `json:"ttl"`
	} `json:"cache_control"`
	Breakpoint jsontext.Value `json:"prompt_cache_breakpoint"`
}

// tool is a tool of a request.
type tool struct {
	Type     string `json:"type"`
	Function *struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Parameters  jsontext.Value `json:"parameters"`
		Strict      *bool          `json:"strict"`
	} `json:"function"`
	Custom *struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Format      jsontext.Value `json:"format"`
	} `json:"custom"`
}

// answer is a whole answer or a chunk of one.
type answer struct {
	ID          string         `json:"id"`
	Object      string         `json:"object"`
	Model       string         `json:"model"`
	Created     jsontext.Value `json:"created"`
	ServiceTier string         `json:"service_tier"`
	Choices     []choice       `json:"choices"`
	Usage       *usage         `json:"usage"`
	Error       jsontext.Value `json:"error"`
	Code        jsontext.Value `json:"code"`    // xAI, beside an error in words
	Message     jsontext.Value `json:"message"` // Mistral, where the object is an error
	Type        jsontext.Value `json:"type"`
	Groq        *struct {
		Usage *usage         `json:"usage"`
		Error jsontext.Value `json:"error"`
	} `json:"x_groq"`
}

type choice struct {
	Index        int            `json:"index"`
	Message      *message       `json:"message"`
	Delta        *message       `json:"delta"`
	FinishReason string         `json:"finish_reason"`
	Logprobs     *logprobs      `json:"logprobs"`
	Usage        *usage         `json:"usage"`
	Error        jsontext.Value `json:"error"`
}

type logprobs struct {
	Content []logprob `json:"content"`
}

type logprob struct {
	Token   string    `json:"token"`
	Logprob float64   `json:"logprob"`
	Bytes   []int     `json:"bytes"`
	Top     []logprob `json:"top_logprobs"`
}
