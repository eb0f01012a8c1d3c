package main

import (
	"crypto/sha256"
	"math"
	"slices"

	"github.com/oidostudio/oido/internal/router/classify"
	"github.com/oidostudio/oido/internal/router/classify/wording"
)

// What was settled on the tuned part.
const (
	pointWeight = 0.35 // of a point of the rules, where training starts from and is held to
	weakWeight  = 0.02 // of a weakly labelled row beside a written one
	hold        = 0.03 // how strongly weights are held to where they started
	rounds      = 120
	rate        = 0.3
	folds       = 8
)

const kinds = len(classify.Learned)

// example is a row as it is learned from.
type example struct {
	seen   *wording.Vector
	of     int
	weight float64
	group  string
}

// weights are a model before it is put into whole numbers.
type weights struct {
	bias  [kinds]float64
	known [wording.Known][kinds]float64
	words [1 << wording.HashBits][kinds]float64
}

// fit trains on what isn't kept, and finds by folds how sure the model may be.
func fit(d data) *classify.Model {
	tuned := learnable(d)
	var count [kinds]float64
	for _, r := range d.weak {
		count[r.of]++
	}
	var weak []example
	for _, r := range d.weak {
		weak = append(weak, example{look(r.Prompt, nil, nil), r.of, float64(weakWeight*600) / count[r.of], r.group})
	}
	m, scale := whole(train(slices.Concat(weak, tuned)))

	// How far apart the scores were, and whether the verdict was right, on rows
	// that the model hadn't learned from.
	type tried struct {
		margin int32
		right  bool
	}
	var tries []tried
	for k := range folds {
		others, those := slices.Clone(weak), []example(nil)
		for _, e := range tuned {
			if int(sha256.Sum256([]byte("fold" + e.group))[1])%folds == k {
				those = append(those, e)
			} else {
				others = append(others, e)
			}
		}
		w := train(others)
		for _, e := range those {
			s := w.scores(e.seen)
			best, second := classify.Rank(s)
			tries = append(tries, tried{int32((s[best] - s[second]) * scale), best == e.of})
		}
	}
	slices.SortStableFunc(tries, func(a, b tried) int { return int(a.margin) - int(b.margin) })
	last := 0.0
	for i := range m.Steps {
		from, to := i*len(tries)/len(m.Steps), (i+1)*len(tries)/len(m.Steps)
		right := 0
		for _, t := range tries[from:to] {
			if t.right {
				right++
			}
		}
		// Counted as if three more had been tried, one of them right: a few rows
		// prove little.
		last = max(last, float64(right+1)/float64(to-from+3))
		m.Steps[i] = classify.Step{Margin: tries[from].margin, Percent: uint8(last * 100)}
	}
	m.Steps[0].Margin = 0
	return m
}

// learnable makes examples of the tuned part. A cue that was found by reading a
// document says nothing of documents yet unread: so a phrase counts for a row only
// where another document holds it too.
func learnable(d data) []example {
	holders := make([]map[string]bool, wording.Phrases())
	for _, r := range slices.Concat(d.tuned, d.weak) {
		look(r.Prompt, nil, func(phrase int) {
			if holders[phrase] == nil {
				holders[phrase] = map[string]bool{}
			}
			holders[phrase][r.group] = true
		})
	}
	var out []example
	for _, r := range d.tuned {
		ignore := make([]bool, len(holders))
		for i, h := range holders {
			ignore[i] = len(h) == 0 || len(h) == 1 && h[r.group]
		}
		out = append(out, example{look(r.Prompt, ignore, nil), r.of, 1, r.group})
	}
	return out
}

func (w *weights) scores(seen *wording.Vector) [kinds]float64 {
	s := w.bias
	for i, x := range &seen.Known {
		if x != 0 {
			for c := range s {
				s[c] += float64(w.known[i][c] * float64(x) / 4)
			}
		}
	}
	for _, at := range seen.Words[:seen.N] {
		for c := range s {
			s[c] += w.words[at][c] / 4
		}
	}
	return s
}

// start is where training starts from: the points of the rules.
func start() *weights {
	w := new(weights)
	for i := range w.known {
		for c, p := range wording.Points(i) {
			w.known[i][c] = pointWeight * float64(p)
		}
	}
	return w
}

// train fits a multinomial logistic regression by AdaGrad on all examples at once.
// Products are rounded before they are added, so that no machine fuses the two.
func train(examples []example) *weights {
	from, w, g, g2 := start(), start(), new(weights), new(weights)
	total := 0.0
	for _, e := range examples {
		total += e.weight
	}
	move := func(w, gradient, squares *float64, held float64) {
		d := *gradient + float64(hold*held)
		if d != 0 {
			*squares += float64(d * d)
			*w -= float64(rate * d / (math.Sqrt(*squares) + 1e-9))
		}
	}
	for range rounds {
		*g = weights{}
		for _, e := range examples {
			p := softmax(w.scores(e.seen))
			p[e.of]--
			for c := range p {
				d := float64(p[c] * e.weight / total)
				g.bias[c] += d
				for i, x := range &e.seen.Known {
					if x != 0 {
						g.known[i][c] += float64(d * float64(x) / 4)
					}
				}
				for _, at := range e.seen.Words[:e.seen.N] {
					g.words[at][c] += d / 4
				}
			}
		}
		for c := range kinds {
			move(&w.bias[c], &g.bias[c], &g2.bias[c], 0)
			for i := range w.known {
				move(&w.known[i][c], &g.known[i][c], &g2.known[i][c], w.known[i][c]-from.known[i][c])
			}
			for i := range w.words {
				move(&w.words[i][c], &g.words[i][c], &g2.words[i][c], w.words[i][c])
			}
		}
	}
	return w
}

func softmax(s [kinds]float64) [kinds]float64 {
	top, total := slices.Max(s[:]), 0.0
	for c := range s {
		s[c] = math.Exp(s[c] - top)
		total += s[c]
	}
	for c := range s {
		s[c] /= total
	}
	return s
}

// whole puts the weights into whole numbers of one byte, and says how many of the
// model's points one of theirs is.
func whole(w *weights) (m *classify.Model, scale float64) {
	most := func(all [][kinds]float64) float64 {
		top := 1e-9
		for _, one := range all {
			for _, x := range one {
				top = max(top, math.Abs(x))
			}
		}
		return top
	}
	small := most(w.words[:]) / 127
	m = &classify.Model{Cues: wording.Fingerprint(), Unit: int32(math.Ceil(most(w.known[:]) / 127 / small))}
	large := small * float64(m.Unit)
	for c := range kinds {
		m.Bias[c] = int32(math.Round(w.bias[c] * 4 / small))
		for i := range w.known {
			m.Known[i][c] = int8(math.Round(w.known[i][c] / large))
		}
		for i := range w.words {
			m.Words[i][c] = int8(math.Round(w.words[i][c] / small))
		}
	}
	return m, 4 / small
}
