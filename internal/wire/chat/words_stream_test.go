package chat

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
			`data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":TEXT},"finish_reason":null}]}` + "\n\n",
			`data: {"id":"c","model":"m","choices":[{"delta":{"role":"assistant","content":TEXT,"refusal":null},"logprobs":null}],"usage":null}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT},"finish_reason":"length"}]}` + "\n\n",
			`data: {"choices":[{"index":1,"delta":{"content":TEXT}}]}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT,"reasoning_content":TEXT}}]}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT}},{"index":1,"delta":{"content":"b"}}]}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT,"tool_calls":[{"index":0,"id":"i","function":{"name":"f","arguments":"{}"}}]}}]}` + "\n\n",
		},
		Mark: `"delta":{`, Marked: `"delta":{"x":1,`,
		Before: `data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"so "}}]}` + "\n\n",
		After:  `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n",
	}.Alike(t)
}
