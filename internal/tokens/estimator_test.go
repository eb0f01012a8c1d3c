package tokens_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/tokens"
)

// after is the guess for a prompt when its model has counted others.
func after(e *tokens.Estimator, bytes int) float64 {
	n, _ := e.Of("account", "model", bytes)
	return float64(n)
}

func TestGuessesAreCorrectedByCounts(t *testing.T) {
	t.Parallel()
	for _, ratio := range []float64{0.6, 1, 1.6, 2.5} {
		e := &tokens.Estimator{}
		if n, learned := e.Of("account", "model", 4000); n != 1000 || learned {
			t.Errorf("knowing nothing: %d %t", n, learned)
		}
		for _, bytes := range []int{2000, 3000, 5000} {
			e.Learn("account", "model", bytes, int64(float64(bytes)/4*ratio))
		}
		if got, want := after(e, 8000), 2000*ratio; math.Abs(got-want) > 0.1*want {
			t.Errorf("%v tokens, want about %v", got, want)
		}
		for _, other := range [][2]string{{"account", "other"}, {"other", "model"}} {
			if n, learned := e.Of(other[0], other[1], 4000); n != 1000 || learned {
				t.Errorf("%v: %d %t", other, n, learned)
			}
		}
		// A model can change under its name.
		for range 100 {
			e.Learn("account", "model", 4000, 3000)
		}
		if got := after(e, 8000); math.Abs(got-6000) > 300 {
			t.Errorf("after a change: %v", got)
		}
	}
}

func TestShortPromptsDoNotSpeakForLongOnes(t *testing.T) {
	t.Parallel()
	e := &tokens.Estimator{}
	e.Learn("account", "model", 70, 8)
	if got := after(e, 40_000); got < 8_500 {
		t.Errorf("%v tokens of 10000", got)
	}
	e.Learn("account", "model", 40_000, 10_000)
	for range 10 {
		e.Learn("account", "model", 70, 8)
	}
	if got := after(e, 40_000); got < 9_500 {
		t.Errorf("%v tokens of 10000", got)
	}
}

// What isn't text is told by its size: an image in the body, a conversation that the
// provider keeps.
func TestWhatIsFarOffIsNotLearned(t *testing.T) {
	t.Parallel()
	e := &tokens.Estimator{}
	e.Learn("account", "model", 1_000_000, 1500)
	e.Learn("account", "model", 100, 50_000)
	e.Learn("account", "model", 0, 0)
	e.Learn("account", "model", 4000, -1000)
	if n, learned := e.Of("account", "model", 4000); n != 1000 || learned {
		t.Errorf("%d %t", n, learned)
	}
}

func TestGuessesStayWithinBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := &tokens.Estimator{}
		for range rapid.IntRange(0, 50).Draw(t, "turns") {
			e.Learn("account", "model", rapid.Int().Draw(t, "bytes"), rapid.Int64().Draw(t, "counted"))
			e.Learn("account", "model", rapid.IntRange(0, 1<<20).Draw(t, "bytes"), rapid.Int64Range(0, 1<<20).Draw(t, "counted"))
		}
		bytes := rapid.IntRange(-10, 1<<30).Draw(t, "bytes")
		n, _ := e.Of("account", "model", bytes)
		rough := tokens.Rough(bytes)
		if rough < 0 || n < rough/4 || n > 4*rough {
			t.Fatalf("%d bytes: %d tokens", bytes, n)
		}
	})
}

func TestModelsAreBounded(t *testing.T) {
	t.Parallel()
	e := &tokens.Estimator{}
	for i := range 20_000 {
		e.Learn("account", fmt.Sprint(i), 4000, 2000)
	}
	known := 0
	for i := range 20_000 {
		if _, learned := e.Of("account", fmt.Sprint(i), 4000); learned {
			known++
		}
	}
	if _, learned := e.Of("account", "19999", 4000); known != 10_000 || !learned {
		t.Errorf("%d models are known, the last one %t", known, learned)
	}
}

func BenchmarkLearn(b *testing.B) {
	e := &tokens.Estimator{}
	b.ReportAllocs()
	for b.Loop() {
		e.Of("account", "model", 1000)
		e.Learn("account", "model", 1000, 300)
	}
}
