package responses

import (
	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// spoken returns the part of a message at a content index, opened if it isn't.
func (d *decoder) spoken(ev *event, fresh llm.Part) (*inPart, *llm.Error) {
	it, e := d.item(ev.OutputIndex, ev.ItemID, "message")
	if e != nil {
		return nil, e
	}
	if p := it.content[ev.ContentIndex]; p != nil {
		return p, nil
	}
	if len(it.content) >= maxItems {
		return nil, llm.Errorf(llm.KindUpstream, "a message of the answer has more than %d parts", maxItems)
	}
	p := d.open(fresh)
	it.content[ev.ContentIndex] = p
	return p, nil
}

// opening is the part that a content part of the wire opens; nil for one of
// reasoning and for one without a neutral word.
func opening(typ string) llm.Part {
	switch typ {
	case "output_text", "text":
		return llm.Text{}
	case "refusal":
		return llm.Refusal{}
	}
	return nil
}

func (d *decoder) partAdded(ev *event) *llm.Error {
	if ev.Part == nil || opening(ev.Part.Type) == nil {
		return nil
	}
	_, e := d.spoken(ev, opening(ev.Part.Type))
	return e
}

func (d *decoder) partDone(ev *event) *llm.Error {
	if ev.Part == nil || opening(ev.Part.Type) == nil {
		return nil
	}
	p, e := d.spoken(ev, opening(ev.Part.Type))
	if e == nil {
		d.completePart(p, ev.Part)
	}
	return e
}

// completePart tells what the deltas left out, and ends the part.
func (d *decoder) completePart(p *inPart, whole *contentPart) {
	if p.closed {
		return
	}
	text := whole.Text
	if p.refusal {
		text = whole.Refusal
	}
	if rest := p.rest(text); rest != "" {
		var probs []llm.TokenLogprob
		if len(p.said) == 0 {
			probs = logprobsOf(whole.Logprobs)
		}
		d.say(p, rest, probs)
	}
	for i, raw := range whole.Annotations {
		if c, ok := citationOf(raw); ok && i >= p.citations {
			p.citations++
			d.emit(llm.CitationDelta{Index: p.index, Citation: c})
		}
	}
	d.end(p)
}

// rest is what a whole text says beyond what was told of it; nothing where the
// two disagree, since what was told can't be taken back.
func (p *inPart) rest(whole string) string {
	if len(whole) > len(p.said) && whole[:len(p.said)] == string(p.said) {
		return whole[len(p.said):]
	}
	return ""
}

// say tells more of a text or refusal.
func (d *decoder) say(p *inPart, text string, probs []llm.TokenLogprob) {
	if p.closed || text == "" && len(probs) == 0 {
		return
	}
	p.said = append(p.said, text...)
	if p.refusal {
		d.seen.see(llm.Refusal{Text: text})
	} else {
		d.seen.see(llm.Text{Text: text})
	}
	d.emit(llm.TextDelta{Index: p.index, Text: text, Logprobs: probs})
}

func (d *decoder) textDelta(ev *event) *llm.Error {
	p, e := d.spoken(ev, llm.Text{})
	if e == nil {
		d.say(p, ev.Delta, logprobsOf(ev.Logprobs))
	}
	return e
}

func (d *decoder) refusalDelta(ev *event) *llm.Error {
	p, e := d.spoken(ev, llm.Refusal{})
	if e == nil {
		d.say(p, ev.Delta, nil)
	}
	return e
}

func (d *decoder) annotation(ev *event) *llm.Error {
	p, e := d.spoken(ev, llm.Text{})
	if e != nil {
		return e
	}
	if c, ok := citationOf(ev.Annotation); ok && !p.closed && !p.refusal {
		p.citations++
		d.emit(llm.CitationDelta{Index: p.index, Citation: c})
	}
	return nil
}

func (d *decoder) summaryDelta(ev *event) *llm.Error {
	return d.think(ev, ev.SummaryIndex, true)
}

func (d *decoder) reasoningDelta(ev *event) *llm.Error {
	return d.think(ev, ev.ContentIndex, false)
}

// think tells more of a reasoning. Where a server sends both the reasoning and
// its summary, what comes first is what is told.
func (d *decoder) think(ev *event, paragraph int, summary bool) *llm.Error {
	it, e := d.item(ev.OutputIndex, ev.ItemID, "reasoning")
	if e != nil {
		return e
	}
	d.openReasoning(it, summary)
	if it.own.summary == summary {
		text := ev.Delta
		if text != "" && paragraph != it.own.paragraph && len(it.own.said) > 0 {
			text = between + text
		}
		if text != "" {
			it.own.paragraph = paragraph
		}
		d.ponder(it.own, text)
	}
	return nil
}

func (d *decoder) ponder(p *inPart, text string) {
	if text == "" || p.closed {
		return
	}
	p.said = append(p.said, text...)
	d.emit(llm.ReasoningDelta{Index: p.index, Text: text})
}

// argumentsDelta tells more of a call. What comes for a call that isn't open is
// told when its item is done.
func (d *decoder) argumentsDelta(ev *event) *llm.Error {
	it := d.items[ev.OutputIndex]
	if it != nil && it.own != nil && (it.typ == "function_call" || it.typ == "custom_tool_call") {
		d.argue(it.own, ev.Delta)
	}
	return nil
}

func (d *decoder) argue(p *inPart, text string) {
	if text == "" || p.closed {
		return
	}
	p.said = append(p.said, text...)
	d.emit(llm.ArgumentsDelta{Index: p.index, Arguments: text})
}

// itemDone completes an item: encrypted reasoning, and whatever the deltas left
// out, stand here.
func (d *decoder) itemDone(ev *event) *llm.Error {
	var k kind
	if err := json.Unmarshal(ev.Item, &k, scan.Lenient); err != nil {
		return llm.Errorf(llm.KindUpstream, "an item of the answer can't be read: %w", err)
	}
	var whole item
	ours := k.Type == "message" || k.Type == "reasoning" || k.Type == "function_call" || k.Type == "custom_tool_call"
	if err := json.Unmarshal(ev.Item, &whole, scan.Lenient); err != nil && ours {
		return llm.Errorf(llm.KindUpstream, "an item of the answer can't be read: %w", err)
	}
	it, e := d.item(ev.OutputIndex, whole.ID, k.Type)
	if e == nil && it.done && (whole.ID == "" || whole.ID != it.id) {
		it, e = d.fresh(ev.OutputIndex, whole.ID, k.Type) // a server that gives every item the same index
	}
	if e != nil || it.done {
		return e
	}
	switch k.Type {
	case "message":
		e = d.messageDone(ev, &whole)
	case "reasoning":
		d.reasoningDone(it, &whole)
	case "function_call", "custom_tool_call":
		if e := d.openCall(it, &whole); e != nil {
			return e
		}
		d.argue(it.own, it.own.rest(callOf(&whole, d.t).Arguments))
	default:
		it.own = d.open(llm.Opaque{Format: llm.FormatResponses, Type: k.Type, Raw: ev.Item})
	}
	d.close(it)
	return e
}

func (d *decoder) messageDone(ev *event, whole *item) *llm.Error {
	var parts []contentPart
	if whole.Content.Kind() != '[' {
		return nil
	}
	if err := json.Unmarshal(whole.Content, &parts, scan.Lenient); err != nil {
		return nil //nolint:nilerr // the deltas have said it all; the repetition adds nothing
	}
	for i := range parts {
		if opening(parts[i].Type) == nil {
			continue
		}
		p, e := d.spoken(&event{OutputIndex: ev.OutputIndex, ItemID: whole.ID, ContentIndex: i}, opening(parts[i].Type))
		if e != nil {
			return e
		}
		d.completePart(p, &parts[i])
	}
	return nil
}

func (d *decoder) reasoningDone(it *inItem, whole *item) {
	r := reasoningOf(whole, d.t.Origin)
	d.openReasoning(it, r.Summary)
	if it.own.summary == r.Summary {
		d.ponder(it.own, it.own.rest(r.Text))
	}
	r.Text, r.Summary = string(it.own.said), it.own.summary
	if b := blobOf(whole.Encrypted, r, d.t.Origin); b != nil && !it.own.closed {
		d.emit(llm.BlobDelta{Index: it.own.index, Blob: *b})
	}
}
