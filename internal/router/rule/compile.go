package rule

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
)

const (
	// maxExpression bounds an expression's length in bytes.
	maxExpression = 4096
	// maxDepth bounds how deep it is nested, and maxLoops its loops in loops.
	maxDepth = 64
	maxLoops = 2
	// maxCost bounds what it may cost, in CEL's units: about ten letters looked at,
	// or one comparison.
	maxCost = 50_000
	// maxRegex bounds a regular expression, in instructions of its program. Each of
	// them may have to be tried at each letter.
	maxRegex = 120
)

// Problem is why an expression is refused.
type Problem struct {
	// Line and Column are where in the expression, from 1; 0: in no single place.
	Line, Column int
	Message      string
	// Unknown is a name that isn't known, and Known are those that could be meant;
	// "" where the problem is another.
	Unknown string
	Known   []string
}

// Error is what is wrong, without the place.
func (p *Problem) Error() string { return p.Message }

// environment is what expressions are compiled in. It takes memory that a server
// without rules never needs, so it is made for the first.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.CrossTypeNumericComparisons(true), // input_tokens > 1e5
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserErrorRecoveryLimit(4),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ExpressionNodeLimit(maxExpression),
		cel.ASTValidators(cel.ValidateComprehensionNestingLimit(maxLoops)),
	}
	for _, v := range variables {
		options = append(options, cel.Variable(v.name, v.typ))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("prepare the language of rules: %w", err)
	}
	return env, nil
})

// checking is held while an expression is checked: the language's checker keeps in
// its environment what it suggests for an unknown name, which others read unguarded.
var checking sync.Mutex

// check compiles an expression as far as it can be without facts.
func check(env *cel.Env, text string) (*cel.Ast, *Problem) {
	checking.Lock()
	defer checking.Unlock()
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, first(issues)
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		p := first(issues)
		p.name(env, parsed)
		return nil, p
	}
	info := checked.NativeRep().SourceInfo()
	at := func(id int64, format string, args ...any) *Problem {
		l := info.GetStartLocation(id)
		return &Problem{Line: l.Line(), Column: l.Column() + 1, Message: fmt.Sprintf(format, args...)}
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, &Problem{Line: 1, Column: 1, Message: fmt.Sprintf("gives a value of type %s, but only true or false is a condition", checked.OutputType())}
	}
	root := ast.NavigateAST(checked.NativeRep())
	for _, call := range ast.MatchDescendants(root, ast.FunctionMatcher(overloads.Matches)) {
		args := call.AsCall().Args()
		arg := args[len(args)-1]
		pattern := literal(arg)
		if pattern == nil {
			return nil, at(arg.ID(), "the pattern of matches isn't written out: one that a request brings may cost anything")
		}
		n, err := instructions(*pattern)
		if err != nil {
			return nil, at(arg.ID(), "is no regular expression: %v", err)
		}
		if n > maxRegex {
			return nil, at(arg.ID(), "the regular expression is too large: it becomes %d instructions, at most %d", n, maxRegex)
		}
	}
	price, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, &Problem{Line: 1, Column: 1, Message: "what it costs can't be told: " + err.Error()}
	}
	if price.Max > maxCost {
		return nil, &Problem{Line: 1, Column: 1, Message: fmt.Sprintf("may cost %s, at most %d: it looks at long text too often", units(price.Max), maxCost)}
	}
	return checked, nil
}

func units(n uint64) string {
	if n > 1<<53 {
		return "any amount of work"
	}
	return fmt.Sprintf("%d units of work", n)
}

func first(issues *cel.Issues) *Problem {
	all := issues.Errors()
	if len(all) == 0 {
		return &Problem{Message: issues.Err().Error()}
	}
	e := all[0]
	return &Problem{Line: max(1, e.Location.Line()), Column: max(1, e.Location.Column()+1), Message: plain(e.Message)}
}

// plain is the language's own message in the words of this configuration.
func plain(message string) string {
	message, _, _ = strings.Cut(message, " (in container")
	message, _, _ = strings.Cut(message, " expecting ")
	message = strings.Replace(message, "Syntax error: ", "is no expression: ", 1)
	message = strings.Replace(message, "'<EOF>'", "its end", 1)
	if before, rest, ok := strings.Cut(message, "'"); ok {
		if name, after, ok := strings.Cut(rest, "'"); ok {
			if op, known := operators.FindReverse(name); known && op != "" {
				message = before + "'" + op + "'" + after
			}
		}
	}
	return message
}

// name finds what an unknown name could be meant to be.
func (p *Problem) name(env *cel.Env, parsed *cel.Ast) {
	name, ok := strings.CutPrefix(p.Message, "undeclared reference to '")
	if !ok {
		return
	}
	p.Unknown, _, _ = strings.Cut(name, "'")
	root := ast.NavigateAST(parsed.NativeRep())
	called := ast.MatchDescendants(root, ast.FunctionMatcher(p.Unknown))
	if len(called) == 0 {
		p.Message = fmt.Sprintf("there is no variable %q", p.Unknown)
		p.Known, _ = Variables()
		return
	}
	p.Message = fmt.Sprintf("there is no function %q", p.Unknown)
	for f := range env.Functions() {
		if !strings.ContainsAny(f, "_@!-") {
			p.Known = append(p.Known, f)
		}
	}
	slices.Sort(p.Known)
}

// literal is a text that stands in the expression; nil: it is worked out.
func literal(e ast.Expr) *string {
	if e.Kind() != ast.LiteralKind {
		return nil
	}
	s, ok := e.AsLiteral().Value().(string)
	if !ok {
		return nil
	}
	return &s
}

// sizes tells how long the variables may be, and what regular expressions cost.
type sizes struct{}

// EstimateSize implements cost.Estimator.
func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	if path := n.Path(); len(path) == 1 && n.Type().IsExactType(cel.StringType) {
		size := cost.RangedSizeEstimate(0, maxWord)
		if path[0] == "text" {
			size.Max = maxText
		}
		return &size
	}
	return nil
}

// EstimateCallCost implements cost.Estimator: the language itself judges a regular
// expression by its length, which says little where it repeats.
func (s sizes) EstimateCallCost(function, _ string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	if function != overloads.Matches || len(args) == 0 {
		return nil
	}
	pattern := literal(args[len(args)-1].Expr())
	on := args[0]
	if target != nil {
		on = *target
	}
	if pattern == nil {
		return nil
	}
	n, err := instructions(*pattern)
	if err != nil {
		return nil // refused before
	}
	size := cost.EstimateSize(s, on)
	each := max(1, cost.RegexStringLengthCostFactor*float64(n))
	return &cost.CallEstimate{CostEstimate: cost.RangedCostEstimate(1, cost.SafeMultiplyByFactor(size.Max, cost.StringTraversalCostFactor*each))}
}

// instructions is the size of a regular expression's program.
func instructions(pattern string) (int, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 0, err
	}
	return len(prog.Inst), nil
}
