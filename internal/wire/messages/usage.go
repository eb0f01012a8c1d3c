package messages

import (
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// usage is what a provider counts. Its input counters don't overlap; nil is
// "not said", which in a stream leaves the earlier value in force.
type usage struct {
	Input         *int64         `json:"input_tokens,omitzero"`
	CacheCreation *int64         `json:"cache_creation_input_tokens,omitzero"`
	CacheRead     *int64         `json:"cache_read_input_tokens,omitzero"`
	ByTTL         *cacheCreation `json:"cache_creation,omitzero"`
	Output        *int64         `json:"output_tokens,omitzero"`
	OutputDetails *outputDetails `json:"output_tokens_details,omitzero"`
	ServerTools   *serverTools   `json:"server_tool_use,omitzero"`
	ServiceTier   string         `json:"service_tier,omitzero"`
	Iterations    []iteration    `json:"iterations,omitzero"`
}

type cacheCreation struct {
	FiveMinutes int64 `json:"ephemeral_5m_input_tokens"`
	OneHour     int64 `json:"ephemeral_1h_input_tokens"`
}

type outputDetails struct {
	Thinking int64 `json:"thinking_tokens"`
}

type serverTools struct {
	WebSearch int64 `json:"web_search_requests"`
	WebFetch  int64 `json:"web_fetch_requests"`
}

// iteration is one of several samplings behind an answer. Only what compaction
// used stands outside the totals.
type iteration struct {
	Type string `json:"type"`
	usage
}

// merge takes what a later usage says over what an earlier one did.
func (u *usage) merge(later *usage) {
	if later == nil {
		return
	}
	take(&u.Input, later.Input)
	take(&u.CacheRead, later.CacheRead)
	take(&u.CacheCreation, later.CacheCreation)
	take(&u.Output, later.Output)
	take(&u.ByTTL, later.ByTTL)
	take(&u.OutputDetails, later.OutputDetails)
	take(&u.ServerTools, later.ServerTools)
	if later.ServiceTier != "" {
		u.ServiceTier = later.ServiceTier
	}
	if len(later.Iterations) > 0 {
		u.Iterations = later.Iterations
	}
}

func take[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

func count(n *int64) int64 {
	if n == nil {
		return 0
	}
	return max(*n, 0)
}

// neutral converts the counters. Cache writes are told as a total and, by some
// events only, by lifetime: what the total has more was written for minutes.
func (u *usage) neutral(t wire.Target) llm.Usage {
	out := llm.Usage{
		Input:       count(u.Input),
		CacheRead:   count(u.CacheRead),
		Output:      count(u.Output),
		ServiceTier: u.ServiceTier,
		Quality:     llm.QualityExact,
	}
	if u.ByTTL != nil {
		out.CacheWrite, out.CacheWrite1h = max(u.ByTTL.FiveMinutes, 0), max(u.ByTTL.OneHour, 0)
	}
	if u.CacheCreation != nil {
		total := count(u.CacheCreation)
		out.CacheWrite1h = min(out.CacheWrite1h, total)
		out.CacheWrite = total - out.CacheWrite1h
	}
	if u.OutputDetails != nil {
		out.ReasoningOfOutput = max(u.OutputDetails.Thinking, 0)
		if t.ReasoningOnTop {
			out.Output += out.ReasoningOfOutput
		}
		out.ReasoningOfOutput = min(out.ReasoningOfOutput, out.Output)
	}
	if s := u.ServerTools; s != nil {
		piece(&out, "web_search", s.WebSearch)
		piece(&out, "web_fetch", s.WebFetch)
	}
	for i := range u.Iterations {
		if it := &u.Iterations[i]; it.Type == "compaction" {
			out.Input += count(it.Input)
			out.CacheRead += count(it.CacheRead)
			out.CacheWrite += count(it.CacheCreation)
			out.Output += count(it.Output)
		}
	}
	return out
}

func piece(u *llm.Usage, name string, n int64) {
	if n <= 0 {
		return
	}
	if u.PerRequest == nil {
		u.PerRequest = map[string]int64{}
	}
	u.PerRequest[name] = n
}

// usageOf writes the counters for a client. Every counter is there, zero too:
// typed clients read them unasked.
func usageOf(u llm.Usage) *usage {
	writes := u.CacheWrite + u.CacheWrite1h
	out := &usage{
		Input:         &u.Input,
		CacheCreation: &writes,
		CacheRead:     &u.CacheRead,
		ByTTL:         &cacheCreation{FiveMinutes: u.CacheWrite, OneHour: u.CacheWrite1h},
		Output:        &u.Output,
		ServiceTier:   tierShown(u.ServiceTier),
	}
	if u.ReasoningOfOutput > 0 {
		out.OutputDetails = &outputDetails{Thinking: u.ReasoningOfOutput}
	}
	if s := (serverTools{u.PerRequest["web_search"], u.PerRequest["web_fetch"]}); s != (serverTools{}) {
		out.ServerTools = &s
	}
	return out
}

// tierShown is the word for a tier that was used.
func tierShown(tier string) string {
	if tier == "default" {
		return "standard"
	}
	return tier
}
