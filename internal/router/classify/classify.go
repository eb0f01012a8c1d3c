package classify

import (
	"github.com/oidostudio/oido/internal/router/classify/wording"
)

// Class is what a request needs.
type Class string

// The classes.
const (
	HighVolume  Class = "high_volume" // much of it, quickly told right from wrong: labels, extracts, titles
	Interactive Class = "interactive" // an answer to a person, code included
	Reasoning   Class = "reasoning"   // it has to hold: proofs, causes, decisions
	LongContext Class = "long_context"
)

// LongContextTokens is the input from which a request is LongContext. Below it
// most models have the window, and which of them is better decides.
const LongContextTokens = 200_000

// labelTokens is an answer too short for anything but a label.
const labelTokens = 16

// Input is what is known of a request.
type Input struct {
	// System are the texts of system and developer messages. Only housekeeping is
	// looked for in them: they say what the client is, not what is asked.
	System []string
	// User are the texts of the last user message.
	User []string
	// Tokens is the size of the whole input, 0 when unknown.
	Tokens int
	// MaxOutput caps the answer in tokens, 0 when not said.
	MaxOutput int
	// AfterTool says that the request ends in a tool's results.
	AfterTool bool
	// Media says that the last user message holds more than text.
	Media bool
}

// Verdict is what a request needs, and how that was found.
type Verdict struct {
	Class Class
	// Confidence is how often such a verdict is right, from 0 to 1; 1 for signals
	// that are certain.
	Confidence float64
	// Why names what spoke for the class, strongest first, then "" .
	Why [3]string
	// Learned says that the model of [Hash] gave it.
	Learned bool
}

// Sure says whether the verdict is to be acted on where that confidence is asked
// for.
func (v Verdict) Sure(confidence float64) bool { return v.Confidence >= confidence && v.Class != "" }

func certain(c Class, why string) Verdict {
	return Verdict{Class: c, Confidence: 1, Why: [3]string{why}}
}

// Classify says what the request needs. Where there is nothing to go by the class
// is "" and the confidence 0.
func Classify(in Input) Verdict {
	if in.Tokens >= LongContextTokens {
		return certain(LongContext, "input_tokens")
	}
	if chore := Housekeeping(in.System, in.User); chore != "" {
		return certain(HighVolume, chore)
	}
	switch {
	case in.MaxOutput > 0 && in.MaxOutput <= labelTokens:
		return certain(HighVolume, "max_output")
	case in.AfterTool:
		return certain(Interactive, "tool_result")
	case in.Media:
		return certain(Interactive, "media")
	}
	var r wording.Reading
	if !read(&r, in.User) {
		return Verdict{}
	}
	var seen wording.Vector
	r.Look(&seen, nil, nil)
	return embedded().Judge(&seen)
}

// read adds the beginning and the end of what the user says, without what the
// client put around it, and says whether there was any.
func read(r *wording.Reading, texts []string) bool {
	size := 0
	for _, t := range texts {
		for it := scan(t); it.next(); {
			size += len(it.piece) + 1
		}
	}
	at := 0
	some := false
	add := func(s string) {
		// Two windows of it: what lies between is left out.
		for _, span := range [2][2]int{{0, wording.Window}, {max(wording.Window, size-wording.Window), size}} {
			from, to := max(span[0]-at, 0), min(span[1]-at, len(s))
			if from < to {
				r.Add(s[from:to])
				some = some || !blank(s[from:to])
			}
		}
		at += len(s)
	}
	for _, t := range texts {
		for it := scan(t); it.next(); {
			add(it.piece)
			add("\n")
		}
	}
	return some
}

func blank(s string) bool {
	for i := range len(s) {
		if s[i] > ' ' {
			return false
		}
	}
	return true
}
