package responses

import "github.com/oidostudio/oido/internal/wire/scan"

// nextWords reads an event that is the next words of a text, as nearly all of a
// stream's are, without the cost of decoding it. ok is false where the event
// holds more than a place, a text and an empty list of probabilities.
func nextWords(data []byte) (ev event, ok bool) {
	o := scan.NewObject(data)
	for o.Next() {
		f, good := o.Field(), true
		switch string(f.Name) {
		case "type", "sequence_number", "obfuscation":
		case "item_id":
			ev.ItemID, good = f.String()
		case "output_index":
			ev.OutputIndex, good = f.Int()
		case "content_index":
			ev.ContentIndex, good = f.Int()
		case "delta":
			ev.Delta, good = f.String()
		case "logprobs":
			good = f.Kind == 'n' || f.Kind == '[' && !f.Filled()
		default:
			good = f.Kind == 'n'
		}
		if !good {
			return ev, false
		}
	}
	return ev, o.Err() == nil
}
