package wording

import (
	"crypto/sha256"
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

//go:embed cues.yaml
var cuesYAML []byte

// cueTable is cues.yaml.
type cueTable struct {
	Cues []cueGroup `yaml:"cues"`
}

// cueGroup is a kind of wording that speaks for a class.
type cueGroup struct {
	Name string `yaml:"name"`
	// First says that the words count at the beginning of a sentence alone,
	// where they are what is asked for.
	First  bool     `yaml:"first"`
	Scores [3]int   `yaml:"scores"` // for high_volume, interactive, reasoning; training starts from them
	Words  []string `yaml:"words"`
}

// phrase is one wording of a group.
type phrase struct {
	id    int
	text  string
	stem  bool // any ending may follow
	cjk   bool // no boundary of words is needed behind it
	group uint8
}

// phrases by their first two bytes.
type phraseIndex struct {
	groups  []cueGroup
	buckets [1 << 16]uint16 // index into starts, +1
	starts  [][]phrase
	phrases int
}

var cues = sync.OnceValue(func() *phraseIndex {
	var t cueTable
	if err := yaml.Load(cuesYAML, &t, yaml.WithKnownFields()); err != nil {
		panic("wording: embedded cues.yaml: " + err.Error()) // fixed at build time; a test loads it
	}
	x := &phraseIndex{groups: t.Cues}
	for g, group := range t.Cues {
		for _, w := range group.Words {
			p := phrase{id: x.phrases, text: strings.TrimSuffix(w, "*"), stem: strings.HasSuffix(w, "*"), group: uint8(g)}
			if len(p.text) < 2 {
				p.text += " " // a word of one letter has its end in it
				p.stem = true
			}
			x.phrases++
			p.cjk = p.text[len(p.text)-1] >= 0x80 && p.text[0] >= 0xe3
			key := uint16(p.text[0])<<8 | uint16(p.text[1])
			if x.buckets[key] == 0 {
				x.starts = append(x.starts, nil)
				x.buckets[key] = uint16(len(x.starts))
			}
			i := x.buckets[key] - 1
			x.starts[i] = append(x.starts[i], p)
		}
	}
	if len(x.groups) > maxCues {
		panic(fmt.Sprintf("wording: cues.yaml has %d groups, room for %d", len(x.groups), maxCues))
	}
	return x
})

const maxCues = 40

// polite are words that may stand before what is asked for.
var polite = [...]string{"please ", "can you ", "could you ", "just ", "then ", "and ", "now ", "bitte ", "kannst du ", "peux-tu ", "puedes ", "por favor "}

// count notes how often each group's phrases stand in text, but for those to be
// ignored, by their number. met, where there is one, is told of every phrase.
func (x *phraseIndex) count(text []byte, hits *[maxCues]uint8, ignore []bool, met func(phrase int)) {
	start := true // of a sentence
	for i := 0; i+1 < len(text); {
		c := text[i]
		switch {
		case c == '\n' || c == '.' || c == ':' || c == '?' || c == '!' || c == ';' || c == '"' || c <= gap:
			start = true
			i++
			continue
		case c <= ' ' || c == '(' || c == '-' || c == '#' || c == '*':
			i++
			continue
		}
		if b := x.buckets[uint16(c)<<8|uint16(text[i+1])]; b != 0 {
			for k := range x.starts[b-1] {
				p := &x.starts[b-1][k]
				if ignore != nil && ignore[p.id] || !start && x.groups[p.group].First || !p.matches(text[i:]) {
					continue
				}
				hits[p.group] = min(hits[p.group]+1, 2)
				if met != nil {
					met(p.id)
				}
			}
		}
		if c >= 0xe3 && c < 0xf0 { // a sign that is a word of its own
			i += 3
			start = false
			continue
		}
		if start {
			for _, w := range polite {
				if len(text)-i > len(w) && string(text[i:i+len(w)]) == w {
					i += len(w)
					goto next
				}
			}
		}
		start = false
		if !letter(c) && c != '\'' {
			i++
			continue
		}
		for i < len(text) && (letter(text[i]) || text[i] == '\'') && (text[i] < 0xe3 || text[i] >= 0xf0) {
			i++
		}
	next:
	}
}

func (p *phrase) matches(text []byte) bool {
	n := len(p.text)
	if len(text) < n || string(text[:n]) != p.text {
		return false
	}
	return p.stem || p.cjk || len(text) == n || !letter(text[n]) || !letter(text[n-1])
}

// Fingerprint tells the cues of one version from those of another.
func Fingerprint() [8]byte {
	sum := sha256.Sum256(cuesYAML)
	return [8]byte(sum[:8])
}
