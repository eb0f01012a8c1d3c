package converse

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/scan"
)

var finishes = map[string]llm.FinishReason{
	"end_turn":             llm.FinishStop,
	"tool_use":             llm.FinishToolCalls,
	"max_tokens":           llm.FinishLength,
	"stop_sequence":        llm.FinishStopSequence,
	"guardrail_intervened": llm.FinishContentFilter,
	"content_filtered":     llm.FinishContentFilter,
	"refusal":              llm.FinishContentFilter, // Anthropic's word, where it passes
	"pause_turn":           llm.FinishPause,
	"malformed_tool_use":   llm.FinishToolMalformed,

	"malformed_model_output":        llm.FinishToolMalformed,
	"model_context_window_exceeded": llm.FinishContextFull,
}

// finishOf reads a stop reason. An unknown one is an end like any other: the
// vendor's word stays beside it. extra is what the model says of its own.
func finishOf(reason string, extra jsontext.Value) llm.Finish {
	f := llm.Finish{Reason: finishes[reason], Raw: reason}
	if f.Reason == "" {
		f.Reason = llm.FinishStop
	}
	if f.StopSequence = scan.Text(scan.Member(extra, "stop_sequence")); f.StopSequence == "" {
		f.StopSequence = scan.Text(scan.Member(scan.Member(extra, "delta"), "stop_sequence"))
	}
	return f
}

// answered is the finish of an answer that came as a call: to the client none
// was made. Calls are the end that a client must see, whatever else is said.
func answered(f llm.Finish, answer bool, calls int) llm.Finish {
	if answer && calls == 0 && f.Reason == llm.FinishToolCalls {
		f.Reason = llm.FinishStop
	}
	if calls > 0 && f.Reason == llm.FinishStop {
		f.Reason = llm.FinishToolCalls
	}
	return f
}
