package oido_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sentenceEnd finds where a sentence of a comment ends. A colon counts where a
// list follows on a new line.
var sentenceEnd = regexp.MustCompile(`[.!?][)"']?(\s|$)|:\n`)

// packageComments returns a line for every package among files whose comment is
// missing, stands in several files, or is shorter than two sentences: what the
// package is, and what it promises. A package of tests alone says so in a test.
func packageComments(t *testing.T, files []source) []string {
	t.Helper()
	type comment struct{ name, text string }
	comments := map[string][]comment{}
	hasCode := map[string]bool{}
	for _, f := range files {
		hasCode[f.dir()] = hasCode[f.dir()] || !f.isTest()
	}
	for _, f := range files {
		if hasCode[f.dir()] && f.isTest() {
			continue
		}
		_, file := parse(t, f)
		if _, ok := comments[f.dir()]; !ok {
			comments[f.dir()] = nil
		}
		if text := file.Doc.Text(); text != "" {
			comments[f.dir()] = append(comments[f.dir()], comment{file.Name.Name, text})
		}
	}
	var found []string
	for _, dir := range slices.Sorted(maps.Keys(comments)) {
		all := comments[dir]
		switch {
		case len(all) == 0:
			found = append(found, fmt.Sprintf("%s: no package comment: say what the package promises and what it leaves to others", dir))
			continue
		case len(all) > 1:
			found = append(found, fmt.Sprintf("%s: %d package comments: keep one", dir, len(all)))
			continue
		}
		c := all[0]
		if c.name != "main" && !strings.HasPrefix(c.text, "Package "+c.name+" ") {
			found = append(found, fmt.Sprintf("%s: the package comment must begin with %q", dir, "Package "+c.name+" "))
		}
		if len(sentenceEnd.FindAllString(c.text, -1)) < 2 {
			found = append(found, fmt.Sprintf("%s: the package comment has one sentence: say also what the package promises", dir))
		}
	}
	return found
}

func TestPackageCommentRule(t *testing.T) {
	t.Parallel()
	const good = "// Package a does one thing. It promises order.\npackage a\n"
	tests := []struct {
		name  string
		files []source
		want  []string
	}{
		{"good", []source{{"a/a.go", []byte(good)}, {"a/b.go", []byte("package a\n")}}, nil},
		{
			"a list of promises",
			[]source{{"a/a.go", []byte("// Package a does one thing. It promises:\n//   - order\npackage a\n")}},
			nil,
		},
		{"of a program", []source{{"a/a.go", []byte("// Program a runs. It stops.\npackage main\n")}}, nil},
		{"of tests alone", []source{{"a/a_test.go", []byte("// Package a_test tries. It fails well.\npackage a_test\n")}}, nil},
		{
			"missing",
			[]source{{"a/a.go", []byte("package a\n")}},
			[]string{"a: no package comment: say what the package promises and what it leaves to others"},
		},
		{
			"in a test of a package with code",
			[]source{{"a/a.go", []byte("package a\n")}, {"a/a_test.go", []byte(good)}},
			[]string{"a: no package comment: say what the package promises and what it leaves to others"},
		},
		{
			"twice",
			[]source{{"a/a.go", []byte(good)}, {"a/b.go", []byte(good)}},
			[]string{"a: 2 package comments: keep one"},
		},
		{
			"too short",
			[]source{{"a/a.go", []byte("// Package a does v1.2 things.\npackage a\n")}},
			[]string{"a: the package comment has one sentence: say also what the package promises"},
		},
		{
			"of another name",
			[]source{{"a/a.go", []byte("// Package b does. It promises.\npackage a\n")}},
			[]string{`a: the package comment must begin with "Package a "`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, packageComments(t, test.files)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryPackageSaysWhatItPromises(t *testing.T) {
	t.Parallel()
	report(t, packageComments(t, trackedGo(t)))
}
