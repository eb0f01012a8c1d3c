package classify

import (
	_ "embed"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

//go:embed harness.yaml
var harnessYAML []byte

// harness is harness.yaml: what coding CLIs put around a user's words, and what
// they ask for on their own.
type harness struct {
	Blocks []block `yaml:"blocks"`
	Marks  []mark  `yaml:"marks"`
	Chores []chore `yaml:"chores"`

	// added are the blocks, and behind them the marks, by their first two bytes.
	added map[[2]byte][]int
}

// block is a span of text that the client added.
type block struct {
	From   string `yaml:"from"`
	To     string `yaml:"to"`
	Client string `yaml:"client"`
}

// mark is a tag of the client's around the user's own words.
type mark struct {
	Text   string `yaml:"text"`
	Client string `yaml:"client"`
}

// chore is a request that a client sends for its own housekeeping.
type chore struct {
	Name   string `yaml:"name"`
	Client string `yaml:"client"`
	System string `yaml:"system"` // begins a line of a system text
	User   string `yaml:"user"`   // begins the user's text
	Holds  string `yaml:"holds"`  // stands in the same text as well
	Exact  bool   `yaml:"exact"`  // User is the whole text
	Source string `yaml:"source"`

	why string
}

var harnesses = sync.OnceValue(func() *harness {
	var h harness
	if err := yaml.Load(harnessYAML, &h, yaml.WithKnownFields()); err != nil {
		panic("classify: embedded harness.yaml: " + err.Error()) // fixed at build time; a test loads it
	}
	for i, c := range h.Chores {
		h.Chores[i].why = "housekeeping: " + c.Name + " (" + c.Client + ")"
	}
	h.added = map[[2]byte][]int{}
	for i, b := range h.Blocks {
		h.added[[2]byte{b.From[0], b.From[1]}] = append(h.added[[2]byte{b.From[0], b.From[1]}], i)
	}
	for i, m := range h.Marks {
		h.added[[2]byte{m.Text[0], m.Text[1]}] = append(h.added[[2]byte{m.Text[0], m.Text[1]}], len(h.Blocks)+i)
	}
	return &h
})

// Of a text longer than twice this the middle isn't searched.
const searched = 64 << 10

// Of a text, how much is searched for housekeeping.
const opening = 4096

// Strip returns what is left of a user's text without what known coding CLIs put
// around it: reminders, the state of the editor and the environment.
func Strip(text string) string {
	var b strings.Builder
	for it := scan(text); it.next(); {
		b.WriteString(it.piece)
	}
	return strings.TrimSpace(b.String())
}

// pieces walks over the parts of a text that the client did not add.
type pieces struct {
	piece    string
	rest     string
	tail     string // of a text too long to be searched whole
	unclosed uint64 // blocks whose end isn't in rest
}

func scan(text string) pieces {
	if len(text) > 2*searched {
		return pieces{rest: text[:searched], tail: text[len(text)-searched:]}
	}
	return pieces{rest: text}
}

// next moves to the next piece.
func (p *pieces) next() bool {
	if p.rest == "" {
		p.rest, p.tail, p.unclosed = p.tail, "", 0
	}
	if p.rest == "" {
		return false
	}
	line := true // at the beginning of one
	for i := 0; i < len(p.rest); i++ {
		c := p.rest[i]
		if c == '<' || line && (c == '#' || c == 'H') {
			if n := p.added(p.rest[i:]); n > 0 {
				p.piece, p.rest = p.rest[:i], p.rest[i+n:]
				return true
			}
		}
		line = c == '\n'
	}
	p.piece, p.rest = p.rest, ""
	return true
}

// added returns how much of s, from its beginning, the client added.
func (p *pieces) added(s string) int {
	if len(s) < 2 {
		return 0
	}
	h := harnesses()
	for _, i := range h.added[[2]byte{s[0], s[1]}] {
		if i >= len(h.Blocks) {
			if mark := h.Marks[i-len(h.Blocks)].Text; strings.HasPrefix(s, mark) {
				return len(mark)
			}
			continue
		}
		b := &h.Blocks[i]
		if p.unclosed&(1<<i) != 0 || !strings.HasPrefix(s, b.From) {
			continue
		}
		end := strings.Index(s[len(b.From):], b.To)
		if end < 0 {
			p.unclosed |= 1 << i
			continue
		}
		return len(b.From) + end + len(b.To)
	}
	return 0
}

// Housekeeping says what a request of a known coding CLI is that serves the client
// and not its user, "" where it is none: a title, a summary, a check of a command.
func Housekeeping(system, user []string) string {
	h := harnesses()
	for _, text := range system {
		text = text[:min(len(text), opening)]
		for line := range strings.Lines(text) {
			line = strings.TrimLeft(line, " \t")
			for i := range h.Chores {
				c := &h.Chores[i]
				if c.System != "" && strings.HasPrefix(line, c.System) && strings.Contains(text, c.Holds) {
					return c.why
				}
			}
		}
	}
	for _, text := range user {
		if why := h.asks(text); why != "" {
			return why
		}
		for it := scan(text); it.next(); {
			if !blank(it.piece) {
				if why := h.asks(it.piece); why != "" {
					return why
				}
				break
			}
		}
	}
	return ""
}

// asks says which chore the user's text begins with.
func (h *harness) asks(s string) string {
	s = strings.TrimLeft(s, " \t\r\n")
	s = s[:min(len(s), opening)]
	for i := range h.Chores {
		c := &h.Chores[i]
		if c.User != "" && strings.HasPrefix(s, c.User) && strings.Contains(s, c.Holds) &&
			(!c.Exact || strings.TrimSpace(s) == c.User) {
			return c.why
		}
	}
	return ""
}
