package oido_test

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"
)

// maxLines is how long a Go file may be for a person to read it in one sitting.
const maxLines = 800

// textRule forbids a pattern in the lines of tracked files.
type textRule struct {
	name    string
	applies func(path string) bool
	pattern *regexp.Regexp
	why     string
}

// The patterns are put together from pieces so that this file doesn't hold what
// it forbids.
var textRules = []textRule{
	{
		name:    "machine path",
		applies: func(string) bool { return true },
		// A path of one machine begins a word: what comes before it is not
		// part of a longer path, URL or name.
		pattern: regexp.MustCompile(`(?:^|[^A-Za-z0-9_.~*/}-])/(?:` + strings.Join([]string{
			"wo" + "rk/", "ro" + "ot/", "ho" + "me/[a-z][a-z0-9_-]*/", "Us" + "ers/[A-Za-z]", "tmp/" + "oido",
		}, "|") + `)`),
		why: "a path of somebody's machine is on no other",
	},
	{
		name:    "registry host",
		applies: func(string) bool { return true },
		pattern: regexp.MustCompile(`(?i)\b(?:` + strings.Join([]string{
			`registry\.` + `npmjs\.(?:org|com)`, `registry\.` + `yarnpkg\.com`, `npm\.` + `pkg\.github\.com`,
			`proxy\.` + `golang\.org`, `sum\.` + `golang\.org`, `goproxy\.` + `(?:io|cn)`,
			`(?:deb|security|ftp|archive)\.` + `debian\.org`, `archive\.` + `ubuntu\.com`,
			`pypi\.` + `(?:org|python\.org)`, `files\.` + `pythonhosted\.org`,
			`(?:static\.|index\.)?crates\.` + `io`, `repo1?\.maven\.` + `(?:org|apache\.org)`,
		}, "|") + `)\b`),
		why: "which registry packages come from is the machine's to say",
	},
	{
		name:    "download address in a lock file",
		applies: func(p string) bool { return strings.HasSuffix(p, "-lock.json") },
		pattern: regexp.MustCompile(`"resolved":\s*"https?:`),
		why:     "set omit-lockfile-registry-resolved=true in .npmrc and write the lock anew",
	},
	{
		name:    "skipped test",
		applies: isGo,
		pattern: regexp.MustCompile(`\b(?:t|b|f|tb)\.` + `Skip(?:f|Now)?\(`),
		why:     "a test that doesn't run holds nothing: install what it needs, or fail and say what is missing",
	},
	{
		name:    "unfinished work",
		applies: isGo,
		pattern: regexp.MustCompile(`\b(?:TO` + `DO|FIX` + `ME|X` + `XX)\b`),
		why:     "finish it or leave it out",
	},
}

func isGo(p string) bool { return path.Ext(p) == ".go" }

// check returns a line for every line of f that the rule forbids.
func (r textRule) check(f source) []string {
	if !r.applies(f.path) {
		return nil
	}
	var found []string
	for n, line := range lines(f.text) {
		if hit := r.pattern.Find(line); hit != nil {
			found = append(found, fmt.Sprintf("%s:%d: %s %q: %s", f.path, n, r.name, hit, r.why))
		}
	}
	return found
}

// checkLength returns a line if the Go file f is too long to be read.
func checkLength(f source) []string {
	if n := bytes.Count(f.text, []byte("\n")); isGo(f.path) && n > maxLines {
		return []string{fmt.Sprintf("%s: %d lines, at most %d: divide it by its ideas", f.path, n, maxLines)}
	}
	return nil
}

func TestTextRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path, text string
		want             string // the name of the one rule that finds something
	}{
		{"path of a work folder", "a.md", "see /wo" + "rk/main for it", "machine path"},
		{"path at the start", "a.md", "/ro" + "ot/x", "machine path"},
		{"path of a home", "a.yaml", `dir: "/ho` + `me/ada/oido"`, "machine path"},
		{"path of a Mac's home", "a.go", "// in /Us" + "ers/ada", "machine path"},
		{"path of scratch files", "a.sh", "cat /tmp/" + "oido/x", "machine path"},
		{"part of a URL", "a.md", "https://example.com/wo" + "rk/x and ./ro" + "ot/x", ""},
		{"relative to a variable", "a.sh", "$HOME/wo" + "rk/x ~/wo" + "rk/x", ""},
		{"another system path", "a.md", "/etc/oido/config.yaml", ""},
		{"npm registry", "package-lock.json", `https://registry.` + `npmjs.org/x`, "registry host"},
		{"Go proxy", "Makefile", "GOPROXY=https://proxy." + "golang.org", "registry host"},
		{"Debian", "Dockerfile", "deb http://deb." + "debian.org/debian", "registry host"},
		{"module path", "go.mod", "golang.org/x/sync v0.1.0", ""},
		{"locked address", "package-lock.json", `"resolved": "https://example.com/x.tgz"`, "download address in a lock file"},
		{"locked link", "package-lock.json", `"resolved": "../x"`, ""},
		{"skip", "a_test.go", "\tt." + "Skip(\"later\")", "skipped test"},
		{"skipf", "a_test.go", "\tb." + "Skipf(\"later\")", "skipped test"},
		{"skip of something else", "a.go", "\tlexer." + "Skip(1)", ""},
		{"note to self", "a.go", "// TO" + "DO: more", "unfinished work"},
		{"note in prose", "a.md", "TO" + "DO", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := source{test.path, []byte("first line\n" + test.text + "\n")}
			for _, rule := range textRules {
				got := rule.check(f)
				if rule.name == test.want && (len(got) != 1 || !strings.HasPrefix(got[0], test.path+":2: ")) {
					t.Errorf("%s: got %q, want one finding on line 2", rule.name, got)
				}
				if rule.name != test.want && len(got) != 0 {
					t.Errorf("%s: got %q, want none", rule.name, got)
				}
			}
		})
	}
}

func TestLengthRule(t *testing.T) {
	t.Parallel()
	long := []byte(strings.Repeat("\n", maxLines+1))
	for _, test := range []struct {
		f    source
		want int
	}{
		{source{"a.go", long}, 1},
		{source{"a.go", long[1:]}, 0},
		{source{"a.json", long}, 0},
	} {
		if got := checkLength(test.f); len(got) != test.want {
			t.Errorf("%s of %d lines: got %q, want %d", test.f.path, len(test.f.text), got, test.want)
		}
	}
}

func TestTrackedFiles(t *testing.T) {
	t.Parallel()
	for _, f := range tracked(t) {
		report(t, checkLength(f))
		if bytes.IndexByte(f.text, 0) >= 0 {
			continue // an image or a database
		}
		for _, rule := range textRules {
			report(t, rule.check(f))
		}
	}
}
