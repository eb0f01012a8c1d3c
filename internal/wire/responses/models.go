package responses

import (
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// DecodeModels reads a model list, which comes in one page: an object around the
// list, or from some servers the list alone.
func (Format) DecodeModels(body []byte) ([]wire.ListedModel, url.Values, error) {
	var page struct {
		Data []jsontext.Value `json:"data"`
	}
	var err error
	if jsontext.Value(body).Kind() == '[' {
		err = json.Unmarshal(body, &page.Data, scan.Lenient)
	} else {
		err = json.Unmarshal(body, &page, scan.Lenient)
	}
	if err != nil {
		return nil, nil, llm.Errorf(llm.KindUpstream, "the model list can't be read: %w", err)
	}
	var out []wire.ListedModel
	for _, raw := range page.Data {
		var m struct {
			ID       string         `json:"id"`
			Name     string         `json:"name"`
			Created  jsontext.Value `json:"created"`
			OwnedBy  string         `json:"owned_by"`
			Shutdown jsontext.Value `json:"shutdown_date"`
			Context  int            `json:"context_length"`
			Window   int            `json:"context_window"`
			Longest  int            `json:"max_model_len"`
		}
		if json.Unmarshal(raw, &m, scan.Lenient) != nil || m.ID == "" {
			continue // one odd entry doesn't cost the list
		}
		out = append(out, wire.ListedModel{
			ID: m.ID, Name: m.Name, Created: wire.UnixTime(m.Created), OwnedBy: m.OwnedBy,
			Shutdown: shutdownOf(m.Shutdown), Context: max(m.Context, m.Window, m.Longest),
		})
	}
	return out, nil, nil
}

// shutdownOf reads a date, in seconds or in words.
func shutdownOf(v jsontext.Value) time.Time {
	if at := wire.UnixTime(v); !at.IsZero() {
		return at
	}
	s := textOf(v)
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
