package oido_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vendors are the words by which code could tell one provider, or a family of
// its models, from another.
var vendors = []string{
	"openai", "anthropic", "claude", "google", "gemini", "vertex", "google-vertex", "deepseek", "nvidia", "openrouter",
	"ollama", "mistral", "xai", "grok", "groq", "together", "moonshot", "kimi", "dashscope", "alibaba", "qwen",
	"azure", "azure-openai", "bedrock", "amazon-bedrock", "cohere", "vllm", "gpt", "llama",
}

// vendorData are the folders whose business is what differs between vendors,
// and those that stand outside the product.
var vendorData = []string{"internal/provider", "internal/catalog", "internal/sim", "test", "bench"}

// textSearches are the packages whose functions compare text.
var textSearches = []string{"strings", "bytes", "slices"}

// vendorComparisons returns a line for every place in f that decides by a
// vendor's name: a comparison, a case of a switch, a look-up in a map, or a call
// that searches text for it. Names as data (in a table, a message, a URL) and
// the names of wire formats as constants are not decisions.
func vendorComparisons(t *testing.T, f source) []string {
	t.Helper()
	fset, file := parse(t, f)
	var found []string
	flag := func(exprs ...ast.Expr) {
		for _, e := range exprs {
			if name, ok := vendorName(e); ok {
				found = append(found, fmt.Sprintf(
					"%s: decides by the vendor's name %q: make the difference a field of the provider's profile",
					fset.Position(e.Pos()), name))
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				flag(n.X, n.Y)
			}
		case *ast.CaseClause:
			flag(n.List...)
		case *ast.IndexExpr:
			flag(n.Index)
		case *ast.CallExpr:
			if fn, ok := n.Fun.(*ast.SelectorExpr); ok {
				if pkg, ok := fn.X.(*ast.Ident); ok && slices.Contains(textSearches, pkg.Name) {
					flag(n.Args...)
				}
			}
		}
		return true
	})
	return found
}

// vendorName returns the vendor's name that e is, as a literal or a conversion
// of one, whatever its case and punctuation at its ends ("gpt-" is "gpt").
func vendorName(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return vendorName(e.X)
	case *ast.CallExpr:
		if len(e.Args) == 1 {
			return vendorName(e.Args[0])
		}
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		value, err := strconv.Unquote(e.Value)
		if err != nil {
			return "", false
		}
		word := strings.ToLower(strings.Trim(value, " -_./:"))
		return value, slices.Contains(vendors, word)
	}
	return "", false
}

func TestVendorComparisonRule(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, code string
		want       int
	}{
		{"equal", `_ = p == "openai"`, 1},
		{"equal, the other way round", `_ = "openai" != p`, 1},
		{"equal, another case", `_ = p == "OpenAI"`, 1},
		{"equal, converted", `_ = p == kind("anthropic")`, 1},
		{"a case", `switch p { case "x", "google": }`, 1},
		{"a look-up", `_ = m["ollama"]`, 1},
		{"a family of models", `_ = strings.HasPrefix(model, "gpt-")`, 1},
		{"a search", `_ = strings.Contains(host, "deepseek")`, 1},
		{"a search of a list", `_ = slices.Contains(names, "mistral")`, 1},
		{"bytes", "_ = bytes.Equal(b, []byte(`openrouter`))", 1},
		{"two", `_ = p == "openai" || p == "groq"`, 2},
		{"a table", `_ = map[string]int{"openai": 1}`, 0},
		{"a message", `_ = errors.New("openai")`, 0},
		{"a header's name", `_ = h.Get("anthropic-version") == "1"`, 0},
		{"a constant of a format", `_ = f == llm.FormatGemini`, 0},
		{"another comparison", `_ = p == "model"`, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := source{"a.go", []byte("package a\nfunc a() {\n" + test.code + "\n}\n")}
			if got := vendorComparisons(t, f); len(got) != test.want {
				t.Errorf("got %d findings, want %d: %v", len(got), test.want, got)
			}
		})
	}
}

func TestVendorDataStandsApart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path string
		want bool
	}{
		{"internal/provider/profile.go", true},
		{"internal/provider/ollama/probe.go", true},
		{"internal/providers/a.go", false},
		{"internal/gateway/gateway.go", false},
	}
	got := make(map[string]bool)
	want := make(map[string]bool)
	for _, test := range tests {
		got[test.path] = isVendorData(test.path)
		want[test.path] = test.want
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("vendor data (-want +got):\n%s", diff)
	}
}

func TestNoVendorComparisonOutsideProviderData(t *testing.T) {
	t.Parallel()
	for _, f := range trackedGo(t) {
		if f.isTest() || isVendorData(f.path) {
			continue
		}
		report(t, vendorComparisons(t, f))
	}
}

// isVendorData says whether the file at p may decide by a vendor's name.
func isVendorData(p string) bool {
	return slices.ContainsFunc(vendorData, func(dir string) bool { return strings.HasPrefix(p, dir+"/") })
}
