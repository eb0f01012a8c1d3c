package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Files are what a snapshot is made of, as they are embedded.
type Files struct {
	Catalog   []byte // catalog.json
	Described []byte // described-models.json
	Tiers     []byte // tiers.yaml
	Notice    []byte // NOTICE: where the data comes from, and its licences
}

// snapshotFile is catalog.json, as far as it is read.
type snapshotFile struct {
	Schema    string           `json:"schema"`
	AsOf      string           `json:"as_of"`
	Currency  string           `json:"currency"`
	Unit      string           `json:"unit"`
	Sources   []snapshotSource `json:"sources"`
	Providers []struct {
		ID     string  `json:"id"`
		Models []Model `json:"models"`
	} `json:"providers"`
}

// snapshotSource is where data was taken from. What has a licence must be named
// in the notice with its version.
type snapshotSource struct {
	ID        string `json:"id"`
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	License   string `json:"license"`
	Copyright string `json:"copyright"`
}

// Credits returns what a notice must say of the sources that have a licence.
func (f Files) Credits() ([]string, error) {
	file, err := f.read()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range file.Sources {
		if s.License != "" {
			out = append(out, s.ID, s.Version+s.Commit, s.Copyright)
		}
	}
	return out, nil
}

func (f Files) read() (*snapshotFile, error) {
	var file snapshotFile
	if err := json.Unmarshal(f.Catalog, &file); err != nil {
		return nil, fmt.Errorf("catalog.json: %w", err)
	}
	return &file, nil
}

