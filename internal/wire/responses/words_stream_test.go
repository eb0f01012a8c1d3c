package responses

import (
	"testing"

	"github.com/oidostudio/oido/internal/wire/wiretest"
)

// Most of a stream is walked instead of decoded. Something unknown in an event
// makes it be decoded: it must come to the same.
func TestNextWordsAreDecodedAlike(t *testing.T) {
	wiretest.Walked{
		Format: Format{},
		Walks:  func(data []byte) bool { _, ok := nextWords(data); return ok },
		Events: []string{
			`data: {"type":"response.output_text.delta","sequence_number":3,"item_id":"i","output_index":0,"content_index":0,"delta":TEXT}` + "\n\n",
			`data: {"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"logprobs":[],"delta":TEXT,"obfuscation":"x"}` + "\n\n",
			`data: {"type":"response.output_text.delta","item_id":"j","output_index":1,"content_index":0,"delta":TEXT}` + "\n\n",
			`data: {"type":"response.output_text.delta","output_index":0,"content_index":1,"delta":TEXT}` + "\n\n",
			`data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":TEXT,"logprobs":[{"token":"a","logprob":-1,"bytes":[97],"top_logprobs":[]}]}` + "\n\n",
			`data: {"type":"response.output_text.delta","output_index":-5,"delta":TEXT}` + "\n\n",
			`data: {"type":"response.output_text.delta","output_index":"0","delta":TEXT}` + "\n\n",
		},
		Mark: `"delta":`, Marked: `"x":1,"delta":`,
		Before: `data: {"type":"response.created","response":{"id":"r","model":"m","output":[]}}` + "\n\n" +
			`data: {"type":"response.output_item.added","output_index":0,"item":{"id":"i","type":"message","role":"assistant","content":[]}}` + "\n\n" +
			`data: {"type":"response.content_part.added","output_index":0,"content_index":0,"item_id":"i","part":{"type":"output_text","text":""}}` + "\n\n",
		After: `data: {"type":"response.completed","response":{"id":"r","model":"m","status":"completed","output":[]}}` + "\n\n",
	}.Alike(t)
}
