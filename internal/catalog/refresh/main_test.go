package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder makes a folder of files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// content reads a folder.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

func snapshot(models string) map[string]string {
	return map[string]string{
		"catalog.json": `{"schema":"catalog/1","as_of":"2026-11-23","currency":"USD","unit":"per 1,000,000 tokens",
"sources":[{"id":"src","version":"v1","license":"MIT"}],"providers":[{"id":"p","models":[` + models + `]}]}`,
		"NOTICE": "src v1",
	}
}

func with(m map[string]string, name, text string) map[string]string {
	m = maps.Clone(m)
	m[name] = text
	return m
}

func TestRefreshTakesAllOrNothing(t *testing.T) {
	t.Parallel()
	before := with(with(snapshot(`{"id":"m"},{"id":"n"}`), "tiers.yaml", "skip: x\n"), "described-models.json", `{"short_names":{"em":"p/m"}}`)
	for _, c := range []struct {
		name string
		from map[string]string
		says string // of the output, or of the error
		fine bool
	}{
		{"the same", before, "0 models changed, 0 files written", true},
		{"new models", snapshot(`{"id":"m"},{"id":"o"}`), "p/n: left out\np/o: new\n2 models changed, 1 files written", true},
		{"tiers as well", with(snapshot(`{"id":"m"}`), "tiers.yaml", "skip: y\n"), "p/n: left out\n1 models changed, 2 files written", true},
		{"no notice", map[string]string{"catalog.json": before["catalog.json"]}, "NOTICE", false},
		{"no catalog", map[string]string{"NOTICE": "src v1"}, "catalog.json", false},
		{"a name's model is missing", snapshot(`{"id":"n"}`), "p/m", false},
		{"broken tiers", with(snapshot(`{"id":"m"}`), "tiers.yaml", "skip: (\n"), "tiers.yaml", false},
		{"broken catalog", with(before, "catalog.json", "<html>"), "catalog.json", false},
	} {
		from, to := folder(t, c.from), folder(t, before)
		var out bytes.Buffer
		err := refresh(from, to, &out)
		want := maps.Clone(before)
		if c.fine {
			maps.Copy(want, c.from)
		}
		if d := cmp.Diff(want, content(t, to)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if said := out.String(); c.fine && (err != nil || !strings.HasPrefix(said, c.says)) || !c.fine && (err == nil || said != "" || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, %q", c.name, err, said)
		}
	}
	if err := refresh(folder(t, before), t.TempDir(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "-to") {
		t.Errorf("a folder that isn't the catalog's: %v", err)
	}
}
