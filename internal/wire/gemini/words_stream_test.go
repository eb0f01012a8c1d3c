package gemini

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
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":2}]},"modelVersion":"m","responseId":"r"}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"}}],"usageMetadata":{"thoughtsTokenCount":2,"cachedContentTokenCount":1,"toolUsePromptTokenCount":1,"promptTokenCount":5,"trafficType":"ON_DEMAND"}}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":"3"}}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT,"thought":true}],"role":"model"},"index":0}]}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT,"thoughtSignature":"AAAA"}],"role":"model"},"index":0}]}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT},{"text":"b"}],"role":"model"},"index":0}]}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"},"index":1}]}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"},"finishReason":"MAX_TOKENS"}]}` + "\n\n",
		},
		Mark: `"parts":[`, Marked: `"x":1,"parts":[`,
		Before: `data: {"candidates":[{"content":{"parts":[{"text":"so "}],"role":"model"},"index":0}],"responseId":"r"}` + "\n\n",
		After:  `data: {"candidates":[{"content":{"parts":[{"text":"."}],"role":"model"},"finishReason":"STOP","index":0}]}` + "\n\n",
	}.Alike(t)
}
