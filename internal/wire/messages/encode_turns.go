package messages

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// turn is what one side says until the other one does.
type turn struct {
	role   string
	blocks []*block
}

const (
	roleUser      = "user"
	roleAssistant = "assistant"
	roleSystem    = "system"
)

// begins says whether a turn begins with a block of one of the types.
func (t turn) begins(types ...string) bool {
	return len(t.blocks) > 0 && slices.Contains(types, t.blocks[0].Type)
}

// converse makes turns of the messages, in a form that the API takes.
func (e *encoding) converse() error {
	replayed := e.replayed()
	var waiting []*block // system text that looks for its place
	for i, m := range wire.Distinct(e.req.Messages) {
		if m.Name != "" {
			e.drop("name", "speakers of one role can't be told apart")
		}
		if m.Role == llm.RoleSystem || m.Role == llm.RoleDeveloper {
			text := e.systemText(m)
			switch {
			case len(e.turns) == 0 && e.forwarded:
			case len(e.turns) == 0:
				e.system = append(e.system, text...)
			case e.t.SystemAnywhere || e.forwarded:
				waiting = append(waiting, text...)
			default:
				e.drop("system_position", "system text in the middle of the conversation stands at its head")
				e.system = append(e.system, text...)
			}
			continue
		}
		role := roleUser
		if m.Role == llm.RoleAssistant {
			role = roleAssistant
		}
		blocks, err := e.blocks(role, m.Parts, replayed[i])
		if err != nil {
			return err
		}
		if role == roleAssistant && len(blocks) > 0 {
			waiting = e.place(waiting)
		}
		e.turns = join(e.turns, turn{role, blocks})
	}
	if rest := e.place(waiting); len(rest) > 0 {
		if e.forwarded {
			e.turns = append(e.turns, turn{roleSystem, rest})
		} else {
			e.system = append(e.system, rest...)
		}
	}
	e.pair()
	e.begin()
	e.end()
	if len(e.turns) == 0 {
		return wire.BadRequest("messages", "messages: nothing is left to send: every message is empty")
	}
	return nil
}

// place puts system text where the API takes it: right after a user's turn
// (docs, mid-conversation system messages). It returns what found no place.
func (e *encoding) place(text []*block) []*block {
	if len(text) == 0 || len(e.turns) == 0 || e.turns[len(e.turns)-1].role != roleUser {
		return text
	}
	e.turns = append(e.turns, turn{roleSystem, text})
	return nil
}

// join adds a turn; one of the same role as the last becomes part of it.
func join(turns []turn, t turn) []turn {
	if len(t.blocks) == 0 {
		return turns
	}
	if n := len(turns); n > 0 && turns[n-1].role == t.role {
		turns[n-1].blocks = append(turns[n-1].blocks, t.blocks...)
		return turns
	}
	return append(turns, t)
}

