package wire

import "github.com/oidostudio/oido/internal/llm"

// Chained is a format in which a request can go on from an earlier answer by its
// id (Peeked.PreviousResponse), so that it holds only what is new.
type Chained interface {
	// Asked reads what a request adds to the conversation.
	Asked(body []byte) (Asked, error)
	// Answered reads a whole answer; ok is false for a body that is none.
	Answered(body []byte) (a Answered, ok bool)
	// Final returns the whole answer that the last event of a stream holds; nil
	// for any other event.
	Final(event []byte) []byte
	// Messages reads what was asked and answered, as Asked and Answered tell it,
	// back into a conversation. made says where the reasoning in it is from.
	Messages(items []byte, made llm.Origin) ([]llm.Message, error)
	// DecodeAfter is Decode of a request that goes on from an answer, with the
	// conversation before it in the place of the answer's id.
	DecodeAfter(r RawRequest, before []llm.Message) (*llm.Request, error)
	// PathOf is where an answer is, below the address where answers are asked for.
	PathOf(id string) string
	// KeptAs returns a whole answer as it is shown later: one that is kept here,
	// and that went on from the answer previous ("": from none).
	KeptAs(body []byte, previous string) ([]byte, error)
}

// Asked is what a request adds to a conversation.
type Asked struct {
	// Items is the conversation's part, in the format's words.
	Items []byte
	// Elsewhere names what of it only the provider knows that is asked; "" when
	// the items are all.
	Elsewhere string
}

// Answered is what is known of a whole answer.
type Answered struct {
	ID string
	// Whole says that the answer has come to its end, Failed that the end is an
	// error's.
	Whole, Failed bool
	// Stored says that its maker keeps it too.
	Stored bool
	// Items is what it adds to the conversation.
	Items []byte
}
