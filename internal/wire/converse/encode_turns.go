package converse

import (
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// turn is what one side says until the other one does.
type turn struct {
	Role    string   `json:"role"`
	Content []*block `json:"content"`
}

const (
	roleUser      = "user"
	roleAssistant = "assistant"
	roleSystem    = "system"
)

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
			case len(text) == 0:
			case len(e.turns) == 0:
				e.system = append(e.system, text...)
			case e.t.SystemAnywhere:
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
	e.system = append(e.system, e.place(waiting)...)
	e.pair()
	e.unmark()
	e.begin()
	e.caption()
	e.end()
	if len(e.turns) == 0 {
		return wire.BadRequest("messages", "messages: nothing is left to send: every message is empty")
	}
	return nil
}

// place puts system text where models that take it in the conversation do: after
// a user's turn. It returns what found no place.
func (e *encoding) place(text []*block) []*block {
	if len(text) == 0 || len(e.turns) == 0 || e.turns[len(e.turns)-1].Role != roleUser {
		return text
	}
	e.turns = append(e.turns, turn{roleSystem, text})
	return nil
}

// join adds a turn; one of the same role as the last becomes part of it.
func join(turns []turn, t turn) []turn {
	if len(t.Content) == 0 {
		return turns
	}
	if n := len(turns); n > 0 && turns[n-1].Role == t.Role {
		turns[n-1].Content = append(turns[n-1].Content, t.Content...)
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
				out = marked(append(out, textBlock(p.Text)), p.Cache)
			}
		case llm.Opaque:
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
	if replay == "" {
		return out
	}
	from, called := 0, false
	for i, m := range e.req.Messages {
		if m.Role == llm.RoleUser {
			from, called = i, false
		}
		if replay != "tools" {
			out[i] = true
			continue
		}
		if called = called || slices.ContainsFunc(m.Parts, isCall); called {
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

// pairing gives every call its result at the head of the next turn, as the API
// wants it.
type pairing struct {
	results map[string][]found // by the call's id, those not taken yet
	taken   map[*block]bool
	turns   []turn
	owed    []*block // the results that the next turn begins with
}

// found is a result where it stood, with the cache point behind it.
type found struct {
	turn  int
	block *block
}

// pair brings results to their calls. A call without one is told so; a result
// without a call becomes text.
func (e *encoding) pair() {
	p := pairing{results: map[string][]found{}, taken: map[*block]bool{}}
	for i, t := range e.turns {
		for _, b := range t.Content {
			if b.ToolResult != nil {
				p.results[b.ToolResult.ID] = append(p.results[b.ToolResult.ID], found{i, b})
			}
		}
	}
	for i, t := range e.turns {
		if t.Role == roleAssistant {
			p.assistant(i, t)
			continue
		}
		said := p.owed
		if t.Role != roleUser && len(said) > 0 {
			p.turns, said = join(p.turns, turn{roleUser, said}), nil
		}
		p.owed = nil
		for _, b := range t.Content {
			switch {
			case b.ToolResult == nil:
				said = append(said, b)
			case !p.taken[b]:
				said = append(said, orphan(b)...)
			}
		}
		p.turns = join(p.turns, turn{t.Role, said})
	}
	p.turns = join(p.turns, turn{roleUser, p.owed})
	e.turns = p.turns
}

func (p *pairing) assistant(at int, t turn) {
	if len(p.owed) > 0 {
		p.turns, p.owed = join(p.turns, turn{roleUser, p.owed}), nil
	}
	t.Content = callsLast(t.Content)
	for _, b := range t.Content {
		call := b.ToolUse
		if call == nil {
			continue
		}
		queue := p.results[call.ID]
		for len(queue) > 0 && queue[0].turn <= at {
			queue = queue[1:]
		}
		result := &block{ToolResult: &toolResult{ID: call.ID, Content: []*block{textBlock("no result")}, Status: statusError}}
		if len(queue) > 0 {
			result = queue[0].block
			p.results[call.ID] = queue[1:]
		}
		p.taken[result] = true
		result.ToolResult.ID = call.ID
		p.owed = append(p.owed, result)
	}
	p.turns = join(p.turns, t)
}

// callsLast moves calls behind all else that their turn says, each with the cache
// point behind it: the API expects results for the calls at the end alone (issue
// trackers: "toolResult blocks exceed the number of toolUse blocks").
func callsLast(blocks []*block) []*block {
	var said, calls []*block
	at := &said
	for _, b := range blocks {
		switch {
		case b.ToolUse != nil:
			at = &calls
		case b.CachePoint == nil:
			at = &said
		}
		*at = append(*at, b)
	}
	return append(said, calls...)
}

// orphan makes text of a result whose call is gone; what else it holds stays.
func orphan(b *block) []*block {
	s := "Result of an earlier tool call: "
	var rest []*block
	for _, inner := range b.ToolResult.Content {
		if inner.Text != nil {
			s += *inner.Text
			continue
		}
		rest = append(rest, inner)
	}
	return append([]*block{textBlock(s)}, rest...)
}

// unmark takes out cache points at the head of a turn, where results that were
// brought to their calls have left them behind: nothing would stand before them.
func (e *encoding) unmark() {
	var turns []turn
	for _, t := range e.turns {
		i := slices.IndexFunc(t.Content, func(b *block) bool { return b.CachePoint == nil })
		if i < 0 {
			continue
		}
		t.Content = t.Content[i:]
		turns = join(turns, t)
	}
	e.turns = turns
}

// begin has the conversation begin with a user's turn, as the API demands.
func (e *encoding) begin() {
	if len(e.turns) > 0 && e.turns[0].Role != roleUser {
		e.turns = slices.Insert(e.turns, 0, turn{roleUser, []*block{textBlock("(The conversation begins here.)")}})
	}
}

// caption puts text beside documents, which may not stand without any.
func (e *encoding) caption() {
	for i, t := range e.turns {
		documents, text := false, false
		for _, b := range t.Content {
			documents = documents || b.Document != nil
			text = text || b.Text != nil
		}
		if documents && !text {
			e.turns[i].Content = append(t.Content, textBlock("(See the document.)"))
		}
	}
}

// end makes the end of the conversation one that the API takes: a final
// assistant's turn is a beginning for the model to go on from, without spaces at
// its end, and many models refuse it.
func (e *encoding) end() {
	if len(e.turns) == 0 {
		return
	}
	t := &e.turns[len(e.turns)-1]
	if t.Role != roleAssistant {
		return
	}
	for _, b := range slices.Backward(t.Content) {
		if b.Text != nil {
			trimmed := strings.TrimRight(*b.Text, " \t\r\n")
			b.Text = &trimmed
		}
		if b.CachePoint == nil {
			break
		}
	}
	if e.t.NoPrefill {
		e.turns = append(e.turns, turn{roleUser, []*block{textBlock("Go on from where you stopped.")}})
		e.drop("prefill", "the model doesn't go on from a given beginning: it was asked to")
	}
}

// unthought says whether the turn being continued by tool results began without
// reasoning: then thinking by a budget is refused for it (issue trackers: "a
// final assistant message must start with a thinking block").
func (e *encoding) unthought() bool {
	if len(e.turns) == 0 || !e.turns[len(e.turns)-1].answers() {
		return false
	}
	from := 0
	for i, t := range e.turns {
		if t.Role == roleUser && !t.answers() {
			from = i
		}
	}
	for _, t := range e.turns[from:] {
		if t.Role == roleAssistant {
			return t.Content[0].Reasoning == nil
		}
	}
	return false
}

// answers says whether a turn begins with a tool's result.
func (t turn) answers() bool { return len(t.Content) > 0 && t.Content[0].ToolResult != nil }
