package wire

import "github.com/oidostudio/oido/internal/llm"

// ToldCall says a tool call in words, for a target that takes no calls.
func ToldCall(p llm.ToolCall) string {
	arguments := p.Arguments
	if arguments == "" && !p.Custom {
		arguments = "{}"
	}
	return "Called the tool " + p.Name + ": " + arguments
}

// ToldResult begins to say a tool's result in words; what it holds follows.
func ToldResult(p llm.ToolResult) string {
	s := "Result of "
	if p.IsError {
		s = "Error of "
	}
	if p.Name == "" {
		return s + "an earlier tool call: "
	}
	return s + "the tool " + p.Name + ": "
}
