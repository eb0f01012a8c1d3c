package provider

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// bedrockList names the shape of the lists of Bedrock's control plane.
const bedrockList = "bedrock"

// onDemand is how models are called by their own id.
const onDemand = "ON_DEMAND"

// bedrockLister reads both of Bedrock's lists: its models and the inference
// profiles, under whose ids newer models are called.
type bedrockLister struct{}

// DecodeModels reads a page.
func (bedrockLister) DecodeModels(body []byte) ([]wire.ListedModel, url.Values, error) {
	var page struct {
		Models []struct {
			ID        string   `json:"modelId"`
			Name      string   `json:"modelName"`
			Owner     string   `json:"providerName"`
			In        []string `json:"inputModalities"`
			Out       []string `json:"outputModalities"`
			Inference []string `json:"inferenceTypesSupported"`
			Lifecycle struct {
				Status string         `json:"status"`
				End    jsontext.Value `json:"endOfLifeTime"`
			} `json:"modelLifecycle"`
		} `json:"modelSummaries"`
		Profiles []struct {
			ID     string `json:"inferenceProfileId"`
			ARN    string `json:"inferenceProfileArn"`
			Name   string `json:"inferenceProfileName"`
			Type   string `json:"type"`
			Status string `json:"status"`
			Models []struct {
				ARN string `json:"modelArn"`
			} `json:"models"`
		} `json:"inferenceProfileSummaries"`
		Next string `json:"nextToken"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, nil, llm.Errorf(llm.KindUpstream, "the provider's model list can't be read: %w", err)
	}
	var out []wire.ListedModel
	for _, m := range page.Models {
		if m.ID == "" {
			continue
		}
		vision := slices.Contains(m.In, "IMAGE")
		listed := wire.ListedModel{ID: m.ID, Name: m.Name, OwnedBy: m.Owner}
		if len(m.Out) > 0 {
			chat := slices.Contains(m.Out, "TEXT")
			listed.Chat, listed.Embeds = &chat, slices.Contains(m.Out, "EMBEDDING")
		}
		if len(m.Inference) > 0 && !slices.Contains(m.Inference, onDemand) {
			listed.Chat = new(bool) // its own id is refused, and profiles lead to it
		}
		if len(m.In) > 0 {
			listed.Vision = &vision
		}
		if strings.EqualFold(m.Lifecycle.Status, "LEGACY") {
			listed.State = "deprecated"
		}
		listed.Shutdown = endOf(m.Lifecycle.End)
		out = append(out, listed)
	}
	for _, p := range page.Profiles {
		id := p.ID
		if p.Type == "APPLICATION" && p.ARN != "" {
			id = p.ARN // the short id of an account's own profile isn't taken
		}
		if id == "" {
			continue
		}
		listed := wire.ListedModel{ID: id, Name: p.Name}
		for _, m := range p.Models {
			// One that may answer anywhere in the world has prices of its own.
			if _, model, ok := strings.Cut(m.ARN, ":foundation-model/"); ok && !strings.HasPrefix(p.ID, "global.") {
				listed.Of = model
			}
		}
		out = append(out, listed)
	}
	if page.Next == "" {
		return out, nil, nil
	}
	return out, url.Values{"nextToken": {page.Next}}, nil
}

// endOf reads when a model's life ends, in words or in seconds; zero: nobody knows.
func endOf(v jsontext.Value) time.Time {
	var at time.Time
	if json.Unmarshal(v, &at) == nil {
		return at.UTC()
	}
	return wire.UnixTime(v)
}
