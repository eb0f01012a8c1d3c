// Package sim simulates LLM providers behind one http.Handler: OpenAI Chat
// Completions and Responses, Anthropic Messages, Gemini generateContent, Bedrock's
// Converse, and the model lists of thirteen vendors, each below a path of its own.
// What a model does is said by its name ("sim-l60-n200-tools2-cut5"; tokens.go
// lists the words) or queued at a control endpoint.
//
// It promises to refuse what the real provider would refuse, with the vendor's
// own body, and to answer the same prompt with the same text, so that it can
// stand for a provider in tests. It shares no code with the gateway's wire
// formats: it is the second opinion on them. Everything is bounded: the body of a
// request, the log of what was received, the queue of scripted faults, the time
// that a hanging answer hangs.
//
// It keeps the last answers of the Responses API where the vendor does, and no
// other conversation. It fetches no images, and its token counts are a quarter of
// the bytes of text.
package sim
