package wire

// Surveyor is a format that tells what a request is about without decoding it,
// for who chooses its models.
type Surveyor interface {
	// Survey walks once through the body of a request that was peeked at. It fails
	// with an *llm.Error of KindBadRequest for an object with a name that stands
	// twice, as far as it looks into it, and for what is not one JSON object, where
	// that shows; the body must not change while it runs. What has a shape that it
	// doesn't know is passed over.
	Survey(body []byte) (Survey, error)
}

// Survey is what a conversation shows of the work that is asked for. The same
// conversation gives the same in every format. A request that goes on from an
// earlier answer by its id shows only what is new in it.
type Survey struct {
	// System are the beginnings of the texts of system and developer messages:
	// of the first 8, up to 2 KiB each.
	System []string
	// User are the texts of the last message of the user's own that holds any:
	// the last 16, together up to 16 KiB. Of a text too long for what is left of
	// that, its beginning and its end are there, with a line break for the rest.
	// What a client adds to the user's words is still in it.
	User []string
	// Aside are texts that stand with tools' results in one message, at the end of
	// the conversation: reminders of a client, or words that the user put in while
	// tools ran. They begin no task. Bounded as User is.
	Aside []string

	// MaxOutput caps the answer in tokens; 0 when not said.
	MaxOutput int
	// Tools says that tools are declared, Schema that the answer must keep to a JSON
	// schema. Image (films too), PDF (any document that isn't plain text) and Audio
	// say that the conversation holds one anywhere.
	Tools, Schema, Image, PDF, Audio bool
	// Media says that the last message of the user's own holds more than text.
	Media bool

	// Turns is how many messages the conversation has without system texts. What
	// the model wrote in a row is one, and so are the results of tools in a row.
	Turns int
	// UserTurns is how many of them are the user's own.
	UserTurns int

	// Steps and ToolCalls are how many messages the model has written since the last
	// one of the user's own, and how many calls in them are of tools that the client
	// runs.
	Steps, ToolCalls int
	// Repeats is how often the same of these calls, by name and arguments, was made
	// again: 0 when no two are alike.
	Repeats int
	// ToolFailed says that one of the last results since then is marked as an error,
	// in formats that have a mark for it.
	ToolFailed bool

	// EndsInUser says that the conversation ends in a message of the user's own, so
	// that a task begins; EndsInTool that it ends in tools' results. Neither is so
	// where it ends in the model's words.
	EndsInUser, EndsInTool bool
}
