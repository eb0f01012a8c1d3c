package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/nearest"
)

// Error is one problem of a configuration.
type Error struct {
	// File is the configuration file; empty where the value came from
	// elsewhere: then Field names the flag or variable.
	File string
	// Line and Column count from 1; 0 is unknown.
	Line, Column int
	// Field is the path of the field, like providers.openai.base_url; empty
	// for problems of the file as a whole.
	Field string
	// Problem says what is wrong, and Suggestion what to write instead (it
	// may be empty).
	Problem, Suggestion string
}

// Error is one line: place, field, problem, suggestion.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
			if e.Column > 0 {
				fmt.Fprintf(&b, ":%d", e.Column)
			}
		}
		b.WriteString(": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field)
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	if e.Suggestion != "" {
		b.WriteString("; ")
		b.WriteString(e.Suggestion)
	}
	return b.String()
}

// Errors are all problems of a configuration, in the file's order.
type Errors []*Error

// Error is one line a problem.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As each single problem.
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// Warning is something the configuration may say but that has no effect, such
// as a provider without a key. It reads as an [Error] does.
type Warning Error

// String is one line: place, field, what is without effect.
func (w Warning) String() string { return (*Error)(&w).Error() }

func byPlace(a, b *Error) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// inOrder sorts problems by place and keeps one for each place and field: what
// follows from the first would only hide it.
func inOrder(es Errors) Errors {
	slices.SortStableFunc(es, byPlace)
	type place struct {
		line  int
		field string
	}
	seen := map[place]bool{}
	return slices.DeleteFunc(es, func(e *Error) bool {
		p := place{e.Line, e.Field}
		again := seen[p] && e.Field != ""
		seen[p] = true
		return again
	})
}

// didYouMean is the suggestion for a word that is not among the candidates:
// the nearest one, or all of them when there are few, or nothing.
func didYouMean(word string, candidates []string) string {
	if near := nearest.To(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if n := len(candidates); n == 0 || n > 20 {
		return ""
	}
	return "known are " + strings.Join(candidates, ", ")
}
