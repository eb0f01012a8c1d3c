package router

import (
	"fmt"
	"slices"
	"strings"
)

// Asked is what an explanation tells of the request, besides the decision.
type Asked struct {
	Model, Workload, Class string
	// Price is what a candidate costs or would have cost for this request, in
	// words; "" when nobody knows. Nil: no prices are told.
	Price func(Candidate) string
	// Tried are the attempts that were made; none for a request that wasn't sent.
	Tried []Tried
	// Dropped is what translation had to leave out of what was sent.
	Dropped []string
}

// Explain is a decision in a few sentences that a person understands.
func (d *Told) Explain(q Asked) string {
	var s []string
	say := func(format string, args ...any) { s = append(s, fmt.Sprintf(format, args...)) }
	switch d.Rule {
	case "pinned":
		say("%s was asked for by its full name, so nothing else was considered.", q.Model)
	case "bare":
		say("%q is the id of a model; it is asked at every connected provider that lists it.", q.Model)
	case "alias":
		say("%q is an alias of this server.", q.Model)
	case "described", "short":
		say("%q is a described name; it stands for the first of its models that is connected.", q.Model)
	case "replaced":
		say("%s is retired; the replacement that its provider names takes its place.", q.Model)
	case "workload":
		if d.Why != "" && d.ClassBy != BySize && d.ClassBy != ByContent {
			say("The request is of the workload %s: %s.", q.Workload, d.Why)
			break
		}
		say("The request is of the workload %s.", q.Workload)
	}
	if q.Class != "" {
		if text := d.class(q.Class); text != "" {
			s = append(s, text)
		}
	}
	if len(d.Candidates) > 0 {
		say("In order: %s.", d.inOrder(q))
	}
	if len(d.Candidates)+d.MoreCandidates > 1 {
		switch d.Prefer {
		case PreferCheap:
			say("The cheapest for this request comes first.")
		case PreferFast:
			say("The one that usually begins soonest comes first.")
		case PreferFree:
			say("What costs nothing comes first, while it lasts.")
		}
	}
	if d.Stayed {
		say("The session stays where it was: the provider has its beginning in its cache.")
	}
	if d.Chosen {
		say("The session's user chose its model before.")
	}
	if d.Switched {
		say("The user chose this model; the session stays on it.")
	}
	if d.Escalated != "" {
		say("The task %s, so the stronger models come first until the next one.", d.Escalated.text())
	}
	if len(d.Up) > 0 {
		say("Where an answer is of no use, and nobody has seen any of it, a stronger model is asked: %s.", q.priced(d.Up))
	}
	if d.Last {
		say("All of them failed of late; the one whose rest ends first is asked all the same.")
	}
	for _, x := range d.Later {
		say("%s comes later: it %s.", x.Name, x)
	}
	for _, x := range d.Excluded {
		if x.Reason == ReasonResting && slices.ContainsFunc(q.Tried, func(t Tried) bool { return t.Name == x.Name }) {
			say("%s %s; nothing else was left, so it was asked all the same.", x.Name, x)
			continue
		}
		say("Not %s: %s.", x.Name, x.Sentence())
	}
	if d.MoreExcluded > 0 {
		say("%d more were left out.", d.MoreExcluded)
	}
	if len(q.Tried) > 0 {
		say("%s", tell(q.Tried))
	}
	if len(q.Dropped) > 0 {
		say("Left out of what was sent, since the model's format has no word for it: %s.", strings.Join(q.Dropped, ", "))
	}
	if hints := d.Hints(); len(hints) > 0 {
		say("To change this: %s.", strings.Join(hints, "; "))
	}
	return strings.Join(s, " ")
}

// class says of which class the request is, and why; "" where it needn't be said.
func (d *Told) class(name string) string {
	is, whose := "Its class is "+name, "its"
	if d.Rule == "class" {
		is, whose = "The request is of the class "+name, "the request's"
	}
	switch d.ClassBy {
	case ByLabel:
		return is + ", as the caller says."
	case ByName:
		return is + ", as the model's name says."
	case ByWorkload:
		return is + ", as its workload says."
	case BySize:
		return is + ": " + d.Why + "."
	case ByContent:
		if d.Classifier != "" {
			return fmt.Sprintf("%s, by the classifier %s, which is %.0f %% sure: %s.", is, d.Classifier, 100*d.Sure, d.Why)
		}
		return is + ": " + d.Why + "."
	case ByDefaulting:
		if d.Classifier != "" {
			return fmt.Sprintf("Nothing told %s class surely enough (the classifier %s is %.0f %% sure), so it is the default one, %s.", whose, d.Classifier, 100*d.Sure, name)
		}
		return "Nothing told " + whose + " class, so it is the default one, " + name + "."
	}
	if d.Rule == "class" {
		return is + "."
	}
	return ""
}

func (d *Told) inOrder(q Asked) string {
	s := q.priced(d.Candidates)
	if d.MoreCandidates > 0 {
		s += fmt.Sprintf(", and %d more", d.MoreCandidates)
	}
	return s
}

// priced are candidates with their prices.
func (q *Asked) priced(all []Candidate) string {
	out := make([]string, 0, len(all))
	for _, c := range all {
		name := c.Name()
		if q.Price != nil {
			if price := q.Price(c); price != "" {
				name += " (" + price + ")"
			} else {
				name += " (price unknown)"
			}
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// remedies say what would bring an excluded model back.
var remedies = []struct {
	reason Reason
	text   string
}{
	{ReasonContext, "send less, or ask for a shorter answer"},
	{ReasonTools, "leave out the tools"},
	{ReasonImage, "leave out the images"},
	{ReasonPDF, "leave out the PDFs"},
	{ReasonAudio, "leave out the audio"},
	{ReasonSchema, "ask without a schema"},
	{ReasonKey, "use a key that may use the model"},
	{ReasonEnded, "name the replacement in the configuration"},
	{ReasonReplaced, "name the replacement in the configuration"},
	{ReasonGone, "name the replacement in the configuration"},
	{ReasonUnknown, "connect the provider, or correct the name in the configuration"},
	{ReasonResting, "wait, or look at the provider with `oido doctor`"},
	{ReasonUnable, "name a model at another provider"},
}

// Hints say what would change the decision.
func (d *Told) Hints() []string {
	var out []string
	for _, r := range remedies {
		if !slices.Contains(out, r.text) && slices.ContainsFunc(d.Excluded, func(x Exclusion) bool { return x.Reason == r.reason }) {
			out = append(out, r.text)
		}
	}
	if d.ClassBy == ByDefaulting {
		out = append(out, "say what the request is with X-Oido-Workload or X-Oido-Class")
	}
	return out
}
