package classify

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

//go:embed stance.yaml
var stanceYAML []byte

// Stance is how a user's words stand to what was done before.
type Stance int

// The stances.
const (
	Begins   Stance = iota // something new
	Corrects               // it was wrong
	GoesOn                 // it shall go on
)

// stances is stance.yaml.
type stances struct {
	Corrects []string `yaml:"corrects"`
	Holds    []string `yaml:"holds"`
	GoesOn   []string `yaml:"goes_on"`
}

var phrases = sync.OnceValue(func() *stances {
	var s stances
	if err := yaml.Load(stanceYAML, &s, yaml.WithKnownFields()); err != nil {
		panic("classify: embedded stance.yaml: " + err.Error()) // fixed at build time; a test loads it
	}
	return &s
})

// stanceWindow is how much of a message is looked at, in bytes: what is longer than
// a sentence or two says something new.
const stanceWindow = 300

// StanceOf says how the texts of the last user message stand to what was done
// before. It goes by phrases at the message's beginning: words that say neither are
// taken to begin something new.
func StanceOf(user []string) Stance {
	s := plain(user)
	if s == "" {
		return GoesOn
	}
	for _, p := range phrases().Corrects {
		if rest, ok := strings.CutPrefix(s, p); ok && apart(p, rest) {
			return Corrects
		}
	}
	for _, p := range phrases().Holds {
		if before, rest, ok := strings.Cut(s, p); ok && apart(before, p) && apart(p, rest) {
			return Corrects
		}
	}
	s = strings.TrimRight(s, " .!…。！")
	for _, p := range phrases().GoesOn {
		if s == p {
			return GoesOn
		}
	}
	return Begins
}

// plain is the beginning of what the user says: in lower case, with plain
// apostrophes and single spaces.
func plain(user []string) string {
	var b strings.Builder
	space := false
	for _, t := range user {
		for it := scan(t); it.next(); {
			for _, r := range it.piece {
				switch {
				case b.Len() >= stanceWindow:
					return b.String()
				case unicode.IsSpace(r):
					space = b.Len() > 0
					continue
				case r == '’':
					r = '\''
				}
				if space {
					b.WriteByte(' ')
					space = false
				}
				b.WriteRune(unicode.ToLower(r))
			}
			space = b.Len() > 0
		}
	}
	return b.String()
}

// apart says whether a word ends between two texts; between signs that are words of
// their own one always does.
func apart(before, after string) bool {
	a, _ := utf8.DecodeLastRuneInString(before)
	b, _ := utf8.DecodeRuneInString(after)
	return !letter(a) || !letter(b)
}

func letter(r rune) bool {
	return unicode.IsLetter(r) && !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}
