package messages_test

import (
	"testing"

	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/messages"
)

// Deltas of a forwarded stream are measured, not decoded: one that was cut off is
// an error all the same.
func TestAMeterSeesACutDelta(t *testing.T) {
	t.Parallel()
	for chunk, bad := range map[string]bool{
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}`: false,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"`:   true,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a`:    true,
	} {
		if v := (messages.Format{}).NewMeter(wire.Target{}).Event("content_block_delta", []byte(chunk)); (v.Err != nil) != bad {
			t.Errorf("%s: %+v", chunk, v)
		}
	}
}
