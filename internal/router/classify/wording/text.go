package wording

// Window is how much of a text is worth reading: that many bytes from its
// beginning and as many from its end. What a long text is there for stands at one
// of them.
const Window = 2048

// What stands for a span of text that isn't the request's own wording.
const (
	quoted = 0x01 // a quotation
	fenced = 0x02 // a block of code
	gap    = 0x03 // the middle of a long text
)

// How much of the wording counts when there is a lot: its beginning and its end.
const (
	plenty   = 900
	headText = 300
	tailText = 400
	enough   = 280 // a wording up to this is read whole
	short    = 200 // a paragraph up to this may be the whole instruction
)

// Reading is a text made ready to be looked at: in lower case, with plain
// quotation marks, without what it quotes. The zero value is empty and ready; it
// needs no heap.
type Reading struct {
	raw  [2*Window + 8]byte
	n    int
	text [2*Window + 8]byte
	m    int

	quotes  int // bytes quoted
	fences  int // blocks of code
	json    bool
	talk    bool // a conversation written into one message
	colon   bool // an instruction, a colon, and what it is about
	chopped bool
}

// Add appends a piece of text as far as there is room, which is two windows.
func (r *Reading) Add(s string) {
	for i := 0; i < len(s) && r.n < len(r.raw)-4; {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z':
			r.raw[r.n] = c + 'a' - 'A'
			r.n++
			i++
		case c == '\r' || c < ' ' && c != '\n' && c != '\t':
			i++
		case c < 0x80:
			r.raw[r.n] = c
			r.n++
			i++
		default:
			plain, width := mark(s[i:])
			if plain != 0 {
				r.raw[r.n] = plain
				r.n++
				i += width
				continue
			}
			if c == 0xc3 && i+1 < len(s) && s[i+1] >= 0x80 && s[i+1] <= 0x9e && s[i+1] != 0x97 {
				r.raw[r.n], r.raw[r.n+1] = c, s[i+1]+0x20
				r.n += 2
				i += 2
				continue
			}
			r.raw[r.n] = c
			r.n++
			i++
		}
	}
}

// mark returns the plain form of the typographic mark that s begins with, 0 if
// it begins with none, and how long the mark is.
func mark(s string) (byte, int) {
	if len(s) >= 2 && s[0] == 0xc2 {
		switch s[1] {
		case 0xab, 0xbb: // « »
			return '"', 2
		case 0xa0:
			return ' ', 2
		}
		return 0, 0
	}
	if len(s) < 3 {
		return 0, 0
	}
	switch s[:3] {
	case "’", "‘":
		return '\'', 3
	case "“", "”", "„", "「", "」", "『", "』":
		return '"', 3
	case "：":
		return ':', 3
	case "？":
		return '?', 3
	case "，", "、":
		return ',', 3
	case "。":
		return '.', 3
	case "–", "—":
		return '-', 3
	}
	return 0, 0
}

// quotation takes what stands between two marks for quoted, unless it is as short as
// a word, and returns where the text goes on.
func (r *Reading) quotation(mark byte, from, to int) int {
	if to-from < 14 {
		r.put(mark)
		return from + 1
	}
	r.put(quoted)
	r.quotes += to - from
	return to
}

