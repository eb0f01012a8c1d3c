package oido_test

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"testing"
)

var (
	namedTest = regexp.MustCompile("`([a-z0-9_/]+_test\\.go):(Test[A-Za-z0-9]+)`")
	pitfall   = regexp.MustCompile(`(?m)^([0-9]+)\. \*\*`)
)

// TestPitfallsAreHeldByTestsThatExist keeps the checklist of docs/pitfalls.md true.
func TestPitfallsAreHeldByTestsThatExist(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("docs/pitfalls.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range namedTest.FindAllSubmatch(doc, -1) {
		src, err := os.ReadFile(string(name[1]))
		if err != nil {
			t.Errorf("%s: %v", name[2], err)
			continue
		}
		if !bytes.Contains(src, []byte("\nfunc "+string(name[2])+"(t *testing.T)")) {
			t.Errorf("%s has no %s", name[1], name[2])
		}
	}
	at := pitfall.FindAllSubmatchIndex(doc, -1)
	if len(at) != 40 {
		t.Fatalf("%d pitfalls, want 40", len(at))
	}
	for i, m := range at {
		end := len(doc)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		number, text := string(doc[m[2]:m[3]]), doc[m[0]:end]
		if number != strconv.Itoa(i+1) {
			t.Errorf("pitfall %s stands where %d is due", number, i+1)
		}
		if !namedTest.Match(text) && !bytes.Contains(text, []byte("isn't\n    built")) && !bytes.Contains(text, []byte("isn't built")) {
			t.Errorf("pitfall %s: no test is named, and nothing says that what it is about isn't built", number)
		}
	}
}
