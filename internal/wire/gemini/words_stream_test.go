package gemini

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Most of a stream is walked instead of decoded. Something unknown in an event
// makes it be decoded: it must come to the same.
func TestNextWordsAreDecodedAlike(t *testing.T) {
	read := func(in string) (out []string) {
		for e, err := range (Format{}).DecodeStream(strings.NewReader(in), wire.Target{Origin: llm.Origin{Provider: "p"}}) {
			out = append(out, fmt.Sprintf("%T %+v %t", e, e, err == nil))
		}
		return out
	}
	walked := 0
	for _, text := range []string{`"a"`, `"\""`, `"\\"`, `"é\u00e9\ud83d\ude00\n"`, `""`, "null", `"\ud800"`, `5`, `["a"]`, "\"\xff\""} {
		for _, event := range []string{
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":2}]},"modelVersion":"m","responseId":"r"}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"}}],"usageMetadata":{"thoughtsTokenCount":2,"cachedContentTokenCount":1,"toolUsePromptTokenCount":1,"promptTokenCount":5,"trafficType":"ON_DEMAND"}}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":"3"}}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT,"thought":true}],"role":"model"},"index":0}]}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT,"thoughtSignature":"AAAA"}],"role":"model"},"index":0}]}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT},{"text":"b"}],"role":"model"},"index":0}]}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"},"index":1}]}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":TEXT}],"role":"model"},"finishReason":"MAX_TOKENS"}]}` + "\n\n",
		} {
			event = strings.ReplaceAll(event, "TEXT", text)
			if _, ok := nextWords([]byte(strings.TrimPrefix(event, "data: "))); ok {
				walked++
			}
			decoded := strings.Replace(event, `"parts":[`, `"x":1,"parts":[`, 1)
			if decoded == event {
				t.Fatalf("%s: nothing makes it be decoded", event)
			}
			if diff := cmp.Diff(read(wordsBefore+decoded+wordsAfter), read(wordsBefore+event+wordsAfter)); diff != "" {
				t.Errorf("%s: %s", event, diff)
			}
		}
	}
	if walked < 4 {
		t.Errorf("%d events were walked", walked)
	}
}

const (
	wordsBefore = `data: {"candidates":[{"content":{"parts":[{"text":"so "}],"role":"model"},"index":0}],"responseId":"r"}` + "\n\n"
	wordsAfter  = `data: {"candidates":[{"content":{"parts":[{"text":"."}],"role":"model"},"finishReason":"STOP","index":0}]}` + "\n\n"
)
