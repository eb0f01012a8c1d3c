package wire

import "github.com/oidostudio/oido/internal/llm"

// Torn says whether calls and results don't stand together as vendors want them: the
// results of a message's calls right after it, each of one call, and no id twice. A
// client leaves them so that cut a turn or shortened what was said.
func Torn(messages []llm.Message) bool {
	if Repeats(messages) {
		return true
	}
	open := map[string]int{}
	for _, m := range messages {
		if m.Role == llm.RoleAssistant && len(open) > 0 {
			return true
		}
		for _, p := range m.Parts {
			switch p := p.(type) {
			case llm.ToolCall:
				open[p.ID]++
			case llm.ToolResult:
				if open[p.CallID] == 0 {
					return true
				}
				if open[p.CallID]--; open[p.CallID] == 0 {
					delete(open, p.CallID)
				}
			default:
				if m.Role != llm.RoleAssistant && len(open) > 0 {
					return true
				}
			}
		}
	}
	return len(open) > 0
}

// Distinct returns the messages with another id for each call whose id stood before:
// some servers count their calls anew in each answer. An id depends on what stands
// before it alone, so it is the same in every later turn.
func Distinct(messages []llm.Message) []llm.Message {
	if !Repeats(messages) {
		return messages
	}
	out := make([]llm.Message, len(messages))
	used, open := map[string]bool{}, map[string][]string{}
	last := map[string]int{} // in which message an id stood last
	for i, m := range messages {
		parts := make([]llm.Part, len(m.Parts))
		for j, p := range m.Parts {
			switch q := p.(type) {
			case llm.ToolCall:
				id := q.ID
				for used[id] {
					id = ToolID(id+" again", ShapeAnthropic)
				}
				used[id] = true
				if last[q.ID] != i {
					open[q.ID] = nil // what comes now answers this one
				}
				last[q.ID] = i
				open[q.ID] = append(open[q.ID], id)
				q.ID = id
				p = q
			case llm.ToolResult:
				if ids := open[q.CallID]; len(ids) > 0 {
					open[q.CallID] = ids[1:]
					q.CallID = ids[0]
					p = q
				}
			}
			parts[j] = p
		}
		m.Parts = parts
		out[i] = m
	}
	return out
}

// Repeats says whether the id of a call stands twice.
func Repeats(messages []llm.Message) bool {
	seen := map[string]bool{}
	for _, m := range messages {
		for _, p := range m.Parts {
			if c, ok := p.(llm.ToolCall); ok {
				if seen[c.ID] {
					return true
				}
				seen[c.ID] = true
			}
		}
	}
	return false
}
