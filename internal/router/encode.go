package router

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// MaxEncoded is how large an encoded decision is at most, in bytes.
const MaxEncoded = 512

// encoded is a decision as it is kept beside its turn, whose row has the model's
// name, workload and class.
type encoded struct {
	Policy     string     `json:"p,omitempty"`
	Rule       string     `json:"r"`
	ClassBy    ClassBy    `json:"cb,omitempty"`
	Why        string     `json:"y,omitempty"`
	Sure       float64    `json:"s,omitempty"`
	Classifier string     `json:"c,omitempty"`
	Prefer     Prefer     `json:"o,omitempty"`
	Candidates []string   `json:"k"`
	Excluded   []excluded `json:"x,omitempty"`
	Later      []excluded `json:"lt,omitempty"`
	Up         []string   `json:"up,omitempty"`
	Stayed     bool       `json:"st,omitempty"`
	Switched   bool       `json:"sw,omitempty"`
	Escalated  Trigger    `json:"es,omitempty"`
	Chosen     bool       `json:"ch,omitempty"`
	Last       bool       `json:"l,omitempty"`
	// More counts the candidates and exclusions for which there was no room.
	More [2]int `json:"m,omitzero"`
}

type excluded struct {
	Name   string `json:"n"`
	Reason Reason `json:"r"`
	Detail string `json:"d,omitempty"`
	Want   int64  `json:"w,omitempty"`
	Have   int64  `json:"h,omitempty"`
	Until  int64  `json:"u,omitempty"` // Unix seconds
}

// Told is a decision that was kept, with how many candidates and exclusions were
// left out for want of room, and the policy's hash.
type Told struct {
	Decision
	Policy                       string
	MoreCandidates, MoreExcluded int
}

// Encode writes a decision in at most MaxEncoded bytes: why some come later is left
// out first, then what was excluded last, then the stronger models, then the last
// candidates, then the words.
func (d *Decision) Encode(policy string) []byte {
	e := encoded{
		Policy: policy, Rule: d.Rule, ClassBy: d.ClassBy, Why: d.Why, Sure: d.Sure, Classifier: d.Classifier, Prefer: d.Prefer,
		Stayed: d.Stayed, Switched: d.Switched, Escalated: d.Escalated, Chosen: d.Chosen, Last: d.Last,
	}
	if e.Prefer == PreferOrder {
		e.Prefer = ""
	}
	// What surely doesn't fit isn't even written: lists can be long.
	room := MaxEncoded
	e.Candidates = fittingNames(d.Candidates, &room)
	e.Up = fittingNames(d.Up, &room)
	e.Excluded = fitting(d.Excluded, &room)
	e.Later = fitting(d.Later, &room)
	for {
		e.More = [2]int{len(d.Candidates) - len(e.Candidates), len(d.Excluded) - len(e.Excluded)}
		b, err := json.Marshal(&e)
		if err == nil && len(b) <= MaxEncoded {
			return b
		}
		switch {
		case len(e.Later) > 0:
			e.Later = e.Later[:len(e.Later)-1]
		case len(e.Excluded) > 0:
			e.Excluded = e.Excluded[:len(e.Excluded)-1]
		case len(e.Up) > 0:
			e.Up = e.Up[:len(e.Up)-1]
		case len(e.Candidates) > 1:
			e.Candidates = e.Candidates[:len(e.Candidates)-1]
		case e.Why != "":
			e.Why = ""
		case len(e.Candidates) > 0: // a name of half a kilobyte
			e.Candidates = nil
		default:
			return nil // what is left are words of our own, which are short
		}
	}
}

// fittingNames are the first of the candidates whose names may fit.
func fittingNames(all []Candidate, room *int) []string {
	var out []string
	for _, c := range all {
		if *room -= len(c.Account) + len(c.Model) + len(`"/",`); *room < 0 {
			break
		}
		out = append(out, c.Name())
	}
	return out
}

// fitting are the first of what was excluded or put behind that may fit into what
// room is left.
func fitting(all []Exclusion, room *int) []excluded {
	var out []excluded
	for _, x := range all {
		if *room -= len(x.Name) + len(x.Reason) + len(x.Detail) + len(`{"n":"","r":""},`); *room < 0 {
			break
		}
		kept := excluded{Name: x.Name, Reason: x.Reason, Detail: x.Detail, Want: x.Want, Have: x.Have}
		if !x.Until.IsZero() {
			kept.Until = x.Until.Unix()
		}
		out = append(out, kept)
	}
	return out
}

// Tell reads what Encode wrote.
func Tell(b []byte) (Told, error) {
	var e encoded
	if err := json.Unmarshal(b, &e); err != nil {
		return Told{}, fmt.Errorf("a decision that was kept: %w", err)
	}
	out := Told{Policy: e.Policy, MoreCandidates: e.More[0], MoreExcluded: e.More[1], Decision: Decision{
		Rule: e.Rule, ClassBy: e.ClassBy, Why: e.Why, Sure: e.Sure, Classifier: e.Classifier, Prefer: e.Prefer,
		Stayed: e.Stayed, Switched: e.Switched, Escalated: e.Escalated, Chosen: e.Chosen, Last: e.Last,
	}}
	if out.Prefer == "" {
		out.Prefer = PreferOrder
	}
	out.Candidates, out.Up = named(e.Candidates), named(e.Up)
	for _, x := range e.Excluded {
		in := Exclusion{Name: x.Name, Reason: x.Reason, Detail: x.Detail, Want: x.Want, Have: x.Have}
		if x.Until != 0 {
			in.Until = time.Unix(x.Until, 0).UTC()
		}
		out.Excluded = append(out.Excluded, in)
	}
	for _, x := range e.Later {
		out.Later = append(out.Later, Exclusion{Name: x.Name, Reason: x.Reason})
	}
	return out, nil
}

// named are the candidates of these names.
func named(names []string) (out []Candidate) {
	for _, name := range names {
		account, model, _ := strings.Cut(name, "/")
		out = append(out, Candidate{Account: account, Model: model})
	}
	return out
}
