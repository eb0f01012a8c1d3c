package sim

import (
	"slices"
	"time"
)

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
	answers  bool   // under the old name, too
	also     string // another name of it
	routed   bool   // Bedrock: answers by the id of an inference profile alone
}

// there says whether a model has not ended. Without a clock none ever ends.
func (s *Server) there(m model) bool {
	return s.day == nil || m.ends == 0 || s.day().Unix() < m.ends
}

// models are those of the vendor that have not ended.
func (x *exchange) models() []model {
	return slices.DeleteFunc(slices.Clone(x.family.models), func(m model) bool { return !x.there(m) })
}

// serving returns the model that answers under a name.
func (x *exchange) serving(name string) (model, bool) {
	i := slices.IndexFunc(x.family.models, func(m model) bool { return m.id == name || m.also == name && name != "" })
	if i < 0 {
		return model{}, false
	}
	m := x.family.models[i]
	if x.there(m) {
		return m, true
	}
	if !m.answers {
		return model{}, false
	}
	return x.serving(m.next)
}

// lasting are models at a vendor that has announced no ends of them.
func lasting(models []model) []model {
	out := slices.Clone(models)
	for i := range out {
		out[i].ends = 0
	}
	return out
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
	{id: "gpt-5.6-sol", name: "GPT-5.6 Sol", created: day(2026, 7, 9), context: 1_050_000, output: 128_000, thinks: true},
	{id: "gpt-5.6-terra", name: "GPT-5.6 Terra", created: day(2026, 7, 9), context: 1_050_000, output: 128_000, thinks: true},
	{id: "gpt-6-luna", name: "GPT-6 Luna", created: day(2026, 10, 20), context: 1_050_000, output: 128_000, thinks: true},
	{id: "o3", name: "o3", created: day(2025, 4, 16), context: 200_000, output: 100_000, thinks: true, ends: day(2026, 12, 11), next: "gpt-5.6-sol"},
	{id: "o4-mini", name: "o4-mini", created: day(2025, 4, 16), context: 200_000, output: 100_000, thinks: true, ends: day(2026, 10, 23), next: "gpt-5.6-terra"},
	{id: "gpt-4.1-nano", name: "GPT-4.1 nano", created: day(2025, 4, 14), context: 1_047_576, output: 32_768},
	{id: "gpt-4o", name: "GPT-4o", created: day(2024, 5, 13), context: 128_000, output: 16_384, ends: day(2027, 1, 14), next: "gpt-6-luna"},
	{id: "gpt-4o-mini", name: "GPT-4o mini", created: day(2024, 7, 18), context: 128_000, output: 16_384, ends: day(2027, 1, 14), next: "gpt-6-luna"},
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
	{id: "gemini-3.8-flash", name: "Gemini 3.8 Flash", created: day(2026, 10, 1), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-3.5-flash-lite", name: "Gemini 3.5 Flash-Lite", created: day(2026, 7, 1), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-3.1-pro-preview", name: "Gemini 3.1 Pro Preview", created: day(2026, 2, 19), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-3-pro-preview", name: "Gemini 3 Pro Preview", created: day(2025, 11, 18), context: 1_048_576, output: 65_536, thinks: true, ends: day(2026, 3, 9), next: "gemini-3.1-pro-preview", answers: true},
	{id: "gemini-3-flash-preview", name: "Gemini 3 Flash Preview", created: day(2025, 12, 17), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-2.5-pro", name: "Gemini 2.5 Pro", created: day(2025, 6, 17), context: 1_048_576, output: 65_536, thinks: true, ends: day(2026, 12, 1), next: "gemini-3.8-flash", answers: true},
	{id: "gemini-2.5-flash", name: "Gemini 2.5 Flash", created: day(2025, 6, 17), context: 1_048_576, output: 65_536, thinks: true, ends: day(2026, 12, 1), next: "gemini-3.5-flash-lite", answers: true},
	{id: "gemini-2.5-flash-lite", name: "Gemini 2.5 Flash-Lite", created: day(2025, 7, 22), context: 1_048_576, output: 65_536, thinks: true},
	{id: "gemini-embedding-001", name: "Gemini Embedding 001", created: day(2025, 5, 20), context: 2048, output: 1, embeds: true},
}

var deepSeekModels = []model{
	scriptable,
	{id: "deepseek-flash", name: "DeepSeek Flash", created: day(2026, 10, 17), context: 1_000_000, output: 384_000, thinks: true},
	{id: "deepseek-v4-pro", name: "DeepSeek V4 Pro", created: day(2026, 4, 24), context: 1_000_000, output: 384_000, thinks: true},
	{id: "deepseek-v4-flash", name: "DeepSeek V4 Flash", created: day(2026, 4, 24), context: 1_000_000, output: 384_000, thinks: true, ends: day(2026, 10, 17), next: "deepseek-flash", answers: true},
	{id: "deepseek-chat", name: "DeepSeek Chat", created: day(2025, 12, 1), context: 128_000, output: 8_192, ends: day(2026, 7, 24), next: "deepseek-flash"},
	{id: "deepseek-reasoner", name: "DeepSeek Reasoner", created: day(2025, 12, 1), context: 128_000, output: 64_000, thinks: true, ends: day(2026, 7, 24), next: "deepseek-v4-pro"},
}

var openRouterModels = []model{
	scriptable,
	{id: "openai/text-embedding-3-small", name: "OpenAI: Text Embedding 3 Small", created: day(2024, 1, 22), context: 8192, embeds: true, in: "0.00000002", out: "0"},
	{id: "openai/gpt-5.4-mini", name: "OpenAI: GPT-5.4 Mini", created: day(2026, 3, 17), context: 400_000, output: 128_000, thinks: true, in: "0.00000075", out: "0.0000045"},
	{id: "anthropic/claude-haiku-4.5", name: "Anthropic: Claude Haiku 4.5", created: day(2025, 10, 15), context: 200_000, output: 64_000, thinks: true, in: "0.000001", out: "0.000005"},
	{id: "google/gemini-2.5-flash", name: "Google: Gemini 2.5 Flash", created: day(2025, 6, 17), context: 1_048_576, output: 65_536, thinks: true, in: "0.0000003", out: "0.0000025"},
	{id: "deepseek/deepseek-v4-pro", name: "DeepSeek: V4 Pro", created: day(2026, 4, 24), context: 1_000_000, output: 384_000, thinks: true, in: "0.000000435", out: "0.00000087"},
	{id: "deepseek/deepseek-r1", name: "DeepSeek: R1", created: day(2025, 1, 20), context: 64_000, output: 16_000, thinks: true, in: "0.0000007", out: "0.0000025"},
	{id: "deepseek/deepseek-r1-0528", name: "DeepSeek: R1 0528", created: day(2025, 5, 28), context: 163_840, output: 32_768, thinks: true, in: "0.0000005", out: "0.00000215"},
	{id: "deepseek/deepseek-v3.2", name: "DeepSeek: DeepSeek V3.2", created: day(2025, 12, 1), context: 128_000, output: 64_000, thinks: true, in: "0.0000002288", out: "0.0000003432"},
	{id: "moonshotai/kimi-k2-thinking", name: "MoonshotAI: Kimi K2 Thinking", created: day(2025, 11, 6), context: 262_144, output: 262_144, thinks: true, in: "0.0000006", out: "0.0000025"},
	{id: "openrouter/free", name: "Free Models Router", created: day(2026, 2, 1), context: 200_000, output: 8_000, in: "0", out: "0"},
	{id: "meta-llama/llama-3.3-70b-instruct:free", name: "Meta: Llama 3.3 70B Instruct (free)", created: day(2024, 12, 6), context: 131_072, output: 8_192, in: "0", out: "0"},
}

var ollamaModels = []model{
	scriptable,
	{id: "bge-m3:latest", name: "bge-m3", created: day(2026, 1, 10), context: 8192, embeds: true},
	{id: "qwen3:8b", name: "qwen3", created: day(2026, 1, 10), context: 40_960, output: 40_960, thinks: true},
	{id: "llama3.2:3b", name: "llama3.2", created: day(2026, 1, 10), context: 131_072, output: 131_072},
	{id: "gpt-oss:20b", name: "gpt-oss", created: day(2026, 1, 10), context: 131_072, output: 131_072, thinks: true},
}

// vertexEmbeds are models that Vertex has besides those of Gemini.
var vertexEmbeds = []model{
	{id: "gemini-embedding-2", name: "Gemini Embedding 2", created: day(2026, 4, 1), context: 8192, output: 1, embeds: true},
	{id: "text-embedding-005", name: "Embeddings for Text", created: day(2024, 11, 18), context: 2048, output: 1, embeds: true},
}

var nvidiaModels = []model{
	scriptable,
	{id: "nvidia/nv-embed-v1", name: "NV-Embed", created: day(2024, 6, 7), context: 32_768, embeds: true},
	{id: "baai/bge-m3", name: "BGE M3", created: day(2024, 1, 30), context: 8192, embeds: true},
	{id: "deepseek-ai/deepseek-v4-pro", name: "DeepSeek V4 Pro", created: day(2026, 4, 24), context: 1_000_000, output: 384_000, thinks: true},
	{id: "moonshotai/kimi-k2-instruct-0905", name: "Kimi K2 Instruct 0905", created: day(2025, 9, 5), context: 262_144, output: 262_144},
	{id: "qwen/qwen3-coder-480b-a35b-instruct", name: "Qwen3 Coder 480B A35B", created: day(2025, 7, 23), context: 262_144, output: 66_536},
	{id: "meta/llama-3.3-70b-instruct", name: "Llama 3.3 70B Instruct", created: day(2024, 12, 6), context: 131_072, output: 8_192},
	{id: "nvidia/nemotron-3-super-120b-a12b", name: "Nemotron 3 Super", created: day(2026, 3, 11), context: 1_000_000, output: 65_536, thinks: true},
}

var mistralModels = []model{
	scriptable,
	{id: "mistral-large-2512", name: "Mistral Large 3", created: day(2025, 12, 2), context: 262_144, output: 262_144, also: "mistral-large-latest"},
	{id: "mistral-small-latest", name: "Mistral Small 4", created: day(2026, 3, 16), context: 262_144, output: 262_144, thinks: true},
	{id: "mistral-medium-2508", name: "Mistral Medium 3.1", created: day(2025, 8, 12), context: 131_072, output: 131_072, ends: day(2027, 2, 28), next: "mistral-medium-latest"},
	{id: "mistral-embed-2312", name: "Mistral Embed", created: day(2023, 12, 11), context: 8192, embeds: true, also: "mistral-embed"},
}

var xaiModels = []model{
	scriptable,
	{id: "grok-4.7", name: "Grok 4.7", created: day(2026, 10, 1), context: 2_000_000, output: 128_000, thinks: true},
	{id: "grok-4.3", name: "Grok 4.3", created: day(2026, 4, 30), context: 1_000_000, output: 128_000, thinks: true},
	{id: "grok-4.20-0309-non-reasoning", name: "Grok 4.20", created: day(2026, 3, 9), context: 2_000_000, output: 128_000},
}

var groqModels = []model{
	scriptable,
	{id: "nomic-embed-text-v1_5", name: "Nomic Embed Text v1.5", created: day(2024, 2, 14), context: 8192, embeds: true},
	{id: "llama-3.3-70b-versatile", name: "Llama 3.3 70B", created: day(2024, 12, 6), context: 131_072, output: 32_768},
	{id: "openai/gpt-oss-120b", name: "GPT OSS 120B", created: day(2025, 8, 5), context: 131_072, output: 65_536, thinks: true},
	{id: "qwen/qwen3-32b", name: "Qwen3 32B", created: day(2025, 6, 11), context: 131_072, output: 40_960, thinks: true},
}

var togetherModels = []model{
	scriptable,
	{id: "BAAI/bge-large-en-v1.5", name: "BGE Large EN v1.5", created: day(2023, 9, 12), context: 512, embeds: true},
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
	{id: "text-embedding-v4", name: "Text Embedding v4", created: day(2025, 6, 5), context: 8192, embeds: true},
	{id: "qwen3.7-plus", name: "Qwen3.7 Plus", created: day(2026, 6, 1), context: 1_000_000, output: 65_536, thinks: true},
	{id: "qwen3.5-plus", name: "Qwen3.5 Plus", created: day(2026, 2, 16), context: 1_000_000, output: 65_536, thinks: true},
	{id: "qwen3-32b", name: "Qwen3 32B", created: day(2025, 4, 28), context: 131_072, output: 16_384, thinks: true},
	{id: "qwen-flash", name: "Qwen Flash", created: day(2025, 7, 28), context: 1_000_000, output: 32_768},
}
