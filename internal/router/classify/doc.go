// Package classify works out what a request needs where nobody said it: much and
// cheap work, an answer to a person, hard thinking, or a long context.
//
// Signals that are certain come first: the size of the context, a coding CLI's
// housekeeping, where the request stands in a chain of tools, what it holds besides
// text. Else a small model reads the wording, and says how sure it is; the caller
// acts on it only above a confidence of its choice. It tells kinds of request
// apart, not how hard one is: that can't be read off a prompt.
//
// Classify is a pure function, takes any bytes and allocates nothing. What it was
// measured to do stands in docs/routing-classes.md.
package classify
