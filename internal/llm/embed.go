package llm

// EmbedRequest asks for vectors that stand for texts, one for each input.
type EmbedRequest struct {
	Model  string
	Inputs []EmbedInput // at least one
	// Batch says that the client's words for several inputs were used, whatever
	// their number: its answer is a list then.
	Batch bool
	// Dimensions is how long the vectors are to be; nil leaves it to the model.
	Dimensions *int
	// Base64 says that the client wants the vectors as bytes in base64.
	Base64  bool
	EndUser string
	// Extra is what this vocabulary has no word for; see Request.Extra.
	Extra []Field
}

// EmbedInput is one input.
type EmbedInput struct {
	Text string
	// Tokens stand in the text's place where the client sent its own.
	Tokens []int
	// Task is what the vector is for, in Gemini's words ("RETRIEVAL_QUERY"), and
	// Title that of the document that the text is from; "" is not said.
	Task, Title string
}

// EstimateTokens guesses how many tokens the inputs are.
func (q *EmbedRequest) EstimateTokens() int64 {
	var n int64
	for _, in := range q.Inputs {
		n += int64(len(in.Tokens)) + EstimateTokens(in.Text)
	}
	return n
}

// Embedding is the answer to an EmbedRequest: a vector for each input, in their
// order.
type Embedding struct {
	Model   string // as the provider calls it; "" when it doesn't say
	Vectors [][]float32
	Usage   Usage
}
