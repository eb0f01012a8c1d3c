package gemini

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

var _ wire.Embedder = Format{}

// The actions that embed: one content, or several.
const (
	embedOne  = "embedContent"
	embedMany = "batchEmbedContents"
)

// embedding is one request for a vector.
type embedding struct {
	Model      string   `json:"model,omitzero"`
	Content    *content `json:"content"`
	TaskType   string   `json:"taskType,omitzero"`
	Title      string   `json:"title,omitzero"`
	Dimensions *whole   `json:"outputDimensionality,omitzero"`
}

// embedUsage is what embeddings used, where the vendor says it: for years it
// didn't.
type embedUsage struct {
	Prompt whole `json:"promptTokenCount"`
}

type vector struct {
	Values []float32 `json:"values"`
}

// embedded is an answer: of one content, or of several.
type embedded struct {
	Embedding  *vector     `json:"embedding,omitzero"`
	Embeddings []vector    `json:"embeddings,omitzero"`
	Usage      *embedUsage `json:"usageMetadata,omitzero"`
}

// PeekEmbed reads the model out of the path.
func (f Format) PeekEmbed(r wire.RawRequest) (wire.Peeked, error) {
	p, err := f.Peek(r)
	p.MaxOutput = 0
	return p, err
}

// SpliceEmbed writes the request for a model, which stands in the path and again
// in each request of a batch.
func (Format) SpliceEmbed(r wire.RawRequest, p wire.Peeked, e wire.Edits) (wire.Outbound, error) {
	_, action, err := fromPath(r.Path)
	if err != nil {
		return wire.Outbound{}, err
	}
	model := p.Model
	if e.Model != "" {
		model = e.Model
	}
	out := wire.Outbound{Path: toPath(model, action), Body: r.Body}
	name := "models/" + bareModel(model)
	if action == embedOne {
		out.Body, err = renamed(r.Body, name, false)
		return out, err
	}
	there, err := fieldsOf(r.Body)
	if err != nil {
		return wire.Outbound{}, err
	}
	list, changed := []byte{'['}, false
	a := scan.NewArray(there["requests"].Value)
	for n := 0; a.Next(); n++ {
		v, kind := a.Value()
		if n > 0 {
			list = append(list, ',')
		}
		next := v
		if kind == '{' {
			if next, err = renamed(v, name, true); err != nil {
				return wire.Outbound{}, err
			}
		}
		changed = changed || !bytes.Equal(next, v)
		list = append(list, next...)
	}
	if a.Err() != nil || !changed {
		return out, nil //nolint:nilerr // what is no list is the provider's to refuse
	}
	c := changes{set: map[string][]byte{"requests": append(list, ']')}}
	out.Body, _, err = c.apply(r.Body)
	return out, err
}

// renamed writes the model's name into a request that names another one, or none
// where there must be one.
func renamed(request []byte, name string, must bool) ([]byte, error) {
	there, err := fieldsOf(request)
	if err != nil {
		return nil, err
	}
	f, named := there["model"]
	if said, _ := f.String(); !named && !must || said == name {
		return request, nil
	}
	c := changes{set: map[string][]byte{"model": scan.Quote(name)}}
	out, _, err := c.apply(request)
	return out, err
}

// DecodeEmbed reads a request for embeddings.
func (Format) DecodeEmbed(r wire.RawRequest) (*llm.EmbedRequest, error) {
	model, action, err := fromPath(r.Path)
	if err != nil {
		return nil, err
	}
	q := &llm.EmbedRequest{Model: model, Batch: action == embedMany}
	if !q.Batch {
		return q, readEmbedding(q, r.Body, "")
	}
	there, err := fieldsOf(r.Body)
	if err != nil {
		return nil, err
	}
	var list []jsontext.Value
	if v := there["requests"].Value; len(v) > 0 {
		if err := unmarshal(v, &list); err != nil {
			return nil, wire.BadField("requests", err)
		}
	}
	if len(list) == 0 {
		return nil, wire.BadRequest("requests", "requests is missing or empty: send at least one")
	}
	for i, v := range list {
		if err := readEmbedding(q, v, fmt.Sprintf("requests[%d].", i)); err != nil {
			return nil, err
		}
	}
	return q, nil
}

