package router

import (
	"fmt"
	"time"
)

// Decision is which models a request may be answered by, in order, and why.
type Decision struct {
	// Rule says how the candidates were found: "alias", "pinned", "bare",
	// "described", "short", "replaced", "workload", "class".
	Rule string
	// Workload and Class are what the request is of; "" when it isn't known.
	// ClassBy says how the class was found, Why in a few words, Sure how sure it
	// is.
	Workload, Class string
	ClassBy         ClassBy
	Why             string
	Sure            float64
	// Classifier names the model that was asked for the class; "": none was.
	Classifier string
	// Candidates may be asked in this order; at least one.
	Candidates []Candidate
	Excluded   []Exclusion
	// Later are the candidates that were put behind others, and why.
	Later []Exclusion
	// Resort are those of the excluded that only rest, which ends first first: of
	// more use than a refusal when all candidates fail.
	Resort []Candidate
	// Prefer is the order that was asked for.
	Prefer Prefer
	// Stayed says that the first candidate is where the session was, Switched
	// that the user chose it just now.
	Stayed, Switched bool
	// Chosen says that the session's user chose the first candidate before, Choice
	// is what was chosen, before or just now.
	Chosen bool
	Choice Place
	// Escalated is why stronger models come first; "": they don't.
	Escalated Trigger
	// Up are the stronger models that are asked, in this order, where an answer turns
	// out to be of no use before the client has seen any of it.
	Up []Candidate
	// Task is what the session is at with this request.
	Task Task
	// Last says that all of them fail of late, and the one that has rested longest is
	// asked all the same.
	Last bool
	// Timeout and Attempts are the workload's; 0: nothing is said.
	Timeout  Timeout
	Attempts int
}

// ClassBy says how a request's class was found.
type ClassBy string

// The ways.
const (
	ByLabel      ClassBy = "label"      // the caller says so
	ByName       ClassBy = "name"       // the model's name says so
	ByWorkload   ClassBy = "workload"   // it is the workload's
	BySize       ClassBy = "size"       // the prompt is long
	ByContent    ClassBy = "content"    // what the request shows
	ByDefaulting ClassBy = "by default" // nothing tells
)

// Reason is why a model isn't a candidate.
type Reason string

// The reasons.
const (
	ReasonUnknown  Reason = "unknown"   // the name leads nowhere
	ReasonContext  Reason = "context"   // the prompt and its answer don't fit
	ReasonTools    Reason = "tools"     // it takes no tools
	ReasonImage    Reason = "image"     // it reads no images
	ReasonPDF      Reason = "pdf"       // it reads no PDFs
	ReasonAudio    Reason = "audio"     // it reads no audio
	ReasonSchema   Reason = "schema"    // it doesn't keep to a schema
	ReasonKey      Reason = "key"       // the caller may not use it
	ReasonEnded    Reason = "ended"     // it is retired
	ReasonReplaced Reason = "replaced"  // it is retired, and what replaces it is a candidate
	ReasonGone     Reason = "gone"      // it left its provider's list
	ReasonResting  Reason = "resting"   // it fails, and is left alone for now
	ReasonNoAnswer Reason = "no answer" // it writes no text
	ReasonUnable   Reason = "unable"    // its provider hasn't what the request asks for
	ReasonPretend  Reason = "pretended" // it is taken to be down for the sake of argument
	ReasonDry      Reason = "dry"       // what is free of it is used up
	ReasonKept     Reason = "kept"      // what is free of it is kept for others
)

// Exclusion is a model that isn't a candidate.
type Exclusion struct {
	Name   string // provider/model-id, or what leads nowhere
	Reason Reason
	Detail string // more of it; ""
	// Want is what the request asks for and Have what the model has, in tokens,
	// where the reason is context.
	Want, Have int64
	Until      time.Time // where it is resting; zero: unknown
}

// String is what follows its name in a list.
func (x Exclusion) String() string {
	switch x.Reason {
	case ReasonUnknown:
		return x.Detail
	case ReasonContext:
		return fmt.Sprintf("has a window of %d tokens, and %d are needed for prompt and answer", x.Have, x.Want)
	case ReasonTools:
		return "takes no tools"
	case ReasonImage:
		return "reads no images"
	case ReasonPDF:
		return "reads no PDFs"
	case ReasonAudio:
		return "reads no audio"
	case ReasonSchema:
		return "doesn't keep to a JSON schema"
	case ReasonKey:
		return "this key may not use it"
	case ReasonEnded:
		return "is retired" + x.Detail
	case ReasonReplaced:
		return "is retired, and its replacement " + x.Detail + " takes its place"
	case ReasonGone:
		return "has left its provider's list"
	case ReasonResting:
		s := "failed lately and is left alone"
		if x.Detail != "" {
			s += " (" + x.Detail + ")"
		}
		if !x.Until.IsZero() {
			s += " until " + x.Until.UTC().Format(time.TimeOnly)
		}
		return s
	case ReasonNoAnswer:
		return "answers with something else than text"
	case ReasonUnable:
		return "is not asked: " + x.Detail
	case ReasonPretend:
		return "is taken to be down, as was asked for"
	case ReasonDry:
		return "has used up what is free of it, or nearly"
	case ReasonKept:
		return "has little left of its free quota, which is kept for workloads that prefer what is free"
	}
	return string(x.Reason)
}

// Sentence says without its name why a model isn't a candidate.
func (x Exclusion) Sentence() string {
	if x.Reason == ReasonUnknown {
		return x.Detail
	}
	return "it " + x.String()
}
