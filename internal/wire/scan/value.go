package scan

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep a text may nest, as in jsontext.
const maxDepth = 10_000

// Kind is the kind of a JSON value by its first byte: '{', '[', '"', 't', 'f',
// 'n', '0' (any number).
type Kind byte

// text is a cursor over a JSON text. The first problem stays.
type text struct {
	b   []byte
	i   int
	err *SyntaxError
	// checked says that the text was walked before: strings are only passed over.
	checked bool
}

func (t *text) fail(problem string) bool {
	if t.err == nil {
		t.err = &SyntaxError{Offset: t.i, Problem: problem}
	}
	return false
}

func (t *text) space() {
	for t.i < len(t.b) {
		switch t.b[t.i] {
		case ' ', '\t', '\n', '\r':
			t.i++
		default:
			return
		}
	}
}

// at says whether the next byte is c.
func (t *text) at(c byte) bool { return t.i < len(t.b) && t.b[t.i] == c }

// value passes over one value.
func (t *text) value() (Kind, bool) {
	if t.i >= len(t.b) {
		return 0, t.fail("it ends where a value should stand")
	}
	switch c := t.b[t.i]; c {
	case '"':
		return '"', t.str()
	case '{', '[':
		return Kind(c), t.nested()
	case 't':
		return 't', t.literal("true")
	case 'f':
		return 'f', t.literal("false")
	case 'n':
		return 'n', t.literal("null")
	default:
		return '0', t.number()
	}
}

func (t *text) literal(word string) bool {
	if len(t.b)-t.i < len(word) || string(t.b[t.i:t.i+len(word)]) != word {
		return t.fail("no value")
	}
	t.i += len(word)
	return true
}

func (t *text) number() bool {
	if t.at('-') {
		t.i++
	}
	switch {
	case t.at('0'):
		t.i++
	case !t.digits():
		return t.fail("no value")
	}
	if t.at('.') {
		t.i++
		if !t.digits() {
			return t.fail("a number without digits after its point")
		}
	}
	if t.at('e') || t.at('E') {
		t.i++
		if t.at('+') || t.at('-') {
			t.i++
		}
		if !t.digits() {
			return t.fail("a number without an exponent")
		}
	}
	return true
}

func (t *text) digits() bool {
	from := t.i
	for t.i < len(t.b) && t.b[t.i] >= '0' && t.b[t.i] <= '9' {
		t.i++
	}
	return t.i > from
}

// Eight bytes at once.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	// short is after how many bytes of a string without anything special the
	// rest is looked at in long steps.
	short = 64
)

// skip passes over a string without a look at what stands in it.
func (t *text) skip() bool {
	from := t.i + 1
	for i := from; ; {
		q := bytes.IndexByte(t.b[i:], '"')
		if q < 0 {
			t.i = len(t.b)
			return t.fail("it ends inside a string")
		}
		i += q + 1
		slashes := 0
		for j := i - 2; j >= from && t.b[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			t.i = i
			return true
		}
	}
}

// str passes over a string, its quotes included.
func (t *text) str() bool {
	if t.checked {
		return t.skip()
	}
	t.i++
	b, i, wide, from := t.b, t.i, false, t.i
	quote := -1 // where the next quote stands, once it was looked for
	for {
		for end := i + short; i+8 <= len(b) && i < end; i += 8 {
			w := binary.LittleEndian.Uint64(b[i:])
			q, s := w^(ones*'"'), w^(ones*'\\')
			if ((q-ones)&^q|(s-ones)&^s|(w-ones*' ')&^w)&highs != 0 {
				break
			}
			wide = wide || w&highs != 0
		}
		if i < len(b) && plain(b[i]) && i+short <= len(b) {
			if quote < i {
				q := bytes.IndexByte(b[i:], '"')
				if q < 0 {
					t.i = len(b)
					return t.fail("it ends inside a string")
				}
				quote = i + q
			}
			run := b[i:quote]
			if s := bytes.IndexByte(run, '\\'); s >= 0 {
				run = run[:s]
			}
			n, high := printable(run)
			i, wide = i+n, wide || high
		}
		for i < len(b) && plain(b[i]) {
			wide = wide || b[i] >= utf8.RuneSelf
			i++
		}
		t.i = i
		switch {
		case i >= len(b):
			return t.fail("it ends inside a string")
		case b[i] == '"':
			if wide && !utf8.Valid(b[from:i]) {
				return t.fail("a string that is not UTF-8")
			}
			t.i++
			return true
		case b[i] == '\\':
			if !t.escape() {
				return false
			}
			i = t.i
		default:
			return t.fail("a control character inside a string")
		}
	}
}

