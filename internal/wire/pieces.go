package wire

import (
	"bytes"
	"crypto/rand"
)

// Pieces are what stays of an event of a stream when the values that change are
// cut out of it. Nearly all of a stream is one event with other words: it is
// written once as a struct, then from its pieces, which costs a fraction.
type Pieces [][]byte

// Mark is a text that stands in no answer: it is put into an event where other
// texts will stand, and [Cut] finds it there.
var Mark = rand.Text()

// QuotedMark is Mark as it stands in JSON.
var QuotedMark = `"` + Mark + `"`

// Cut cuts values out of an event in which they stand in this order. It returns
// one piece more than there are values, or nil when one isn't there.
func Cut(event []byte, values ...string) Pieces {
	var out Pieces
	rest := bytes.Clone(event)
	for _, v := range values {
		before, after, ok := bytes.Cut(rest, []byte(v))
		if !ok {
			return nil
		}
		out, rest = append(out, before), after
	}
	return append(out, rest)
}
