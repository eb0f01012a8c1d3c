package chat

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
	for name := range s.at.Fields() {
		switch string(name) {
		case "max_tokens", "max_completion_tokens":
			if n, ok := scan.Int(s.at.Value()); ok {
				s.Found.MaxOutput = n
			}
		case "tools", "functions":
			for range s.at.Elements() {
				s.Found.Tools = true
			}
		case "response_format":
			for name := range s.at.Fields() {
				if string(name) == "type" {
					s.Found.Schema = string(s.at.Text()) == "json_schema"
				}
			}
		case "messages":
			for range s.at.Elements() {
				s.message()
			}
		}
	}
	if err := s.at.End(); err != nil {
		return wire.Survey{}, wire.BadRequest("", err.Error())
	}
	return s.Done(), nil
}

type survey struct {
	wire.Surveying
	at scan.Walk
}

var roles = map[string]llm.Role{
	"user": llm.RoleUser, "assistant": llm.RoleAssistant, "tool": llm.RoleTool, "function": llm.RoleTool,
	"system": llm.RoleSystem, "developer": llm.RoleDeveloper,
}

func (s *survey) message() {
	var role llm.Role
	for name, kind := range s.at.Fields() {
		switch string(name) {
		case "role":
			role = roles[string(s.at.Text())]
		case "content":
			s.content(kind)
		case "refusal", "reasoning", "reasoning_content":
			if kind == '"' {
				s.Part()
			}
		case "reasoning_details":
			for range s.at.Elements() {
				s.Part()
			}
		case "tool_calls":
			for range s.at.Elements() {
				s.call()
			}
		case "function_call":
			if kind == '{' {
				s.called()
			}
		}
	}
	s.End(role)
}

func (s *survey) content(kind scan.Kind) {
	if kind == '"' {
		s.Text(s.at.Value())
		return
	}
	for range s.at.Elements() {
		s.Part()
		s.part()
	}
}

func (s *survey) call() {
	for name, kind := range s.at.Fields() {
		if kind == '{' && (string(name) == "function" || string(name) == "custom") {
			s.called()
		}
	}
}

// called reads a function with its arguments, or a free-text tool with its input.
func (s *survey) called() {
	var called, with []byte
	for name := range s.at.Fields() {
		switch string(name) {
		case "name":
			called = s.at.Value()
		case "arguments", "input":
			with = s.at.Value()
		}
	}
	s.Call(called, with)
}

func (s *survey) part() {
	var typ, text, data []byte
	var image, audio, file bool
	for name, kind := range s.at.Fields() {
		switch string(name) {
		case "type":
			typ = s.at.Text()
		case "text":
			text = s.at.Value()
		case "image_url":
			image = kind == '{'
		case "input_audio":
			audio = kind == '{'
		case "file":
			file = kind == '{'
			for name := range s.at.Fields() {
				if string(name) == "file_data" {
					data = s.at.Value()
				}
			}
		}
	}
	switch typ := string(typ); {
	case typ == "", typ == "text":
		s.Text(text)
	case typ == "image_url" && image:
		s.Media(llm.MediaImage, nil)
	case typ == "input_audio" && audio:
		s.Media(llm.MediaAudio, nil)
	case typ == "file" && file:
		mime, _ := bytes.CutPrefix(data, []byte(`"data:`))
		s.Media(llm.MediaDocument, mime)
	}
}
