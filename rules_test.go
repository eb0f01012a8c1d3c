// Package oido_test holds the rules of the whole repository as tests: which
// package may import which, what every package says of itself, and what no
// tracked file may contain. Each rule is a function of sources it is handed and
// is shown here to find what it forbids; the last test of each file runs it over
// the repository. What golangci-lint can hold is in .golangci.yml instead.
package oido_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
)

// module is the path of this module; rules write it as "~".
const module = "github.com/oidostudio/oido"

// source is one file, by its slash-separated path from the root of the
// repository.
type source struct {
	path string
	text []byte
}

// dir returns the folder of s, "." for the root.
func (s source) dir() string { return path.Dir(s.path) }

// isTest says whether s is compiled into tests only.
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// tracked returns the files that git tracks and that still exist, so that what
// a working copy holds besides them (builds, data, node_modules) is never read.
func tracked(t *testing.T) []source {
	t.Helper()
	// A clone may belong to another user, which git refuses to read otherwise.
	out, err := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z").Output()
	if err != nil {
		t.Fatalf("list tracked files (these tests need git and a clone): %v", err)
	}
	var files []source
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, source{path: name, text: text})
	}
	if len(files) == 0 {
		t.Fatal("git tracks no file here")
	}
	return files
}

// trackedGo returns the tracked Go files.
func trackedGo(t *testing.T) []source {
	t.Helper()
	var files []source
	for _, f := range tracked(t) {
		if path.Ext(f.path) == ".go" && !strings.Contains(f.path, "testdata/") {
			files = append(files, f)
		}
	}
	return files
}

// parse returns the syntax of one Go file, with its comments.
func parse(t *testing.T, s source) (*token.FileSet, *ast.File) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, s.path, s.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return fset, file
}

// report fails t with every finding on a line of its own.
func report(t *testing.T, findings []string) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
}

// lines yields the lines of text, numbered from 1.
func lines(text []byte) func(yield func(int, []byte) bool) {
	return func(yield func(int, []byte) bool) {
		n := 0
		for line := range bytes.Lines(text) {
			n++
			if !yield(n, line) {
				return
			}
		}
	}
}
