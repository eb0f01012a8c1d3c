package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/router/classify"
)

// folder writes data in which the classes are told by one word each.
func folder(t *testing.T) string {
	t.Helper()
	words := map[string]string{"high_volume": "sortieren", "interactive": "plaudern", "reasoning": "ergründen"}
	var weak, written strings.Builder
	for i := range 40 {
		for class, word := range map[string]string{"high-volume": "high_volume", "code": "interactive", "deep-reasoning": "reasoning"} {
			if (i+len(class))%4 == 0 {
				fmt.Fprintf(&weak, "{\"id\":\"%d\",\"class\":%q,\"source\":\"s\",\"prompt\":\"%s nummer %d\"}\n", i, class, words[word], i)
			}
		}
		for _, class := range []string{"high_volume", "interactive", "reasoning"} {
			fmt.Fprintf(&written, "{\"id\":\"%s%d\",\"class\":%q,\"prompt\":\"bitte %s den fall %d\"}\n", class, i, class, words[class], i)
		}
	}
	dir := t.TempDir()
	// A map has no order, and the order of rows is part of the data.
	lines := strings.SplitAfter(weak.String(), "\n")
	var sorted strings.Builder
	for _, class := range []string{"\"high-volume\"", "\"code\"", "\"deep-reasoning\""} {
		for _, line := range lines {
			if strings.Contains(line, class) {
				sorted.WriteString(line)
			}
		}
	}
	for name, text := range map[string]string{"classes.jsonl": sorted.String(), "written.jsonl": written.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTrainingIsDeterministicAndLearns(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	var files [2][]byte
	for i := range files {
		to := filepath.Join(t.TempDir(), "model.bin")
		if err := run(dir, to, false); err != nil {
			t.Fatal(err)
		}
		var err error
		if files[i], err = os.ReadFile(to); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same data made two models")
	}
	m, err := classify.Load(files[0])
	if err != nil {
		t.Fatal(err)
	}
	d, err := read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range d.kept {
		v := m.Judge(look(r.Prompt, nil, nil))
		if v.Class != classify.Learned[r.of] || !v.Sure(threshold) {
			t.Errorf("%q: got %+v, want %s", r.Prompt, v, classify.Learned[r.of])
		}
	}
}

func TestKeptPartSharesNoDocument(t *testing.T) {
	t.Parallel()
	d, err := read(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	for _, r := range d.kept {
		kept[r.group] = true
	}
	for _, r := range d.tuned {
		if kept[r.group] {
			t.Errorf("%s stands on both sides", r.group)
		}
	}
	if n := len(d.kept); n < 25 || n > 55 {
		t.Errorf("%d of 120 rows kept, want about a third", n)
	}
}

func TestComparePrintsEveryJudge(t *testing.T) {
	t.Parallel()
	d, err := read(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := compare(&out, d); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nrandom ", "\nlength alone ", "\nrules alone ", "\nmodel ", classify.Hash(), "over that of the rules"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	}
}

func TestBadData(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.WriteFile(filepath.Join(dir, "written.jsonl"), []byte(`{"id":"a","class":"other","prompt":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, filepath.Join(dir, "model.bin"), false); err == nil || !strings.Contains(err.Error(), `unknown class "other"`) {
		t.Errorf("got %v", err)
	}
	if err := run(t.TempDir(), filepath.Join(dir, "model.bin"), false); err == nil {
		t.Error("trained on nothing")
	}
}
