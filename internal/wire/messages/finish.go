package messages

import "github.com/oidostudio/oido/internal/llm"

var finishes = map[string]llm.FinishReason{
	"end_turn":      llm.FinishStop,
	"max_tokens":    llm.FinishLength,
	"stop_sequence": llm.FinishStopSequence,
	"tool_use":      llm.FinishToolCalls,
	"pause_turn":    llm.FinishPause,
	"refusal":       llm.FinishContentFilter,

	"model_context_window_exceeded": llm.FinishContextFull,
}

// finishOf reads a stop reason. An unknown one is an end like any other: the
// vendor's word stays beside it.
func finishOf(reason, sequence string, d *stopDetails) llm.Finish {
	f := llm.Finish{Reason: finishes[reason], Raw: reason, StopSequence: sequence, Detail: d.text()}
	if f.Reason == "" {
		f.Reason = llm.FinishStop
	}
	return f
}

// stopReason writes a finish; called says that the answer holds tool calls,
// which clients only look for under "tool_use".
func stopReason(f llm.Finish, called bool) string {
	switch f.Reason {
	case llm.FinishLength:
		return "max_tokens"
	case llm.FinishStopSequence:
		if f.StopSequence != "" {
			return "stop_sequence"
		}
	case llm.FinishContextFull:
		return "model_context_window_exceeded"
	case llm.FinishPause:
		return "pause_turn"
	case llm.FinishContentFilter:
		return "refusal"
	}
	if called {
		return "tool_use"
	}
	return "end_turn"
}

// detailsOf is what explains a refusal.
func detailsOf(f llm.Finish) *stopDetails {
	if f.Reason != llm.FinishContentFilter || f.Detail == "" {
		return nil
	}
	return &stopDetails{Type: "refusal", Explanation: &f.Detail}
}

// sequenceOf is the stop sequence to show.
func sequenceOf(f llm.Finish) *string {
	if f.Reason != llm.FinishStopSequence || f.StopSequence == "" {
		return nil
	}
	return &f.StopSequence
}
