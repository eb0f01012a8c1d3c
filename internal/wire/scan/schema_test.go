package scan_test

import (
	"testing"

	"github.com/oidostudio/oido/internal/wire/scan"
)

// Objects of a schema are closed wherever one may stand, and nowhere else.
func TestSchemasAreClosed(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"type":"object"}`: `{"type":"object","additionalProperties":false}`,
		`{"type":["object","null"],"properties":{"type":{"type":"string","enum":[{"type":"object"}]}}}`: `{"type":["object","null"],"properties":{"type":{"type":"string","enum":[{"type":"object"}]}},"additionalProperties":false}`,
		`{"anyOf":[{"properties":{}},true],"items":{"type":"object"}}`:                                  `{"anyOf":[{"properties":{},"additionalProperties":false},true],"items":{"type":"object","additionalProperties":false}}`,
		`{"$defs":{"properties":{"type":"object","additionalProperties":{"type":"object"}}}}`:           `{"$defs":{"properties":{"type":"object","additionalProperties":{"type":"object","additionalProperties":false}}}}`,
		`{"z":1,"a":{"type":"object"}}`: `{"z":1,"a":{"type":"object"}}`,
		`true`:                          `true`,
		`{"type":`:                      `{"type":`,
	} {
		if got := string(scan.Closed([]byte(in))); got != want {
			t.Errorf("%s became %s", in, got)
		}
	}
}
