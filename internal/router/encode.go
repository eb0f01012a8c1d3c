package router

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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

// write appends the document that [encoded]'s tags describe. It is written for every
// turn, so by hand.
func (e *encoded) write(b []byte) []byte {
	b = append(b, '{')
	text := func(name, s string) {
		if s != "" {
			b = quote(append(append(b, name...), ':'), s)
			b = append(b, ',')
		}
	}
	flag := func(name string, on bool) {
		if on {
			b = append(append(b, name...), ":true,"...)
		}
	}
	list := func(name string, all []excluded) {
		if len(all) == 0 {
			return
		}
		b = append(append(b, name...), ":["...)
		for i := range all {
			b = append(all[i].write(b), ',')
		}
		b[len(b)-1] = ']'
		b = append(b, ',')
	}
	text(`"p"`, e.Policy)
	text(`"cb"`, string(e.ClassBy))
	text(`"y"`, e.Why)
	text(`"c"`, e.Classifier)
	text(`"o"`, string(e.Prefer))
	text(`"es"`, string(e.Escalated))
	if e.Sure != 0 {
		b = append(strconv.AppendFloat(append(b, `"s":`...), e.Sure, 'g', 4, 64), ',')
	}
	list(`"x"`, e.Excluded)
	list(`"lt"`, e.Later)
	flag(`"st"`, e.Stayed)
	flag(`"sw"`, e.Switched)
	flag(`"ch"`, e.Chosen)
	flag(`"l"`, e.Last)
	if e.More != ([2]int{}) {
		b = append(b, `"m":[`...)
		b = append(strconv.AppendInt(b, int64(e.More[0]), 10), ',')
		b = append(strconv.AppendInt(b, int64(e.More[1]), 10), "],"...)
	}
	if len(e.Up) > 0 {
		b = append(names(append(b, `"up":`...), e.Up), ',')
	}
	b = names(append(b, `"k":`...), e.Candidates)
	b = quote(append(b, `,"r":`...), e.Rule)
	return append(b, '}')
}

func names(b []byte, all []string) []byte {
	b = append(b, '[')
	for i, name := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = quote(b, name)
	}
	return append(b, ']')
}

func (x *excluded) write(b []byte) []byte {
	b = quote(append(b, `{"n":`...), x.Name)
	b = quote(append(b, `,"r":`...), string(x.Reason))
	if x.Detail != "" {
		b = quote(append(b, `,"d":`...), x.Detail)
	}
	for _, n := range [...]struct {
		name string
		is   int64
	}{{`,"w":`, x.Want}, {`,"h":`, x.Have}, {`,"u":`, x.Until}} {
		if n.is != 0 {
			b = strconv.AppendInt(append(b, n.name...), n.is, 10)
		}
	}
	return append(b, '}')
}

// quote appends a JSON string; what isn't UTF-8 in it is replaced.
func quote(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // the error says only that something was replaced
	return b
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
	left := MaxEncoded
	e.Candidates = fittingNames(d.Candidates, &left)
	e.Up = fittingNames(d.Up, &left)
	e.Excluded = fitting(d.Excluded, &left)
	e.Later = fitting(d.Later, &left)
	var room [2 * MaxEncoded]byte
	for {
		e.More = [2]int{len(d.Candidates) - len(e.Candidates), len(d.Excluded) - len(e.Excluded)}
		if b := e.write(room[:0]); len(b) <= MaxEncoded {
			return bytes.Clone(b)
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
