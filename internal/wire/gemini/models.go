package gemini

import (
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

type listed struct {
	Name        string   `json:"name"`
	DisplayName string   `json:"displayName"`
	Input       whole    `json:"inputTokenLimit"`
	Output      whole    `json:"outputTokenLimit"`
	Methods     []string `json:"supportedGenerationMethods"`
	Thinking    *bool    `json:"thinking"`
}

// DecodeModels reads a page of the model list.
func (Format) DecodeModels(body []byte) ([]wire.ListedModel, url.Values, error) {
	var page struct {
		Models    []jsontext.Value `json:"models"`
		Published []jsontext.Value `json:"publisherModels"` // Vertex, where a model has a publisher
		Next      string           `json:"nextPageToken"`
	}
	if err := unmarshal(body, &page); err != nil {
		return nil, nil, llm.Errorf(llm.KindUpstream, "the provider's model list can't be read: %w", err)
	}
	models := make([]wire.ListedModel, 0, len(page.Models)+len(page.Published))
	for _, raw := range append(page.Models, page.Published...) {
		var m listed
		odd := unmarshal(raw, &m) != nil
		if odd {
			// It doesn't cost the list: its name is all that is needed of it.
			m = listed{Name: scan.Text(scan.Member(raw, "name"))}
		}
		if m.Name == "" {
			continue
		}
		if _, own, published := strings.Cut(m.Name, "/models/"); published {
			m.Name = own
		}
		models = append(models, wire.ListedModel{
			ID: bareModel(m.Name), Name: m.DisplayName,
			Context: int(max(m.Input, 0)), MaxOutput: int(max(m.Output, 0)),
			Thinking: m.Thinking,
			Embeds:   slices.Contains(m.Methods, embedOne),
		})
		if !odd && (m.Methods != nil || len(page.Published) == 0) {
			chat := slices.Contains(m.Methods, generate)
			models[len(models)-1].Chat = &chat
		}
	}
	if page.Next == "" {
		return models, nil, nil
	}
	return models, url.Values{"pageToken": {page.Next}}, nil
}