// settle finds the wording: what is left without quotations and code, and of
// much of it the beginning and the end.
func (r *Reading) settle() {
	raw := trim(r.raw[:r.n])
	r.json = len(raw) > 0 && (raw[0] == '{' || raw[0] == '[' && len(raw) > 1 && (raw[1] == '{' || raw[1] == '"'))
	if at := lastTurn(raw); at > 0 {
		r.talk = true
		raw = raw[at:]
	}
	unclosed := [2]bool{} // no mark closes a quotation from here on: double, single
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == '`' && i+2 < len(raw) && raw[i+1] == '`' && raw[i+2] == '`':
			end := find(raw, i+3, "```")
			r.put(fenced)
			r.fences++
			i = end
		case c == '"' && !r.json && !unclosed[0]:
			end := closing(raw, i)
			unclosed[0] = end == i+1
			i = r.quotation(c, i, end)
		case c == '\'' && !r.json && !unclosed[1] && (i == 0 || raw[i-1] <= ' ' || raw[i-1] == ':' || raw[i-1] == '('):
			end := closingSingle(raw, i)
			unclosed[1] = end == i+1
			i = r.quotation(c, i, end)
		case c == '>' && (i == 0 || raw[i-1] == '\n') && i+1 < len(raw) && raw[i+1] == ' ':
			end := find(raw, i, "\n")
			r.put(quoted)
			r.quotes += end - i
			i = end
		default:
			r.put(c)
			i++
		}
	}
	t := trim(r.text[:r.m])
	for i := 8; i < len(t) && i < 160; i++ {
		if t[i] == ':' && i+1 < len(t) && t[i+1] != '/' && len(t)-i+r.quotes > 24 {
			r.colon = true
			break
		}
	}
	head := t[:find(t, 0, "\n\n")]
	if i := find(t, 0, ":\n"); i < len(head) {
		head = t[:i]
	}
	tail := t[lastFind(t, "\n\n"):]
	switch {
	case len(t) <= enough:
		head, tail = t, nil
	case len(head) == len(t) && len(t) <= plenty:
		tail = nil
	case len(head) <= short && len(tail) > enough:
		tail = nil
	case len(tail) <= short && len(head) > enough:
		head = nil
	}
	r.chopped = len(head)+len(tail) < len(t)
	if len(head) > headText && tail != nil {
		head = head[:wordEnd(head, headText)]
	}
	if at := len(tail) - tailText; at > 0 {
		tail = tail[wordEnd(tail, at):]
	}
	n := copy(r.text[:], head)
	if tail != nil {
		r.text[n] = gap
		n++
		n += copy(r.text[n:], tail)
	}
	r.m = n
}

func (r *Reading) put(c byte) {
	r.text[r.m] = c
	r.m++
}

// trim returns b without white space at its ends.
func trim(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' && b[0] > gap {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' && b[len(b)-1] > gap {
		b = b[:len(b)-1]
	}
	return b
}

// find returns the index behind the next sub in b at or after from, or b's end.
func find(b []byte, from int, sub string) int {
	for i := from; i+len(sub) <= len(b); i++ {
		if b[i] == sub[0] && string(b[i:i+len(sub)]) == sub {
			return i + len(sub)
		}
	}
	return len(b)
}

// lastFind returns the index behind the last sub in b, 0 without one.
func lastFind(b []byte, sub string) int {
	for i := len(b) - len(sub); i >= 0; i-- {
		if b[i] == sub[0] && string(b[i:i+len(sub)]) == sub {
			return i + len(sub)
		}
	}
	return 0
}

func wordEnd(b []byte, at int) int {
	for at < len(b) && b[at] > ' ' {
		at++
	}
	return at
}

// closing returns the index behind the quotation mark that closes the one at i,
// or i+1 if none does.
func closing(b []byte, i int) int {
	for j := i + 1; j < len(b); j++ {
		switch b[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	return i + 1
}

// closingSingle is closing for apostrophes: one between letters closes nothing.
func closingSingle(b []byte, i int) int {
	for j := i + 1; j < len(b); j++ {
		if b[j] == '\'' && b[j-1] > ' ' && (j+1 == len(b) || !letter(b[j+1])) {
			return j + 1
		}
	}
	return i + 1
}

// lastTurn returns where the last thing said by the user begins in a text that
// holds a conversation, 0 in any other.
func lastTurn(b []byte) int {
	if find(b, 0, "\nassistant:") == len(b) && (len(b) < 10 || string(b[:10]) != "assistant:") {
		return 0
	}
	return lastFind(b, "\nuser:")
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 0x80 || c >= '0' && c <= '9' }
