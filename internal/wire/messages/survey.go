package messages

import (
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
		case "max_tokens":
			s.Found.MaxOutput, _ = scan.Int(s.at.Value())
		case "tools":
			for range s.at.Elements() {
				s.Found.Tools = true
			}
		case "output_config":
			for name := range s.at.Fields() {
				if string(name) == "format" {
					s.outputFormat()
				}
			}
		case "output_format":
			s.outputFormat()
		case "system":
			s.content(kind)
			s.End(llm.RoleSystem)
		case "messages":
			for range s.at.Elements() {
				s.turn()
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

func (s *survey) outputFormat() {
	for name := range s.at.Fields() {
		if string(name) == "type" && string(s.at.Text()) == "json_schema" {
			s.Found.Schema = true
		}
	}
}

var roles = map[string]llm.Role{"user": llm.RoleUser, "assistant": llm.RoleAssistant, "system": llm.RoleSystem}

func (s *survey) turn() {
	var role llm.Role
	for name, kind := range s.at.Fields() {
		switch string(name) {
		case "role":
			role = roles[string(s.at.Text())]
		case "content":
			s.content(kind)
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
		s.block()
	}
}

func (s *survey) block() {
	var typ, text, called, input, content, source []byte
	failed := false
	for name, kind := range s.at.Fields() {
		switch string(name) {
		case "type":
			typ = s.at.Text()
		case "text":
			text = s.at.Value()
		case "name":
			called = s.at.Value()
		case "input":
			input = s.at.Value()
		case "content":
			content = s.at.Value()
		case "source":
			source = s.at.Value()
		case "is_error":
			failed = kind == 't'
		}
	}
	switch typ := string(typ); typ {
	case typeText:
		s.Text(text)
	case typeToolUse:
		s.Call(called, input)
	case typeResult:
		s.Result(failed)
		s.at.In(content, func() {
			for range s.at.Elements() {
				s.shown()
			}
		})
	default:
		s.medium(typ, source)
	}
}

// shown looks for a medium in what a tool gave back.
func (s *survey) shown() {
	var typ, source []byte
	for name := range s.at.Fields() {
		switch string(name) {
		case "type":
			typ = s.at.Text()
		case "source":
			source = s.at.Value()
		}
	}
	s.medium(string(typ), source)
}

func (s *survey) medium(typ string, source []byte) {
	var kind llm.MediaKind
	switch typ {
	case typeImage:
		kind = llm.MediaImage
	case typeDocument:
		kind = llm.MediaDocument
	default:
		return
	}
	var mime []byte
	s.at.In(source, func() {
		for name := range s.at.Fields() {
			switch string(name) {
			case "type":
				if from := string(s.at.Text()); from == "text" || from == "content" {
					mime = plainText
				}
			case "media_type":
				mime = s.at.Text()
			case "content":
				for range s.at.Elements() {
					s.shown()
				}
			}
		}
	})
	s.Media(kind, mime)
}

var plainText = []byte("text/plain")
