package sim

import "time"

// model is an entry of a vendor's list.
type model struct {
	id, name string
	created  int64 // Unix seconds
	context  int   // tokens in
	output   int   // tokens out
	thinks   bool
	embeds   bool   // makes embeddings and nothing else
	in, out  string // USD per token, as OpenRouter writes prices
	ends     int64  // Unix seconds, 0 when no end is announced
	next     string // what then takes its place
}

// day is the first second of a date.
func day(year int, month time.Month, d int) int64 {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix()
}

// scriptable is the model that does what its name says, in every list.
var scriptable = model{
	id: "sim", name: "Simulated model", created: day(2026, 11, 1),
	context: 200_000, output: 32_000, in: "0.000001", out: "0.000004",
}

var openAIModels = []model{
	scriptable,
	{id: "gpt-5.4", name: "GPT-5.4", created: day(2026, 3, 5), context: 400_000, output: 128_000, thinks: true},
	{id: "gpt-5.4-mini", name: "GPT-5.4 mini", created: day(2026, 3, 17), context: 400_000, output: 128_000, thinks: true},
	{id: "gpt-5-mini", name: "GPT-5 mini", created: day(2025, 8, 7), context: 400_000, output: 128_000, thinks: true},
	{id: "o4-mini", name: "o4-mini", created: day(2025, 4, 16), context: 200_000, output: 100_000, thinks: true},
	{id: "gpt-4.1-nano", name: "GPT-4.1 nano", created: day(2025, 4, 14), context: 1_047_576, output: 32_768},
	{id: "gpt-4o", name: "GPT-4o", created: day(2024, 5, 13), context: 128_000, output: 16_384},
	{id: "gpt-4o-mini", name: "GPT-4o mini", created: day(2024, 7, 18), context: 128_000, output: 16_384},
	{id: "text-embedding-3-small", name: "text-embedding-3-small", created: day(2024, 1, 22), context: 8191, embeds: true},
}

var anthropicModels = []model{
	scriptable,
	{id: "claude-opus-4-7", name: "Claude Opus 4.7", created: day(2026, 4, 16), context: 1_000_000, output: 128_000, thinks: true},
	{id: "claude-sonnet-4-6", name: "Claude Sonnet 4.6", created: day(2026, 2, 17), context: 1_000_000, output: 64_000, thinks: true},
	{id: "claude-opus-4-5", name: "Claude Opus 4.5", created: day(2025, 11, 24), context: 200_000, output: 64_000, thinks: true},
	{id: "claude-haiku-4-5", name: "Claude Haiku 4.5", created: day(2025, 10, 15), context: 200_000, output: 64_000, thinks: true},
	{id: "claude-haiku-4-5-20251001", name: "Claude Haiku 4.5", created: day(2025, 10, 15), context: 200_000, output: 64_000, thinks: true},
}

