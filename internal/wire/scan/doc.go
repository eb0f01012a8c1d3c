// Package scan walks the top level of a JSON text in one pass, without decoding
// and without allocating: what a gateway must know of a request before it sends
// the client's own bytes on.
//
// It checks the whole text against RFC 8259 as strictly as jsontext does (valid
// UTF-8, no lone surrogates, at most 10,000 levels) and refuses an object with a
// top-level name that stands twice, since two readers may take different ones.
// Names below the top level are not compared: those bytes are the provider's to
// judge. [Splice] changes top-level fields and keeps every other byte. [Walk] goes on
// below them, through a text that was checked.
package scan

import "fmt"

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset  int // in bytes from the start
	Problem string
}

// Error says what is wrong and where.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("the body is not valid JSON: %s at byte %d", e.Problem, e.Offset)
}

// DuplicateError names a top-level field that stands twice.
type DuplicateError struct{ Name string }

// Error names the field.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("the field %q stands twice: send it once", e.Name)
}
