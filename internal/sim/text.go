package sim

import (
	"strings"
	"unicode/utf8"
)

// vocabulary holds plain words, and what encoders get wrong: quotes, line ends,
// letters of two to four bytes, what looks like markup.
var vocabulary = []string{
	"the ", "stream ", "carries ", "words ", "one ", "by ", "one ", "and ", "none ", "is ", "lost, ",
	"as ", "long ", "as ", "nobody ", "cuts ", "it. ", "A ", "gateway ", "counts ", "what ", "goes ", "through: ",
	"tokens, ", "calls ", "and ", "time. ", "“Größe” ", "is ", "a ", "word ", "→ ", "so ", "is ", "日本語 ", "and ", "🙂 ",
	"\"quoted\" ", "a\\b ", "<tag> & ", "more.\n", "Then ", "it ", "goes ", "on ",
}

// writer makes deterministic text.
type writer struct{ state uint64 }

// next returns a number from 0 to n-1.
func (w *writer) next(n int) int {
	w.state = mix(w.state)
	return int(w.state>>33) % n
}

// text returns size bytes of words, or up to three less so that no letter is
// broken.
func (w *writer) text(size int) string {
	var b strings.Builder
	b.Grow(size + 16)
	for b.Len() < size {
		b.WriteString(vocabulary[w.next(len(vocabulary))])
	}
	return whole(b.String(), size)
}

// whole returns the first n bytes of s, less what would break a letter.
func whole(s string, n int) string {
	if n >= len(s) {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// cut yields s in pieces of n bytes, a few less or more so that no letter is
// broken.
func cut(s string, n int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s != "" {
			piece := whole(s, n)
			if piece == "" {
				_, size := utf8.DecodeRuneInString(s)
				piece = s[:size]
			}
			s = s[len(piece):]
			if !yield(piece) {
				return
			}
		}
	}
}
