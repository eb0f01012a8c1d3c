package rule

import (
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"

	"github.com/oidostudio/oido/internal/router"
)

// maxText bounds the bytes of the user's text that expressions see, and maxWord
// those of every other text: what an expression costs is estimated from them.
const (
	maxText = 16 << 10
	maxWord = 512
)

// variable is one fact of a request that expressions may name.
type variable struct {
	name string
	typ  *cel.Type
	// of reads it. Those that only the conversation shows call Look, which costs a
	// walk through it, so they are read where an expression comes to them.
	of func(*router.Facts) any
}

var variables = []variable{
	{"agent", cel.StringType, func(f *router.Facts) any { return word(f.Agent) }},
	{"user", cel.StringType, func(f *router.Facts) any { return word(f.User) }},
	{"purpose", cel.StringType, func(f *router.Facts) any { return word(f.Purpose) }},
	{"class", cel.StringType, func(f *router.Facts) any { return word(f.Class) }},
	{"format", cel.StringType, func(f *router.Facts) any { return word(string(f.Format)) }},
	{"stream", cel.BoolType, func(f *router.Facts) any { return f.Stream }},
	{"input_tokens", cel.IntType, func(f *router.Facts) any { return f.Input }},
	{"output_tokens", cel.IntType, func(f *router.Facts) any { return f.Output }},
	{"tools", cel.BoolType, func(f *router.Facts) any { return f.Needs.Tools || f.Look().Tools }},
	{"images", cel.BoolType, func(f *router.Facts) any { return f.Needs.Image || f.Look().Image }},
	{"pdf", cel.BoolType, func(f *router.Facts) any { return f.Needs.PDF || f.Look().PDF }},
	{"audio", cel.BoolType, func(f *router.Facts) any { return f.Needs.Audio || f.Look().Audio }},
	{"schema", cel.BoolType, func(f *router.Facts) any { return f.Needs.Schema || f.Look().Schema }},
	{"text", cel.StringType, func(f *router.Facts) any { return cut(f.Said(), maxText) }},
	{"turns", cel.IntType, func(f *router.Facts) any { return int64(f.Look().Turns) }},
	{"tool_calls", cel.IntType, func(f *router.Facts) any { return int64(f.Look().ToolCalls) }},
	{"steps", cel.IntType, func(f *router.Facts) any { return int64(f.Look().Steps) }},
}

// Variables are the names that expressions may use, each with its type.
func Variables() (names, types []string) {
	for _, v := range variables {
		names, types = append(names, v.name), append(types, v.typ.String())
	}
	return names, types
}

// readers are the variables' readers by their names.
var readers = func() map[string]func(*router.Facts) any {
	m := make(map[string]func(*router.Facts) any, len(variables))
	for _, v := range variables {
		m[v.name] = v.of
	}
	return m
}()

// activation gives an expression the facts that it names.
type activation struct{ facts *router.Facts }

// ResolveName implements interpreter.Activation.
func (a activation) ResolveName(name string) (any, bool) {
	read, ok := readers[name]
	if !ok {
		return nil, false
	}
	return read(a.facts), true
}

// Parent implements interpreter.Activation.
func (a activation) Parent() interpreter.Activation { return nil }

func word(s string) string { return cut(s, maxWord) }

// cut returns the beginning of s in at most n bytes, as valid UTF-8.
func cut(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
