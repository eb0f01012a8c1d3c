package responses

import (
	"bytes"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

var _ wire.Surveyor = Format{}

// Survey tells what a request is about.
func (Format) Survey(body []byte) (wire.Survey, error) {
	s := survey{at: scan.NewWalk(body)}
	for name, kind := range s.at.Fields() {
		switch string(name) {
		case "max_output_tokens":
			s.Found.MaxOutput, _ = scan.Int(s.at.Value())
		case "tools":
			for range s.at.Elements() {
				s.Found.Tools = true
			}
		case "text":
			for name := range s.at.Fields() {
				if string(name) == "format" {
					s.format()
				}
			}
		case "instructions":
			s.Text(s.at.Value())
			s.End(llm.RoleSystem)
		case "input":
			if kind == '"' {
				s.Text(s.at.Value())
				s.End(llm.RoleUser)
			}
			for range s.at.Elements() {
				s.item()
			}
		}
	}
	if err := s.at.End(); err != nil {
		return wire.Survey{}, badBody(err)
	}
	return s.Done(), nil
}

type survey struct {
	wire.Surveying
	at scan.Walk
}

func (s *survey) format() {
	for name := range s.at.Fields() {
		if string(name) == "type" {
			s.Found.Schema = string(s.at.Text()) == "json_schema"
		}
	}
}

var roles = map[string]llm.Role{
	"user": llm.RoleUser, "assistant": llm.RoleAssistant, "system": llm.RoleSystem, "developer": llm.RoleDeveloper,
}

// clientRuns are the items by which the model calls a tool that the client runs.
var clientRuns = map[string]bool{
	"function_call": true, "custom_tool_call": true, "local_shell_call": true, "shell_call": true,
	"apply_patch_call": true, "computer_call": true,
}

func (s *survey) item() {
	var typ, called, input []byte
	var role llm.Role
	failed, speaks := false, false
	for name, kind := range s.at.Fields() {
		switch string(name) {
		case "type":
			typ = s.at.Text()
		case "role":
			speaks, role = true, roles[string(s.at.Text())]
		case "name":
			called = s.at.Value()
		case "arguments", "input", "action", "operation":
			input = s.at.Value()
		case "content", "output":
			s.content(kind)
		case "status":
			failed = string(s.at.Text()) == "failed"
		}
	}
	switch {
	case string(typ) == "message", len(typ) == 0 && speaks:
		s.End(role)
	case bytes.HasSuffix(typ, []byte("_output")), bytes.HasSuffix(typ, []byte("_response")):
		s.Result(failed)
		s.End(llm.RoleTool)
	default:
		if clientRuns[string(typ)] {
			if called == nil {
				called = typ
			}
			s.Call(called, input)
		}
		s.Part()
		s.End(llm.RoleAssistant)
	}
}

// content is a text, a list of parts, or what a computer shows.
func (s *survey) content(kind scan.Kind) {
	switch kind {
	case '"':
		s.Text(s.at.Value())
	case '{':
		s.part()
	}
	for range s.at.Elements() {
		s.Part()
		s.part()
	}
}

func (s *survey) part() {
	var typ, text, data []byte
	for name := range s.at.Fields() {
		switch string(name) {
		case "type":
			typ = s.at.Text()
		case "text":
			text = s.at.Value()
		case "file_data":
			data = s.at.Value()
		}
	}
	switch string(typ) {
	case "input_text", "output_text", "text":
		s.Text(text)
	case "input_image", "computer_screenshot":
		s.Media(llm.MediaImage, nil)
	case "input_audio":
		s.Media(llm.MediaAudio, nil)
	case "input_file":
		mime, _ := bytes.CutPrefix(data, []byte(`"data:`))
		s.Media(llm.MediaDocument, mime)
	}
}