// Check says everything that is wrong with the files; nil: they can be embedded.
func (f Files) Check() error {
	file, err := f.read()
	if err != nil {
		return err
	}
	var all []error
	fail := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if file.Schema != "catalog/1" || file.Currency != "USD" || file.Unit != "per 1,000,000 tokens" {
		fail("catalog.json: schema %q in %s %s: only catalog/1 in USD per 1,000,000 tokens is understood", file.Schema, file.Currency, file.Unit)
	}
	if !isDay(file.AsOf) {
		fail("catalog.json: as_of %q is no date", file.AsOf)
	}
	if len(file.Providers) == 0 {
		fail("catalog.json: it has no providers")
	}
	known := map[Candidate]bool{}
	providers := map[string]bool{}
	for _, p := range file.Providers {
		if p.ID == "" || providers[p.ID] || len(p.Models) == 0 {
			fail("catalog.json: the provider %q has no name, no models, or is there twice", p.ID)
		}
		providers[p.ID] = true
		for i := range p.Models {
			at := Candidate{p.ID, p.Models[i].ID}
			if at.Model == "" || known[at] {
				fail("catalog.json: %s has a model without an id, or %q twice", p.ID, at.Model)
			}
			known[at] = true
		}
		for i := range p.Models {
			m := &p.Models[i]
			for _, wrong := range m.wrong() {
				fail("catalog.json: %s/%s: %s", p.ID, m.ID, wrong)
			}
			if l := m.Lifecycle; l != nil && l.RedirectsTo != "" && !known[Candidate{p.ID, l.RedirectsTo}] {
				fail("catalog.json: %s/%s: it redirects to %q, which isn't there", p.ID, m.ID, l.RedirectsTo)
			}
		}
	}
	if _, err := readTiers(f.Tiers); err != nil {
		all = append(all, err)
	}
	if n, err := readNames(f.Described); err != nil {
		all = append(all, err)
	} else {
		for _, d := range n.all {
			for _, c := range d.Candidates {
				if !known[c] {
					fail("described-models.json: %q stands for %s/%s, which catalog.json doesn't have", d.As, c.Provider, c.Model)
				}
			}
		}
	}
	credits, err := f.Credits()
	for _, c := range credits {
		if !bytes.Contains(f.Notice, []byte(c)) {
			fail("NOTICE: it doesn't say %q, which catalog.json has data of", c)
		}
	}
	return errors.Join(append(all, err)...)
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func isClock(s string) bool {
	_, err := time.Parse("15:04", s)
	return err == nil && len(s) == len("15:04")
}

// kinds are what models read and write.
var kinds = []string{"text", "image", "pdf", "audio", "video"}

// wrong says what of a model's facts can't be understood.
func (m *Model) wrong() []string {
	var out []string
	fail := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, kind := range slices.Concat(m.In, m.Out) {
		if !slices.Contains(kinds, kind) {
			fail("%q is nothing that a model reads or writes; known are %s", kind, strings.Join(kinds, ", "))
		}
	}
	if m.Context < 0 || m.MaxOutput < 0 {
		fail("a negative number of tokens")
	}
	if m.Released != "" && !isDay(m.Released) && len(m.Released) != len("2026-11") {
		fail("released %q is no date", m.Released)
	}
	if !slices.Contains([]string{"", FreeAlways, FreeTier, FreeTrial}, m.Free) {
		fail("free %q is none of always, tier, trial", m.Free)
	}
	for _, field := range m.Unverified {
		if !slices.Contains([]string{"caps", "caps.tools", "context", "price"}, field) {
			fail("unverified %q is no field that could be left out", field)
		}
	}
	if m.Status != "" && m.Status != "beta" && m.Status != "deprecated" {
		fail("status %q is neither beta nor deprecated", m.Status)
	}
	if l := m.Lifecycle; l != nil && (l.State != "deprecated" && l.State != "retired" || l.Shutdown != "" && !isDay(l.Shutdown)) {
		fail("lifecycle: state %q with shutdown %q: deprecated or retired, and a date or none", l.State, l.Shutdown)
	}
	if m.Price != nil && !slices.IsSortedFunc(m.Price.Tiers, func(a, b PriceTier) int { return int(a.Above - b.Above) }) {
		fail("its prices for large inputs don't rise in size")
	}
	for _, w := range m.Windows {
		if !isClock(w.From) || !isClock(w.To) || w.From == w.To || w.Days != "" && w.Days != "mon-fri" {
			fail("price window %s–%s %q: HH:MM to HH:MM in UTC, on all days or mon-fri", w.From, w.To, w.Days)
		}
	}
	if !slices.IsSortedFunc(m.Future, func(a, b FuturePrice) int { return strings.Compare(a.From, b.From) }) {
		fail("its announced prices are not in the order of their dates")
	}
	for _, p := range m.Future {
		if !isDay(p.From) {
			fail("an announced price is from %q, which is no date", p.From)
		}
	}
	return out
}

// Changes says what differs between two snapshots, a line for each model that
// came, went, or has another price or end.
func Changes(older, newer Files) ([]string, error) {
	was, err := older.models()
	if err != nil {
		return nil, err
	}
	is, err := newer.models()
	if err != nil {
		return nil, err
	}
	var out []string
	for at, m := range is {
		name := at.Provider + "/" + at.Model
		old, there := was[at]
		switch {
		case !there:
			out = append(out, name+": new")
			continue
		case !equal(old.Price, m.Price) || !equal(old.Windows, m.Windows) || !equal(old.Future, m.Future):
			out = append(out, name+": another price")
		}
		if !equal(old.Lifecycle, m.Lifecycle) {
			out = append(out, name+": another end")
		}
	}
	for at := range was {
		if _, there := is[at]; !there {
			out = append(out, at.Provider+"/"+at.Model+": left out")
		}
	}
	slices.Sort(out)
	return out, nil
}

func (f Files) models() (map[Candidate]*Model, error) {
	file, err := f.read()
	if err != nil {
		return nil, err
	}
	out := map[Candidate]*Model{}
	for _, p := range file.Providers {
		for i := range p.Models {
			out[Candidate{p.ID, p.Models[i].ID}] = &p.Models[i]
		}
	}
	return out, nil
}

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