func (e *encoding) systemText(m llm.Message) []*block {
	var out []*block
	for _, p := range m.Parts {
		switch p := p.(type) {
		case llm.Text:
			if !blank(p.Text) {
				out = append(out, &block{Type: typeText, Text: &p.Text, CacheControl: controlOf(p.Cache)})
			}
		case llm.Opaque:
			if p.Format == llm.FormatMessages {
				out = append(out, &block{Type: p.Type, raw: p.Raw})
				continue
			}
			e.drop(p.Type, "a part of type %s has no word in this format", p.Type)
		default:
			e.drop("system_media", "system text holds text alone")
		}
	}
	return out
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// replayed says of each message whether its reasoning is sent.
func (e *encoding) replayed() []bool {
	out := make([]bool, len(e.req.Messages))
	replay := e.t.Reasoning.Replay
	if replay == "" && !e.forwarded {
		return out
	}
	from, called := 0, false
	for i, m := range e.req.Messages {
		if m.Role == llm.RoleUser {
			from, called = i, false
		}
		if replay != "tools" || e.forwarded || e.t.Names.Passes() {
			out[i] = true
			continue
		}
		called = called || slices.ContainsFunc(m.Parts, isCall)
		if called {
			for j := from; j <= i; j++ {
				out[j] = true
			}
			from = i
		}
	}
	return out
}

func isCall(p llm.Part) bool {
	_, ok := p.(llm.ToolCall)
	return ok
}

// pair gives every call its result at the head of the next turn, as the API
// wants it. A call without one is told so; a result without a call becomes text.
func (e *encoding) pair() {
	type found struct {
		turn  int
		block *block
	}
	results := map[string][]found{}
	order := map[*block]int{}
	for i, t := range e.turns {
		for _, b := range t.blocks {
			if b.Type == typeResult && b.raw == nil {
				results[b.ToolUseID] = append(results[b.ToolUseID], found{i, b})
				order[b] = len(order) + 1
			}
		}
	}
	taken := map[*block]bool{}
	var turns []turn
	var owed []*block // the results that the next turn begins with
	for i, t := range e.turns {
		if len(owed) > 0 && t.role != roleUser {
			turns = join(turns, turn{roleUser, owed})
			owed = nil
		}
		if t.role == roleUser {
			said := owed
			owed = nil
			for _, b := range t.blocks {
				switch {
				case b.Type != typeResult || b.raw != nil:
					said = append(said, b)
				case !taken[b]:
					said = append(said, orphan(b)...)
				}
			}
			turns = join(turns, turn{roleUser, said})
			continue
		}
		for _, b := range t.blocks {
			if b.Type != typeToolUse || b.raw != nil {
				continue
			}
			queue := results[b.ID]
			for len(queue) > 0 && queue[0].turn <= i {
				queue = queue[1:]
			}
			result := &block{Type: typeResult, Content: scan.Quote("no result"), IsError: true}
			if len(queue) > 0 {
				result = queue[0].block
				queue = queue[1:]
			}
			results[b.ID] = queue
			taken[result] = true
			result.ToolUseID = b.ID
			owed = append(owed, result)
		}
		if e.t.Names.Passes() {
			// Where the client's own requests pass as they are, so does its order.
			slices.SortStableFunc(owed, func(a, b *block) int { return order[a] - order[b] })
		}
		turns = join(turns, t)
	}
	if len(owed) > 0 {
		turns = join(turns, turn{roleUser, owed})
	}
	e.turns = turns
}

// orphan makes text of a result whose call is gone; what isn't text stays as it is.
func orphan(b *block) []*block {
	s := scan.Text(b.Content)
	var rest []*block
	if b.Content.Kind() == '[' {
		var raws []jsontext.Value
		_ = json.Unmarshal(b.Content, &raws, scan.Lenient) // it was written as such a list
		for _, raw := range raws {
			if typ := scan.Text(scan.Member(raw, "type")); typ != typeText {
				rest = append(rest, &block{Type: typ, raw: raw})
			} else {
				s += scan.Text(scan.Member(raw, "text"))
			}
		}
	}
	s = "Result of an earlier tool call: " + s
	return append([]*block{{Type: typeText, Text: &s, CacheControl: b.CacheControl}}, rest...)
}

// begin has the conversation begin with a user's turn, as the API demands.
func (e *encoding) begin() {
	if len(e.turns) > 0 && e.turns[0].role != roleUser {
		s := "(The conversation begins here.)"
		e.turns = slices.Insert(e.turns, 0, turn{roleUser, []*block{{Type: typeText, Text: &s}}})
	}
}

// end makes the end of the conversation one that the API takes: a final
// assistant's turn is a beginning for the model to go on from, without spaces at
// its end, and newer models refuse it.
func (e *encoding) end() {
	if len(e.turns) == 0 {
		return
	}
	t := &e.turns[len(e.turns)-1]
	if t.role != roleAssistant {
		return
	}
	last := t.blocks[len(t.blocks)-1]
	if last.Type != typeText || last.raw != nil {
		return // a paused turn of a vendor's tools, which goes on as it is
	}
	trimmed := strings.TrimRight(*last.Text, " \t\r\n")
	last.Text = &trimmed
	if e.t.NoPrefill && !e.forwarded {
		s := "Go on from where you stopped."
		e.turns = append(e.turns, turn{roleUser, []*block{{Type: typeText, Text: &s}}})
		e.drop("prefill", "the model doesn't go on from a given beginning: it was asked to")
	}
}

// unthought says whether the turn being continued by tool results began without
// reasoning: then thinking by a budget is refused for it (issue trackers:
// "a final assistant message must start with a thinking block").
func (e *encoding) unthought() bool {
	if len(e.turns) == 0 || !e.turns[len(e.turns)-1].begins(typeResult) {
		return false
	}
	from := 0
	for i, t := range e.turns {
		if t.role == roleUser && !t.begins(typeResult) {
			from = i
		}
	}
	for _, t := range e.turns[from:] {
		if t.role == roleAssistant {
			return !t.begins(typeThinking, typeRedacted)
		}
	}
	return false
}
