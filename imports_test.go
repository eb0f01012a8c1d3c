package oido_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// importRule forbids packages of ours to depend on others. Packages are named
// by import path, "~" for this module; a name that ends in "/..." is a package
// and everything below it.
type importRule struct {
	from   []string // the packages that the rule binds
	exempt []string // of those, the ones that it doesn't
	never  []string // what they may not depend on
	except []string // of that, what they may
	direct bool     // only imports of their own count, not those of what they import
	why    string
}

var importRules = []importRule{
	{
		from:  []string{"~/internal/llm/..."},
		never: []string{"~/..."},
		why:   "everything speaks this vocabulary, so it can depend on nothing of ours",
	},
	{
		from:   []string{"~/internal/wire"},
		never:  []string{"~/..."},
		except: []string{"~/internal/llm"},
		why:    "what a format is must be said without knowing any format",
	},
	{
		from:   []string{"~/internal/wire/..."},
		exempt: []string{"~/internal/wire"},
		never:  []string{"~/..."},
		except: []string{"~/internal/llm", "~/internal/wire", "~/internal/wire/sse", "~/internal/wire/scan"},
		why:    "a format that knew another, or a provider, would bring pair-wise code back",
	},
	{
		from:  []string{"~/internal/sim/..."},
		never: []string{"~/internal/wire/...", "~/internal/llm/..."},
		why:   "the simulator is a second opinion on the wire formats; one that shared our codecs would share their mistakes",
	},
	{
		from:   []string{"~/internal/..."},
		exempt: []string{"~/internal/app/...", "~/internal/cli/...", "~/internal/httpapi/..."},
		never:  []string{"~/internal/httpapi/..."},
		why:    "the HTTP edge calls the domain, never the other way: agents use the gateway in process",
	},
	{
		from:   []string{"~/internal/..."},
		exempt: []string{"~/internal/app/...", "~/internal/cli/...", "~/internal/store/..."},
		never:  []string{"~/internal/store/..."},
		why:    "a package says what it needs of storage as an interface of its own, so that databases can be exchanged",
	},
	{
		from:   []string{"~/internal/..."},
		exempt: []string{"~/internal/app/...", "~/internal/cli/..."},
		never:  []string{"~/internal/app/...", "~/internal/cli/..."},
		why:    "only app and cli know every part; a part that knew them would know everything",
	},
	{
		from:   []string{"~/..."},
		exempt: []string{"~/internal/store/sqlite/..."},
		never:  []string{"modernc.org/sqlite/..."},
		direct: true,
		why:    "SQL stands beside its store and nowhere else",
	},
	{
		from:   []string{"~/..."},
		never:  []string{"encoding/json", "encoding/json/..."},
		direct: true,
		why:    "it takes duplicate names, matches fields in any case and replaces broken UTF-8 in silence; use go-json-experiment/json",
	},
	{
		from:  []string{"~/..."},
		never: []string{"github.com/goccy/go-json/...", "github.com/bytedance/sonic/...", "gopkg.in/yaml.v3/..."},
		why:   "data races, runtime internals and an unmaintained parser are no base for a server",
	},
	{
		from: []string{"~/..."},
		never: []string{
			"github.com/openai/...", "github.com/sashabaranov/...", "github.com/anthropics/...",
			"google.golang.org/genai/...", "github.com/google/generative-ai-go/...", "github.com/ollama/...",
		},
		why: "a provider's SDK costs several times the decode time, loses unknown fields, and its retries fight ours",
	},
}

// matches says whether the import path p is meant by one of the names.
func matches(names []string, p string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		below, tree := strings.CutSuffix(name, "/...")
		return p == below || tree && strings.HasPrefix(p, below+"/")
	})
}

