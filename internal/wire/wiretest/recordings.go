// Package wiretest gives the tests of the formats what they share: the
// recordings of real answers that stand in each format's testdata folder. It is
// imported by tests alone.
package wiretest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// The ends of the recordings' names: streams with the data of one event a line,
// and whole answers.
const (
	Streams = ".chunks.txt"
	Answers = ".json"
)

// Recordings returns the files in testdata that end so, by their names without
// that end. There must be one at least.
func Recordings(t testing.TB, end string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*" + end)
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings *%s: %v", end, err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), end)] = b
	}
	return out
}

// Short is the beginning and the end of a recorded stream, which is all that tells
// something to a fuzzer: its middle is one event with other words.
func Short(lines []byte) []byte {
	const begin, end = 8, 4
	var all [][]byte
	for line := range events(lines) {
		all = append(all, line)
	}
	if len(all) > begin+end {
		all = slices.Delete(all, begin, len(all)-end)
	}
	return bytes.Join(all, []byte("\n"))
}

// Framed makes the stream that the lines of a recording were.
func Framed(lines []byte) []byte {
	var out []byte
	for line := range events(lines) {
		out = sse.AppendData(out, line)
	}
	return out
}

// FramedByType makes it of events that are named by their "type".
func FramedByType(t testing.TB, lines []byte) []byte {
	t.Helper()
	var out []byte
	for line := range events(lines) {
		name := ""
		o := scan.NewObject(line)
		for o.Next() {
			if f := o.Field(); string(f.Name) == "type" {
				name, _ = f.String()
			}
		}
		if err := o.Err(); err != nil || name == "" {
			t.Fatalf("an event without a type: %v in %s", err, line)
		}
		out = sse.AppendEvent(out, name, line)
	}
	return out
}

func events(lines []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(lines) {
			if line = bytes.TrimSpace(line); len(line) > 0 && !yield(line) {
				return
			}
		}
	}
}
