// Refresh takes a new snapshot of the model catalog into the source tree, from
// files. It checks all of them before it writes any, and says what changes:
//
//	go run ./internal/catalog/refresh [-to internal/catalog] DIR
//
// DIR holds catalog.json with its NOTICE, and may hold described-models.json and
// tiers.yaml; what it lacks stays as it is. Nothing is fetched.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oidostudio/oido/internal/catalog"
)

func main() {
	to := flag.String("to", filepath.Join("internal", "catalog"), "the folder whose files are replaced")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run ./internal/catalog/refresh [-to DIR] DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := refresh(flag.Arg(0), *to, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "refresh:", err)
		os.Exit(1)
	}
}

// file is one of a snapshot's.
type file struct {
	name string
	data *[]byte
	must bool // in the folder that a new snapshot comes from
}

func files(f *catalog.Files) []file {
	return []file{
		{"catalog.json", &f.Catalog, true},
		{"NOTICE", &f.Notice, true},
		{"described-models.json", &f.Described, false},
		{"tiers.yaml", &f.Tiers, false},
	}
}

// refresh replaces the files in to by those in from, all or none.
func refresh(from, to string, out io.Writer) error {
	var older catalog.Files
	for _, f := range files(&older) {
		var err error
		if *f.data, err = os.ReadFile(filepath.Join(to, f.name)); err != nil {
			return fmt.Errorf("%w: is %s the catalog's folder? Run this at the root of the source tree, or say -to", err, to)
		}
	}
	newer := older
	for _, f := range files(&newer) {
		data, err := os.ReadFile(filepath.Join(from, f.name))
		switch {
		case err == nil:
			*f.data = data
		case f.must || !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if err := newer.Check(); err != nil {
		return fmt.Errorf("nothing was changed:\n%w", err)
	}
	changes, err := catalog.Changes(older, newer)
	if err != nil {
		return err
	}
	var written []string
	before := files(&older)
	for i, f := range files(&newer) {
		if !bytes.Equal(*f.data, *before[i].data) {
			written = append(written, f.name)
		}
	}
	if err := replace(to, newer, written); err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintln(out, c)
	}
	fmt.Fprintf(out, "%d models changed, %d files written\n", len(changes), len(written))
	if len(written) > 0 {
		fmt.Fprintln(out, "Now run `go test . ./internal/catalog/... ./internal/router/...`: it tells where NOTICE at the root, or what names stand for, must follow.")
	}
	return nil
}

// replace writes files beside the old ones first, so that a full disk leaves
// those as they are.
func replace(to string, newer catalog.Files, names []string) (err error) {
	var ready [][2]string
	defer func() {
		for _, r := range ready {
			if e := os.Remove(r[0]); !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	for _, f := range files(&newer) {
		for _, name := range names {
			if name != f.name {
				continue
			}
			path := filepath.Join(to, name)
			ready = append(ready, [2]string{path + ".new", path})
			old, err := os.Stat(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path+".new", *f.data, 0o600); err != nil {
				return err
			}
			if err := os.Chmod(path+".new", old.Mode().Perm()); err != nil {
				return err
			}
		}
	}
	for len(ready) > 0 {
		if err := os.Rename(ready[0][0], ready[0][1]); err != nil {
			return err
		}
		ready = ready[1:]
	}
	return nil
}
