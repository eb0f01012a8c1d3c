package chat

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

// usage is what servers say that was used. prompt_tokens holds the cached ones;
// so do completion_tokens the reasoning, but at some vendors, where the total
// tells.
type usage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Total      int64 `json:"total_tokens"`
	// PromptDetails.CacheWrite is OpenRouter's.
	PromptDetails *struct {
		Cached       int64 `json:"cached_tokens"`
		CacheWrite   int64 `json:"cache_write_tokens"`
		CacheCreated int64 `json:"cache_creation_input_tokens"` // Qwen
		Audio        int64 `json:"audio_tokens"`
		Image        int64 `json:"image_tokens"`
	} `json:"prompt_tokens_details"`
	PromptDetail *struct {
		Cached int64 `json:"cached_tokens"`
	} `json:"prompt_token_details"` // Mistral, at times
	CompletionDetails *struct {
		Reasoning int64 `json:"reasoning_tokens"`
		Audio     int64 `json:"audio_tokens"`
	} `json:"completion_tokens_details"`
	CacheHit  int64          `json:"prompt_cache_hit_tokens"` // DeepSeek
	Cached    int64          `json:"cached_tokens"`           // Moonshot
	NumCached int64          `json:"num_cached_tokens"`       // Mistral
	Cost      jsontext.Value `json:"cost"`                    // OpenRouter, USD
	CostTicks jsontext.Value `json:"cost_in_usd_ticks"`       // xAI
}

// ticks are what a dollar has in xAI's counting.
const ticks = 1e10

// neutral splits the counters into disjoint ones. Whether the reasoning stands on
// top of the completion is what the total says, else what is known of the vendor.
func (u *usage) neutral(reasoningOnTop bool) llm.Usage {
	u.Prompt, u.Completion = max(u.Prompt, 0), max(u.Completion, 0)
	n := llm.Usage{Quality: llm.QualityExact, Output: u.Completion}
	cached := max(u.CacheHit, u.Cached, u.NumCached, 0)
	if d := u.PromptDetails; d != nil {
		cached = max(cached, d.Cached)
		n.CacheWrite, n.AudioIn, n.ImageIn = max(d.CacheWrite, d.CacheCreated), d.Audio, d.Image
	}
	if d := u.PromptDetail; d != nil {
		cached = max(cached, d.Cached)
	}
	n.CacheRead = min(cached, u.Prompt)
	n.CacheWrite = min(n.CacheWrite, u.Prompt-n.CacheRead)
	n.Input = u.Prompt - n.CacheRead - n.CacheWrite
	if d := u.CompletionDetails; d != nil {
		n.ReasoningOfOutput, n.AudioOut = d.Reasoning, d.Audio
		switch u.Total {
		case u.Prompt + u.Completion:
		case u.Prompt + u.Completion + d.Reasoning:
			n.Output += d.Reasoning
		default:
			if reasoningOnTop {
				n.Output += d.Reasoning
			}
		}
	}
	n.ReasoningOfOutput = min(n.ReasoningOfOutput, n.Output)
	if cost, ok := nanoUSD(u.Cost, 1); ok {
		n.ProviderCost = &cost
	} else if cost, ok := nanoUSD(u.CostTicks, ticks); ok {
		n.ProviderCost = &cost
	}
	return n
}

// nanoUSD reads a cost that is told in parts of a dollar.
func nanoUSD(v jsontext.Value, parts float64) (llm.NanoUSD, bool) {
	f, err := strconv.ParseFloat(string(v), 64)
	if f /= parts; err != nil || !(f >= 0 && f < 1e9) {
		return 0, false
	}
	return llm.NanoUSD(math.Round(f * 1e9)), true
}

type outUsage struct {
	Prompt            int64            `json:"prompt_tokens"`
	Completion        int64            `json:"completion_tokens"`
	Total             int64            `json:"total_tokens"`
	PromptDetails     outPromptUsage   `json:"prompt_tokens_details"`
	CompletionDetails outCompleteUsage `json:"completion_tokens_details"`
}

type outPromptUsage struct {
	Cached     int64 `json:"cached_tokens"`
	CacheWrite int64 `json:"cache_write_tokens,omitzero"`
	Audio      int64 `json:"audio_tokens"`
}

type outCompleteUsage struct {
	Reasoning int64 `json:"reasoning_tokens"`
	Audio     int64 `json:"audio_tokens"`
}

// usageOf joins the counters again. It is nil when nobody counted, which isn't
// the same as zero.
func usageOf(u llm.Usage) *outUsage {
	if u.Quality == llm.QualityUnknown && u.IsZero() {
		return nil
	}
	return &outUsage{
		Prompt: u.TotalInput(), Completion: u.Output, Total: u.Total(),
		PromptDetails:     outPromptUsage{u.CacheRead, u.CacheWrite + u.CacheWrite1h, u.AudioIn},
		CompletionDetails: outCompleteUsage{u.ReasoningOfOutput, u.AudioOut},
	}
}
