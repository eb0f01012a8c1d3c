package scan

import "iter"

// Walk goes down into values of a text that was walked to its end before. Err is
// the first problem that it met; that can only be a name that stands twice. The
// zero value is ready.
type Walk struct{ Err error }

// Fields are the fields of an object; none of any other value.
func (w *Walk) Fields(object []byte) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		if len(object) == 0 || object[0] != '{' {
			return
		}
		o := CheckedObject(object)
		for o.Next() {
			if !yield(o.field) {
				return
			}
		}
		if w.Err == nil {
			w.Err = o.err
		}
	}
}

// Objects are the elements of an array that are objects; none of any other value.
func (w *Walk) Objects(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(array) == 0 || array[0] != '[' {
			return
		}
		a := CheckedArray(array)
		for a.Next() {
			if a.kind == '{' && !yield(a.value) {
				return
			}
		}
	}
}

// Member is the value of an object's field; nil where it isn't there.
func (w *Walk) Member(object []byte, name string) (value []byte) {
	for f := range w.Fields(object) {
		if string(f.Name) == name {
			value = f.Value
		}
	}
	return value
}