// check returns one line for every forbidden dependency, with the shortest way
// that leads to it, and one if the rule binds no package at all. imports maps
// each package to what it imports; "~" stands for this module.
func (r importRule) check(imports map[string][]string) []string {
	var found []string
	bound := false
	for from := range imports {
		if !matches(r.from, from) || matches(r.exempt, from) {
			continue
		}
		bound = true
		for _, way := range r.ways(imports, from) {
			found = append(found, fmt.Sprintf("%s: %s", strings.Join(way, " → "), r.why))
		}
	}
	if !bound {
		found = append(found, fmt.Sprintf("no package matches %v: the rule guards nothing", r.from))
	}
	slices.Sort(found)
	return found
}

// ways walks what from depends on, breadth first, and returns the chain of
// imports to every forbidden package. It doesn't look behind one.
func (r importRule) ways(imports map[string][]string, from string) [][]string {
	var found [][]string
	seen := map[string]bool{from: true}
	for queue := [][]string{{from}}; len(queue) > 0; queue = queue[1:] {
		way := queue[0]
		if r.direct && len(way) > 1 {
			continue
		}
		for _, next := range imports[way[len(way)-1]] {
			if seen[next] {
				continue
			}
			seen[next] = true
			longer := append(slices.Clone(way), next)
			if matches(r.never, next) && !matches(r.except, next) && next != from {
				found = append(found, longer)
				continue
			}
			queue = append(queue, longer)
		}
	}
	return found
}

func TestImportRuleFindsForbiddenImports(t *testing.T) {
	t.Parallel()
	imports := map[string][]string{
		"~/a":         {"~/b", "fmt"},
		"~/b":         {"~/c", "db"},
		"~/c":         {"db"},
		"~/c/deep":    {"fmt"},
		"~/cousin":    {"fmt"},
		"example.com": {"db"},
	}
	tests := []struct {
		name string
		rule importRule
		want []string
	}{
		{"allowed", importRule{from: []string{"~/cousin"}, never: []string{"~/..."}}, nil},
		{"own import", importRule{from: []string{"~/c"}, never: []string{"db"}, why: "no"}, []string{"~/c → db: no"}},
		{
			"import of an import",
			importRule{from: []string{"~/a"}, never: []string{"~/c"}, why: "no"},
			[]string{"~/a → ~/b → ~/c: no"},
		},
		{"import of an import, direct only", importRule{from: []string{"~/a"}, never: []string{"~/c"}, direct: true}, nil},
		{
			"a tree of packages",
			importRule{from: []string{"~/..."}, never: []string{"db/..."}, direct: true, why: "no"},
			[]string{"~/b → db: no", "~/c → db: no"},
		},
		{
			"but for one",
			importRule{from: []string{"~/..."}, exempt: []string{"~/b"}, never: []string{"db"}, direct: true, why: "no"},
			[]string{"~/c → db: no"},
		},
		{
			"but for some imports",
			importRule{from: []string{"~/b"}, never: []string{"~/...", "db"}, except: []string{"~/c"}, why: "no"},
			[]string{"~/b → db: no"},
		},
		{
			"a name is no prefix",
			importRule{from: []string{"~/c/..."}, never: []string{"fmt"}, why: "no"},
			[]string{"~/c/deep → fmt: no"},
		},
		{
			"nothing bound",
			importRule{from: []string{"~/gone"}},
			[]string{"no package matches [~/gone]: the rule guards nothing"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.rule.check(imports)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestImportDirections(t *testing.T) {
	t.Parallel()
	imports := builtImports(t)
	for _, rule := range importRules {
		report(t, rule.check(imports))
	}
}

// builtImports returns what every package of this module and everything it
// depends on imports, tests left out, as go list sees it on this machine.
func builtImports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Imports", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	imports := map[string][]string{}
	for dec := jsontext.NewDecoder(strings.NewReader(string(out))); dec.PeekKind() == '{'; {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := json.UnmarshalDecode(dec, &pkg); err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		for i, p := range pkg.Imports {
			pkg.Imports[i] = short(p)
		}
		imports[short(pkg.ImportPath)] = pkg.Imports
	}
	return imports
}

// short writes this module's part of an import path as "~".
func short(p string) string {
	if p == module || strings.HasPrefix(p, module+"/") {
		return "~" + strings.TrimPrefix(p, module)
	}
	return p
}
