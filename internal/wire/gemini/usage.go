package gemini

import (
	"github.com/oidostudio/oido/internal/llm"
)

// usage is what Gemini counts. The prompt holds the cached tokens; what the
// vendor's own tools put in and the thoughts stand beside prompt and candidates.
type usage struct {
	Prompt           whole      `json:"promptTokenCount,omitzero"`
	Candidates       whole      `json:"candidatesTokenCount,omitzero"`
	Total            whole      `json:"totalTokenCount,omitzero"`
	Cached           whole      `json:"cachedContentTokenCount,omitzero"`
	ToolUse          whole      `json:"toolUsePromptTokenCount,omitzero"`
	Thoughts         whole      `json:"thoughtsTokenCount,omitzero"`
	PromptDetails    []modality `json:"promptTokensDetails,omitzero"`
	CandidateDetails []modality `json:"candidatesTokensDetails,omitzero"`
	ServiceTier      string     `json:"serviceTier,omitzero"`
}

type modality struct {
	Modality string `json:"modality"`
	Tokens   whole  `json:"tokenCount"`
}

// empty says that nothing was counted yet: the first chunks of some streams hold
// an empty object.
func (u *usage) empty() bool {
	return u == nil || u.Prompt <= 0 && u.Candidates <= 0 && u.Total <= 0 && u.Thoughts <= 0
}

// neutral splits the counters into disjoint ones.
func (u *usage) neutral() llm.Usage {
	prompt, cached := max(int64(u.Prompt), 0), max(int64(u.Cached), 0)
	cached = min(cached, prompt)
	thoughts, said := max(int64(u.Thoughts), 0), max(int64(u.Candidates), 0)
	n := llm.Usage{
		Input:             prompt - cached + max(int64(u.ToolUse), 0),
		CacheRead:         cached,
		Output:            said + thoughts,
		ReasoningOfOutput: thoughts,
		AudioIn:           of(u.PromptDetails, "AUDIO"),
		ImageIn:           of(u.PromptDetails, "IMAGE"),
		AudioOut:          of(u.CandidateDetails, "AUDIO"),
		ServiceTier:       u.ServiceTier,
		Quality:           llm.QualityExact,
	}
	return n
}

func of(details []modality, name string) (sum int64) {
	for _, d := range details {
		if d.Modality == name {
			sum += max(int64(d.Tokens), 0)
		}
	}
	return sum
}

// usageOf writes a usage; nil when nobody counted.
func usageOf(n llm.Usage) *usage {
	if n.Quality == llm.QualityUnknown && n.IsZero() {
		return nil
	}
	thoughts := min(n.ReasoningOfOutput, n.Output)
	u := &usage{
		Prompt: whole(n.TotalInput()), Candidates: whole(n.Output - thoughts), Total: whole(n.Total()),
		Cached: whole(n.CacheRead), Thoughts: whole(thoughts), ServiceTier: n.ServiceTier,
	}
	for _, d := range []modality{{"AUDIO", whole(n.AudioIn)}, {"IMAGE", whole(n.ImageIn)}} {
		if d.Tokens > 0 {
			u.PromptDetails = append(u.PromptDetails, d)
		}
	}
	if n.AudioOut > 0 {
		u.CandidateDetails = []modality{{"AUDIO", whole(n.AudioOut)}}
	}
	return u
}
