package messages

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// encoding is a request on its way to a provider.
type encoding struct {
	req *llm.Request
	t   wire.Target
	wire.Losses
	// forwarded says that only the conversation is written: the client's other
	// fields go out as they are, its system text among them.
	forwarded bool

	system []*block
	turns  []turn
	tools  []*tool
	choice *toolChoice
	max    int
	think  *thinking
	output outputConfig
}

// Encode writes a request for a target.
func (Format) Encode(req *llm.Request, t wire.Target) (wire.Outbound, []wire.Downgrade, error) {
	e := &encoding{req: req, t: t}
	if err := e.build(); err != nil {
		return wire.Outbound{}, nil, err
	}
	fields, err := e.fields()
	if err != nil {
		return wire.Outbound{}, nil, err
	}
	body := write(e.fit(fields))
	return wire.Outbound{Path: path, Header: headerOf(t.APIVersion), Body: body}, e.Downgrades, nil
}

// EncodeConversation writes the value of "messages" alone, for a request whose
// other fields are the client's own. System text at the head stands in one of
// those; such text further down keeps its place.
func (Format) EncodeConversation(req *llm.Request, t wire.Target) ([]byte, error) {
	e := &encoding{req: req, t: t, forwarded: true}
	if err := e.converse(); err != nil {
		return nil, err
	}
	return e.conversation()
}

func (e *encoding) build() error {
	if e.req.Cache.Content != "" {
		return wire.BadRequest("cached_content", "the cached content "+e.req.Cache.Content+" is another provider's, and a part of the conversation")
	}
	if err := e.converse(); err != nil {
		return err
	}
	if err := e.offer(); err != nil {
		return err
	}
	if err := e.shape(); err != nil {
		return err
	}
	e.limit()
	e.reason()
	e.unsayable()
	e.spareMarks()
	return nil
}

// drop names what is left out, each feature once.
func (e *encoding) drop(feature, format string, args ...any) {
	e.Lose(feature, fmt.Sprintf(format, args...))
}

// field is a top-level field of the request, in the order in which they are
// written.
type field struct {
	name  string
	value jsontext.Value
}

type fields []field

func (f *fields) add(name string, v any) error {
	raw, err := json.Marshal(v, writing)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	*f = append(*f, field{name, raw})
	return nil
}

// set gives a field a value, a new one at the end.
func (f *fields) set(name string, v jsontext.Value) {
	if i := f.index(name); i >= 0 {
		(*f)[i].value = v
		return
	}
	*f = append(*f, field{name, v})
}

func (f fields) index(name string) int {
	return slices.IndexFunc(f, func(f field) bool { return f.name == name })
}

func (e *encoding) fields() (fields, error) {
	var f fields
	var err error
	add := func(name string, there bool, v any) {
		if there && err == nil {
			err = f.add(name, v)
		}
	}
	add("model", true, e.t.Model)
	add("max_tokens", true, e.max)
	if len(e.system) > 0 && err == nil {
		var v jsontext.Value
		if v, err = list(e.system); err == nil {
			f.set("system", v)
		}
	}
	if len(e.tools) > 0 && err == nil {
		var v jsontext.Value
		if v, err = list(e.tools); err == nil {
			f.set("tools", v)
		}
	}
	add("tool_choice", e.choice != nil, e.choice)
	conversation, cerr := e.conversation()
	if cerr != nil {
		return nil, cerr
	}
	f.set("messages", conversation)
	add("stream", e.t.Stream, true)
	add("thinking", e.think != nil, e.think)
	add("output_config", e.output != outputConfig{}, e.output)
	temperature, topP, topK := e.sampling()
	add("temperature", temperature != nil, temperature)
	add("top_p", topP != nil, topP)
	add("top_k", topK != nil, topK)
	stop := e.stop()
	add("stop_sequences", len(stop) > 0, stop)
	user := e.user()
	add("metadata", user != "", map[string]string{"user_id": user})
	tier := e.tier()
	add("service_tier", tier != "", tier)
	add("cache_control", e.req.Cache.Auto != nil, controlOf(e.req.Cache.Auto))
	return f, err
}

// fit does what the target's profile says: fields refused, renamed and added.
func (e *encoding) fit(f fields) fields {
	for _, x := range e.req.Extra {
		switch {
		case x.Mark():
		case x.Format != llm.FormatMessages:
			e.drop(x.Name, "the field %s has no word in this format", x.Name)
		case x.Name == "output_config" && f.index(x.Name) >= 0:
			i := f.index(x.Name)
			f[i].value = joined(f[i].value, x.Value)
		default:
			f.set(x.Name, x.Value)
		}
	}
	for _, name := range e.t.Reject {
		f = e.reject(f, name)
	}
	for _, name := range slices.Sorted(maps.Keys(e.t.Rename)) {
		if i, to := f.index(name), e.t.Rename[name]; i >= 0 && f.index(to) < 0 {
			f[i].name = to
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.t.Set)) {
		if v, err := json.Marshal(e.t.Set[name], writing); err == nil {
			f.set(name, v)
		}
	}
	return f
}

// joined adds the fields of an object of which only the unknown ones were kept
// to those that were written.
func joined(written, kept jsontext.Value) jsontext.Value {
	var edits []scan.Edit
	o := scan.NewObject(kept)
	for o.Next() {
		f := o.Field()
		edits = append(edits, scan.Edit{Name: string(f.Name), Value: f.Value})
	}
	out, err := scan.Splice(written, edits)
	if err != nil {
		return written
	}
	return out
}

func (e *encoding) reject(f fields, name string) fields {
	outer, inner, nested := strings.Cut(name, ".")
	i := f.index(outer)
	switch {
	case i < 0:
		return f
	case !nested:
		f = slices.Delete(f, i, i+1)
	case scan.Member(f[i].value, inner) == nil:
		return f
	default:
		rest, err := scan.Splice(f[i].value, []scan.Edit{{Name: inner, Drop: true}})
		if err != nil {
			return f
		}
		if f[i].value = rest; string(rest) == "{}" {
			f = slices.Delete(f, i, i+1)
		}
	}
	e.drop(name, "the model doesn't take %s", name)
	return f
}

func write(f fields) []byte {
	size := 2
	for _, x := range f {
		size += len(x.name) + len(x.value) + 4
	}
	b := append(make([]byte, 0, size), '{')
	for i, x := range f {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, scan.Quote(x.name)...), ':'), x.value...)
	}
	return append(b, '}')
}

// verbatim is a shape that may stand for a value as it came.
type verbatim interface{ asItCame() jsontext.Value }

func (b *block) asItCame() jsontext.Value { return b.raw }
func (t *tool) asItCame() jsontext.Value  { return t.raw }

// list writes an array of shapes.
func list[T verbatim](items []T) (jsontext.Value, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		if raw := item.asItCame(); raw != nil {
			b.Write(raw)
			continue
		}
		v, err := json.Marshal(item, writing)
		if err != nil {
			return nil, fmt.Errorf("write a block: %w", err)
		}
		b.Write(v)
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}

// conversation writes the turns.
func (e *encoding) conversation() (jsontext.Value, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, t := range e.turns {
		if i > 0 {
			b.WriteByte(',')
		}
		content, err := list(t.blocks)
		if err != nil {
			return nil, err
		}
		b.WriteString(`{"role":"` + t.role + `","content":`)
		b.Write(content)
		b.WriteByte('}')
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}
