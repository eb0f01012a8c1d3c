// Package dispatch carries out one call: it sends attempts to a candidate, holds
// an answer back until it is really one, and passes it on.
//
// It promises that
//
//   - nothing reaches the client before the first meaningful event, so that an
//     error until then can still become another attempt or a clean refusal;
//   - an answer that was begun either ends as its format requires or visibly
//     breaks; nobody can take a cut one for a whole one;
//   - every attempt is opened at the [Recorder] before it is sent and closed
//     there, and the outcome is recorded before the end of the answer leaves;
//   - a client that leaves ends the attempt at once, and no goroutine, timer or
//     connection outlives Run.
//
// What to try is decided elsewhere and comes as [Candidate]s in order; what may be
// retried, and where, by [llm.Kind] alone: what is the key's fault goes to another
// key first, what is the provider's to another provider, a prompt that is too long
// to a longer model. Signs of life are no answer, nor is one that holds nothing: an
// empty answer is a failure while somebody else may be asked. When all have failed,
// the keys that were left alone are asked before the call is refused, and whoever had
// nothing to say once more; that answer is then passed on as it is.
package dispatch
