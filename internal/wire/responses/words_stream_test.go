package responses

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
			`data: {"type":"response.output_text.delta","sequence_number":3,"item_id":"i","output_index":0,"content_index":0,"delta":TEXT}` + "\n\n",
			`data: {"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"logprobs":[],"delta":TEXT,"obfuscation":"x"}` + "\n\n",
			`data: {"type":"response.output_text.delta","item_id":"j","output_index":1,"content_index":0,"delta":TEXT}` + "\n\n",
			`data: {"type":"response.output_text.delta","output_index":0,"content_index":1,"delta":TEXT}` + "\n\n",
			`data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":TEXT,"logprobs":[{"token":"a","logprob":-1,"bytes":[97],"top_logprobs":[]}]}` + "\n\n",
			`data: {"type":"response.output_text.delta","output_index":-5,"delta":TEXT}` + "\n\n",
			`data: {"type":"response.output_text.delta","output_index":"0","delta":TEXT}` + "\n\n",
		} {
			event = strings.ReplaceAll(event, "TEXT", text)
			if _, ok := nextWords([]byte(strings.TrimPrefix(event, "data: "))); ok {
				walked++
			}
			decoded := strings.Replace(event, `"delta":`, `"x":1,"delta":`, 1)
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
	wordsBefore = `data: {"type":"response.created","response":{"id":"r","model":"m","output":[]}}` + "\n\n" +
		`data: {"type":"response.output_item.added","output_index":0,"item":{"id":"i","type":"message","role":"assistant","content":[]}}` + "\n\n" +
		`data: {"type":"response.content_part.added","output_index":0,"content_index":0,"item_id":"i","part":{"type":"output_text","text":""}}` + "\n\n"
	wordsAfter = `data: {"type":"response.completed","response":{"id":"r","model":"m","status":"completed","output":[]}}` + "\n\n"
)
