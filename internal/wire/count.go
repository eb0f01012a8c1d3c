package wire

// Counter is a format whose servers tell how many tokens a prompt has.
type Counter interface {
	// SpliceCount writes the question for a model and keeps every other byte.
	SpliceCount(RawRequest, Peeked, Edits) (Outbound, error)
	// Counted says whether a body is an answer to it: the error is an *llm.Error.
	Counted(body []byte) error
}
