package converse

import "github.com/oidostudio/oido/internal/llm"

// usage is what the API counts. inputTokens holds neither what was read from a
// cache nor what was written to one.
type usage struct {
	Input      int64         `json:"inputTokens"`
	Output     int64         `json:"outputTokens"`
	CacheRead  int64         `json:"cacheReadInputTokens"`
	CacheWrite int64         `json:"cacheWriteInputTokens"`
	ByTTL      []cacheDetail `json:"cacheDetails"`
}

// cacheDetail is the part of the writes that is kept for a time.
type cacheDetail struct {
	TTL    string `json:"ttl"`
	Tokens int64  `json:"inputTokens"`
}

// neutral converts the counters. What the total of writes has more than is told
// by lifetime was written for minutes.
func (u *usage) neutral(tier string) llm.Usage {
	out := llm.Usage{
		Input: max(u.Input, 0), CacheRead: max(u.CacheRead, 0), Output: max(u.Output, 0),
		ServiceTier: tier, Quality: llm.QualityExact,
	}
	var told, hour int64
	for _, d := range u.ByTTL {
		told += max(d.Tokens, 0)
		if d.TTL == "1h" {
			hour += max(d.Tokens, 0)
		}
	}
	writes := max(u.CacheWrite, 0)
	if writes == 0 {
		writes = max(told, 0)
	}
	out.CacheWrite1h = min(max(hour, 0), writes)
	out.CacheWrite = writes - out.CacheWrite1h
	return out
}
