package messages

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
			`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":TEXT}}` + "\n\n",
			`data: {"index":0,"delta":{"text":TEXT,"type":"text_delta"},"type":"content_block_delta"}` + "\n\n",
			`data: {"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":TEXT}}` + "\n\n",
			`data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","text":TEXT,"thinking":"t"}}` + "\n\n",
			`data: {"type":"content_block_delta","index":null,"delta":{"type":"text_delta","text":TEXT}}` + "\n\n",
			`data: {"type":"content_block_start","index":0,"delta":{"type":"text_delta","text":TEXT}}` + "\n\n",
		} {
			event = strings.ReplaceAll(event, "TEXT", text)
			if _, _, ok := nextWords([]byte(strings.TrimPrefix(event, "data: "))); ok {
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
	wordsBefore = `data: {"type":"message_start","message":{"id":"m","model":"m"}}` + "\n\n" + `data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n"
	wordsAfter  = `data: {"type":"content_block_stop","index":0}` + "\n\n" + `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}` + "\n\n" + `data: {"type":"message_stop"}` + "\n\n"
)
