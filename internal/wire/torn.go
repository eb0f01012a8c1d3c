package wire

import "github.com/oidostudio/oido/internal/llm"

// Torn says whether calls and results don't stand together as vendors want them: the
// results of a message's calls right after it, each of one call. A client leaves
// them so that cut a turn or shortened what was said.
func Torn(messages []llm.Message) bool {
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
