package rule

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"cel.dev/cel-go/cel"

	"github.com/oidostudio/oido/internal/router"
)

// Rule is a compiled condition. It is safe for concurrent use.
type Rule struct {
	text     string
	program  cel.Program
	failures atomic.Int64
	failed   atomic.Pointer[func(n int64, err error)]
}

var _ router.Rule = (*Rule)(nil)

// Compile makes a rule of an expression. The error is a *Problem.
func Compile(text string) (*Rule, error) {
	if len(text) > maxExpression {
		return nil, &Problem{Line: 1, Column: 1, Message: fmt.Sprintf("has %d bytes: at most %d", len(text), maxExpression)}
	}
	env, err := environment()
	if err != nil {
		return nil, &Problem{Message: err.Error()}
	}
	checked, problem := check(env, text)
	if problem != nil {
		return nil, problem
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	if err != nil {
		return nil, &Problem{Line: 1, Column: 1, Message: err.Error()}
	}
	return &Rule{text: text, program: program}, nil
}

// Holds implements router.Rule. A rule that fails doesn't hold.
func (r *Rule) Holds(f *router.Facts) bool {
	v, _, err := r.program.Eval(activation{f})
	if err != nil {
		n := r.failures.Add(1)
		if tell := r.failed.Load(); tell != nil {
			(*tell)(n, told(err))
		}
		return false
	}
	holds, _ := v.Value().(bool)
	return holds
}

// told is an error without what follows in it: the language quotes what it fails on,
// which may be what a user wrote, and failures are logged.
func told(err error) error {
	said := err.Error()
	if i := strings.IndexAny(said, ":\""); i >= 0 {
		said = strings.TrimSpace(said[:i])
	}
	return errors.New(said)
}

// OnFailure has f told of every evaluation that fails from now on, with how many
// did so far. It must be quick.
func (r *Rule) OnFailure(f func(n int64, err error)) { r.failed.Store(&f) }

// String is the expression.
func (r *Rule) String() string { return r.text }
