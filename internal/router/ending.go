package router

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
)

// Ending is a place of the configuration that names a model which has ended, left
// its provider's list, or soon will end.
type Ending struct {
	// Path is the place, like workloads.support.chain[1], in Section, of Name; Target
	// is what stands there.
	Path, Section, Name, Target string
	// Model is the model that the name stands for.
	Model string
	// Ends is the day on which it ends, YYYY-MM-DD; "" when it has ended or left,
	// which Why says.
	Ends, Why   string
	Replacement string // "" when none is named
	// Replaced is the model that takes its place by itself; "": none does.
	Replaced string
}

// EndsSoon is how long before its end people are warned of a model.
const EndsSoon = 30 * 24 * time.Hour

// Has says whether a policy has an alias, class or workload of a name that somebody
// configured.
func (p Policy) Has(section, name string) bool {
	switch section {
	case "aliases":
		return len(p.Aliases[name]) > 0
	case "classes":
		return len(p.Classes[name]) > 0
	}
	return slices.ContainsFunc(p.Workloads, func(w Workload) bool { return w.Name == name && !w.Default })
}

// Over says that the model can't be used any more.
func (e Ending) Over() bool { return e.Ends == "" }

// String is what is wrong, and what to do, without the path.
func (e Ending) String() string {
	switch {
	case e.Replaced != "":
		return fmt.Sprintf("%s is retired, and %s takes its place: name that one", e.Target, e.Replaced)
	case e.Over():
		return e.Why
	}
	named := e.Model
	if e.Target != e.Model {
		named = fmt.Sprintf("%s (%s)", e.Target, e.Model)
	}
	if e.Replacement == "" {
		return fmt.Sprintf("%s ends on %s; its provider names no replacement", named, e.Ends)
	}
	return fmt.Sprintf("%s ends on %s; its replacement is %s", named, e.Ends, e.Replacement)
}

// Endings says which places of the policy name models that have ended, are gone or
// will end before a time has passed, at the accounts that may be told of; nil: at
// any. Classes that nobody configured take no such models.
func (r *Routes) Endings(now time.Time, within time.Duration, may func(account string) bool) []Ending {
	f := endings{r: r, now: now, limit: now.Add(within).UTC().Format(time.DateOnly)}
	f.pol = r.pol
	f.pol.Aliases, f.pol.Replace, f.pol.terse, f.pol.May = nil, false, true, may
	for _, name := range slices.Sorted(maps.Keys(r.pol.Aliases)) {
		f.section, f.of = "aliases", name
		f.chain("aliases."+quoted(name), name, r.pol.Aliases[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.pol.Classes)) {
		f.section, f.of = "classes", name
		f.chain("classes."+quoted(name)+".chain", "", r.pol.Classes[name])
	}
	for _, w := range r.pol.Workloads {
		f.section, f.of = "workloads", w.Name
		at := "workloads." + quoted(w.Name)
		f.chain(at+".chain", "", w.Chain)
		f.chain(at+".escalate.to", "", w.Escalate)
		f.chain(at+".switch", "", w.Switch)
	}
	return f.out
}

// quoted keeps a name of a path readable.
func quoted(name string) string {
	if strings.ContainsAny(name, ` "`) {
		return strconv.Quote(name)
	}
	return name
}

// endings is a search for them.
type endings struct {
	r     *Routes
	pol   Policy // without aliases: each is looked at where it is said; and without replacing
	now   time.Time
	limit string
	out   []Ending

	section, of string // where it is
}

// chain looks at the names of one place; alias is the alias that it is of.
func (f *endings) chain(path, alias string, names []string) {
	for i, name := range names {
		at := path
		if len(names) > 1 {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		first, _, slashed := strings.Cut(name, "/")
		if _, other := f.r.pol.Aliases[name]; other && name != alias || slashed && reserved[first] {
			continue // looked at where it is said
		}
		f.name(at, name)
	}
}

func (f *endings) name(at, name string) {
	res, err := Resolve(name, f.pol, f.r.view, f.now)
	var over *retired
	if errors.As(err, &over) {
		out := Ending{Path: at, Section: f.section, Name: f.of, Target: name, Model: over.Name(), Why: llm.AsError(err).Message, Replacement: replacementOf(over.Entry)}
		if c, ok := replacement(over.Entry, f.pol, f.r.view, f.now); ok && f.r.pol.Replace {
			out.Replaced = c.Name()
		}
		f.out = append(f.out, out)
		return
	}
	for _, c := range res.Candidates {
		e := f.r.view.Lookup(c.Account, c.Model)
		switch {
		case e == nil:
		case e.Gone:
			f.out = append(f.out, Ending{
				Path: at, Section: f.section, Name: f.of, Target: name, Model: c.Name(), Why: fmt.Sprintf("the model %s%s%s", e.Name(), hasLeft, instead(e, f.pol, f.r.view, f.now)),
				Replacement: replacementOf(e),
			})
		case ending(e, f.now, f.limit):
			f.out = append(f.out, Ending{Path: at, Section: f.section, Name: f.of, Target: name, Model: c.Name(), Ends: e.Lifecycle.Shutdown, Replacement: replacementOf(e)})
		}
	}
}

// ending says whether a model that is there ends by a day.
func ending(e *catalog.Entry, now time.Time, limit string) bool {
	l := e.Lifecycle
	return l != nil && l.Shutdown != "" && !l.Retired(now) && l.Shutdown <= limit
}

func replacementOf(e *catalog.Entry) string {
	if e.Lifecycle == nil {
		return ""
	}
	return e.Lifecycle.Replacement
}
