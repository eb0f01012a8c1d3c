package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxFile       = 4 << 20
	maxSecretFile = 64 << 10
)

// expander replaces ${NAME} and ${file:PATH} in the values of the file. $${
// stands for ${ itself. What was expanded is not expanded again.
type expander struct {
	lookup func(string) (string, bool)
	read   func(path string, limit int) ([]byte, error)
	dir    string // relative paths start here: the folder of the configuration
	files  []string
	// verbatim says that nothing expands.
	verbatim bool
}

// expand returns the text with its references replaced, and whether there were
// any. An unset variable expands to nothing.
func (x *expander) expand(s string) (string, bool, error) {
	if x.verbatim || !strings.Contains(s, "${") {
		return s, false, nil
	}
	var b strings.Builder
	found := false
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), found, nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1])
			b.WriteString("${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		name, rest, ok := strings.Cut(s[i+2:], "}")
		if !ok {
			return "", found, errors.New("has a ${ without its }")
		}
		text, err := x.resolve(name)
		if err != nil {
			return "", found, err
		}
		b.WriteString(text)
		s, found = rest, true
	}
}

func (x *expander) resolve(name string) (string, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		if path == "" {
			return "", errors.New("${file:} names no file")
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(x.dir, path)
		}
		x.files = append(x.files, path)
		text, err := x.read(path, maxSecretFile)
		if err != nil {
			return "", fmt.Errorf("can't be expanded: %w", err)
		}
		return strings.TrimRight(string(text), "\r\n"), nil
	}
	if !isVariable(name) {
		return "", fmt.Errorf("${%s} is neither ${NAME} of a variable nor ${file:PATH}", name)
	}
	text, _ := x.lookup(name)
	return text, nil
}

func isVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// readFile reads a regular file of at most limit bytes. Its errors name the
// file and why, and hold nothing of its text.
func readFile(path string, limit int) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	// A pipe would block, a device might never end.
	if !st.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if st.Size() > int64(limit) {
		return nil, &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than %d bytes", limit)}
	}
	return os.ReadFile(path)
}
