package converse

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/wire/scan"
)

// What the API takes, written from its reference and without a look at the
// encoder: every field by name, unions of one field, turns in their order.

var (
	requestFields = map[string]bool{
		"messages": true, "system": true, "inferenceConfig": true, "toolConfig": true, "outputConfig": true, "serviceTier": true,
		"additionalModelRequestFields": true, "additionalModelResponseFieldPaths": true, "guardrailConfig": true,
		"performanceConfig": true, "promptVariables": true, "requestMetadata": true,
	}
	toolNames     = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	documentNames = regexp.MustCompile(`^[0-9A-Za-z()\[\]-]+( [0-9A-Za-z()\[\]-]+)*$`)
	formats       = map[string]string{
		"image":    " png jpeg gif webp ",
		"document": " pdf csv doc docx xls xlsx html txt md ",
		"audio":    " mp3 opus wav aac flac mp4 ogg mkv mka x-aac m4a mpeg mpga pcm webm ",
		"video":    " mkv mov mp4 webm flv mpeg mpg wmv three_gp ",
	}
)

type object = map[string]any

// lastWins takes the last of several members of one name, as most readers do.
var lastWins = json.WithUnmarshalers(json.UnmarshalFromFunc(func(_ *jsontext.Decoder, v *any) error {
	*v = nil
	return errors.ErrUnsupported
}))

// grammar checks one request.
type grammar struct {
	points    int
	uses      bool
	documents map[string]bool
	seen      map[string]bool
}

func checkRequest(body []byte) error {
	var q object
	if err := json.Unmarshal(body, &q, scan.Lenient, lastWins); err != nil {
		return err
	}
	for name := range q {
		if !requestFields[name] {
			return fmt.Errorf("no field is called %q", name)
		}
	}
	g := &grammar{documents: map[string]bool{}, seen: map[string]bool{}}
	if err := g.tools(q["toolConfig"]); err != nil {
		return err
	}
	if v, ok := q["system"]; ok {
		if err := g.content("system", "system", v); err != nil {
			return err
		}
	}
	if err := g.turns(q["messages"]); err != nil {
		return err
	}
	if g.uses && q["toolConfig"] == nil {
		return errors.New("calls in the conversation and no toolConfig")
	}
	if g.points > 4 {
		return fmt.Errorf("%d cache points", g.points)
	}
	if v, ok := q["inferenceConfig"]; ok {
		if err := inference(v, q); err != nil {
			return err
		}
	}
	return output(q["outputConfig"])
}

// only gives the one field of a union.
func only(v any) (name string, inner any, err error) {
	o, ok := v.(object)
	if !ok || len(o) != 1 {
		return "", nil, fmt.Errorf("%v is no union of one field", v)
	}
	for name, inner = range o {
	}
	return name, inner, nil
}

func fieldsOf(v any, required, optional string) (object, error) {
	o, ok := v.(object)
	if !ok {
		return nil, fmt.Errorf("%v is no object with %s", v, required)
	}
	for _, name := range strings.Fields(required) {
		if o[name] == nil {
			return nil, fmt.Errorf("%s is missing of %v", name, o)
		}
	}
	for name := range o {
		if !strings.Contains(" "+required+" "+optional+" ", " "+name+" ") {
			return nil, fmt.Errorf("%q is no field beside %s", name, required)
		}
	}
	return o, nil
}

func (g *grammar) tools(v any) error {
	if v == nil {
		return nil
	}
	c, err := fieldsOf(v, "tools", "toolChoice")
	if err != nil {
		return err
	}
	list, _ := c["tools"].([]any)
	names := map[string]bool{}
	for i, t := range list {
		kind, inner, err := only(t)
		switch {
		case err != nil:
			return err
		case kind == "cachePoint" && i > 0:
			if err := g.point(inner); err != nil {
				return err
			}
			continue
		case kind != "toolSpec":
			return fmt.Errorf("a tool of kind %q at %d", kind, i)
		}
		spec, err := fieldsOf(inner, "name inputSchema", "description strict")
		if err != nil {
			return err
		}
		schema, err := fieldsOf(spec["inputSchema"], "json", "")
		if err != nil {
			return err
		}
		s, _ := schema["json"].(object)
		name, _ := spec["name"].(string)
		d, said := spec["description"].(string)
		if !toolNames.MatchString(name) || s == nil || s["type"] == nil || said && strings.TrimSpace(d) == "" {
			return fmt.Errorf("the tool %v isn't one", spec)
		}
		names[name] = true
	}
	if len(names) == 0 {
		return errors.New("toolConfig without a tool")
	}
	if c["toolChoice"] == nil {
		return nil
	}
	kind, inner, err := only(c["toolChoice"])
	if err != nil {
		return err
	}
	if o, _ := inner.(object); (kind == "auto" || kind == "any") && o != nil && len(o) == 0 {
		return nil
	}
	one, err := fieldsOf(inner, "name", "")
	if name, _ := one["name"].(string); err != nil || kind != "tool" || !names[name] {
		return fmt.Errorf("the choice %v of %v", c["toolChoice"], names)
	}
	return nil
}

