package catalog

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// rule is a pattern over ids and what models are whose id matches. Lists have
// hundreds of ids that no pattern matches, so what can be told without trying it is.
type rule struct {
	is string
	re *regexp.Regexp
	// words are all that the pattern looks for, where these can be said.
	words []string
	// starts are how whatever matches begins; nil: in any way.
	starts []string
}

func newRule(is, pattern string) (r rule, err error) {
	if pattern == "" {
		return r, errors.New("it is empty and would match everything")
	}
	r.is = is
	if r.re, err = regexp.Compile(pattern); err != nil {
		return r, err
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return r, err
	}
	if words, whole := beginnings(tree); whole {
		r.words = words
	} else {
		branches := []*syntax.Regexp{tree}
		if tree.Op == syntax.OpAlternate {
			branches = tree.Sub
		}
		for _, b := range branches {
			begin := []string{""}
			if b.Op == syntax.OpConcat && b.Sub[0].Op == syntax.OpBeginText {
				begin, _ = beginnings(&syntax.Regexp{Op: syntax.OpConcat, Sub: b.Sub[1:]})
			}
			r.starts = append(r.starts, begin...)
		}
	}
	if slices.Contains(r.starts, "") {
		r.starts = nil
	}
	return r, nil
}

// maxBeginnings bounds what a pattern is taken apart into.
const maxBeginnings = 256

// beginnings returns the texts with which everything that matches a part of a
// pattern begins. Whole says that nothing else follows them.
func beginnings(part *syntax.Regexp) (out []string, whole bool) {
	anything := []string{""}
	switch part.Op {
	case syntax.OpLiteral:
		if part.Flags&syntax.FoldCase != 0 {
			return anything, false
		}
		return []string{string(part.Rune)}, true
	case syntax.OpEmptyMatch:
		return anything, true
	case syntax.OpCapture:
		return beginnings(part.Sub[0])
	case syntax.OpCharClass:
		for i := 0; i < len(part.Rune); i += 2 {
			for c := part.Rune[i]; c <= part.Rune[i+1]; c++ {
				if out = append(out, string(c)); len(out) > maxBeginnings {
					return anything, false
				}
			}
		}
		return out, true
	case syntax.OpAlternate:
		whole = true
		for _, sub := range part.Sub {
			more, all := beginnings(sub)
			out, whole = append(out, more...), whole && all
		}
	case syntax.OpConcat:
		out, whole = anything, true
		for _, sub := range part.Sub {
			next, all := beginnings(sub)
			var longer []string
			for _, head := range out {
				for _, tail := range next {
					longer = append(longer, head+tail)
				}
			}
			if out, whole = longer, all; !all || len(out) > maxBeginnings {
				break
			}
		}
	default:
		return anything, false
	}
	if len(out) > maxBeginnings {
		return anything, false
	}
	return out, whole
}

func (r *rule) matches(id string) bool {
	if r.words != nil {
		return slices.ContainsFunc(r.words, func(w string) bool { return strings.Contains(id, w) })
	}
	if r.starts != nil && !slices.ContainsFunc(r.starts, func(s string) bool { return strings.HasPrefix(id, s) }) {
		return false
	}
	return r.re.MatchString(id)
}

// first returns what the first rule says that matches a model's id; "" when none
// does.
func first(rules []rule, id string) string {
	id = plainID(id)
	for i := range rules {
		if rules[i].matches(id) {
			return rules[i].is
		}
	}
	return ""
}

// plainID is an id in lower case, without who offers the model and in which
// variant.
func plainID(id string) string {
	id = strings.ToLower(id)
	id = id[strings.LastIndexByte(id, '/')+1:]
	id, _, _ = strings.Cut(id, ":")
	if i := strings.LastIndex(id, "anthropic."); i >= 0 {
		id = id[i+len("anthropic."):]
	}
	return id
}
