package llm_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/llm"
)

func TestNanoUSDString(t *testing.T) {
	t.Parallel()
	for n, want := range map[llm.NanoUSD]string{
		0: "0.000000000", 1: "0.000000001", 1_500_000: "0.001500000",
		-2_000_000_001: "-2.000000001", 1<<63 - 1: "9223372036.854775807", -1 << 63: "-9223372036.854775808",
	} {
		if got := n.String(); got != want {
			t.Errorf("NanoUSD(%d) = %s, want %s", int64(n), got, want)
		}
	}
}

func TestEffortAndBudgetConvert(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		effort    llm.Effort
		maxOutput int
		budget    int
	}{
		{llm.EffortNone, 10_000, 0},
		{llm.EffortMinimal, 10_000, llm.MinBudget},
		{llm.EffortLow, 10_000, 2_000},
		{llm.EffortMedium, 10_000, 5_000},
		{llm.EffortHigh, 10_000, 8_000},
		{llm.EffortMax, 10_000, 9_500},
		{"extreme", 10_000, 0},
	} {
		if got := llm.BudgetOf(c.effort, c.maxOutput); got != c.budget {
			t.Errorf("BudgetOf(%s, %d) = %d, want %d", c.effort, c.maxOutput, got, c.budget)
		}
	}
	for budget, want := range map[int]llm.Effort{
		0: llm.EffortNone, -1: llm.EffortMedium, 1024: llm.EffortMinimal, 2_000: llm.EffortLow, 5_000: llm.EffortMedium, 8_000: llm.EffortHigh, 9_500: llm.EffortXHigh, 50_000: llm.EffortHigh,
	} {
		if got := llm.EffortOf(budget, 10_000); got != want {
			t.Errorf("EffortOf(%d, 10000) = %s, want %s", budget, got, want)
		}
	}
}

func TestErrorfKeepsTheCauseAndPrintsItOnce(t *testing.T) {
	t.Parallel()
	err := llm.Errorf(llm.KindUpstream, "read answer: %w", io.ErrUnexpectedEOF)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if got := llm.AsError(err).Message; got != "read answer: unexpected EOF" {
		t.Errorf("message = %q", got)
	}
}

// Events and Collect are inverse for every answer.
func TestCollectUndoesEvents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := answers().Draw(t, "answer")
		got, err := llm.Collect(llm.Events(want))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

func answers() *rapid.Generator[*llm.Answer] {
	blob := rapid.Custom(func(t *rapid.T) *llm.Blob {
		if rapid.Bool().Draw(t, "none") {
			return nil
		}
		return &llm.Blob{Kind: llm.BlobSignature, Data: rapid.String().Draw(t, "data"), Origin: llm.Origin{Provider: "p"}}
	})
	part := rapid.Custom(func(t *rapid.T) llm.Part {
		s := rapid.String().Draw(t, "text")
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return llm.Text{Text: s, Blob: blob.Draw(t, "blob")}
		case 1:
			return llm.Reasoning{ID: "r", Text: s, Blob: blob.Draw(t, "blob")}
		case 2:
			return llm.Refusal{Text: s}
		case 3:
			return llm.Media{Kind: llm.MediaImage, Data: s}
		case 4:
			return llm.Opaque{Format: llm.FormatMessages, Raw: []byte(s)}
		}
		return llm.ToolCall{ID: s, Name: "f", Arguments: s, Blob: blob.Draw(t, "blob")}
	})
	return rapid.Custom(func(t *rapid.T) *llm.Answer {
		a := &llm.Answer{ID: rapid.String().Draw(t, "id"), Model: "m", Usage: llm.Usage{Output: rapid.Int64().Draw(t, "out")}}
		for c := range rapid.IntRange(1, 3).Draw(t, "choices") {
			parts := rapid.SliceOfN(part, 0, 4).Draw(t, "parts")
			if len(parts) == 0 {
				parts = nil
			}
			a.Choices = append(a.Choices, llm.Choice{Parts: parts, Finish: llm.Finish{Choice: c, Reason: llm.FinishStop}})
		}
		return a
	})
}

func TestMeaningfulWaitsForContent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event llm.Event
		want  bool
	}{
		{llm.Start{}, false},
		{llm.UsageUpdate{}, false},
		{llm.PartStart{Part: llm.Text{}}, false},
		{llm.PartStart{Part: llm.Reasoning{}}, false},
		{llm.TextDelta{}, false},
		{llm.TextDelta{Text: "a"}, true},
		{llm.ReasoningDelta{Text: "a"}, true},
		{llm.PartStart{Part: llm.ToolCall{Name: "f"}}, true},
		{llm.Finish{Reason: llm.FinishStop}, true},
	} {
		if got := llm.Meaningful(c.event); got != c.want {
			t.Errorf("Meaningful(%#v) = %v", c.event, got)
		}
	}
}

func TestLinkNamesResultsAfterTheirCalls(t *testing.T) {
	t.Parallel()
	ms := []llm.Message{
		{Role: llm.RoleAssistant, Parts: []llm.Part{llm.ToolCall{ID: "1", Name: "weather"}}},
		{Role: llm.RoleTool, Parts: []llm.Part{llm.ToolResult{CallID: "1"}, llm.ToolResult{CallID: "9"}}},
	}
	llm.Link(ms)
	want := []llm.Part{llm.ToolResult{CallID: "1", Name: "weather"}, llm.ToolResult{CallID: "9"}}
	if d := cmp.Diff(want, ms[1].Parts); d != "" {
		t.Error(d)
	}
}

func TestCollectTakesInterleavedParts(t *testing.T) {
	var c llm.Collector
	for i := range 9 {
		c.Add(llm.PartStart{Index: i, Part: llm.ToolCall{ID: "c", Name: "f"}})
		for part := range i + 1 {
			c.Add(llm.ArgumentsDelta{Index: part, Arguments: "x"})
		}
	}
	for i, p := range c.Answer().Choices[0].Parts {
		call, ok := p.(llm.ToolCall)
		if want := strings.Repeat("x", 9-i); !ok || call.Arguments != want {
			t.Errorf("part %d: %+v, want %s", i, p, want)
		}
	}
}

// A level that a model doesn't take becomes the nearest that it does.
func TestNearestEffort(t *testing.T) {
	t.Parallel()
	some := []llm.Effort{llm.EffortLow, llm.EffortHigh, llm.EffortMax}
	for _, c := range []struct {
		asked llm.Effort
		takes []llm.Effort
		want  llm.Effort
	}{
		{llm.EffortXHigh, nil, llm.EffortXHigh},
		{llm.EffortHigh, some, llm.EffortHigh},
		{llm.EffortNone, some, llm.EffortLow},
		{llm.EffortMedium, some, llm.EffortLow}, // as near as high: the weaker
		{llm.EffortXHigh, some, llm.EffortHigh},
		{"ultra", some, llm.EffortMax},
		{"ultra", []llm.Effort{llm.EffortLow, "ultra"}, "ultra"},
		{llm.EffortNone, []llm.Effort{"ultra", llm.EffortHigh}, llm.EffortHigh},
	} {
		if got := llm.NearestEffort(c.asked, c.takes); got != c.want {
			t.Errorf("%s among %v became %s, want %s", c.asked, c.takes, got, c.want)
		}
	}
}
