package messages

import (
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

type modelPage struct {
	Data    []jsontext.Value `json:"data"`
	HasMore bool             `json:"has_more"`
	LastID  string           `json:"last_id"`
}

type listedModel struct {
	ID           string         `json:"id"`
	DisplayName  string         `json:"display_name"`
	CreatedAt    jsontext.Value `json:"created_at"`
	MaxInput     *int           `json:"max_input_tokens"`
	MaxOutput    *int           `json:"max_tokens"`
	Lifecycle    jsontext.Value `json:"lifecycle"`
	RetiresAt    string         `json:"retires_at"`
	Capabilities *struct {
		Image    *supported `json:"image_input"`
		Thinking *supported `json:"thinking"`
	} `json:"capabilities"`
}

type supported struct {
	Supported *bool `json:"supported"`
}

// DecodeModels reads one page of a model list.
func (Format) DecodeModels(body []byte) (models []wire.ListedModel, next url.Values, err error) {
	var page modelPage
	if err := json.Unmarshal(body, &page, scan.Lenient); err != nil {
		return nil, nil, llm.Errorf(llm.KindUpstream, "the provider's model list can't be read: %w", err)
	}
	if page.Data == nil {
		return nil, nil, llm.Errorf(llm.KindUpstream, "the provider's model list has no data")
	}
	for _, raw := range page.Data {
		var m listedModel
		if json.Unmarshal(raw, &m, scan.Lenient) != nil {
			// One that is odd doesn't cost the list: its id is all that is needed of it.
			m = listedModel{ID: scan.Text(scan.Member(raw, "id"))}
		}
		if m.ID != "" {
			models = append(models, m.neutral())
		}
	}
	if page.HasMore && page.LastID != "" {
		next = url.Values{"after_id": {page.LastID}}
	}
	return models, next, nil
}

func (m *listedModel) neutral() wire.ListedModel {
	out := wire.ListedModel{ID: m.ID, Name: m.DisplayName, Created: timeOf(scan.Text(m.CreatedAt)), Shutdown: timeOf(m.RetiresAt)}
	if m.MaxInput != nil {
		out.Context = *m.MaxInput
	}
	if m.MaxOutput != nil {
		out.MaxOutput = *m.MaxOutput
	}
	state := scan.Text(m.Lifecycle)
	if m.Lifecycle.Kind() == '{' {
		state = scan.Text(scan.Member(m.Lifecycle, "state"))
		out.Replacement = scan.Text(scan.Member(m.Lifecycle, "replacement"))
		if out.Shutdown.IsZero() {
			out.Shutdown = timeOf(scan.Text(scan.Member(m.Lifecycle, "retires_at")))
		}
	}
	if state == "deprecated" || state == "retired" {
		out.State = state
	}
	if c := m.Capabilities; c != nil {
		out.Vision, out.Thinking = c.Image.answer(), c.Thinking.answer()
	}
	return out
}

func (s *supported) answer() *bool {
	if s == nil {
		return nil
	}
	return s.Supported
}

// timeOf reads a time or a day; the epoch stands for one that nobody knows.
func timeOf(s string) time.Time {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil && t.Unix() > 0 {
			return t.UTC()
		}
	}
	return time.Time{}
}