var embeddingFields = map[string]bool{"model": true, "content": true, "taskType": true, "title": true, "outputDimensionality": true}

// readEmbedding reads one request; at is its place, with a dot.
func readEmbedding(q *llm.EmbedRequest, body jsontext.Value, at string) error {
	if body.Kind() != '{' {
		return wire.BadRequest(strings.TrimSuffix(at, "."), at+" is no JSON object")
	}
	there, err := fieldsOf(body)
	if err != nil {
		return err
	}
	var in embedding
	if err := unmarshal(body, &in); err != nil {
		return wire.BadField(strings.TrimSuffix(at, "."), err)
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if f := there[name]; !embeddingFields[name] && f.Kind != 'n' {
			q.Extra = append(q.Extra, llm.Field{Format: llm.FormatGemini, Name: name, Value: bytes.Clone(f.Value)})
		}
	}
	if in.Content == nil || len(in.Content.Parts) == 0 {
		return wire.BadRequest(at+"content", at+"content is missing or empty: send a content with a part of text")
	}
	texts := make([]string, len(in.Content.Parts))
	for i, raw := range in.Content.Parts {
		var p part
		if err := unmarshal(raw, &p); err != nil || p.Text == nil {
			field := fmt.Sprintf("%scontent.parts[%d]", at, i)
			return wire.BadRequest(field, field+" is no text: another vendor's embeddings are of text alone")
		}
		texts[i] = *p.Text
	}
	if in.Dimensions != nil {
		n := int(*in.Dimensions)
		if len(q.Inputs) > 0 && (q.Dimensions == nil || *q.Dimensions != n) {
			return wire.BadRequest(at+"outputDimensionality", at+"outputDimensionality: the requests want vectors of different lengths, which another vendor can't give at once: send them apart")
		}
		q.Dimensions = &n
	} else if q.Dimensions != nil {
		return wire.BadRequest(at+"outputDimensionality", at+"outputDimensionality: the requests want vectors of different lengths, which another vendor can't give at once: send them apart")
	}
	q.Inputs = append(q.Inputs, llm.EmbedInput{Text: strings.Join(texts, "\n"), Task: in.TaskType, Title: in.Title})
	return nil
}

// EncodeEmbed writes a request for embeddings.
func (Format) EncodeEmbed(q *llm.EmbedRequest, t wire.Target) (wire.Outbound, []wire.Downgrade, error) {
	var l wire.Losses
	list := make([]embedding, len(q.Inputs))
	for i, in := range q.Inputs {
		if in.Tokens != nil {
			l.Refuse("input", "tokens mean nothing to a model of another vendor: send the text")
			break
		}
		text, err := marshal(part{Text: &in.Text})
		if err != nil {
			return wire.Outbound{}, nil, llm.Errorf(llm.KindBadRequest, "input %d can't be written: %w", i, err)
		}
		list[i] = embedding{Content: &content{Parts: []jsontext.Value{text}}, TaskType: in.Task, Title: in.Title}
		if q.Dimensions != nil {
			n := whole(*q.Dimensions)
			list[i].Dimensions = &n
		}
	}
	if q.EndUser != "" {
		l.Lose("user", "Gemini takes no name of an end user")
	}
	l.LoseEmbed(q, llm.FormatGemini)
	action, body := shaped(q, list, t, &l)
	if l.Err != nil {
		return wire.Outbound{}, nil, l.Err
	}
	b, err := marshal(body)
	if err != nil {
		return wire.Outbound{}, nil, llm.Errorf(llm.KindBadRequest, "the request can't be written: %w", err)
	}
	return wire.Outbound{Path: toPath(t.Model, action), Body: b}, l.Downgrades, nil
}

