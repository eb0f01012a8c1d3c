package gemini

import "github.com/oidostudio/oido/internal/llm"

// finishes maps the vendor's words; SAFETY and those like it are its filters.
var finishes = map[string]llm.FinishReason{
	"STOP":       llm.FinishStop,
	"MAX_TOKENS": llm.FinishLength,

	"SAFETY":                   llm.FinishContentFilter,
	"RECITATION":               llm.FinishContentFilter,
	"LANGUAGE":                 llm.FinishContentFilter,
	"BLOCKLIST":                llm.FinishContentFilter,
	"PROHIBITED_CONTENT":       llm.FinishContentFilter,
	"SPII":                     llm.FinishContentFilter,
	"MODEL_ARMOR":              llm.FinishContentFilter,
	"IMAGE_SAFETY":             llm.FinishContentFilter,
	"IMAGE_PROHIBITED_CONTENT": llm.FinishContentFilter,
	"IMAGE_RECITATION":         llm.FinishContentFilter,

	"MALFORMED_FUNCTION_CALL": llm.FinishToolMalformed,
	"UNEXPECTED_TOOL_CALL":    llm.FinishToolMalformed,
	"TOO_MANY_TOOL_CALLS":     llm.FinishToolMalformed,

	"CONTINUATION": llm.FinishPause,
	"OTHER":        llm.FinishError,
}

// finishOf reads a finish reason. Gemini stops for a tool call as it does at the
// end of a text; called tells the two apart. A word that we don't know is an end
// like an error: nothing says that the answer is whole.
func finishOf(choice int, word, message string, called bool) llm.Finish {
	f := llm.Finish{Choice: choice, Reason: finishes[word], Raw: word}
	switch {
	case f.Reason == "":
		f.Reason = llm.FinishError
	case f.Reason == llm.FinishStop && called:
		f.Reason = llm.FinishToolCalls
	}
	if f.Reason != llm.FinishStop && f.Reason != llm.FinishToolCalls {
		f.Detail = message
	}
	return f
}

// blocked is the end of an answer whose prompt was refused.
func blocked(p *promptFeedback) llm.Finish {
	return llm.Finish{Reason: llm.FinishContentFilter, Raw: p.BlockReason, Detail: p.BlockMessage}
}

// finishWord writes a finish reason: the vendor's own word where it was one of
// this format, else the nearest.
func finishWord(f llm.Finish) string {
	if known, ok := finishes[f.Raw]; ok && known == f.Reason && f.Reason != llm.FinishPause {
		return f.Raw
	}
	switch f.Reason {
	case llm.FinishLength, llm.FinishContextFull:
		return "MAX_TOKENS"
	case llm.FinishContentFilter:
		return "SAFETY"
	case llm.FinishToolMalformed:
		return "MALFORMED_FUNCTION_CALL"
	case llm.FinishError:
		return "OTHER"
	}
	return "STOP"
}
