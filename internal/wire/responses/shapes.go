package responses

import "github.com/go-json-experiment/json/jsontext"

// The shapes below are what is read; out.go holds what is written. They differ
// because readers are lenient and writers exact.

// kind is what tells one item from another.
type kind struct {
	Type string `json:"type"`
	Role string `json:"role"`
}

// item is an entry of a conversation or of an answer that has a neutral word.
type item struct {
	ID        string         `json:"id"`
	Type      string         `json:"type"`
	Role      string         `json:"role"`
	Content   jsontext.Value `json:"content"`
	CallID    string         `json:"call_id"`
	Name      string         `json:"name"`
	Arguments jsontext.Value `json:"arguments"`
	Input     jsontext.Value `json:"input"`
	Output    jsontext.Value `json:"output"`
	Summary   []textPart     `json:"summary"`
	Encrypted string         `json:"encrypted_content"`
}

type textPart struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// contentPart is one part of a message's content or of a tool's output.
type contentPart struct {
	Type        string           `json:"type"`
	Text        string           `json:"text"`
	Refusal     string           `json:"refusal"`
	Annotations []jsontext.Value `json:"annotations"`
	Logprobs    []logprob        `json:"logprobs"`
	ImageURL    jsontext.Value   `json:"image_url"`
	Detail      string           `json:"detail"`
	FileID      string           `json:"file_id"`
	FileData    string           `json:"file_data"`
	FileURL     string           `json:"file_url"`
	Filename    string           `json:"filename"`
	InputAudio  *struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio"`
	Breakpoint jsontext.Value `json:"prompt_cache_breakpoint"`
}

// annotation is what is understood of a citation; the rest stays in its bytes.
type annotation struct {
	Type     string `json:"type"`
	URL      string `json:"url"`
	Title    string `json:"title"`
	Filename string `json:"filename"`
	Start    int    `json:"start_index"`
	End      int    `json:"end_index"`
}

type logprob struct {
	Token   string    `json:"token"`
	Logprob float64   `json:"logprob"`
	Bytes   []int     `json:"bytes"`
	Top     []logprob `json:"top_logprobs"`
}

// tool is a tool of a request.
type tool struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Parameters  jsontext.Value `json:"parameters"`
	Strict      *bool          `json:"strict"`
	Format      jsontext.Value `json:"format"`
}

// response is an answer, as it comes whole and inside of a stream's events.
type response struct {
	ID          string           `json:"id"`
	Model       string           `json:"model"`
	CreatedAt   jsontext.Value   `json:"created_at"`
	Status      string           `json:"status"`
	ServiceTier string           `json:"service_tier"`
	Output      []jsontext.Value `json:"output"`
	Usage       *usage           `json:"usage"`
	Error       jsontext.Value   `json:"error"`
	Incomplete  *struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
}

// reason says why the answer is incomplete; "" when it isn't.
func (r *response) reason() string {
	if r.Incomplete == nil {
		return ""
	}
	return r.Incomplete.Reason
}

// event is an event of a stream.
type event struct {
	Response     *response      `json:"response"`
	Item         jsontext.Value `json:"item"`
	ItemID       string         `json:"item_id"`
	OutputIndex  int            `json:"output_index"`
	ContentIndex int            `json:"content_index"`
	SummaryIndex int            `json:"summary_index"`
	Delta        string         `json:"delta"`
	Text         string         `json:"text"`
	Refusal      string         `json:"refusal"`
	Part         *contentPart   `json:"part"`
	Annotation   jsontext.Value `json:"annotation"`
	Logprobs     []logprob      `json:"logprobs"`
}
