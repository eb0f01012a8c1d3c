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
	"github.com/oidostudio/oido/internal/wire/scan"
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
		Models   []jsontext.Value `json:"modelSummaries"`
		Profiles []jsontext.Value `json:"inferenceProfileSummaries"`
		Next     string           `json:"nextToken"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, nil, llm.Errorf(llm.KindUpstream, "the provider's model list can't be read: %w", err)
	}
	var out []wire.ListedModel
	for _, raw := range page.Models {
		var m bedrockModel
		if json.Unmarshal(raw, &m) != nil {
			// One that is odd doesn't cost the list: its id is all that is needed of it.
			m = bedrockModel{ID: scan.Text(scan.Member(raw, "modelId"))}
		}
		if m.ID != "" {
			out = append(out, m.listed())
		}
	}
	for _, raw := range page.Profiles {
		var p bedrockProfile
		if json.Unmarshal(raw, &p) != nil {
			p = bedrockProfile{ID: scan.Text(scan.Member(raw, "inferenceProfileId"))}
		}
		if m := p.listed(); m.ID != "" {
			out = append(out, m)
		}
	}
	if page.Next == "" {
		return out, nil, nil
	}
	return out, url.Values{"nextToken": {page.Next}}, nil
}

// bedrockModel is a model in the list of a region.
type bedrockModel struct {
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
}

func (m *bedrockModel) listed() wire.ListedModel {
	out := wire.ListedModel{ID: m.ID, Name: m.Name, OwnedBy: m.Owner, Shutdown: endOf(m.Lifecycle.End)}
	if len(m.Out) > 0 {
		chat := slices.Contains(m.Out, "TEXT")
		out.Chat, out.Embeds = &chat, slices.Contains(m.Out, "EMBEDDING")
	}
	if len(m.Inference) > 0 && !slices.Contains(m.Inference, onDemand) {
		out.Chat = new(bool) // its own id is refused, and profiles lead to it
	}
	if len(m.In) > 0 {
		vision := slices.Contains(m.In, "IMAGE")
		out.Vision = &vision
	}
	if strings.EqualFold(m.Lifecycle.Status, "LEGACY") {
		out.State = "deprecated"
	}
	return out
}

// bedrockProfile is an inference profile.
type bedrockProfile struct {
	ID     string `json:"inferenceProfileId"`
	ARN    string `json:"inferenceProfileArn"`
	Name   string `json:"inferenceProfileName"`
	Type   string `json:"type"`
	Models []struct {
		ARN string `json:"modelArn"`
	} `json:"models"`
}

func (p *bedrockProfile) listed() wire.ListedModel {
	out := wire.ListedModel{ID: p.ID, Name: p.Name}
	if p.Type == "APPLICATION" && p.ARN != "" {
		out.ID = p.ARN // the short id of an account's own profile isn't taken
	}
	for _, m := range p.Models {
		// One that may answer anywhere in the world has prices of its own.
		if _, model, ok := strings.Cut(m.ARN, ":foundation-model/"); ok && !strings.HasPrefix(p.ID, "global.") {
			out.Of = model
		}
	}
	return out
}

// endOf reads when a model's life ends, in words or in seconds; zero: nobody knows.
func endOf(v jsontext.Value) time.Time {
	var at time.Time
	if json.Unmarshal(v, &at) == nil {
		return at.UTC()
	}
	return wire.UnixTime(v)
}
