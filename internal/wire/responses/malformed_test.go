package responses_test

import (
	"testing"

	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/responses"
)

// Deltas of a forwarded stream are measured, not decoded: one that was cut off is
// an error all the same.
func TestAMeterSeesACutDelta(t *testing.T) {
	t.Parallel()
	for chunk, bad := range map[string]bool{
		`{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}`: false,
		`{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"`:  true,
		`{"type":"response.output_text.delta","output_index":0,"content_index":0,"de`:          true,
	} {
		if v := (responses.Format{}).NewMeter(wire.Target{}).Event("response.output_text.delta", []byte(chunk)); (v.Err != nil) != bad {
			t.Errorf("%s: %+v", chunk, v)
		}
	}
}
