package scan

import "iter"

// Walk goes through a text that was walked to its end before, and down into what
// it holds, in one pass. It stands at a value; whoever is told of one either goes
// through it, takes it, or leaves it to be passed over. The first problem stays and
// ends the walk: there is none but an object with a name that stands twice, as long
// as the text is what was walked before.
type Walk struct {
	t   text
	err error
}

// NewWalk starts at the text's only value.
func NewWalk(checked []byte) Walk {
	w := Walk{t: text{b: checked, checked: true}}
	w.t.space()
	if w.t.i == len(checked) {
		w.t.fail("it ends where a value should stand")
	}
	return w
}

// End is the first problem; that the text goes on is one too.
func (w *Walk) End() error {
	w.t.space()
	if !w.failed() && w.t.i < len(w.t.b) {
		w.t.fail("more after the end")
	}
	if w.err == nil && w.t.err != nil {
		w.err = w.t.err
	}
	return w.err
}

func (w *Walk) failed() bool { return w.err != nil || w.t.err != nil }

// Fields goes through the object where the walk stands: the names of its fields,
// while the walk stands at their values. Of any other value there are none.
func (w *Walk) Fields() iter.Seq2[[]byte, Kind] {
	return func(yield func([]byte, Kind) bool) {
		var seen names
		for more := w.open('{'); more; more = w.next('}') {
			name, ok := w.t.named()
			if !ok {
				return
			}
			if w.err = seen.add(name); w.err != nil {
				return
			}
			at := w.t.i
			if !yield(name, w.kind()) {
				return
			}
			w.pass(at)
		}
	}
}

// Elements goes through the array where the walk stands: the kinds of its
// elements, while the walk stands at them. Of any other value there are none.
func (w *Walk) Elements() iter.Seq[Kind] {
	return func(yield func(Kind) bool) {
		for more := w.open('['); more; more = w.next(']') {
			at := w.t.i
			if !yield(w.kind()) {
				return
			}
			w.pass(at)
		}
	}
}

// Value takes the value where the walk stands.
func (w *Walk) Value() []byte {
	at := w.t.i
	w.t.value()
	return w.t.b[at:w.t.i]
}

// Text takes the value where the walk stands as what it says when it is a string,
// else as nothing.
func (w *Walk) Text() []byte {
	v := w.Value()
	if len(v) == 0 || v[0] != '"' {
		return nil
	}
	text, err := Unquote(v)
	if err != nil {
		w.t.fail("a string that can't be read")
	}
	return text
}

// In goes back to a value that was taken, for as long as visit runs.
func (w *Walk) In(value []byte, visit func()) {
	outer := w.t
	w.t = text{b: value, checked: true, err: outer.err}
	visit()
	outer.err = w.t.err
	w.t = outer
}

// kind is the kind of the value where the walk stands; 0 at the end of the text.
func (w *Walk) kind() Kind {
	if w.t.i >= len(w.t.b) {
		return 0
	}
	switch c := w.t.b[w.t.i]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return Kind(c)
	}
	return '0'
}

// open goes to what stands first in an object or array; false where nothing does.
func (w *Walk) open(bracket byte) bool {
	if w.failed() || !w.t.at(bracket) {
		return false
	}
	w.t.i++
	w.t.space()
	if w.t.at(bracket + 2) { // '{' and '}', '[' and ']'
		w.t.i++
		return false
	}
	return true
}

// next goes to what stands next, or behind the closing bracket.
func (w *Walk) next(closing byte) bool {
	if w.failed() {
		return false
	}
	w.t.space()
	switch {
	case w.t.at(closing):
		w.t.i++
		return false
	case !w.t.at(','):
		return w.t.fail("no comma or end after a value")
	}
	w.t.i++
	w.t.space()
	return true
}

// pass passes over the value at at, if it was left.
func (w *Walk) pass(at int) {
	if w.t.i == at && !w.failed() {
		w.t.value()
	}
}
