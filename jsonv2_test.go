package oido_test

import (
	"go/ast"
	"go/build/constraint"
	"go/importer"
	"go/types"
	"os"
	"strings"
	"testing"
)

// The guard must be part of exactly the builds with the experiment, and must
// stop them with a message that says what to do.
func TestBuildWithJSONv2ExperimentStops(t *testing.T) {
	t.Parallel()
	const name = "cmd/oido/jsonv2.go"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	expr, err := constraint.Parse(first)
	if err != nil {
		t.Fatalf("%s: first line: %v", name, err)
	}
	only := func(on bool) bool {
		return expr.Eval(func(tag string) bool { return on && tag == "goexperiment.jsonv2" })
	}
	if !only(true) || only(false) {
		t.Errorf("%s is built under %q, want goexperiment.jsonv2 alone", name, first)
	}
	fset, file := parse(t, source{path: name, text: text})
	conf := types.Config{Importer: importer.Default()}
	_, err = conf.Check("main", fset, []*ast.File{file}, nil)
	if err == nil || !strings.Contains(err.Error(), "GOEXPERIMENT=jsonv2: unset it") {
		t.Errorf("%s: got error %v, want one that names GOEXPERIMENT=jsonv2 and says to unset it", name, err)
	}
}