// shaped is what is asked for in the body that the target takes.
func shaped(q *llm.EmbedRequest, list []embedding, t wire.Target, l *wire.Losses) (action string, body any) {
	switch t.Embed.Shape {
	case shapePredict:
		return predict, predictionOf(q, list, l)
	case shapeConfig:
		return embedOne, configuredOf(q, list, l)
	}
	for _, f := range q.Extra {
		if f.Format == llm.FormatGemini {
			l.Lose(f.Name, "the field "+f.Name+" has no place in a request that is written anew")
		}
	}
	if len(list) == 1 {
		return embedOne, list[0]
	}
	for i := range list {
		list[i].Model = "models/" + bareModel(t.Model)
	}
	return embedMany, struct {
		Requests []embedding `json:"requests"`
	}{list}
}

// EmbeddingUsage reads an answer but for its vectors.
func (Format) EmbeddingUsage(body []byte) (wire.Metered, *llm.Error) {
	var a struct {
		Error       jsontext.Value `json:"error"`
		Embedding   jsontext.Value `json:"embedding"`
		Embeddings  jsontext.Value `json:"embeddings"`
		Predictions jsontext.Value `json:"predictions"`
		Usage       jsontext.Value `json:"usageMetadata"`
	}
	if err := unmarshal(body, &a); err != nil {
		return wire.Metered{}, llm.Errorf(llm.KindUpstream, "the provider's answer can't be read: %w", err)
	}
	if e := errorIn(a.Error, 0); e != nil {
		return wire.Metered{}, e
	}
	if a.Predictions.Kind() == '[' {
		return predictionUsage(a.Predictions), nil
	}
	if a.Embedding.Kind() != '{' && a.Embeddings.Kind() != '[' {
		return wire.Metered{}, llm.Errorf(llm.KindUpstream, "the provider's answer holds no embeddings")
	}
	m := wire.Metered{Complete: true}
	var u embedUsage
	if len(a.Usage) > 0 && unmarshal(a.Usage, &u) == nil && u.Prompt > 0 { // what can't be read is as if it weren't there
		m.Usage = llm.Usage{Input: int64(u.Prompt), Quality: llm.QualityExact}
	}
	return m, nil
}

// DecodeEmbedding reads an answer.
func (f Format) DecodeEmbedding(body []byte) (*llm.Embedding, error) {
	m, e := f.EmbeddingUsage(body)
	if e != nil {
		return nil, e
	}
	var a struct {
		Embedding   *vector      `json:"embedding"`
		Embeddings  []vector     `json:"embeddings"`
		Predictions []prediction `json:"predictions"`
	}
	if err := unmarshal(body, &a); err != nil {
		return nil, llm.Errorf(llm.KindUpstream, "the provider's embeddings can't be read: %w", err)
	}
	for _, p := range a.Predictions {
		a.Embeddings = append(a.Embeddings, vector{p.Embeddings.Values})
	}
	if a.Embedding != nil {
		a.Embeddings = []vector{*a.Embedding}
	}
	out := &llm.Embedding{Usage: m.Usage, Vectors: make([][]float32, len(a.Embeddings))}
	for i, v := range a.Embeddings {
		out.Vectors[i] = v.Values
	}
	return out, nil
}

// EncodeEmbedding writes an answer. Only what the provider counted is told as
// usage: Gemini's clients don't count on one.
func (Format) EncodeEmbedding(e *llm.Embedding, q *llm.EmbedRequest) ([]byte, error) {
	var a embedded
	if e.Usage.Quality == llm.QualityExact {
		a.Usage = &embedUsage{Prompt: whole(e.Usage.TotalInput())}
	}
	a.Embeddings = make([]vector, len(e.Vectors))
	for i, v := range e.Vectors {
		a.Embeddings[i] = vector{Values: v}
	}
	if !q.Batch && len(a.Embeddings) == 1 {
		a.Embedding, a.Embeddings = &a.Embeddings[0], nil
	}
	b, err := marshal(a)
	if err != nil {
		return nil, llm.Errorf(llm.KindUpstream, "the embeddings can't be written: %w", err)
	}
	return b, nil
}
