package catalog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/catalog"
)

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func embedded(t *testing.T) catalog.Files {
	t.Helper()
	return catalog.Files{Catalog: read(t, "catalog.json"), Described: read(t, "described-models.json"), Tiers: read(t, "tiers.yaml"), Notice: read(t, "NOTICE")}
}

// The data of others keeps its notice, beside it and in what is given away.
func TestEmbeddedFilesAreGood(t *testing.T) {
	t.Parallel()
	f := embedded(t)
	if err := f.Check(); err != nil {
		t.Error(err)
	}
	credits, err := f.Credits()
	if err != nil || len(credits) == 0 {
		t.Fatal(credits, err)
	}
	notice := read(t, "..", "..", "NOTICE")
	for _, c := range credits {
		if !bytes.Contains(notice, []byte(c)) {
			t.Errorf("NOTICE at the root doesn't say %q", c)
		}
	}
}

// small is a whole snapshot in few lines.
const small = `{"schema":"catalog/1","as_of":"2026-11-23","currency":"USD","unit":"per 1,000,000 tokens",
"sources":[{"id":"src","version":"v1","license":"MIT","copyright":"Copyright (c) Us"},{"id":"hand"}],
"providers":[{"id":"p","models":[
 {"id":"m","in":["text"],"out":["text"],"released":"2026-01-01","price":{"input":1,"tiers":[{"above_input_tokens":10,"input":2},{"above_input_tokens":20,"input":3}]},
  "price_windows":[{"utc_from":"22:00","utc_to":"02:00","days":"mon-fri","input":2}],"price_future":[{"from":"2027-01-01","input":2},{"from":"2027-02-01","input":3}],
  "free":"tier","lifecycle":{"state":"deprecated","shutdown":"2027-03-01","redirects_to":"n"}},
 {"id":"n"}]}]}`

func smallFiles() catalog.Files {
	return catalog.Files{
		Catalog: []byte(small), Tiers: []byte("skip: x\nfast: [{match: ^m$}]\n"), Notice: []byte("src v1, Copyright (c) Us"),
		Described: []byte(`{"described_models":[{"described_as":"The M","candidates":[{"provider":"p","model":"m"}]}],"short_names":{"n":"p/n"}}`),
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	t.Parallel()
	if err := smallFiles().Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file     func(*catalog.Files) *[]byte
		old, new string
		says     string
	}{
		{inCatalog, `catalog/1`, `catalog/2`, "schema"},
		{inCatalog, `USD`, `EUR`, "EUR"},
		{inCatalog, `"as_of":"2026-11-23"`, `"as_of":"soon"`, "as_of"},
		{inCatalog, `"providers":[`, `"providers":[],"x":[`, "no providers"},
		{inCatalog, `{"id":"n"}`, `{"id":"m"}`, `"m" twice`},
		{inCatalog, `{"id":"n"}`, `{"id":""},{"id":"n"}`, "without an id"},
		{inCatalog, `]}]}`, `]},{"id":"p","models":[{"id":"x"}]}]}`, `provider "p"`},
		{inCatalog, `"redirects_to":"n"`, `"redirects_to":"nobody"`, "nobody"},
		{inCatalog, `"in":["text"]`, `"in":["smell"]`, "smell"},
		{inCatalog, `"free":"tier"`, `"free":"beer"`, "beer"},
		{inCatalog, `"deprecated"`, `"ill"`, "ill"},
		{inCatalog, `{"id":"n"}`, `{"id":"n","unverified":["name"]}`, "name"},
		{inCatalog, `{"id":"n"}`, `{"id":"n","status":"odd"}`, "odd"},
		{inCatalog, `2027-03-01`, `2027-13-01`, "2027-13-01"},
		{inCatalog, `"released":"2026-01-01"`, `"released":"once"`, "once"},
		{inCatalog, `"above_input_tokens":20`, `"above_input_tokens":5`, "rise in size"},
		{inCatalog, `22:00`, `10 pm`, "10 pm"},
		{inCatalog, `mon-fri`, `weekends`, "weekends"},
		{inCatalog, `"from":"2027-02-01"`, `"from":"2026-02-01"`, "order of their dates"},
		{inCatalog, `"from":"2027-02-01"`, `"from":"x"`, `"x"`},
		{inCatalog, `"input":1,`, `"input":-1,`, "-1"},
		{inCatalog, `"input":1,`, `"input":0.00000000011,`, "0.00000000011"},
		{inCatalog, `"schema"`, `"schema":"catalog/1","schema"`, "duplicate"},
		{inCatalog, `{"schema"`, `<html>`, "catalog.json"},
		{inDescribed, `"model":"m"`, `"model":"o"`, "p/o"},
		{inDescribed, `p/n`, `n`, "no provider/model-id"},
		{inDescribed, `[{"provider":"p","model":"m"}]`, `[]`, "nothing"},
		{inDescribed, `{`, `[`, "described"},
		{inTiers, `^m$`, `(`, "tiers.yaml"},
		{inTiers, `skip: x`, `skip: ''`, "empty"},
		{inTiers, `fast`, `slow`, "tiers.yaml"},
		{inNotice, `v1`, ``, `"v1"`},
		{inNotice, `Us`, `Them`, "Copyright (c) Us"},
	} {
		f := smallFiles()
		data := c.file(&f)
		if !bytes.Contains(*data, []byte(c.old)) {
			t.Fatalf("%q is not there", c.old)
		}
		*data = bytes.Replace(*data, []byte(c.old), []byte(c.new), 1)
		if err := f.Check(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q for %q: %v, want an error with %q", c.new, c.old, err, c.says)
		}
	}
}

func inCatalog(f *catalog.Files) *[]byte   { return &f.Catalog }
func inDescribed(f *catalog.Files) *[]byte { return &f.Described }
func inTiers(f *catalog.Files) *[]byte     { return &f.Tiers }
func inNotice(f *catalog.Files) *[]byte    { return &f.Notice }

func TestChangesBetweenSnapshots(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		old, new string
		want     []string
	}{
		{`"as_of":"2026-11-23"`, `"as_of":"2026-12-23"`, nil},
		{`{"id":"n"}`, `{"id":"o"}`, []string{"p/n: left out", "p/o: new"}},
		{`"input":1,`, `"input":1.5,`, []string{"p/m: another price"}},
		{`22:00`, `23:00`, []string{"p/m: another price"}},
		{`2027-02-01`, `2027-02-02`, []string{"p/m: another price"}},
		{`2027-03-01`, `2027-03-02`, []string{"p/m: another end"}},
	} {
		newer := smallFiles()
		newer.Catalog = []byte(strings.Replace(small, c.old, c.new, 1))
		got, err := catalog.Changes(smallFiles(), newer)
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", c.new, err, d)
		}
	}
}
