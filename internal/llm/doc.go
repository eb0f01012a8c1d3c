// Package llm is the neutral vocabulary: what is asked of a language model and
// what it answers, in no vendor's words. Read it first; the rest of the code
// base is written in these terms.
//
// A [Request] holds [Message]s, a message holds [Part]s. An answer comes either
// whole, as an [Answer], or as a [Stream] of [Event]s that build the same parts
// one after the other; [Collect] turns the second into the first. Either ends
// with a [FinishReason] and a [Usage], or with an [*Error] whose [Kind] says
// what may be done about it.
//
// Every wire format is two translations, into these types and out of them, so
// four client formats and any number of providers need no pair-wise code. The
// package promises to be small and closed: a vendor's peculiarity becomes an
// [Opaque] part or an extra [Field], kept verbatim with the format it came from,
// never a new word here. It imports nothing of ours, does no I/O and keeps no
// state.
//
// Absent is not zero: what a client did not say is a nil pointer, so that the
// provider's own default stays in force.
package llm
