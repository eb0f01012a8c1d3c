package responses

import (
	"bytes"
	"cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

var _ wire.Surveyor = Format{}

// Survey tells what a request is about.
func (Format) Survey(body []byte) (wire.Survey, error) {
	var s survey
	o := scan.NewObject(body)
	for o.Next() {
		switch f := o.Field(); string(f.Name) {
		case "max_output_tokens":
			s.Found.MaxOutput, _ = f.Int()
		case "tools":
			s.Found.Tools = f.Filled()
		case "text":
			s.Found.Schema = scan.Text(s.walk.Member(s.walk.Member(f.Value, "format"), "type")) == "json_schema"
		case "instructions":
			s.Text(f.Value)
			s.End(llm.RoleSystem)
		case "input":
			if f.Kind == '"' {
				s.Text(f.Value)
				s.End(llm.RoleUser)
			}
			for v := range s.walk.Objects(f.Value) {
				s.item(v)
			}
		}
	}
	if err := cmp.Or(o.Err(), s.walk.Err); err != nil {
		return wire.Survey{}, wire.BadRequest("", err.Error())
	}
	return s.Done(), nil
}

type survey struct {
	wire.Surveying
	walk scan.Walk
}

var roles = map[string]llm.Role{
	"user": llm.RoleUser, "assistant": llm.RoleAssistant, "system": llm.RoleSystem, "developer": llm.RoleDeveloper,
}

// clientRuns are the items by which the model calls a tool that the client runs.
var clientRuns = map[string]bool{
	"function_call": true, "custom_tool_call": true, "local_shell_call": true, "shell_call": true,
	"apply_patch_call": true, "computer_call": true,
}

func (s *survey) item(v []byte) {
	var typ, role, name, input, content, output, status []byte
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "type":
			typ, _ = f.Text()
		case "role":
			role, _ = f.Text()
		case "name":
			name = f.Value
		case "arguments", "input", "action", "operation":
			input = f.Value
		case "content":
			content = f.Value
		case "output":
			output = f.Value
		case "status":
			status, _ = f.Text()
		}
	}
	switch {
	case string(typ) == "message", len(typ) == 0 && len(role) > 0:
		s.content(content)
		s.End(roles[string(role)])
	case bytes.HasSuffix(typ, []byte("_output")), bytes.HasSuffix(typ, []byte("_response")):
		s.Result(string(status) == "failed")
		s.content(output)
		s.screenshot(output)
		s.End(llm.RoleTool)
	default:
		if clientRuns[string(typ)] {
			if name == nil {
				name = typ
			}
			s.Call(name, input)
		}
		s.Part()
		s.End(llm.RoleAssistant)
	}
}

func (s *survey) content(v []byte) {
	s.Text(v)
	for p := range s.walk.Objects(v) {
		s.Part()
		s.part(p)
	}
}

func (s *survey) part(v []byte) {
	var typ, text, data []byte
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "type":
			typ, _ = f.Text()
		case "text":
			text = f.Value
		case "file_data":
			data = f.Value
		}
	}
	switch string(typ) {
	case "input_text", "output_text", "text":
		s.Text(text)
	case "input_image":
		s.Media(llm.MediaImage, nil)
	case "input_audio":
		s.Media(llm.MediaAudio, nil)
	case "input_file":
		address, _ := bytes.CutPrefix(data, []byte(`"data:`))
		s.Media(llm.MediaDocument, address)
	}
}

// screenshot is what a computer shows, in place of a list of parts.
func (s *survey) screenshot(output []byte) {
	if scan.Text(s.walk.Member(output, "type")) == "computer_screenshot" {
		s.Media(llm.MediaImage, nil)
	}
}
