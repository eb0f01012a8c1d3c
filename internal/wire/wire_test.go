package wire_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/wire"
)

// Every id comes out in its shape, and one that fits stays as it is.
func TestToolIDFitsItsShape(t *testing.T) {
	t.Parallel()
	shapes := map[wire.IDShape]*regexp.Regexp{
		wire.ShapeAnthropic: regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`),
		wire.ShapeResponses: regexp.MustCompile(`(?s)^.{1,64}$`),
		wire.ShapeMistral:   regexp.MustCompile(`^[A-Za-z0-9]{9}$`),
	}
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.String().Draw(t, "id")
		for shape, re := range shapes {
			got := wire.ToolID(id, shape)
			if !re.MatchString(got) {
				t.Fatalf("%s: %q became %q", shape, id, got)
			}
			if wire.ToolID(got, shape) != got {
				t.Fatalf("%s: %q is not stable", shape, got)
			}
		}
	})
}

// Names survive the way out and back, and go out in a form that all vendors take.
func TestToolNamesComeBack(t *testing.T) {
	t.Parallel()
	portable := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)
	rapid.Check(t, func(t *rapid.T) {
		var names wire.ToolNames
		sent := map[string]string{}
		for _, name := range rapid.SliceOfDistinct(rapid.String(), rapid.ID[string]).Draw(t, "names") {
			out := names.Out(name)
			if !portable.MatchString(out) {
				t.Fatalf("%q goes out as %q", name, out)
			}
			if other, ok := sent[out]; ok {
				t.Fatalf("%q and %q both go out as %q", name, other, out)
			}
			sent[out] = name
		}
		for out, name := range sent {
			if got := names.Back(out); got != name {
				t.Fatalf("%q comes back as %q", name, got)
			}
		}
	})
}
