// Package chat is OpenAI's Chat Completions, as its clients and its servers speak
// it (openapi 2026-08-21), with the reasoning fields that others have added:
// reasoning_content (DeepSeek, vLLM), reasoning and reasoning_details
// (OpenRouter, Ollama).
//
// It promises that unknown request fields survive a round trip, that a stream
// ends with [DONE] only when the answer is whole, and that the same request is
// always written as the same bytes. It accepts what servers send in practice:
// missing tool indexes and ids, usage in any chunk, errors inside a 200.
package chat

import (
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Format is the Chat Completions format. The zero value is ready.
type Format struct{}

var (
	_ wire.Format = Format{}
	_ wire.Lister = Format{}
)

// Name returns llm.FormatChat.
func (Format) Name() llm.Format { return llm.FormatChat }
