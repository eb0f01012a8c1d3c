package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/oidostudio/oido/internal/router/classify"
	"github.com/oidostudio/oido/internal/router/classify/wording"
)

// threshold is the confidence at which a verdict is acted on by default.
const threshold = 0.8

// draws is how many samples of documents a confidence interval is taken from.
const draws = 2000

// judge is a way to tell classes apart.
type judge struct {
	name string
	// of returns the class of a row, and whether it is sure.
	of func(r row) (class int, sure bool)
}

// judges are the model and what it is to be better than.
func judges(d data) []judge {
	dice := rand.New(rand.NewPCG(1, 2))
	limits := lengths(d.tuned)
	return []judge{
		{"random", func(row) (int, bool) { return dice.IntN(kinds), false }},
		{"length alone", func(r row) (int, bool) { return limits.of(len(r.Prompt)), false }},
		{"rules alone", func(r row) (int, bool) {
			s := start().scores(noWords(look(r.Prompt, nil, nil)))
			best, second := classify.Rank(s)
			return best, s[best]-s[second] >= 4*pointWeight
		}},
		{"model", func(r row) (int, bool) {
			v := classify.Classify(classify.Input{User: []string{r.Prompt}})
			return slices.Index(classify.Learned[:], v.Class), v.Sure(threshold)
		}},
	}
}

func noWords(v *wording.Vector) *wording.Vector {
	v.N = 0
	return v
}

// lengthRule gives a class to lengths up to low, one up to high, one above.
type lengthRule struct {
	low, high int
	classes   [3]int
}

func (l lengthRule) of(n int) int {
	switch {
	case n <= l.low:
		return l.classes[0]
	case n <= l.high:
		return l.classes[1]
	}
	return l.classes[2]
}

// lengths finds the rule by length that does best on rows.
func lengths(rows []row) lengthRule {
	var best lengthRule
	most := -1
	steps := []int{0, 50, 80, 120, 160, 200, 250, 300, 400, 600, 900, 1300, 2000}
	for i, low := range steps {
		for _, high := range steps[i:] {
			for code := range kinds * kinds * kinds {
				l := lengthRule{low, high, [3]int{code % 3, code / 3 % 3, code / 9}}
				right := 0
				for _, r := range rows {
					if l.of(len(r.Prompt)) == r.of {
						right++
					}
				}
				if right > most {
					best, most = l, right
				}
			}
		}
	}
	return best
}

// outcome is a verdict on a row.
type outcome struct {
	is, said int
	sure     bool
}

// compare prints how each judge does on the kept part, with intervals of 95 % over
// its documents.
func compare(out io.Writer, d data) error {
	groups := map[string][]int{}
	var names []string
	for i, r := range d.kept {
		if groups[r.group] == nil {
			names = append(names, r.group)
		}
		groups[r.group] = append(groups[r.group], i)
	}
	fmt.Fprintf(out, "model %s on %d prompts of %d documents\n\n", classify.Hash(), len(d.kept), len(names))
	fmt.Fprintf(out, "%-13s  %-17s  %-17s  %-17s  %s\n", "", "accuracy", "macro-F1", "right where sure", "sure")
	spreads := map[string][]float64{} // of macro-F1, draw by draw
	for _, j := range judges(d) {
		all := make([]outcome, len(d.kept))
		for i, r := range d.kept {
			all[i].is = r.of
			all[i].said, all[i].sure = j.of(r)
		}
		dice := rand.New(rand.NewPCG(3, 4)) // the same documents for each judge
		var spread [3][]float64
		for range draws {
			var drawn []outcome
			for range names {
				for _, i := range groups[names[dice.IntN(len(names))]] {
					drawn = append(drawn, all[i])
				}
			}
			for k, x := range figures(drawn) {
				spread[k] = append(spread[k], x)
			}
		}
		spreads[j.name] = slices.Clone(spread[1])
		fmt.Fprintf(out, "%-13s", j.name)
		sure := count(all, func(o outcome) bool { return o.sure })
		for k, x := range figures(all) {
			if k == 2 && sure == 0 {
				fmt.Fprintf(out, "  %-17s", "")
				continue
			}
			slices.Sort(spread[k])
			fmt.Fprintf(out, "  %.2f [%.2f, %.2f]", x, spread[k][draws/40], spread[k][draws-1-draws/40])
		}
		fmt.Fprintf(out, "  %d of %d\n", sure, len(all))
	}
	gain := spreads["model"]
	for i, rules := range spreads["rules alone"] {
		gain[i] -= rules
	}
	slices.Sort(gain)
	fmt.Fprintf(out, "\nmacro-F1 of the model over that of the rules, on the same draws: [%+.2f, %+.2f], median %+.2f\n",
		gain[draws/40], gain[draws-1-draws/40], gain[draws/2])
	return nil
}

// figures are the accuracy, the macro-F1, and how many of the sure verdicts are
// right.
func figures(all []outcome) [3]float64 {
	right := func(o outcome) bool { return o.is == o.said }
	var f1 float64
	for c := range kinds {
		hit := count(all, func(o outcome) bool { return right(o) && o.is == c })
		miss := count(all, func(o outcome) bool { return !right(o) && (o.is == c || o.said == c) })
		f1 += float64(2*hit) / float64(max(1, 2*hit+miss)) / float64(kinds)
	}
	sure := count(all, func(o outcome) bool { return o.sure })
	return [3]float64{
		float64(count(all, right)) / float64(len(all)), f1,
		float64(count(all, func(o outcome) bool { return o.sure && right(o) })) / float64(max(1, sure)),
	}
}

func count(all []outcome, is func(outcome) bool) (n int) {
	for _, o := range all {
		if is(o) {
			n++
		}
	}
	return n
}
