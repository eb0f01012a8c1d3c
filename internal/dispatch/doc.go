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
// What to try is decided elsewhere and comes as a [Candidate]; several
// candidates are a loop around what is done for one. What may be retried is
// decided by [llm.Kind] alone.
package dispatch
