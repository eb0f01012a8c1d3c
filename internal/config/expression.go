package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/oidostudio/oido/internal/router/rule"
)

// Expression is a condition in CEL. Unlike other texts it may have several lines.
type Expression string

// UnmarshalText takes the expression without the white space around it.
func (e *Expression) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }); i >= 0 {
		return fmt.Errorf("holds a control character (at byte %d)", i)
	}
	*e = Expression(s)
	return nil
}

// MarshalText writes the expression as it is.
func (e Expression) MarshalText() ([]byte, error) { return []byte(e), nil }

// checkRules compiles the workloads' rules.
func (l *loader) checkRules() {
	for _, w := range l.cfg.Workloads {
		text := string(w.Value.When)
		if text == "" {
			continue
		}
		r, err := rule.Compile(text)
		if err == nil {
			if l.cfg.Rules == nil {
				l.cfg.Rules = map[string]*rule.Rule{}
			}
			l.cfg.Rules[w.Name] = r
			continue
		}
		at := join("workloads", quoteName(w.Name)) + ".when"
		e := l.at(at)
		e.Problem = err.Error()
		var p *rule.Problem
		if errors.As(err, &p) {
			if p.Unknown != "" {
				e.Suggestion = didYouMean(p.Unknown, p.Known)
			}
			l.pointInto(e, text, p.Line, p.Column)
		}
		if !l.failed(at) {
			l.problems = append(l.problems, e)
		}
	}
}

// pointInto moves a problem's place from where a text begins in the file to a line
// and column of the text. How YAML broke and quoted the text doesn't matter: it
// keeps everything that isn't white space, in order. Where it doesn't, since
// something was escaped or expanded, the place stays and the problem says where in
// the text it is.
func (l *loader) pointInto(e *Error, text string, line, column int) {
	if line == 0 {
		return
	}
	before := lettersBefore(text, line, column)
	if e.File != "" {
		if at, col, ok := follow(l.text, e.Line, e.Column, before); ok {
			e.Line, e.Column = at, col
			return
		}
	}
	e.Problem += fmt.Sprintf(" (at %d:%d of the expression)", line, column)
}

// lettersBefore are the letters of a text up to and with the one at a place,
// without white space. Beyond its end it is all of them.
func lettersBefore(text string, line, column int) []rune {
	var out []rune
	at, col := 1, 1
	for _, r := range text {
		if !unicode.IsSpace(r) {
			out = append(out, r)
		}
		if at == line && col >= column && !unicode.IsSpace(r) {
			break
		}
		if col++; r == '\n' {
			at, col = at+1, 1
		}
	}
	return out
}

// follow finds letters in a file, the first of them at or shortly after a place,
// and returns where the last of them stands.
func follow(file string, line, column int, letters []rune) (atLine, atColumn int, ok bool) {
	if len(letters) == 0 {
		return 0, 0, false
	}
	lines := strings.Split(file, "\n")
	found, began := 0, false
	for i := max(0, line-1); i < len(lines); i++ {
		runes := []rune(strings.TrimSuffix(lines[i], "\r"))
		start := 0
		if i == line-1 {
			start = max(0, column-1)
			if start < len(runes) && (runes[start] == '|' || runes[start] == '>') {
				continue // the text begins on the next line
			}
			if start < len(runes) && (runes[start] == '\'' || runes[start] == '"') && runes[start] != letters[0] {
				start++
			}
		}
		for j := start; j < len(runes); j++ {
			switch {
			case unicode.IsSpace(runes[j]):
			case runes[j] == letters[found]:
				began = true
				if found++; found == len(letters) {
					return i + 1, j + 1, true
				}
			case began && runes[j] == '\'' && runes[j-1] == '\'', runes[j] == '\\':
				// half of a quote that is written twice, or what stands before one
			default:
				return 0, 0, false
			}
		}
	}
	return 0, 0, false
}
