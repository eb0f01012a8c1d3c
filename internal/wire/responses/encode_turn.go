package responses

import (
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
)

// assistant writes what the model said in a turn.
func (w *writer) assistant(m llm.Message) []any {
	var items, thoughts []any
	var message *outItem
	replayed := w.replays(m)
	keepIDs := w.keepsIDs(m, replayed)
	// add writes an item after the reasoning that led to it: reasoning that
	// nothing follows is refused.
	add := func(it any) {
		items = append(append(items, thoughts...), it)
		thoughts, message = nil, nil
	}
	say := func(part any) {
		if message == nil || len(thoughts) > 0 {
			it := &outItem{Type: "message", Role: string(llm.RoleAssistant)}
			add(it)
			message = it
		}
		message.Content = append(message.Content, part)
	}
	for i, p := range m.Parts {
		switch p := p.(type) {
		case llm.Text:
			if p.Text != "" {
				say(outSpoken{Type: "output_text", Text: p.Text, Annotations: w.citations(p.Citations)})
			}
		case llm.Refusal:
			say(outRefusal{Type: "refusal", Refusal: p.Text})
		case llm.Reasoning:
			if replayed[i] {
				thoughts = append(thoughts, reasoningItem(p))
			}
		case llm.ToolCall:
			add(w.call(p, keepIDs))
		case llm.Opaque:
			if v, ok := verbatim(p); ok {
				add(v)
			} else {
				w.opaque(nil, p)
			}
		case llm.Media:
			w.Lose("assistant_media", "the Responses API takes no media in what the model said")
		}
	}
	return items
}

// replays says which parts are reasoning that goes back to its maker.
func (w *writer) replays(m llm.Message) map[int]bool {
	out := map[int]bool{}
	switch w.Target.Reasoning.Replay {
	case "":
		return out
	case "tools":
		if !acts(m) && !w.Target.Names.Passes() { // what a client of the format sends back passed before
			return out
		}
	}
	for i, p := range m.Parts {
		if r, ok := p.(llm.Reasoning); ok && r.Blob != nil && r.Blob.Origin == w.Target.Origin {
			out[i] = r.Blob.Kind == llm.BlobEncrypted || r.Blob.Kind == llm.BlobPlain && r.Text != ""
		}
	}
	return out
}

// keepsIDs says whether calls keep the ids of their items. A provider that has
// stored an item under its id refuses it without the reasoning that it stored
// beside it; without the id nothing is looked up.
func (w *writer) keepsIDs(m llm.Message, replayed map[int]bool) bool {
	thought := false
	for i, p := range m.Parts {
		if _, ok := p.(llm.Reasoning); ok {
			if !replayed[i] {
				return false
			}
			thought = true
		}
	}
	return thought || w.Target.Reasoning.Replay == ""
}

func reasoningItem(r llm.Reasoning) outItem {
	out := outItem{ID: r.ID, Type: "reasoning", Summary: []outText{}}
	if r.Blob.Kind == llm.BlobEncrypted {
		out.Encrypted = r.Blob.Data
	}
	switch {
	case r.Text == "":
	case r.Summary:
		out.Summary = append(out.Summary, outText{"summary_text", r.Text})
	default:
		out.Content = []any{outText{"reasoning_text", r.Text}}
	}
	return out
}

func (w *writer) call(c llm.ToolCall, keepID bool) outItem {
	out := outItem{Type: "function_call", CallID: w.callID(c.ID), Name: w.Target.Names.Out(c.Name)}
	if keepID {
		out.ID = c.ItemID
	}
	if c.Custom {
		out.Type, out.Input = "custom_tool_call", &c.Arguments
		return out
	}
	arguments := orEmptyObject(c.Arguments)
	out.Arguments = &arguments
	return out
}

// orEmptyObject gives the arguments of a call that was made without any.
func orEmptyObject(arguments string) string {
	if strings.TrimSpace(arguments) == "" {
		return "{}"
	}
	return arguments
}

// citations writes back the annotations that came from this format.
func (w *writer) citations(list []llm.Citation) []any {
	own := slices.DeleteFunc(slices.Clone(list), func(c llm.Citation) bool { return c.Format != llm.FormatResponses })
	if len(own) < len(list) {
		w.Lose("citations", "what another vendor's model cited can't be said here")
	}
	return citations(own)
}
