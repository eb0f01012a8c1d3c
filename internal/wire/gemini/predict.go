package gemini

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Vertex asks for embeddings in bodies of its own (wire.EmbedStyle.Shape): most
// models in the general one of predictions, newer ones as embedContent does, with
// what is wanted in a config.
const (
	shapePredict = "predict"
	shapeConfig  = "config"
)

// predict is the action of predictions.
const predict = "predict"

// prediction is the answer for one instance.
type prediction struct {
	Embeddings struct {
		Values     []float32 `json:"values"`
		Statistics struct {
			Tokens whole `json:"token_count"`
		} `json:"statistics"`
	} `json:"embeddings"`
}

// instance is one text of a request for predictions.
type instance struct {
	Content  string `json:"content"`
	TaskType string `json:"task_type,omitzero"`
	Title    string `json:"title,omitzero"`
}

// predictionOf asks for predictions.
func predictionOf(q *llm.EmbedRequest, list []embedding, l *wire.Losses) any {
	type parameters struct {
		Truncate   jsontext.Value `json:"autoTruncate,omitzero"`
		Dimensions *whole         `json:"outputDimensionality,omitzero"`
	}
	var body struct {
		Instances  []instance `json:"instances"`
		Parameters parameters `json:"parameters,omitzero"`
	}
	for i, e := range list {
		body.Instances = append(body.Instances, instance{q.Inputs[i].Text, e.TaskType, e.Title})
		body.Parameters.Dimensions = e.Dimensions
	}
	body.Parameters.Truncate = truncation(q, l)
	return body
}

// configuredOf asks for one embedding with a config.
func configuredOf(q *llm.EmbedRequest, list []embedding, l *wire.Losses) any {
	if len(list) > 1 {
		l.Refuse("input", "this model makes one embedding at a time: send the texts one by one")
	}
	type config struct {
		TaskType   string         `json:"taskType,omitzero"`
		Title      string         `json:"title,omitzero"`
		Truncate   jsontext.Value `json:"autoTruncate,omitzero"`
		Dimensions *whole         `json:"outputDimensionality,omitzero"`
	}
	return struct {
		Content *content `json:"content"`
		Config  config   `json:"embedContentConfig,omitzero"`
	}{list[0].Content, config{list[0].TaskType, list[0].Title, truncation(q, l), list[0].Dimensions}}
}

// truncation is what a client of Gemini says of texts that are too long, for all
// of them; what else it says has no place in Vertex's bodies.
func truncation(q *llm.EmbedRequest, l *wire.Losses) (v jsontext.Value) {
	for _, f := range q.Extra {
		switch {
		case f.Format != llm.FormatGemini:
		case f.Name != "autoTruncate":
			l.Lose(f.Name, "the field "+f.Name+" is not known to embeddings of Vertex")
		case v != nil && !bytes.Equal(v, f.Value):
			l.Refuse("requests", "the requests say different things of autoTruncate, which can't be asked for at once: send them apart")
		default:
			v = f.Value
		}
	}
	return v
}

// predictionUsage is what predictions used, where every one of them says so.
func predictionUsage(raw jsontext.Value) wire.Metered {
	m := wire.Metered{Complete: true}
	var list []prediction
	if unmarshal(raw, &list) != nil {
		return m // what can't be read is as if it weren't there
	}
	var used int64
	for _, p := range list {
		n := int64(p.Embeddings.Statistics.Tokens)
		if n <= 0 {
			return m
		}
		used += n
	}
	if used > 0 {
		m.Usage = llm.Usage{Input: used, Quality: llm.QualityExact}
	}
	return m
}
