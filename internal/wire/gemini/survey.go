package gemini

import (
	"bytes"
	"cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

var _ wire.Surveyor = Format{}

// Survey tells what a request is about. Names below the top level that stand in
// both spellings are the provider's to judge; the last one counts.
func (Format) Survey(body []byte) (wire.Survey, error) {
	var s survey
	o := scan.NewObject(body)
	for o.Next() {
		switch f := o.Field(); string(spelled(f.Name)) {
		case "generationConfig":
			s.config(f.Value)
		case "tools":
			s.Found.Tools = f.Filled() || f.Kind == '{'
		case "systemInstruction":
			s.Text(f.Value)
			s.content(f.Value)
			s.End(llm.RoleSystem)
		case "contents":
			for v := range s.walk.Objects(f.Value) {
				s.End(s.content(v))
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

// spelled is a name in camelCase, which costs nothing where it already is.
func spelled(name []byte) []byte {
	if bytes.IndexByte(name, '_') < 0 {
		return name
	}
	return []byte(camel(string(name)))
}

func (s *survey) config(v []byte) {
	for f := range s.walk.Fields(v) {
		switch string(spelled(f.Name)) {
		case "maxOutputTokens":
			var n whole
			if n.UnmarshalJSON(f.Value) == nil {
				s.Found.MaxOutput = int(max(n, 0))
			}
		case "responseSchema", "responseJsonSchema":
			s.Found.Schema = s.Found.Schema || f.Kind == '{'
		}
	}
}

// content tells what a content holds and returns who speaks in it.
func (s *survey) content(v []byte) (role llm.Role) {
	role = llm.RoleUser
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "role":
			switch said, _ := f.Text(); string(said) {
			case "user", "function", "":
			case "model":
				role = llm.RoleAssistant
			default:
				role = ""
			}
		case "parts":
			for p := range s.walk.Objects(f.Value) {
				s.Part()
				s.part(p)
			}
		}
	}
	return role
}

// part follows the order in which partsOf reads what a part holds.
func (s *survey) part(v []byte) {
	var text, inline, file, call, response []byte
	thought := false
	for f := range s.walk.Fields(v) {
		switch string(spelled(f.Name)) {
		case "text":
			text = f.Value
		case "thought":
			thought = f.Kind == 't'
		case "inlineData":
			inline = f.Value
		case "fileData":
			file = f.Value
		case "functionCall":
			call = f.Value
		case "functionResponse":
			response = f.Value
		}
	}
	switch {
	case isObject(inline) && !thought:
		s.medium(inline)
	case isObject(file) && !thought:
		s.medium(file)
	case isObject(response):
		s.response(response)
	default:
		if !thought {
			s.Text(text)
		}
		if isObject(call) {
			s.call(call)
		}
	}
}

func isObject(v []byte) bool { return len(v) > 0 && v[0] == '{' }

func (s *survey) medium(v []byte) {
	var m llm.Media
	for f := range s.walk.Fields(v) {
		switch string(spelled(f.Name)) {
		case "mimeType":
			m.MIME, _ = f.String()
		case "fileUri":
			m.URL, _ = f.String()
		case "displayName":
			m.Name, _ = f.String()
		}
	}
	mime := mimeOf(m)
	s.Media(kindOf(mime), []byte(mime))
}

func (s *survey) call(v []byte) {
	var name, args []byte
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "name":
			name = f.Value
		case "args":
			args = f.Value
		}
	}
	s.Call(name, args)
}

func (s *survey) response(v []byte) {
	failed := false
	for f := range s.walk.Fields(v) {
		switch string(f.Name) {
		case "response":
			failed = s.failed(f.Value)
		case "parts":
			for p := range s.walk.Objects(f.Value) {
				s.shown(p)
			}
		}
	}
	s.Result(failed)
}

// failed says whether a result is the format's envelope around an error: its key
// "error" alone. A tool's own result may have one among others.
func (s *survey) failed(response []byte) bool {
	n, failed := 0, false
	for f := range s.walk.Fields(response) {
		n++
		failed = string(f.Name) == "error" && (f.Kind == '"' || f.Kind == '{')
	}
	return failed && n == 1
}

// shown is a part of a function's result.
func (s *survey) shown(v []byte) {
	for f := range s.walk.Fields(v) {
		if name := string(spelled(f.Name)); (name == "inlineData" || name == "fileData") && f.Kind == '{' {
			s.medium(f.Value)
		}
	}
}
