package config_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/oidostudio/oido/internal/config"
)

// FuzzLoad: no file makes the loader panic or hang; a refusal says where; what
// is accepted can be shown, and the showing is YAML of the same fields.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(example), withoutSecrets, "", "a: &a [*a]", "aliases: &a\n  x: *a\n", "log: {level: \"${X}\"}", "? [a]\n: b\n", "<<: x\n",
		"\xff\xfe", "listen: !!int x", "limits: [{usd_per_day: 1e999}]", "---\n---\n", "providers: {\"\": {}}", "keys: [~, {}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := config.Load(config.Options{
			File:          "f",
			LookupEnv:     func(n string) (string, bool) { return "v", n == "X" },
			ProviderTypes: types,
			ReadFile: func(path string, _ int) ([]byte, error) {
				if path == "f" {
					return data, nil
				}
				return nil, fs.ErrNotExist
			},
		})
		if err != nil {
			var all config.Errors
			if !errors.As(err, &all) || len(all) == 0 {
				t.Fatalf("error %T: %v", err, err)
			}
			for _, e := range all {
				if e.File != "f" || e.Line < 1 || e.Problem == "" {
					t.Fatalf("no place in %#v", e)
				}
			}
			return
		}
		c.NotBuilt()
		out, err := config.Show(c)
		if err != nil {
			t.Fatal(err)
		}
		var shown map[string]any
		if err := yaml.Load(out, &shown); err != nil || len(shown) == 0 {
			t.Fatalf("%v: %s", err, out)
		}
	})
}
