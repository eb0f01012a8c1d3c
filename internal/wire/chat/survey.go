package chat

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
		case "max_tokens", "max_completion_tokens":
			s.Found.MaxOutput, _ = f.Int()
		case "tools", "functions":
			s.Found.Tools = s.Found.Tools || f.Filled()
		case "response_format":
			s.Found.Schema = scan.Text(s.walk.Member(f.Value, "type")) == "json_schema"
		case "messages":
			for v := range s.walk.Objects(f.Value) {
				s.message(v)
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
	"user": llm.RoleUser, "assistant": llm.RoleAssistant, "tool": llm.RoleTool, "function": llm.RoleTool,
	"system": llm.RoleSystem, "developer": llm.RoleDeveloper,
}

func (s *survey) message(v []byte) {
	var role []byte
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "role":
			role, _ = f.Text()
		case "content":
			s.Text(f.Value)
			for p := range s.walk.Objects(f.Value) {
				s.Part()
				s.part(p)
			}
		case "tool_calls":
			for c := range s.walk.Objects(f.Value) {
				s.call(c)
			}
		case "refusal", "reasoning", "reasoning_content":
			if f.Kind == '"' && len(f.Value) > len(`""`) {
				s.Part()
			}
		case "reasoning_details":
			if f.Filled() {
				s.Part()
			}
		case "function_call":
			if f.Kind == '{' {
				s.called(f.Value)
			}
		}
	}
	s.End(roles[string(role)])
}

func (s *survey) call(v []byte) {
	var called []byte
	for f := range s.walk.Fields(v) {
		if name := string(f.Name); (name == "function" || name == "custom") && f.Kind == '{' {
			called = f.Value
		}
	}
	s.called(called)
}

// called reads a function with its arguments, or a free-text tool with its input.
func (s *survey) called(v []byte) {
	var name, arguments []byte
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "name":
			name = f.Value
		case "arguments", "input":
			arguments = f.Value
		}
	}
	s.Call(name, arguments)
}

func (s *survey) part(v []byte) {
	var kind, text, image, audio, file []byte
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "type":
			kind, _ = f.Text()
		case "text":
			text = f.Value
		case "image_url":
			image = f.Value
		case "input_audio":
			audio = f.Value
		case "file":
			file = f.Value
		}
	}
	switch string(kind) {
	case "", "text":
		s.Text(text)
	case "image_url":
		if isObject(image) {
			s.Media(llm.MediaImage, nil)
		}
	case "input_audio":
		if isObject(audio) {
			s.Media(llm.MediaAudio, nil)
		}
	case "file":
		if isObject(file) {
			address, _ := bytes.CutPrefix(s.walk.Member(file, "file_data"), []byte(`"data:`))
			s.Media(llm.MediaDocument, address)
		}
	}
}

func isObject(v []byte) bool { return len(v) > 0 && v[0] == '{' }
