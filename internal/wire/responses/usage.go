package responses

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// usage is what servers say that was used. input_tokens holds the cached and the
// written ones, output_tokens the reasoning.
type usage struct {
	Input        int64 `json:"input_tokens"`
	Output       int64 `json:"output_tokens"`
	Total        int64 `json:"total_tokens"`
	InputDetails *struct {
		Cached     int64 `json:"cached_tokens"`
		CacheWrite int64 `json:"cache_write_tokens"`
		CacheLong  int64 `json:"ttl_12h_tokens"`
		Audio      int64 `json:"audio_tokens"`
		Image      int64 `json:"image_tokens"`
	} `json:"input_tokens_details"`
	OutputDetails *struct {
		Reasoning int64 `json:"reasoning_tokens"`
		Audio     int64 `json:"audio_tokens"`
	} `json:"output_tokens_details"`
	Cost      jsontext.Value `json:"cost"`              // USD, where the provider tells it
	CostTicks jsontext.Value `json:"cost_in_usd_ticks"` // xAI, ten thousand millionths of a dollar
}

// usageOf splits the counters of an answer into disjoint ones; the zero value
// when nobody counted.
func (r *response) usageOf(t wire.Target) llm.Usage {
	u := r.Usage
	if u == nil {
		return llm.Usage{ServiceTier: r.ServiceTier}
	}
	input := max(u.Input, 0)
	n := llm.Usage{Quality: llm.QualityExact, Output: max(u.Output, 0), ServiceTier: r.ServiceTier}
	if d := u.InputDetails; d != nil {
		n.CacheRead = within(d.Cached, input)
		written := within(d.CacheWrite, input-n.CacheRead)
		n.CacheWrite1h = within(d.CacheLong, written)
		n.CacheWrite = written - n.CacheWrite1h
		n.AudioIn, n.ImageIn = within(d.Audio, input), within(d.Image, input)
	}
	n.Input = input - n.CacheRead - n.CacheWrite - n.CacheWrite1h
	if d := u.OutputDetails; d != nil {
		thought := max(d.Reasoning, 0)
		if u.onTop(thought, t.ReasoningOnTop) {
			n.Output += thought
		}
		n.ReasoningOfOutput, n.AudioOut = within(thought, n.Output), within(d.Audio, n.Output)
	}
	if cost, ok := nanoUSD(u.Cost, 1); ok {
		n.ProviderCost = &cost
	} else if cost, ok := nanoUSD(u.CostTicks, 1e10); ok {
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

// onTop says whether the reasoning is counted beside the output. The total
// decides where it can, since vendors of one format differ.
func (u *usage) onTop(thought int64, otherwise bool) bool {
	switch {
	case thought == 0 || u.Total == u.Input+u.Output:
		return false
	case u.Total == u.Input+u.Output+thought:
		return true
	}
	return otherwise
}

// within clamps a counter to what it is a part of.
func within(n, whole int64) int64 { return min(max(n, 0), whole) }

type outUsage struct {
	Input         int64             `json:"input_tokens"`
	InputDetails  outInputDetails   `json:"input_tokens_details"`
	Output        int64             `json:"output_tokens"`
	OutputDetails outOutputsDetails `json:"output_tokens_details"`
	Total         int64             `json:"total_tokens"`
}

type outInputDetails struct {
	Cached  int64 `json:"cached_tokens"`
	Written int64 `json:"cache_write_tokens,omitzero"`
	Long    int64 `json:"ttl_12h_tokens,omitzero"`
}

type outOutputsDetails struct {
	Reasoning int64 `json:"reasoning_tokens"`
}

// shownUsage joins the counters again. It is nil when nobody counted, which
// isn't the same as zero.
func shownUsage(u llm.Usage) *outUsage {
	if u.Quality == llm.QualityUnknown && u.IsZero() {
		return nil
	}
	return &outUsage{
		Input: u.TotalInput(), Output: u.Output, Total: u.Total(),
		InputDetails:  outInputDetails{u.CacheRead, u.CacheWrite + u.CacheWrite1h, u.CacheWrite1h},
		OutputDetails: outOutputsDetails{u.ReasoningOfOutput},
	}
}
