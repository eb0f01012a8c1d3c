package scan

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Field is one top-level field of an object; its offsets count from the start of
// the text.
type Field struct {
	Name  []byte // without escapes; valid as long as the text is
	Kind  Kind
	Value []byte
	// NameStart is the offset of the name's opening quote; Value stands at
	// Start:End.
	NameStart, Start, End int
}

// manyNames is up to how many names are compared one with the other; beyond, a
// map takes over.
const manyNames = 32

// Object walks the fields of an object. The zero value is of no use.
type Object struct {
	t     text
	field Field
	state state
	err   error
	names names
}

// names are those of an object's fields.
type names struct {
	list   [manyNames][]byte
	count  int
	extras map[string]struct{}
}

type state uint8

const (
	atStart state = iota
	inside
	finished
)

// NewObject starts to walk a text that must be one object.
func NewObject(b []byte) Object { return Object{t: text{b: b}} }

// CheckedObject is NewObject for a text, or a value out of one, that was walked
// to its end before without a problem: what stands in its strings isn't looked
// at again, which is most of the work.
func CheckedObject(b []byte) Object { return Object{t: text{b: b, checked: true}} }

// Next moves to the next field. It returns false at the end of the text or at
// the first problem; see Err.
func (o *Object) Next() bool {
	t := &o.t
	switch o.state {
	case atStart:
		t.space()
		if !t.at('{') {
			return o.stop(t.fail("no object"))
		}
		t.i++
		t.space()
		if t.at('}') {
			t.i++
			return o.finish()
		}
		o.state = inside
	case inside:
		t.space()
		if t.at('}') {
			t.i++
			return o.finish()
		}
		if !t.at(',') {
			return o.stop(t.fail("no comma or end after a value"))
		}
		t.i++
		t.space()
	default:
		return false
	}
	return o.read()
}

func (o *Object) read() bool {
	t := &o.t
	o.field.NameStart = t.i
	name, ok := t.named()
	if !ok {
		return o.stop(false)
	}
	start := t.i
	kind, ok := t.value()
	if !ok {
		return o.stop(false)
	}
	o.field.Name, o.field.Kind, o.field.Value, o.field.Start, o.field.End = name, kind, t.b[start:t.i], start, t.i
	if o.err = o.names.add(name); o.err != nil {
		o.state = finished
		return false
	}
	return true
}

// named passes over an object's name and the colon after it, and returns the name.
func (t *text) named() ([]byte, bool) {
	if !t.at('"') {
		return nil, t.fail("no name")
	}
	start := t.i
	if !t.str() {
		return nil, false
	}
	name, err := Unquote(t.b[start:t.i])
	if err != nil {
		return nil, t.fail("no name")
	}
	t.space()
	if !t.at(':') {
		return nil, t.fail("no colon after a name")
	}
	t.i++
	t.space()
	return name, true
}

// add notes a name; it refuses one that was there before.
func (n *names) add(name []byte) error {
	for _, other := range n.list[:min(n.count, manyNames)] {
		if bytes.Equal(other, name) {
			return &DuplicateError{Name: string(name)}
		}
	}
	if n.count < manyNames {
		n.list[n.count] = name
	} else {
		if n.extras == nil {
			n.extras = map[string]struct{}{}
		}
		if _, there := n.extras[string(name)]; there {
			return &DuplicateError{Name: string(name)}
		}
		n.extras[string(name)] = struct{}{}
	}
	n.count++
	return nil
}

func (o *Object) finish() bool {
	o.state = finished
	o.t.space()
	if o.t.i < len(o.t.b) {
		return o.stop(o.t.fail("more after the end"))
	}
	return false
}

func (o *Object) stop(bool) bool {
	o.state = finished
	o.err = o.t.err
	return false
}

// Field returns the field that Next moved to.
func (o *Object) Field() Field { return o.field }

// Err returns a *SyntaxError or a *DuplicateError; nil when the text was walked
// to its end without a problem.
func (o *Object) Err() error { return o.err }

// Array walks the elements of an array.
type Array struct {
	t     text
	value []byte
	kind  Kind
	state state
	start int
}

// NewArray starts to walk a text that must be one array.
func NewArray(b []byte) Array { return Array{t: text{b: b}} }

// CheckedArray is to NewArray what CheckedObject is to NewObject.
func CheckedArray(b []byte) Array { return Array{t: text{b: b, checked: true}} }

// Next moves to the next element.
func (a *Array) Next() bool {
	t := &a.t
	t.space()
	switch {
	case a.state == finished:
		return false
	case a.state == atStart && !t.at('['):
		a.state = finished
		return t.fail("no array")
	case a.state == inside && !t.at(',') && !t.at(']'):
		a.state = finished
		return t.fail("no comma or end after a value")
	}
	opening, closing := a.state == atStart, t.at(']')
	t.i++
	t.space()
	if closing || opening && t.at(']') {
		if opening {
			t.i++
			t.space()
		}
		a.state = finished
		if t.i < len(t.b) {
			t.fail("more after the end")
		}
		return false
	}
	a.state, a.start = inside, t.i
	kind, ok := t.value()
	if !ok {
		a.state = finished
		return false
	}
	a.kind, a.value = kind, t.b[a.start:t.i]
	return true
}

// Value returns the element that Next moved to, and its kind.
func (a *Array) Value() ([]byte, Kind) { return a.value, a.kind }

// Err returns a *SyntaxError, or nil.
func (a *Array) Err() error {
	if a.t.err == nil {
		return nil
	}
	return a.t.err
}

// Unquote returns the text of a JSON string. Without escapes it is a part of
// raw and costs nothing.
func Unquote(raw []byte) ([]byte, error) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return nil, fmt.Errorf("%.40q is not a JSON string", raw)
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner, nil
	}
	out, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return nil, fmt.Errorf("%.40q is not a JSON string: %w", raw, err)
	}
	return out, nil
}

// String returns the text of the field's value when it is a string; "" for null.
func (f Field) String() (s string, ok bool) {
	b, ok := f.Text()
	return string(b), ok
}

// Text is String as a part of the value, which costs nothing where it has no
// escapes.
func (f Field) Text() (text []byte, ok bool) {
	switch f.Kind {
	case 'n':
		return nil, true
	case '"':
		b, err := Unquote(f.Value)
		return b, err == nil
	}
	return nil, false
}

// Bool returns the field's value when it is a boolean; false for null.
func (f Field) Bool() (v, ok bool) {
	switch f.Kind {
	case 't':
		return true, true
	case 'f', 'n':
		return false, true
	}
	return false, false
}

// Int returns the field's value when it is a whole number; 0 for null.
func (f Field) Int() (n int, ok bool) {
	switch f.Kind {
	case 'n':
		return 0, true
	case '0':
		return Int(f.Value)
	}
	return 0, false
}

// Int reads a number that is whole, however it is written: 1e2 and 100.0 are 100,
// as they are to the vendors.
func Int(v []byte) (n int, ok bool) {
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return int(n), true
	}
	const exact = 1 << 53
	f, err := strconv.ParseFloat(string(v), 64)
	return int(f), err == nil && f == math.Trunc(f) && f > -exact && f < exact
}

// Filled says whether the field's value is an array that holds anything.
func (f Field) Filled() bool {
	return f.Kind == '[' && !bytes.HasPrefix(bytes.TrimLeft(f.Value[1:], " \t\r\n"), []byte{']'})
}
