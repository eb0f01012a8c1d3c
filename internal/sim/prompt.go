package sim

import (
	"hash/fnv"
	"io"
)

// prompt is what an answer depends on, whatever format asked for it.
type prompt struct {
	model  string
	script script

	stream    bool
	askUsage  bool // the client asked for usage in the stream
	limit     int  // tokens of output, 0 for none
	stops     []string
	tools     []tool
	choice    choiceKind
	forced    string // the tool that choice names
	single    bool   // one call at most
	object    bool   // an object is wanted
	schema    any    // that it must fit, may be nil
	variants  int    // answers wanted
	logprobs  bool
	reasons   bool // the request or the script asks for reasoning
	mute      bool // reasoning is hidden
	cacheable bool // the request marks what shall be cached

	rounds int // turns of calls that were answered

	asked   map[string]any // the request, for formats that repeat it
	stored  bool           // the answer is kept for requests that go on from it
	history []any          // the conversation, where the answer may be kept

	size int // bytes of text
	hash uint64
}

// choiceKind is what a request says of calling tools.
type choiceKind int

const (
	choiceAuto choiceKind = iota
	choiceNone
	choiceAny
)

// tool is a declared function, or one that takes free text.
type tool struct {
	name   string
	schema any // nil for none
	free   bool
}

// read adds text to the prompt. Formats differ in whether they have a place for
// text that isn't there, so no text changes nothing.
func (p *prompt) read(text string) {
	if text == "" {
		return
	}
	p.size += len(text)
	h := fnv.New64a()
	_, _ = io.WriteString(h, text)
	p.hash = mix(p.hash ^ h.Sum64())
}

// declare adds a tool.
func (p *prompt) declare(t tool) {
	p.tools = append(p.tools, t)
	p.read(t.name)
	if t.schema != nil {
		p.read(string(encode(t.schema)))
	}
}

// declares says whether a tool of that name was declared.
func (p *prompt) declares(name string) bool {
	for _, t := range p.tools {
		if t.name == name {
			return true
		}
	}
	return false
}

// mediaSize is what an image, a file or a sound counts as, in bytes of text.
const mediaSize = 340

// see adds something that isn't text, by what identifies it.
func (p *prompt) see(what string) {
	before := p.size
	p.read(what)
	p.size = before + mediaSize
}

// tokens is how many tokens the prompt has for the model that is played.
func (p *prompt) tokens() int { return tokens(p.size) * p.script.finer / 100 }

// tokens is how many tokens n bytes of text are here.
func tokens(n int) int { return (n + 3) / 4 }

// mix scrambles the bits of x (splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