// plain says whether a byte stands for itself inside a string.
func plain(c byte) bool { return c != '"' && c != '\\' && c >= ' ' }

// printable counts the bytes before the first control character, in steps of
// eight: a rest shorter than that is not counted. high says whether any of them
// is not ASCII.
func printable(b []byte) (n int, high bool) {
	var seen uint64
	for ; n+32 <= len(b); n += 32 {
		w0, w1 := binary.LittleEndian.Uint64(b[n:]), binary.LittleEndian.Uint64(b[n+8:])
		w2, w3 := binary.LittleEndian.Uint64(b[n+16:]), binary.LittleEndian.Uint64(b[n+24:])
		if ((w0-ones*' ')&^w0|(w1-ones*' ')&^w1|(w2-ones*' ')&^w2|(w3-ones*' ')&^w3)&highs != 0 {
			break
		}
		seen |= w0 | w1 | w2 | w3
	}
	for ; n+8 <= len(b); n += 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		if (w-ones*' ')&^w&highs != 0 {
			break
		}
		seen |= w
	}
	return n, seen&highs != 0
}

// escape passes over a backslash and what it escapes.
func (t *text) escape() bool {
	if t.i+1 >= len(t.b) {
		t.i = len(t.b)
		return t.fail("it ends inside a string")
	}
	switch t.b[t.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		t.i += 2
		return true
	case 'u':
		r, ok := hex4(t.b, t.i+2)
		if !ok {
			return t.fail("an escape that is none")
		}
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if t.i+12 <= len(t.b) && t.b[t.i+6] == '\\' && t.b[t.i+7] == 'u' {
				low, ok = hex4(t.b, t.i+8)
			}
			if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
				return t.fail("half of a surrogate pair")
			}
			t.i += 6
		}
		t.i += 6
		return true
	}
	return t.fail("an escape that is none")
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// nested passes over an object or array without recursion: one bit a level says
// which of the two is open.
func (t *text) nested() bool {
	var objects [(maxDepth + 63) / 64]uint64
	depth := 0
	for {
		// A value begins here.
		if t.i >= len(t.b) {
			return t.fail("it ends where a value should stand")
		}
		opened := false
		switch c := t.b[t.i]; c {
		case '{', '[':
			if depth == maxDepth-1 {
				return t.fail("too many levels")
			}
			if c == '{' {
				objects[depth/64] |= 1 << (depth % 64)
			} else {
				objects[depth/64] &^= 1 << (depth % 64)
			}
			depth++
			t.i++
			t.space()
			opened = true
		case '"':
			if !t.str() {
				return false
			}
		default:
			if _, ok := t.value(); !ok {
				return false
			}
		}
		// Close what ends here; then either the next value begins or all is done.
		for {
			if !opened {
				t.space()
			}
			inObject := objects[(depth-1)/64]>>((depth-1)%64)&1 == 1
			closer := byte(']')
			if inObject {
				closer = '}'
			}
			if t.at(closer) {
				t.i++
				depth--
				if depth == 0 {
					return true
				}
				opened = false
				continue
			}
			if !opened {
				if !t.at(',') {
					return t.fail("no comma or end after a value")
				}
				t.i++
				t.space()
			}
			if inObject && !t.name() {
				return false
			}
			break
		}
	}
}

// name passes over an object's name and the colon after it.
func (t *text) name() bool {
	if !t.at('"') {
		return t.fail("no name")
	}
	if !t.str() {
		return false
	}
	t.space()
	if !t.at(':') {
		return t.fail("no colon after a name")
	}
	t.i++
	t.space()
	return true
}
