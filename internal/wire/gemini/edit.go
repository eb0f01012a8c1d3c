package gemini

import (
	"maps"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// changes is what a body is to differ in. A name with dots is a field inside
// others ("generationConfig.topK"); one that the top level lacks is looked for in
// generationConfig, where most parameters stand.
type changes struct {
	drop   []string
	rename map[string]string
	set    map[string][]byte
}

func (c *changes) empty() bool { return len(c.drop)+len(c.rename)+len(c.set) == 0 }

// apply makes the changes and keeps every other byte. It returns which of the
// fields to drop were there.
func (c *changes) apply(body []byte) (out []byte, dropped []string, err error) {
	if c.empty() {
		return body, nil, nil
	}
	there, err := fieldsOf(body)
	if err != nil {
		return nil, nil, err
	}
	config, err := fieldsOf(there[configField].Value)
	if err != nil {
		return nil, nil, err
	}
	e := edit{there: there, inside: map[string]*changes{}}
	for _, name := range c.drop {
		if e.drop(located(name, there, config)) {
			dropped = append(dropped, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.rename)) {
		e.rename(located(name, there, config), c.rename[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.set)) {
		e.set(name, c.set[name])
	}
	out, err = e.splice(body)
	return out, dropped, err
}

const configField = "generationConfig"

// located is the name with its place.
func located(name string, there, config map[string]scan.Field) string {
	if _, top := there[camel(name)]; !top && !strings.Contains(name, ".") {
		if _, in := config[camel(name)]; in {
			return configField + "." + name
		}
	}
	return name
}

// fieldsOf lists the fields of an object by their names in camelCase; of nothing
// there are none.
func fieldsOf(body []byte) (map[string]scan.Field, error) {
	there := map[string]scan.Field{}
	if len(body) == 0 || body[0] == 'n' {
		return there, nil
	}
	o := scan.NewObject(body)
	for o.Next() {
		f := o.Field()
		there[camel(string(f.Name))] = f
	}
	if err := o.Err(); err != nil {
		return nil, wire.BadRequest("", err.Error())
	}
	return there, nil
}

// edit gathers what is to be done on one level.
type edit struct {
	there  map[string]scan.Field
	edits  []scan.Edit
	inside map[string]*changes
}

// actual is how a field is spelled in the body.
func (e *edit) actual(name string) string {
	if f, ok := e.there[camel(name)]; ok {
		return string(f.Name)
	}
	return name
}

// within is what is to be done inside a field.
func (e *edit) within(name string) *changes {
	name = camel(name)
	if e.inside[name] == nil {
		e.inside[name] = &changes{rename: map[string]string{}, set: map[string][]byte{}}
	}
	return e.inside[name]
}

func (e *edit) drop(name string) bool {
	if outer, rest, deep := strings.Cut(name, "."); deep {
		if !has(e.there[camel(outer)].Value, rest) {
			return false
		}
		w := e.within(outer)
		w.drop = append(w.drop, rest)
		return true
	}
	_, ok := e.there[camel(name)]
	if ok {
		e.edits = append(e.edits, scan.Edit{Name: e.actual(name), Drop: true})
	}
	return ok
}

// has says whether an object has a field, which may lie deeper.
func has(body []byte, name string) bool {
	outer, rest, deep := strings.Cut(name, ".")
	there, err := fieldsOf(body)
	if err != nil {
		return false
	}
	f, ok := there[camel(outer)]
	return ok && (!deep || has(f.Value, rest))
}

func (e *edit) rename(name, to string) {
	outer, rest, deep := strings.Cut(name, ".")
	if !deep {
		e.edits = append(e.edits, scan.Edit{Name: e.actual(name), Rename: to})
		return
	}
	if has(e.there[camel(outer)].Value, rest) {
		to = strings.TrimPrefix(to, outer+".")
		e.within(outer).rename[rest] = to
	}
}

func (e *edit) set(name string, value []byte) {
	if outer, rest, deep := strings.Cut(name, "."); deep {
		e.within(outer).set[rest] = value
		return
	}
	actual := e.actual(name)
	e.edits = slices.DeleteFunc(e.edits, func(x scan.Edit) bool { return x.Name == actual })
	e.edits = append(e.edits, scan.Edit{Name: actual, Value: value})
}

func (e *edit) splice(body []byte) ([]byte, error) {
	for _, outer := range slices.Sorted(maps.Keys(e.inside)) {
		actual := e.actual(outer)
		if slices.ContainsFunc(e.edits, func(x scan.Edit) bool { return x.Name == actual }) {
			continue // the field as a whole goes or is replaced
		}
		value := e.there[outer].Value
		if len(value) == 0 || value[0] != '{' {
			value = []byte("{}")
		}
		inner, err := e.inside[outer].nested(value)
		if err != nil {
			return nil, err
		}
		e.edits = append(e.edits, scan.Edit{Name: actual, Value: inner})
	}
	out, err := scan.Splice(body, e.edits)
	if err != nil {
		return nil, wire.BadRequest("", err.Error())
	}
	return out, nil
}

// nested makes the changes inside a field, where bare names mean that level
// alone.
func (c *changes) nested(body []byte) ([]byte, error) {
	there, err := fieldsOf(body)
	if err != nil {
		return nil, err
	}
	e := edit{there: there, inside: map[string]*changes{}}
	for _, name := range c.drop {
		e.drop(name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.rename)) {
		e.rename(name, c.rename[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.set)) {
		e.set(name, c.set[name])
	}
	return e.splice(body)
}

// put adds fields given as Go values to those that are to be set. Objects are
// joined with what is there, field by field.
func (c *changes) put(name string, v any) error {
	if m, ok := v.(map[string]any); ok && len(m) > 0 {
		for k, inner := range m {
			if err := c.put(name+"."+k, inner); err != nil {
				return err
			}
		}
		return nil
	}
	raw, err := marshal(v)
	if err != nil {
		return llm.Errorf(llm.KindBadRequest, "the field %q can't be written: %w", name, err)
	}
	c.set[name] = raw
	return nil
}
