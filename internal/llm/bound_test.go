package llm_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
)

// flood tells one text that doesn't end.
func flood(yield func(llm.Event, error) bool) {
	words := strings.Repeat("a", 1<<20)
	if !yield(llm.Start{}, nil) || !yield(llm.PartStart{Part: llm.Text{}}, nil) {
		return
	}
	for yield(llm.TextDelta{Text: words}, nil) {
	}
}

func TestWhatNeverEndsIsEnded(t *testing.T) {
	t.Parallel()
	events, failed := 0, llm.Kind("")
	for _, err := range llm.Bounded(flood) {
		if events++; err != nil {
			failed = llm.AsError(err).Kind
		}
	}
	if failed != llm.KindUpstream || events > llm.MaxAnswer>>20+3 {
		t.Errorf("%d events, then %q", events, failed)
	}
}

func TestACollectorLetsGoOfAFlood(t *testing.T) {
	t.Parallel()
	var c llm.Collector
	for e := range flood {
		if c.Add(e); c.Full() {
			break
		}
	}
	c.Add(llm.PartStart{Part: llm.Text{Text: "more"}})
	if a := c.Answer(); len(a.Choices) != 1 || len(a.Choices[0].Parts) != 0 {
		t.Errorf("%d parts are kept", len(a.Choices[0].Parts))
	}
}