func (g *grammar) point(v any) error {
	o, err := fieldsOf(v, "type", "ttl")
	if err != nil || o["type"] != "default" || o["ttl"] != nil && o["ttl"] != "5m" && o["ttl"] != "1h" {
		return fmt.Errorf("the cache point %v: %w", v, err)
	}
	g.points++
	return nil
}

func (g *grammar) turns(v any) error {
	list, _ := v.([]any)
	before := ""
	var owed []string
	for i, x := range list {
		m, err := fieldsOf(x, "role content", "")
		if err != nil {
			return err
		}
		role, _ := m["role"].(string)
		switch {
		case i == 0 && role != "user":
			return errors.New("the first turn is not the user's")
		case role == before, role != "user" && role != "assistant" && role != "system":
			return fmt.Errorf("turn %d: %s after %s", i, role, before)
		}
		before = role
		where := fmt.Sprintf("turn %d", i)
		if err := g.content(where, role, m["content"]); err != nil {
			return err
		}
		calls, answered, err := g.pairs(m["content"].([]any))
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		if strings.Join(answered, " ") != strings.Join(owed, " ") {
			return fmt.Errorf("%s: results %v for calls %v", where, answered, owed)
		}
		owed = calls
	}
	if len(list) == 0 || len(owed) > 0 {
		return fmt.Errorf("%d turns, and no results for %v", len(list), owed)
	}
	return nil
}

// pairs gives the ids of the calls, which must stand last, and of the results,
// which must stand first.
func (g *grammar) pairs(content []any) (calls, answered []string, err error) {
	leading := true
	for _, b := range content {
		o, _ := b.(object)
		if u, ok := o["toolUse"].(object); ok {
			id, _ := u["toolUseId"].(string)
			if g.seen[id] {
				return nil, nil, fmt.Errorf("the call %s stands twice", id)
			}
			g.seen[id] = true
			calls = append(calls, id)
		}
		if len(calls) > 0 && o["toolUse"] == nil && o["cachePoint"] == nil {
			return nil, nil, errors.New("a call is not at the end")
		}
		if r, ok := o["toolResult"].(object); ok {
			if id, _ := r["toolUseId"].(string); leading {
				answered = append(answered, id)
				continue
			}
			return nil, nil, errors.New("a result is not at the head")
		}
		leading = false
	}
	return calls, answered, nil
}

func (g *grammar) content(where, role string, v any) error {
	list, _ := v.([]any)
	if len(list) == 0 {
		return fmt.Errorf("%s is empty", where)
	}
	text, documents := false, false
	for i, b := range list {
		kind, inner, err := only(b)
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		if err := g.block(role, kind, inner, i == 0); err != nil {
			return fmt.Errorf("%s, block %d, %s: %w", where, i, kind, err)
		}
		text, documents = text || kind == "text", documents || kind == "document"
	}
	if documents && !text && role != "result" {
		return fmt.Errorf("%s has a document and no text", where)
	}
	return nil
}

