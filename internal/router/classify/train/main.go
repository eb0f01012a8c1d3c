// Train makes the model by which requests are told apart, and judges it beside what
// is simpler. Both read classes.jsonl and written.jsonl of a folder; the same data
// makes the same model, byte for byte, on one kind of machine.
//
//	go run ./internal/router/classify/train -data DIR [-to FILE]
//	go run ./internal/router/classify/train -data DIR -judge
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oidostudio/oido/internal/router/classify"
)

func main() {
	dir := flag.String("data", "", "the folder of classes.jsonl and written.jsonl")
	to := flag.String("to", filepath.Join("internal", "router", "classify", "model.bin"), "the file that the model is written to")
	judge := flag.Bool("judge", false, "judge the built-in model on the part of written.jsonl that is kept out of training")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*dir, *to, *judge); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(dir, to string, judge bool) error {
	d, err := read(dir)
	if err != nil {
		return err
	}
	if judge {
		return compare(os.Stdout, d)
	}
	m := fit(d)
	b, err := m.Bytes()
	if err != nil {
		return err
	}
	if _, err := classify.Load(b); err != nil {
		return err
	}
	//nolint:gosec // it is source, to be read by everybody
	if err := os.WriteFile(to, b, 0o644); err != nil {
		return err
	}
	fmt.Printf("model %s, %d bytes, from %d written and %d weakly labelled prompts\n", m.Hash(), len(b), len(d.tuned), len(d.weak))
	return nil
}
