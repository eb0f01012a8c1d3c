package chat

import "github.com/oidostudio/oido/internal/wire/scan"

// nextWords returns the text of a chunk that holds the next words of the first
// choice and nothing else, as nearly all chunks do. Walking such a chunk costs a
// fraction of decoding it; ok is false for every other one.
func nextWords(chunk []byte) (text string, ok bool) {
	var choices []byte
	o := scan.NewObject(chunk)
	for o.Next() {
		switch f := o.Field(); string(f.Name) {
		case "choices":
			choices = f.Value
		case "usage", "error", "x_groq":
			if f.Kind != 'n' {
				return "", false
			}
		}
	}
	if o.Err() != nil {
		return "", false
	}
	list := scan.CheckedArray(choices)
	if !list.Next() {
		return "", false
	}
	first, _ := list.Value()
	if list.Next() || list.Err() != nil {
		return "", false
	}
	var delta []byte
	for o = scan.CheckedObject(first); o.Next(); {
		switch f := o.Field(); {
		case f.Kind == 'n':
		case string(f.Name) == "delta" && f.Kind == '{':
			delta = f.Value
		case string(f.Name) == "index" && string(f.Value) == "0":
		default:
			return "", false
		}
	}
	if o.Err() != nil {
		return "", false
	}
	for o = scan.CheckedObject(delta); o.Next(); {
		switch f := o.Field(); {
		case f.Kind == 'n':
		case string(f.Name) == "content" && f.Kind == '"':
			text, ok = f.String()
		case string(f.Name) == "role" && f.Kind == '"':
		default:
			return "", false
		}
	}
	return text, ok && text != "" && o.Err() == nil
}
