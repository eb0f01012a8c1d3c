package llm

import "time"

// Answer is what a model said, whole.
type Answer struct {
	ID string // the provider's name for the answer
	// Model is what the provider says that it ran, which may differ from what
	// was asked for.
	Model       string
	Created     time.Time // zero when the provider does not say
	ServiceTier string    // the tier really used; "" when not said
	Choices     []Choice  // at least one; several only when N was asked for
	Usage       Usage
	// Extra is what the provider says beside the answer, kept for clients of the
	// same format.
	Extra []Field
}

// Choice is one alternative answer.
type Choice struct {
	Parts  []Part
	Finish Finish
}

// Finish says how a choice ended.
type Finish struct {
	Choice int
	Reason FinishReason
	// Raw is the vendor's own word.
	Raw string
	// StopSequence is the one that was hit, when Reason is FinishStopSequence
	// and the provider tells it.
	StopSequence string
	// Detail explains a refusal or an error, for people.
	Detail string
}

// FinishReason says why a model stopped.
type FinishReason string

// The reasons. An answer that was cut has none: it is an Error of KindTruncated.
const (
	FinishStop          FinishReason = "stop"
	FinishStopSequence  FinishReason = "stop_sequence"
	FinishLength        FinishReason = "length"         // the output cap
	FinishContextFull   FinishReason = "context_full"   // the model's window
	FinishToolCalls     FinishReason = "tool_calls"     // the client is to run tools
	FinishContentFilter FinishReason = "content_filter" // the vendor's filter, or a refusal
	FinishPause         FinishReason = "pause"          // to be continued by sending it back
	FinishToolMalformed FinishReason = "tool_malformed" // the model wrote a broken call
	FinishError         FinishReason = "error"
)
