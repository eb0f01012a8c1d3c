package classify

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/oidostudio/oido/internal/router/classify/wording"
)

//go:embed model.bin
var modelBin []byte

var embedded = sync.OnceValue(func() *Model {
	m, err := Load(modelBin)
	if err != nil {
		panic("classify: embedded model.bin: " + err.Error()) // fixed at build time; a test loads it
	}
	return m
})

// Hash names the model that Classify uses, in 16 hex digits: explanations carry
// it, since another model may judge otherwise.
var Hash = sync.OnceValue(func() string { return embedded().Hash() })

// Learned are the classes that a model tells apart, in the order of its weights.
var Learned = [...]Class{HighVolume, Interactive, Reasoning}

// Weights are what a feature says for each of the learned classes.
type Weights [len(Learned)]int8

// Step is how often a verdict is right from a margin on.
type Step struct {
	Margin  int32 // between the best and the second score
	Percent uint8 // right, of a hundred
}

// Model is a linear model in whole numbers, so that it judges alike on every
// machine.
type Model struct {
	// Cues is the fingerprint of the features that it was trained on.
	Cues [8]byte
	// Unit is how many units of a word's weight are one of a known feature's.
	Unit  int32
	Bias  [len(Learned)]int32
	Known [wording.Known]Weights
	Words [1 << wording.HashBits]Weights
	Steps [8]Step // by rising margin, both never falling
}

var errModel = errors.New("not a model of these features: train it again")

// Load reads a model that Bytes wrote.
func Load(b []byte) (*Model, error) {
	m := &Model{}
	switch n, err := binary.Decode(b, binary.LittleEndian, m); {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errModel, err)
	case n != len(b) || m.Cues != wording.Fingerprint():
		return nil, errModel
	}
	for i, s := range m.Steps[1:] {
		if s.Margin < m.Steps[i].Margin || s.Percent < m.Steps[i].Percent {
			return nil, fmt.Errorf("%w: its confidence falls", errModel)
		}
	}
	return m, nil
}

// Bytes is the model as a file.
func (m *Model) Bytes() ([]byte, error) {
	var b bytes.Buffer
	err := binary.Write(&b, binary.LittleEndian, m)
	return b.Bytes(), err
}

// Hash names the model in 16 hex digits.
func (m *Model) Hash() string {
	h := sha256.New()
	if err := binary.Write(h, binary.LittleEndian, m); err != nil {
		return "" // of fixed size: it can always be written
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Scores are what is seen's points for the learned classes.
func (m *Model) Scores(seen *wording.Vector) [len(Learned)]int32 {
	s := m.Bias
	for i, x := range &seen.Known {
		if x != 0 {
			for c, w := range m.Known[i] {
				s[c] += int32(x) * int32(w) * m.Unit
			}
		}
	}
	for _, at := range seen.Words[:seen.N] {
		for c, w := range m.Words[at] {
			s[c] += int32(w)
		}
	}
	return s
}

// Judge says which of the learned classes what was seen speaks for.
func (m *Model) Judge(seen *wording.Vector) Verdict {
	s := m.Scores(seen)
	best, second := Rank(s)
	v := Verdict{Class: Learned[best], Confidence: m.confidence(s[best] - s[second]), Learned: true}
	var top [len(v.Why)]int32
	for i, x := range &seen.Known {
		if x == 0 {
			continue
		}
		gain := int32(x) * (int32(m.Known[i][best]) - int32(m.Known[i][second]))
		for k := range top {
			if gain > top[k] {
				copy(top[k+1:], top[k:])
				copy(v.Why[k+1:], v.Why[k:])
				top[k], v.Why[k] = gain, wording.Name(i)
				break
			}
		}
	}
	if v.Why[0] == "" && seen.N > 0 {
		v.Why[0] = "words"
	}
	return v
}

func (m *Model) confidence(margin int32) float64 {
	at, found := slices.BinarySearchFunc(m.Steps[:], margin, func(s Step, margin int32) int {
		return int(s.Margin) - int(margin)
	})
	for found && at+1 < len(m.Steps) && m.Steps[at+1].Margin == margin {
		at++
	}
	if !found {
		at--
	}
	if at < 0 {
		return 0
	}
	return float64(m.Steps[at].Percent) / 100
}

// Rank returns the best and the second of the scores; of equals, the one that is
// wrong at the smallest cost comes first: an answer to a person.
func Rank[N int32 | float64](s [len(Learned)]N) (best, second int) {
	order := [...]int{1, 0, 2}
	best, second = -1, -1
	for _, c := range order {
		switch {
		case best < 0 || s[c] > s[best]:
			best, second = c, best
		case second < 0 || s[c] > s[second]:
			second = c
		}
	}
	return best, second
}
