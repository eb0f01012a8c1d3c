package messages

import (
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
		case "max_tokens":
			s.Found.MaxOutput, _ = f.Int()
		case "tools":
			s.Found.Tools = f.Filled()
		case "output_config":
			s.schema(s.walk.Member(f.Value, "format"))
		case "output_format":
			s.schema(f.Value)
		case "system":
			s.content(f.Value)
			s.End(llm.RoleSystem)
		case "messages":
			for v := range s.walk.Objects(f.Value) {
				s.turn(v)
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

func (s *survey) schema(format []byte) {
	if scan.Text(s.walk.Member(format, "type")) == "json_schema" {
		s.Found.Schema = true
	}
}

var roles = map[string]llm.Role{"user": llm.RoleUser, "assistant": llm.RoleAssistant, "system": llm.RoleSystem}

func (s *survey) turn(v []byte) {
	var role []byte
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "role":
			role, _ = f.Text()
		case "content":
			s.content(f.Value)
		}
	}
	s.End(roles[string(role)])
}

func (s *survey) content(v []byte) {
	s.Text(v)
	for b := range s.walk.Objects(v) {
		s.Part()
		s.block(b)
	}
}

func (s *survey) block(v []byte) {
	var kind, text, name, input, content, source []byte
	failed := false
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "type":
			kind, _ = f.Text()
		case "text":
			text = f.Value
		case "name":
			name = f.Value
		case "input":
			input = f.Value
		case "content":
			content = f.Value
		case "source":
			source = f.Value
		case "is_error":
			failed = f.Kind == 't'
		}
	}
	switch string(kind) {
	case typeText:
		s.Text(text)
	case typeToolUse:
		s.Call(name, input)
	case typeResult:
		s.Result(failed)
		s.shown(content)
	default:
		s.medium(kind, source)
	}
}

// shown looks for media in what a tool gave back.
func (s *survey) shown(content []byte) {
	for b := range s.walk.Objects(content) {
		var kind, source []byte
		for f := range s.walk.Fields(b) {
			switch string(f.Name) {
			case "type":
				kind, _ = f.Text()
			case "source":
				source = f.Value
			}
		}
		s.medium(kind, source)
	}
}

func (s *survey) medium(kind, source []byte) {
	var medium llm.MediaKind
	switch string(kind) {
	case typeImage:
		medium = llm.MediaImage
	case typeDocument:
		medium = llm.MediaDocument
	default:
		return
	}
	var from, mime, content []byte
	for f := range s.walk.Fields(source) {
		switch string(f.Name) {
		case "type":
			from, _ = f.Text()
		case "media_type":
			mime, _ = f.Text()
		case "content":
			content = f.Value
		}
	}
	switch string(from) {
	case "content":
		s.document(content)
	case "text":
		s.Media(medium, []byte("text/plain"))
	default:
		s.Media(medium, mime)
	}
}

// document is one of blocks: texts and images.
func (s *survey) document(content []byte) {
	s.Media(llm.MediaDocument, []byte("text/plain"))
	for b := range s.walk.Objects(content) {
		if scan.Text(s.walk.Member(b, "type")) == typeImage {
			s.Media(llm.MediaImage, nil)
		}
	}
}
