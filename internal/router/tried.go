package router

import (
	"fmt"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// Tried is one attempt at answering a request, for an explanation of it.
type Tried struct {
	Name string // provider/model-id
	// Key tells the provider's keys apart; "" where it had none.
	Key string
	End End
	// Why it failed; "" where it didn't.
	Why        llm.Kind
	FirstToken time.Duration // 0: none came
	Took       time.Duration
}

// End is how an attempt ended.
type End string

// The ends.
const (
	EndAnswered    End = "ok"
	EndFailed      End = "error"       // before anything was sent
	EndCut         End = "cut"         // after the answer had begun
	EndLeft        End = "canceled"    // the client left
	EndInterrupted End = "interrupted" // the gateway stopped
)

// kinds are why attempts fail, in words that stand in brackets.
var kinds = map[llm.Kind]string{
	llm.KindBadRequest:    "it refused the request",
	llm.KindAuth:          "it refused us",
	llm.KindPermission:    "it doesn't let us",
	llm.KindNotFound:      "it doesn't know the model",
	llm.KindTooLarge:      "the request was too large for it",
	llm.KindContextLength: "the prompt was too long for it",
	llm.KindRateLimit:     "its rate limit was reached",
	llm.KindQuota:         "its quota or balance was used up",
	llm.KindOverloaded:    "overloaded",
	llm.KindUpstream:      "an error of its own",
	llm.KindTimeout:       "too slow",
	llm.KindTruncated:     "its answer broke off",
	llm.KindContentFilter: "its policy forbade it",
	llm.KindReasoning:     "it refused reasoning of earlier turns",
	llm.KindUnavailable:   "it could not be asked",
	llm.KindNotBuilt:      "the request can't be put to it",
	llm.KindUseless:       "its answer was of no use",
}

// InWords says why an attempt failed; "" where nothing is known.
func InWords(k llm.Kind) string { return kinds[k] }

// tell is what the attempts came to, in one sentence.
func tell(all []Tried) string {
	s := ""
	for i := range all {
		t := &all[i]
		who := t.Name
		if i > 0 {
			before := &all[i-1]
			switch {
			case before.Name == t.Name && before.Key != t.Key:
				s, who = s+", so it was asked with another key and", ""
			case before.Name == t.Name:
				s, who = s+", so it was asked again and", ""
			case before.Why == llm.KindUseless:
				s += ", so the stronger"
			case t.End == EndAnswered:
				s += ", so"
			default:
				s += ", then"
			}
		}
		if s != "" {
			s += " "
		}
		if who != "" {
			s += who + " "
		}
		s += t.came()
	}
	if n := len(all); n > 0 && all[n-1].End == EndFailed {
		return s + ", and there was nothing left to try."
	}
	return s + "."
}

// came is what one attempt came to.
func (t *Tried) came() string {
	var s string
	switch took := after(t.Took); t.End {
	case EndAnswered:
		if first := after(t.FirstToken); t.FirstToken > 0 && first != took {
			return "began to answer " + first + " and was done " + took
		}
		return "answered " + took
	case EndCut:
		s = "broke off " + took + ", when the client had a part of its answer"
	case EndLeft:
		return "was given up " + took + ", when the client left"
	case EndInterrupted:
		return "was still answering when the gateway stopped"
	default:
		s = "failed " + took
	}
	if why := kinds[t.Why]; why != "" {
		s += " (" + why + ")"
	}
	return s
}

// after writes how long something took, in seconds to two digits.
func after(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case ms < 0.5:
		return "at once"
	case ms < 999.5:
		return fmt.Sprintf("after %.0f ms", ms)
	case ms < 9950:
		return fmt.Sprintf("after %.1f s", ms/1000)
	default:
		return fmt.Sprintf("after %.0f s", ms/1000)
	}
}
