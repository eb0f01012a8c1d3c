// Package gateway is the one way to have a model answer: it finds the model that
// a request names, has the attempts made, keeps what must be sent back later,
// and records the turn. HTTP handlers call it, and in process so does whatever
// else needs a model.
//
// It promises that every call for which an attempt was sent becomes exactly one
// turn, whatever happens, and that what callers see of a provider's failure
// holds nothing of the operator's account. All that is shared between calls is
// an immutable [State], swapped whole.
package gateway
