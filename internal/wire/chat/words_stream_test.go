package chat

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
			`data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":TEXT},"finish_reason":null}]}` + "\n\n",
			`data: {"id":"c","model":"m","choices":[{"delta":{"role":"assistant","content":TEXT,"refusal":null},"logprobs":null}],"usage":null}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT},"finish_reason":"length"}]}` + "\n\n",
			`data: {"choices":[{"index":1,"delta":{"content":TEXT}}]}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT,"reasoning_content":TEXT}}]}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT}},{"index":1,"delta":{"content":"b"}}]}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"content":TEXT,"tool_calls":[{"index":0,"id":"i","function":{"name":"f","arguments":"{}"}}]}}]}` + "\n\n",
		} {
			event = strings.ReplaceAll(event, "TEXT", text)
			if _, ok := nextWords([]byte(strings.TrimPrefix(event, "data: "))); ok {
				walked++
			}
			decoded := strings.Replace(event, `"delta":{`, `"delta":{"x":1,`, 1)
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
	wordsBefore = `data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"so "}}]}` + "\n\n"
	wordsAfter  = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
)
