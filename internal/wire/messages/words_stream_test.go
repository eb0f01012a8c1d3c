package messages

import (
	"testing"

	"github.com/oidostudio/oido/internal/wire/wiretest"
)

// Most of a stream is walked instead of decoded. Something unknown in an event
// makes it be decoded: it must come to the same.
func TestNextWordsAreDecodedAlike(t *testing.T) {
	wiretest.Walked{
		Format: Format{},
		Walks:  func(data []byte) bool { _, _, ok := nextWords(data); return ok },
		Events: []string{
			`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":TEXT}}` + "\n\n",
			`data: {"index":0,"delta":{"text":TEXT,"type":"text_delta"},"type":"content_block_delta"}` + "\n\n",
			`data: {"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":TEXT}}` + "\n\n",
			`data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","text":TEXT,"thinking":"t"}}` + "\n\n",
			`data: {"type":"content_block_delta","index":null,"delta":{"type":"text_delta","text":TEXT}}` + "\n\n",
			`data: {"type":"content_block_start","index":0,"delta":{"type":"text_delta","text":TEXT}}` + "\n\n",
		},
		Mark: `"delta":{`, Marked: `"delta":{"x":1,`,
		Before: `data: {"type":"message_start","message":{"id":"m","model":"m"}}` + "\n\n" + `data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n",
		After:  `data: {"type":"content_block_stop","index":0}` + "\n\n" + `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}` + "\n\n" + `data: {"type":"message_stop"}` + "\n\n",
	}.Alike(t)
}
