package chat_test

import (
	"testing"

	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// An answer that holds nothing measures nothing, whatever stands around it: roles
// and reasons are no words of the model.
func TestOnlyWhatTheModelSaysIsMeasured(t *testing.T) {
	t.Parallel()
	for chunk, want := range map[string]int64{
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`:                        0,
		`{"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop","native_finish_reason":"end_turn"}]}`:   0,
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`:                 5,
		`{"choices":[{"index":0,"delta":{"content":"a \"role\":\"b\""},"finish_reason":null}]}`:                           16,
		`{"choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}]}`:                               2,
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":"hi","reasoning":"so"},"finish_reason":"length"}]}`: 4,
	} {
		m := chat.Format{}.NewMeter(wire.Target{})
		if v := m.Event("", []byte(chunk)); v.Err != nil || m.Result().OutputBytes != want {
			t.Errorf("%s: %d bytes, want %d; %v", chunk, m.Result().OutputBytes, want, v.Err)
		}
	}
}
