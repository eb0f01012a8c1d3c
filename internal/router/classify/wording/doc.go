// Package wording sees in a text how it asks for what it asks for: named cues in
// several languages, its shape, and its words by number.
//
// It looks at the request's own wording: what is quoted, code, and the middle of a
// long text are left out. It allocates nothing, and takes any bytes.
package wording