var geminiModels = []model{
	scriptable,
	{id: "gemini-3-pro-preview", name: "Gemini 3 Pro Preview", created: day(2025, 11, 18), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-3-flash-preview", name: "Gemini 3 Flash Preview", created: day(2025, 12, 17), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-2.5-pro", name: "Gemini 2.5 Pro", created: day(2025, 6, 17), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-2.5-flash", name: "Gemini 2.5 Flash", created: day(2025, 6, 17), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-2.5-flash-lite", name: "Gemini 2.5 Flash-Lite", created: day(2025, 7, 22), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-embedding-001", name: "Gemini Embedding 001", created: day(2025, 5, 20), context: 2048, output: 1, embeds: true},
}

var deepSeekModels = []model{
	scriptable,
	{id: "deepseek-flash", name: "DeepSeek Flash", created: day(2026, 10, 17), context: 1_000_000, output: 384_000, thinks: true},
	{id: "deepseek-v4-pro", name: "DeepSeek V4 Pro", created: day(2026, 4, 24), context: 1_000_000, output: 384_000, thinks: true},
	{id: "deepseek-chat", name: "DeepSeek Chat", created: day(2025, 12, 1), context: 128_000, output: 8_192},
	{id: "deepseek-reasoner", name: "DeepSeek Reasoner", created: day(2025, 12, 1), context: 128_000, output: 64_000, thinks: true},
}

var openRouterModels = []model{
	scriptable,
	{id: "openai/gpt-5.4-mini", name: "OpenAI: GPT-5.4 Mini", created: day(2026, 3, 17), context: 400_000, output: 128_000, thinks: true, in: "0.00000075", out: "0.0000045"},
	{id: "anthropic/claude-haiku-4.5", name: "Anthropic: Claude Haiku 4.5", created: day(2025, 10, 15), context: 200_000, output: 64_000, thinks: true, in: "0.000001", out: "0.000005"},
	{id: "google/gemini-2.5-flash", name: "Google: Gemini 2.5 Flash", created: day(2025, 6, 17), context: 1_048_576, output: 65_536, thinks: true, in: "0.0000003", out: "0.0000025"},
	{id: "deepseek/deepseek-v4-pro", name: "DeepSeek: V4 Pro", created: day(2026, 4, 24), context: 1_000_000, output: 384_000, thinks: true, in: "0.000000435", out: "0.00000087"},
	{id: "meta-llama/llama-3.3-70b-instruct:free", name: "Meta: Llama 3.3 70B Instruct (free)", created: day(2024, 12, 6), context: 131_072, output: 8_192, in: "0", out: "0"},
}

var ollamaModels = []model{
	scriptable,
	{id: "qwen3:8b", name: "qwen3", created: day(2026, 1, 10), context: 40_960, output: 40_960, thinks: true},
	{id: "llama3.2:3b", name: "llama3.2", created: day(2026, 1, 10), context: 131_072, output: 131_072},
	{id: "gpt-oss:20b", name: "gpt-oss", created: day(2026, 1, 10), context: 131_072, output: 131_072, thinks: true},
}

var nvidiaModels = []model{
	scriptable,
	{id: "deepseek-ai/deepseek-v4-pro", name: "DeepSeek V4 Pro", created: day(2026, 4, 24), context: 1_000_000, output: 384_000, thinks: true},
	{id: "meta/llama-3.3-70b-instruct", name: "Llama 3.3 70B Instruct", created: day(2024, 12, 6), context: 131_072, output: 8_192},
	{id: "nvidia/nemotron-3-super-120b-a12b", name: "Nemotron 3 Super", created: day(2026, 3, 11), context: 1_000_000, output: 65_536, thinks: true},
}

var mistralModels = []model{
	scriptable,
	{id: "mistral-large-2512", name: "Mistral Large 3", created: day(2025, 12, 2), context: 262_144, output: 262_144},
	{id: "mistral-small-latest", name: "Mistral Small 4", created: day(2026, 3, 16), context: 262_144, output: 262_144, thinks: true},
	{id: "mistral-medium-2508", name: "Mistral Medium 3.1", created: day(2025, 8, 12), context: 131_072, output: 131_072, ends: day(2027, 2, 28), next: "mistral-medium-latest"},
}

var xaiModels = []model{
	scriptable,
	{id: "grok-4.7", name: "Grok 4.7", created: day(2026, 10, 1), context: 2_000_000, output: 128_000, thinks: true},
	{id: "grok-4.3", name: "Grok 4.3", created: day(2026, 4, 30), context: 1_000_000, output: 128_000, thinks: true},
	{id: "grok-4.20-0309-non-reasoning", name: "Grok 4.20", created: day(2026, 3, 9), context: 2_000_000, output: 128_000},
}

var groqModels = []model{
	scriptable,
	{id: "llama-3.3-70b-versatile", name: "Llama 3.3 70B", created: day(2024, 12, 6), context: 131_072, output: 32_768},
	{id: "openai/gpt-oss-120b", name: "GPT OSS 120B", created: day(2025, 8, 5), context: 131_072, output: 65_536, thinks: true},
	{id: "qwen/qwen3-32b", name: "Qwen3 32B", created: day(2025, 6, 11), context: 131_072, output: 40_960, thinks: true},
}

var togetherModels = []model{
	scriptable,
	{id: "deepseek-ai/DeepSeek-V4-Pro", name: "DeepSeek V4 Pro", created: day(2026, 4, 24), context: 1_000_000, output: 384_000, thinks: true},
	{id: "meta-llama/Llama-3.3-70B-Instruct-Turbo", name: "Llama 3.3 70B Instruct Turbo", created: day(2024, 12, 6), context: 131_072, output: 8_192},
}

var moonshotModels = []model{
	scriptable,
	{id: "kimi-k3", name: "Kimi K3", created: day(2026, 7, 1), context: 1_000_000, output: 131_072, thinks: true},
	{id: "kimi-k2.6", name: "Kimi K2.6", created: day(2026, 4, 20), context: 262_144, output: 131_072, thinks: true},
	{id: "moonshot-v1-128k", name: "Moonshot v1 128k", created: day(2024, 2, 6), context: 131_072, output: 131_072},
}

var dashscopeModels = []model{
	scriptable,
	{id: "qwen3.7-plus", name: "Qwen3.7 Plus", created: day(2026, 6, 1), context: 1_000_000, output: 65_536, thinks: true},
	{id: "qwen3-32b", name: "Qwen3 32B", created: day(2025, 4, 28), context: 131_072, output: 16_384, thinks: true},
	{id: "qwen-flash", name: "Qwen Flash", created: day(2025, 7, 28), context: 1_000_000, output: 32_768},
}
