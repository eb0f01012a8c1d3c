package messages

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

func readTools(q *decoding, v jsontext.Value) error {
	var raws []jsontext.Value
	if err := json.Unmarshal(v, &raws); err != nil {
		return err
	}
	for i, raw := range raws {
		if typ := scan.Text(scan.Member(raw, "type")); typ != "" && typ != "custom" {
			q.Tools = append(q.Tools, llm.Tool{
				Kind: llm.ToolBuiltin, Name: scan.Text(scan.Member(raw, "name")), Format: llm.FormatMessages, Raw: raw,
			})
			continue
		}
		var t tool
		if err := json.Unmarshal(raw, &t); err != nil {
			return fmt.Errorf("tool %d: %w", i, err)
		}
		if t.Name == "" {
			return fmt.Errorf("tool %d: name is missing", i)
		}
		n := llm.Tool{Name: t.Name, Description: t.Description, Strict: t.Strict, Cache: t.CacheControl.mark()}
		if t.InputSchema.Kind() == '{' {
			n.Schema = t.InputSchema
		}
		if hasMore(raw) {
			n.Format, n.Raw = llm.FormatMessages, raw
		}
		q.Tools = append(q.Tools, n)
	}
	return nil
}

// hasMore says whether a function says more than the neutral words can: then it
// is kept as it came, for a provider of this format.
func hasMore(raw jsontext.Value) bool {
	o := scan.NewObject(raw)
	for o.Next() {
		switch string(o.Field().Name) {
		case "type", "name", "description", "input_schema", "strict", "cache_control":
		default:
			return true
		}
	}
	return false
}

func readToolChoice(q *decoding, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	var c toolChoice
	if err := json.Unmarshal(v, &c); err != nil {
		return err
	}
	switch c.Type {
	case "auto":
		q.ToolChoice.Mode = llm.ToolAuto
	case "any":
		q.ToolChoice.Mode = llm.ToolRequired
	case "none":
		q.ToolChoice.Mode = llm.ToolNone
	case "tool":
		if c.Name == "" {
			return errors.New("name is missing: name the tool to be called")
		}
		q.ToolChoice = llm.ToolChoice{Mode: llm.ToolOne, Names: []string{c.Name}}
	default:
		return fmt.Errorf("type %q is not one of auto, any, tool, none", c.Type)
	}
	if c.DisableParallel != nil {
		parallel := !*c.DisableParallel
		q.ParallelTools = &parallel
	}
	return nil
}

func readThinking(q *decoding, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	var t thinking
	if err := json.Unmarshal(v, &t); err != nil {
		return err
	}
	switch t.Type {
	case "enabled":
		q.Reasoning.Mode, q.Reasoning.Budget = llm.ReasoningOn, t.Budget
	case "adaptive":
		q.Reasoning.Mode = llm.ReasoningAdaptive
	case "disabled":
		q.Reasoning.Mode = llm.ReasoningOff
	case "":
		return errors.New("type is missing")
	default:
		// Newer ways to think are the provider's to judge.
		q.Reasoning.Mode = llm.ReasoningOn
		q.keep("thinking", v)
	}
	switch {
	case t.Display == "omitted":
		q.Reasoning.Summary = "omitted"
	case t.Display == "summarized", t.Display == "" && t.Type == "enabled":
		// Models that think by a budget show it unasked, so who sets one expects
		// to see it; where it shows only when asked, it must be asked for.
		q.Reasoning.Summary = "auto"
	}
	return nil
}

func readOutputConfig(q *decoding, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	var c struct {
		Effort *string        `json:"effort"`
		Format jsontext.Value `json:"format"`
	}
	if err := json.Unmarshal(v, &c); err != nil {
		return err
	}
	if c.Effort != nil {
		e := llm.Effort(*c.Effort)
		if !slices.Contains(llm.Efforts, e) {
			return wire.BadRequest("output_config.effort", fmt.Sprintf("output_config.effort: %q is not one of low, medium, high, xhigh, max", e))
		}
		q.Reasoning.Effort = e
	}
	if err := readOutputFormat(q, c.Format); err != nil {
		return wire.BadField("output_config.format", err)
	}
	rest, err := scan.Splice(v, []scan.Edit{{Name: "effort", Drop: true}, {Name: "format", Drop: true}})
	if err != nil {
		return err
	}
	if o := scan.NewObject(rest); o.Next() {
		q.keep("output_config", rest)
	}
	return nil
}

// readOutputFormat reads the schema of an answer, which the API's beta had as a
// top-level field.
func readOutputFormat(q *decoding, v jsontext.Value) error {
	if v.Kind() == 'n' || v.Kind() == 0 {
		return nil
	}
	var f outputFormat
	if err := json.Unmarshal(v, &f); err != nil {
		return err
	}
	if f.Type != "json_schema" || f.Schema.Kind() != '{' {
		return fmt.Errorf("type %q: only json_schema with a schema is known", f.Type)
	}
	q.Output.Kind, q.Output.Schema = llm.OutputSchema, f.Schema
	return nil
}

// sessionMark stands before the session in a user's id, as coding clients write
// it: "user_…_account_…_session_…".
const sessionMark = "_session_"

// splitUser parts a user_id into the person and the session. Newer clients
// write an object instead; it stays whole as the person's name.
func splitUser(id string) (user, session string) {
	if strings.HasPrefix(id, "{") {
		return id, scan.Text(scan.Member([]byte(id), "session_id"))
	}
	if i := strings.LastIndex(id, sessionMark); i >= 0 {
		return id[:i], id[i+len(sessionMark):]
	}
	return id, ""
}

func readMetadata(q *decoding, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	if v.Kind() != '{' {
		return errors.New("not an object")
	}
	o := scan.NewObject(v)
	for o.Next() {
		f := o.Field()
		s, ok := f.String()
		switch {
		case string(f.Name) == "user_id" && ok:
			q.EndUser, q.Session = splitUser(s)
		case string(f.Name) == "user_id":
			return wire.BadRequest("metadata.user_id", "metadata.user_id: not a text")
		case ok:
			if q.Metadata == nil {
				q.Metadata = map[string]string{}
			}
			q.Metadata[string(f.Name)] = s
		}
	}
	return o.Err()
}

func readServiceTier(q *decoding, v jsontext.Value) error {
	var s *string
	if err := json.Unmarshal(v, &s); err != nil || s == nil {
		return err
	}
	q.ServiceTier = *s
	if *s == "standard_only" {
		q.ServiceTier = "default"
	}
	return nil
}

func readCacheControl(q *decoding, v jsontext.Value) error {
	var c *cacheControl
	if err := json.Unmarshal(v, &c); err != nil {
		return err
	}
	q.Cache.Auto = c.mark()
	return nil
}
