// Package tokens guesses how many tokens a prompt has, and gets better at it by what
// providers count.
//
// A prompt's size is known before anything of it is read, so that is what is guessed
// from: four bytes a token, times what this account's model counted of late beside
// that guess. Long prompts weigh more, since of short ones the most is not text.
// What is far off tells of something else, like an image by address or a conversation
// that the provider keeps, and is not learned from. Nothing is kept over a restart: a few
// turns teach it again.
package tokens

import (
	"math"
	"sync"
)

// Bounds of what is learned: a token is one to sixteen bytes, and so many models are
// remembered.
const (
	least     = 1.0 / 4
	most      = 4.0
	maxModels = 10_000
)

const (
	// doubt is how many tokens must be seen before they count as much as the guess
	// that knows nothing.
	doubt = 128
	// fading is how much of what was seen is left after one more turn.
	fading = 0.95
)

// Estimator guesses. The zero value knows nothing yet; it is safe for concurrent use.
type Estimator struct {
	mu    sync.Mutex // protects following fields
	known map[model]seen
}

type model struct{ account, name string }

// seen is what was guessed of late, and what the provider counted.
type seen struct{ guessed, counted float64 }

// Rough is the guess that knows nothing of the model.
func Rough(bytes int) int64 {
	bytes = max(bytes, 0)
	return int64(bytes/4 + min(bytes%4, 1))
}

// Of guesses the tokens of a prompt by its Size; learned is false where nothing
// is known of the model, and the guess a rough one.
func (e *Estimator) Of(account, name string, size int) (n int64, learned bool) {
	e.mu.Lock()
	s, learned := e.known[model{account, name}]
	e.mu.Unlock()
	n = Rough(size)
	if !learned {
		return n, false
	}
	return int64(math.Round(float64(n) * (doubt + s.counted) / (doubt + s.guessed))), true
}

// Learn takes in how many tokens the provider counted in a prompt, by its Size.
func (e *Estimator) Learn(account, name string, size int, counted int64) {
	guessed := float64(Rough(size))
	if c := float64(counted); c < guessed*least || c > guessed*most || guessed == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	m := model{account, name}
	s, ok := e.known[m]
	if !ok {
		if e.known == nil {
			e.known = map[model]seen{}
		}
		for other := range e.known {
			if len(e.known) < maxModels {
				break
			}
			delete(e.known, other)
		}
	}
	e.known[m] = seen{s.guessed*fading + guessed, s.counted*fading + float64(counted)}
}
