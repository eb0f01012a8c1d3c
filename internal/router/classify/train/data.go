package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/router/classify/wording"
)

// row is a line of the data.
type row struct {
	ID     string `json:"id"`
	Class  string `json:"class"`
	Prompt string `json:"prompt"`
	Doc    string `json:"doc"`

	of    int    // the class, by its place in classify.Learned
	group string // what it must not be divided from
}

// data is what is trained on and what is judged on.
type data struct {
	weak  []row // labelled by their source
	tuned []row // written by hand, for training and tuning
	kept  []row // written by hand, for judging once
}

// classes are the data's names of them.
var classes = map[string]int{
	"high_volume": 0, "high-volume": 0,
	"interactive": 1, "code": 1,
	"reasoning": 2, "deep-reasoning": 2,
}

// read reads the data of a folder. A third of what was written by hand is kept
// from all training and tuning: the texts, by document where several rows use one,
// whose first byte of SHA-256 is divisible by three.
func read(dir string) (data, error) {
	weak, err := rows(filepath.Join(dir, "classes.jsonl"), "weak:")
	if err != nil {
		return data{}, err
	}
	written, err := rows(filepath.Join(dir, "written.jsonl"), "")
	if err != nil {
		return data{}, err
	}
	d := data{weak: weak}
	for _, r := range written {
		if sha256.Sum256([]byte(r.group))[0]%3 == 0 {
			d.kept = append(d.kept, r)
		} else {
			d.tuned = append(d.tuned, r)
		}
	}
	if len(d.weak) == 0 || len(d.tuned) == 0 || len(d.kept) == 0 {
		return data{}, fmt.Errorf("%s: too few rows to train and judge on", dir)
	}
	return d, nil
}

func rows(path, prefix string) ([]row, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []row
	for dec := jsontext.NewDecoder(bytes.NewReader(text)); dec.PeekKind() == '{'; {
		var r row
		if err := json.UnmarshalDecode(dec, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		var known bool
		if r.of, known = classes[r.Class]; !known {
			return nil, fmt.Errorf("%s: row %q has the unknown class %q", path, r.ID, r.Class)
		}
		if r.group = r.Doc; r.group == "" {
			r.group = prefix + r.ID
		}
		out = append(out, r)
	}
	return out, nil
}

// look says what is seen in a prompt.
func look(prompt string, ignore []bool, met func(int)) *wording.Vector {
	var r wording.Reading
	if len(prompt) > 2*wording.Window {
		r.Add(prompt[:wording.Window])
		prompt = prompt[len(prompt)-wording.Window:]
	}
	r.Add(prompt)
	v := new(wording.Vector)
	r.Look(v, ignore, met)
	return v
}
