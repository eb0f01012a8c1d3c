package wording

// The features that aren't wordings, after the groups of cues.
const (
	fOptions   = maxCues + iota // alternatives to choose from, a/b/c
	fQuoted                     // mostly a quotation
	fFence                      // a block of code
	fJSON                       // begins as JSON
	fColon                      // an instruction, a colon, its object
	fEndsColon                  // ends in a colon: to be gone on with
	fSymbols                    // signs of mathematics
	fNumbers                    // many numbers in the wording
	fQuestions                  // two questions or more
	fLongAsk                    // a long wording
	fShortAsk                   // a very short one
	fTalk                       // a conversation in one message
	fDocument                   // a long text around a short wording

	// Known is how many features have a name.
	Known
)

// shapes are the names of the features after the cues, and their points as in
// cues.yaml.
var shapes = [Known - maxCues]struct {
	name   string
	scores [3]int
}{
	{"options", [3]int{2, -1, -1}},
	{"quoted", [3]int{2, 0, -1}},
	{"code_block", [3]int{-1, 0, 0}},
	{"json", [3]int{1, 0, 0}},
	{"colon", [3]int{1, 0, 0}},
	{"ends_in_colon", [3]int{1, 0, 0}},
	{"symbols", [3]int{-1, 0, 2}},
	{"numbers", [3]int{0, 0, 1}},
	{"questions", [3]int{-1, 1, 0}},
	{"long_wording", [3]int{-1, 0, 0}},
	{"short_wording", [3]int{1, 0, 0}},
	{"conversation", [3]int{-1, 0, 0}},
	{"document", [3]int{0, 0, 0}},
}

// Name is what feature i is called, "" where there is none.
func Name(i int) string {
	switch groups := cues().groups; {
	case i >= maxCues:
		return shapes[i-maxCues].name
	case i < len(groups):
		return groups[i].Name
	}
	return ""
}

// Points are what feature i says for high_volume, interactive and reasoning by
// the rules alone.
func Points(i int) [3]int {
	switch groups := cues().groups; {
	case i >= maxCues:
		return shapes[i-maxCues].scores
	case i < len(groups):
		return groups[i].Scores
	}
	return [3]int{}
}

// Phrases is how many phrases the cues are made of.
func Phrases() int { return cues().phrases }

// HashBits is how many bits a word's or a pair of words' number has.
const HashBits = 14

// Vector is what was seen in a text.
type Vector struct {
	// Known says how strongly each named feature is there, in quarters: 0, 4,
	// or 5 where it is repeated.
	Known [Known]uint8
	// Words are the numbers of the words and pairs of words, each once. Each
	// counts a quarter.
	Words [2 * maxWords]uint16
	N     int // of Words
}

// maxWords bounds the words that count.
const maxWords = 320

// Look settles what was added and says what is seen in it. ignore, if any, are the
// phrases not to be seen, met is told of every phrase that was; both are for
// training.
func (r *Reading) Look(v *Vector, ignore []bool, met func(phrase int)) {
	r.settle()
	*v = Vector{}
	text := r.text[:r.m]
	var hits [maxCues]uint8
	cues().count(text, &hits, ignore, met)
	for i, h := range hits {
		if h > 0 {
			v.Known[i] = 3 + h
		}
	}
	r.shape(v)
	v.hash(text)
}

// shape sets the features that aren't wordings.
func (r *Reading) shape(v *Vector) {
	text := r.text[:r.m]
	var numbers, symbols, questions, slashes int
	number := false
	for i, c := range text {
		digit := c >= '0' && c <= '9'
		if digit && !number {
			numbers++
		}
		number = digit
		switch {
		case c == '?':
			questions++
		case c == '^' || c == '\\' || c == '$' && i+1 < len(text) && letter(text[i+1]) && text[i+1] > '9':
			symbols++
		case c == 0xe2 && i+2 < len(text) && (text[i+1] == 0x88 || text[i+1] == 0x89): // U+2200 to U+227F
			symbols += 2
		case c == '/' && optionAt(text, i):
			slashes++
		}
	}
	set := func(at int, is bool) {
		if is {
			v.Known[at] = 4
		}
	}
	set(fOptions, slashes >= 2)
	set(fQuoted, r.quotes > 0 && r.quotes*10 > (r.m+r.quotes)*4)
	set(fFence, r.fences > 0)
	set(fJSON, r.json)
	set(fColon, r.colon)
	set(fEndsColon, len(text) > 0 && text[len(text)-1] == ':')
	set(fSymbols, symbols >= 2)
	set(fNumbers, numbers >= 6)
	set(fQuestions, questions >= 2)
	set(fLongAsk, r.m > enough && !r.chopped)
	set(fShortAsk, r.m < 60)
	set(fTalk, r.talk)
	set(fDocument, r.chopped)
}

// optionAt says whether the slash at i stands between two words to choose from:
// "feat/fix", "billing / bug".
func optionAt(text []byte, i int) bool {
	a, b := i-1, i+1
	if a >= 0 && text[a] == ' ' {
		a--
	}
	if b < len(text) && text[b] == ' ' {
		b++
	}
	return a >= 0 && b < len(text) && letter(text[a]) && letter(text[b]) && text[a] > '9' && text[b] > '9'
}

// hash numbers the words of text and its pairs of words.
func (v *Vector) hash(text []byte) {
	const offset, prime = 2166136261, 16777619 // FNV-1a
	var seen [1 << HashBits / 64]uint64
	put := func(h uint32) {
		at := h >> (32 - HashBits)
		if seen[at/64]&(1<<(at%64)) == 0 {
			seen[at/64] |= 1 << (at % 64)
			v.Words[v.N] = uint16(at)
			v.N++
		}
	}
	last, words := uint32(0), 0
	for i := 0; i < len(text) && words < maxWords; {
		if !letter(text[i]) && text[i] != '\'' {
			i++
			continue
		}
		one := uint32(offset)
		two := (last ^ ' ') * prime
		for ; i < len(text) && (letter(text[i]) || text[i] == '\''); i++ {
			one = (one ^ uint32(text[i])) * prime
			two = (two ^ uint32(text[i])) * prime
		}
		put(one)
		if words > 0 {
			put(two)
		}
		last = one
		words++
	}
}
