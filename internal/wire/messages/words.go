package messages

import "github.com/oidostudio/oido/internal/wire/scan"

// nextWords returns the text of an event that is the next words of a text block, as
// nearly all of a stream's are, and the block's index. Walking such an event
// costs a fraction of decoding it; ok is false for every other one.
func nextWords(event []byte) (text string, index int, ok bool) {
	var delta []byte
	known := false
	o := scan.NewObject(event)
	for o.Next() {
		switch f := o.Field(); string(f.Name) {
		case "type":
			known = string(f.Value) == `"content_block_delta"`
		case "index":
			if index, ok = f.Int(); !ok || f.Kind != '0' {
				return "", 0, false
			}
		case "delta":
			delta = f.Value
		default:
			return "", 0, false
		}
	}
	if o.Err() != nil || !known {
		return "", 0, false
	}
	known, ok = false, false
	for o = scan.CheckedObject(delta); o.Next(); {
		switch f := o.Field(); string(f.Name) {
		case "type":
			known = string(f.Value) == `"text_delta"`
		case "text":
			text, ok = f.String()
			ok = ok && f.Kind == '"'
		default:
			return "", 0, false
		}
	}
	return text, index, ok && known && text != "" && o.Err() == nil
}
