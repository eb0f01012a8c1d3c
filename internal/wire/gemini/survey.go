package gemini

import (
	"bytes"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

var _ wire.Surveyor = Format{}

// Survey tells what a request is about. Of a name that stands in both spellings
// the last counts: which one does is the provider's to judge.
func (Format) Survey(body []byte) (wire.Survey, error) {
	s := survey{at: scan.NewWalk(body)}
	for name, kind := range s.at.Fields() {
		switch string(spelled(name)) {
		case "generationConfig":
			s.config()
		case "tools":
			s.Found.Tools = kind == '{'
			for range s.at.Elements() {
				s.Found.Tools = true
			}
		case "systemInstruction":
			if kind == '"' {
				s.Text(s.at.Value())
			}
			s.content()
			s.End(llm.RoleSystem)
		case "contents":
			for range s.at.Elements() {
				s.End(s.content())
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

// spelled is a name in camelCase, which costs nothing where it already is.
func spelled(name []byte) []byte {
	if bytes.IndexByte(name, '_') < 0 {
		return name
	}
	return []byte(camel(string(name)))
}

func (s *survey) config() {
	for name, kind := range s.at.Fields() {
		switch string(spelled(name)) {
		case "maxOutputTokens":
			var n whole
			if n.UnmarshalJSON(s.at.Value()) == nil {
				s.Found.MaxOutput = int(max(n, 0))
			}
		case "responseSchema", "responseJsonSchema":
			s.Found.Schema = s.Found.Schema || kind == '{'
		}
	}
}

var roles = map[string]llm.Role{"": llm.RoleUser, "user": llm.RoleUser, "function": llm.RoleUser, "model": llm.RoleAssistant}

// content tells what a content holds and returns who speaks in it.
func (s *survey) content() (role llm.Role) {
	role = llm.RoleUser
	for name := range s.at.Fields() {
		switch string(name) {
		case "role":
			role = roles[string(s.at.Text())]
		case "parts":
			for range s.at.Elements() {
				s.Part()
				s.part()
			}
		}
	}
	return role
}

// part reads one that holds one thing, or text and a call, as all clients write
// them; of an odd one it sees all.
func (s *survey) part() {
	var text, medium []byte
	thought := false
	for name, kind := range s.at.Fields() {
		switch string(spelled(name)) {
		case "text":
			text = s.at.Value()
		case "thought":
			thought = kind == 't'
		case "inlineData", "fileData":
			if kind == '{' {
				medium = s.at.Value()
			}
		case "functionResponse":
			if kind == '{' {
				s.response()
			}
		case "functionCall":
			if kind == '{' {
				s.call()
			}
		}
	}
	if thought {
		return // the model's own
	}
	s.Text(text)
	if medium != nil {
		s.at.In(medium, s.medium)
	}
}

func (s *survey) medium() {
	var m llm.Media
	for name := range s.at.Fields() {
		switch string(spelled(name)) {
		case "mimeType":
			m.MIME = string(s.at.Text())
		case "fileUri":
			m.URL = string(s.at.Text())
		case "displayName":
			m.Name = string(s.at.Text())
		}
	}
	mime := mimeOf(m)
	s.Media(kindOf(mime), []byte(mime))
}

func (s *survey) call() {
	var called, args []byte
	for name := range s.at.Fields() {
		switch string(name) {
		case "name":
			called = s.at.Value()
		case "args":
			args = s.at.Value()
		}
	}
	s.Call(called, args)
}

func (s *survey) response() {
	failed := false
	for name := range s.at.Fields() {
		switch string(name) {
		case "response":
			failed = s.failed()
		case "parts":
			for range s.at.Elements() {
				s.shown()
			}
		}
	}
	s.Result(failed)
}

// failed says whether a result is the format's envelope around an error: its key
// "error" alone. A tool's own result may have one among others.
func (s *survey) failed() bool {
	n, failed := 0, false
	for name, kind := range s.at.Fields() {
		n++
		failed = string(name) == "error" && (kind == '"' || kind == '{')
	}
	return failed && n == 1
}

// shown is a part of a function's result.
func (s *survey) shown() {
	for name, kind := range s.at.Fields() {
		switch string(spelled(name)) {
		case "inlineData", "fileData":
			if kind == '{' {
				s.medium()
			}
		}
	}
}
