package gemini

import "github.com/oidostudio/oido/internal/wire/scan"

// spoken is a chunk that holds the next words of the first candidate, the usage
// so far, and nothing else that isn't known from the chunks before it.
type spoken struct {
	text  string
	usage usage
}

// nextWords reads such a chunk, as nearly all of a stream's are. Walking it costs a
// fraction of decoding it; ok is false for every other one.
func nextWords(chunk []byte) (s spoken, ok bool) {
	var candidates []byte
	o := scan.NewObject(chunk)
	for o.Next() {
		f, good := o.Field(), true
		switch string(f.Name) {
		case "candidates":
			candidates = f.Value
		case "usageMetadata":
			good = f.Kind == '{' && s.usage.walk(f.Value)
		case "modelVersion", "responseId", "createTime":
			good = f.Kind == '"'
		default:
			good = f.Kind == 'n'
		}
		if !good {
			return s, false
		}
	}
	if o.Err() != nil {
		return s, false
	}
	candidate, ok := only(candidates)
	if !ok {
		return s, false
	}
	content := lone(candidate, func(f scan.Field) bool {
		return string(f.Name) == "index" && string(f.Value) == "0"
	}, "content")
	parts := lone(content, func(f scan.Field) bool {
		return string(f.Name) == "role" && string(f.Value) == `"model"`
	}, "parts")
	part, ok := only(parts)
	if !ok {
		return s, false
	}
	text := scan.Field{Kind: '"', Value: lone(part, func(scan.Field) bool { return false }, "text")}
	s.text, ok = text.String()
	return s, ok && s.text != ""
}

// only returns the one element of a list.
func only(list []byte) (element []byte, ok bool) {
	a := scan.CheckedArray(list)
	if !a.Next() {
		return nil, false
	}
	element, _ = a.Value()
	return element, !a.Next() && a.Err() == nil
}

// lone returns the value of a field of an object that holds nothing else but
// nulls and what may stand beside it; nil where it holds more, or not that.
func lone(object []byte, beside func(scan.Field) bool, name string) (value []byte) {
	o := scan.CheckedObject(object)
	for o.Next() {
		switch f := o.Field(); {
		case string(f.Name) == name:
			value = f.Value
		case f.Kind == 'n', beside(f):
		default:
			return nil
		}
	}
	if o.Err() != nil {
		return nil
	}
	return value
}

// walk reads counters as they are usually written: whole numbers under the names
// of the documentation.
func (u *usage) walk(raw []byte) bool {
	o := scan.CheckedObject(raw)
	for o.Next() {
		f, good := o.Field(), true
		switch string(f.Name) {
		case "promptTokenCount":
			good = u.Prompt.walk(f)
		case "candidatesTokenCount":
			good = u.Candidates.walk(f)
		case "totalTokenCount":
			good = u.Total.walk(f)
		case "cachedContentTokenCount":
			good = u.Cached.walk(f)
		case "toolUsePromptTokenCount":
			good = u.ToolUse.walk(f)
		case "thoughtsTokenCount":
			good = u.Thoughts.walk(f)
		case "serviceTier":
			u.ServiceTier, good = f.String()
		case "promptTokensDetails":
			u.PromptDetails, good = modalities(f)
		case "candidatesTokensDetails":
			u.CandidateDetails, good = modalities(f)
		}
		if !good {
			return false
		}
	}
	return o.Err() == nil
}

func (w *whole) walk(f scan.Field) bool {
	n, ok := f.Int()
	*w = whole(n)
	return ok && f.Kind == '0'
}

func modalities(f scan.Field) (out []modality, ok bool) {
	if f.Kind != '[' {
		return nil, false
	}
	list := scan.CheckedArray(f.Value)
	for list.Next() {
		raw, _ := list.Value()
		var m modality
		o := scan.CheckedObject(raw)
		for o.Next() {
			good := true
			switch f := o.Field(); string(f.Name) {
			case "modality":
				m.Modality, good = f.String()
			case "tokenCount":
				good = m.Tokens.walk(f)
			}
			if !good {
				return nil, false
			}
		}
		if o.Err() != nil {
			return nil, false
		}
		out = append(out, m)
	}
	return out, list.Err() == nil
}