func (g *grammar) block(role, kind string, v any, first bool) error {
	allowed := map[string]string{
		"system": " text cachePoint ", "user": " text image document audio video toolResult cachePoint ",
		"assistant": " text toolUse reasoningContent cachePoint ", "result": " text json image document video ",
	}[role]
	if !strings.Contains(allowed, " "+kind+" ") {
		return fmt.Errorf("not in a turn of %s", role)
	}
	switch kind {
	case "text":
		if s, _ := v.(string); strings.TrimSpace(s) == "" {
			return errors.New("blank text")
		}
	case "cachePoint":
		if first {
			return errors.New("nothing stands before it")
		}
		return g.point(v)
	case "toolUse":
		g.uses = true
		o, err := fieldsOf(v, "toolUseId name input", "")
		if err != nil {
			return err
		}
		id, _ := o["toolUseId"].(string)
		name, _ := o["name"].(string)
		if _, ok := o["input"].(object); !ok || !toolNames.MatchString(id) || !toolNames.MatchString(name) {
			return fmt.Errorf("%v isn't a call", o)
		}
	case "toolResult":
		g.uses = true
		o, err := fieldsOf(v, "toolUseId content", "status")
		if err != nil {
			return err
		}
		if s := o["status"]; s != nil && s != "error" && s != "success" {
			return fmt.Errorf("the status %v", s)
		}
		return g.content("result", "result", o["content"])
	case "reasoningContent":
		return thought(v)
	default:
		return g.media(kind, v)
	}
	return nil
}

func thought(v any) error {
	kind, inner, err := only(v)
	if err != nil {
		return err
	}
	if kind == "redactedContent" {
		return blob(inner)
	}
	if kind != "reasoningText" {
		return fmt.Errorf("reasoning of kind %s", kind)
	}
	_, err = fieldsOf(inner, "text", "signature")
	return err
}

func blob(v any) error {
	s, _ := v.(string)
	if _, err := base64.StdEncoding.DecodeString(s); err != nil || s == "" {
		return fmt.Errorf("%.20q is no base64: %w", s, err)
	}
	return nil
}

func (g *grammar) media(kind string, v any) error {
	required, optional := "format source", ""
	if kind == "document" {
		required, optional = "format name source", "context citations"
	}
	o, err := fieldsOf(v, required, optional)
	if err != nil {
		return err
	}
	if f, _ := o["format"].(string); f == "" || !strings.Contains(formats[kind], " "+f+" ") {
		return fmt.Errorf("the format %q", f)
	}
	if kind == "document" {
		name, _ := o["name"].(string)
		if g.documents[name] || len(name) > 200 || !documentNames.MatchString(name) {
			return fmt.Errorf("the name %q", name)
		}
		g.documents[name] = true
	}
	from, inner, err := only(o["source"])
	switch {
	case err != nil:
		return err
	case from == "bytes":
		return blob(inner)
	case from == "s3Location":
		_, err = fieldsOf(inner, "uri", "bucketOwner")
		return err
	}
	return fmt.Errorf("a source of kind %s", from)
}

func inference(v any, q object) error {
	o, ok := v.(object)
	if !ok || len(o) == 0 {
		return errors.New("inferenceConfig is empty")
	}
	for name, x := range o {
		n, number := x.(float64)
		switch {
		case name == "maxTokens" && number && n >= 1 && n == float64(int(n)):
		case (name == "temperature" || name == "topP") && number && n >= 0 && n <= 1:
		case name == "stopSequences":
			list, _ := x.([]any)
			for _, s := range list {
				if s, _ := s.(string); s == "" {
					return errors.New("an empty stop sequence")
				}
			}
		default:
			return fmt.Errorf("inferenceConfig: %s %v", name, x)
		}
	}
	own, _ := q["additionalModelRequestFields"].(object)
	think, _ := own["thinking"].(object)
	if b, ok := think["budget_tokens"].(float64); ok {
		if most, _ := o["maxTokens"].(float64); b >= most || b < 1024 {
			return fmt.Errorf("a budget of %v under a cap of %v", b, most)
		}
	}
	return nil
}

func output(v any) error {
	if v == nil {
		return nil
	}
	o, err := fieldsOf(v, "", "textFormat effort")
	if err != nil {
		return err
	}
	if f := o["textFormat"]; f != nil {
		format, err := fieldsOf(f, "type structure", "")
		if err != nil {
			return err
		}
		kind, inner, err := only(format["structure"])
		if err != nil || kind != "jsonSchema" || format["type"] != "json_schema" {
			return fmt.Errorf("the format %v: %w", format, err)
		}
		s, err := fieldsOf(inner, "schema", "name description")
		if err != nil {
			return err
		}
		if text, _ := s["schema"].(string); !jsontext.Value(text).IsValid(scan.Lenient) {
			return fmt.Errorf("the schema %v is no JSON in a string", s["schema"])
		}
	}
	if e, ok := o["effort"].(string); o["effort"] != nil && (!ok || !strings.Contains(" none minimal low medium high xhigh max ", " "+e+" ")) {
		return fmt.Errorf("the effort %v", o["effort"])
	}
	return nil
}
