package gemini

import (
	"net/url"
	"slices"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// DecodeModels reads a page of the model list.
func (Format) DecodeModels(body []byte) ([]wire.ListedModel, url.Values, error) {
	var page struct {
		Models []struct {
			Name        string   `json:"name"`
			DisplayName string   `json:"displayName"`
			Input       whole    `json:"inputTokenLimit"`
			Output      whole    `json:"outputTokenLimit"`
			Methods     []string `json:"supportedGenerationMethods"`
			Thinking    *bool    `json:"thinking"`
		} `json:"models"`
		Next string `json:"nextPageToken"`
	}
	if err := unmarshal(body, &page); err != nil {
		return nil, nil, llm.Errorf(llm.KindUpstream, "the provider's model list can't be read: %w", err)
	}
	models := make([]wire.ListedModel, 0, len(page.Models))
	for _, m := range page.Models {
		if m.Name == "" {
			continue
		}
		models = append(models, wire.ListedModel{
			ID: bareModel(m.Name), Name: m.DisplayName,
			Context: int(max(m.Input, 0)), MaxOutput: int(max(m.Output, 0)),
			Thinking: m.Thinking,
			NotChat:  !slices.Contains(m.Methods, generate),
			Embeds:   slices.Contains(m.Methods, embedOne),
		})
	}
	if page.Next == "" {
		return models, nil, nil
	}
	return models, url.Values{"pageToken": {page.Next}}, nil
}
