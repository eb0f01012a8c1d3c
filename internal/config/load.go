package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Options say what [Load] reads.
type Options struct {
	// File is the configuration file; empty: none.
	File string
	// LookupEnv finds environment variables; nil: the process's.
	LookupEnv func(name string) (string, bool)
	// Flags are the flags that were given, by [Scalar.Flag].
	Flags map[string]string
	// ProviderTypes are the known values of a provider's type, aliases
	// included. Nil: any type is taken as it stands.
	ProviderTypes map[string]ProviderType
	// EnvProviders are the providers to look for in the environment when the
	// file has no providers section.
	EnvProviders []EnvProvider
	// ReadFile reads a whole file, of at most limit bytes; nil: from disk.
	ReadFile func(path string, limit int) ([]byte, error)
}

// ProviderType is what is known of a value of a provider's type.
type ProviderType struct {
	// Type is the name behind an alias, or the same name.
	Type string
	// Built says whether this server can call such providers.
	Built bool
	// Options are those of [Cloud] and others that such providers take from the
	// environment.
	Options []TypeOption
	// Lacks says what a provider of this type can't do without and hasn't, as the
	// end of a sentence; nil or "": it has all.
	Lacks func(Provider) string
	// ListsPaths says whether models of such providers may have slashes in their
	// ids; nil: they may.
	ListsPaths func() bool
}

// TypeOption is an option of a type of provider, by its name in the file.
type TypeOption struct {
	Name string
	// Env are the variables that may hold it, the first one set counts.
	Env []string
	// Identity says that it is part of what the account proves itself by: taken
	// from the environment only where the file says no part of that.
	Identity bool
}

// EnvProvider is a provider that exists when one of its variables is set.
type EnvProvider struct {
	Name, Type string
	// Vars are the variables that may hold its key, the first one set counts.
	Vars []string
	// Signs are variables that tell of it without holding a key.
	Signs []string
}

// Load reads the file, the environment and the flags over the defaults, and
// validates the whole. The error is an [Errors], or the reason why the file
// can't be read. Warnings name what is said but has no effect.
func Load(opts Options) (*Config, []Warning, error) {
	if opts.LookupEnv == nil {
		opts.LookupEnv = os.LookupEnv
	}
	if opts.ReadFile == nil {
		opts.ReadFile = readFile
	}
	digest := sha256.New()
	read := opts.ReadFile
	opts.ReadFile = func(path string, limit int) ([]byte, error) {
		data, err := read(path, limit)
		digestFile(digest, data, err)
		return data, err
	}
	l := &loader{opts: opts, cfg: Default()}
	l.cfg.Sources = map[string]Source{}
	if opts.File != "" {
		data, err := opts.ReadFile(opts.File, maxFile)
		if err != nil {
			return nil, nil, fmt.Errorf("read the configuration: %w; check --config", err)
		}
		l.text = string(data)
		l.file(data)
	}
	l.scalars()
	l.keys()
	l.providers()
	l.validate()
	if len(l.problems) > 0 {
		return nil, nil, inOrder(l.problems)
	}
	l.cfg.Digest = [sha256.Size]byte(digest.Sum(nil))
	return l.cfg, l.warnings, nil
}

// digestFile adds what reading a file gave to a digest over several files.
func digestFile(to hash.Hash, data []byte, err error) {
	sum := sha256.Sum256(data)
	state := byte(0)
	if err != nil {
		state = 1
	}
	to.Write(append(sum[:], state))
}

type loader struct {
	opts     Options
	cfg      *Config
	text     string // of the file
	problems Errors
	warnings []Warning
	leads    map[string]bool // the aliases that may lead to a model; see mayLead
}

func (l *loader) file(data []byte) {
	x := &expander{lookup: l.opts.LookupEnv, read: l.opts.ReadFile, dir: filepath.Dir(l.opts.File)}
	d := &decoder{file: l.opts.File, expander: x, sources: l.cfg.Sources, open: map[*yaml.Node]bool{}}
	defer func() {
		l.cfg.Files = append([]string{l.opts.File}, x.files...)
		l.problems = append(l.problems, d.problems...)
	}()
	root, err := parse(data)
	if err != nil {
		l.problems = append(l.problems, yamlError(l.opts.File, err))
		return
	}
	if root != nil {
		d.value("", root, valueOf(l.cfg), "")
	}
}

// parse reads the one document of a file; nil when it holds nothing.
func parse(data []byte) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(strings.NewReader(string(data)), yaml.WithUniqueKeys(false))
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := loader.Load(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	var more yaml.Node
	if err := loader.Load(&more); err == nil {
		return nil, &yaml.LoadError{
			Message: "a second document begins; only one is read",
			Mark:    yaml.Mark{Line: more.Line, Column: more.Column},
		}
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode {
		return &doc, nil
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// yamlError turns the parser's error into one of ours. The parser quotes what
// stands in the file in two messages; these are replaced, since a secret that
// begins with * or ! would be told.
func yamlError(file string, err error) *Error {
	e := &Error{File: file, Line: 1, Problem: "is not YAML"}
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return e
	}
	e.Line, e.Column = max(1, le.Mark.Line), le.Mark.Column
	switch msg := le.Message; {
	case strings.HasPrefix(msg, "unknown anchor"):
		e.Problem, e.Suggestion = "names an anchor that is nowhere in the file", "write values that begin with * in quotes"
	case strings.HasPrefix(msg, "cannot construct"):
		e.Problem, e.Suggestion = "has a tag that doesn't fit its value", "remove the tag, the word that begins with !"
	default:
		e.Problem += ": " + msg
		if le.ContextMsg != "" {
			e.Problem += " (" + le.ContextMsg + ")"
		}
		if strings.Contains(msg, "cannot start any token") {
			e.Suggestion = "indent with spaces, and write values that begin with @, `, % or a tab in quotes"
		}
	}
	return e
}

// scalars lays environment variables and flags over the file.
func (l *loader) scalars() {
	known := make([]string, 0, 32)
	said := map[string]bool{}
	for _, s := range Scalars() {
		known = append(known, s.Flag)
		said[s.Flag] = true
		if text, ok := l.opts.LookupEnv(s.Env); ok && text != "" {
			l.scalar(s, text, Source{Kind: FromEnv, Name: s.Env})
		}
		if text, ok := l.opts.Flags[s.Flag]; ok {
			l.scalar(s, text, Source{Kind: FromFlag, Name: s.Flag})
		}
	}
	for name := range l.opts.Flags {
		if !said[name] {
			l.problems = append(l.problems, &Error{Field: "--" + name, Problem: "there is no such flag", Suggestion: didYouMean(name, known)})
		}
	}
}

func (l *loader) scalar(s Scalar, text string, source Source) {
	if err := s.set(l.cfg, text, source); err != nil {
		l.problems = append(l.problems, err)
	}
}

// keys leaves out the static keys that expand to nothing.
func (l *loader) keys() {
	on := l.cfg.Keys[:0]
	sources := l.cfg.Sources
	l.cfg.KeysListed = len(l.cfg.Keys) > 0
	for i, k := range l.cfg.Keys {
		at := fmt.Sprintf("keys[%d]", i)
		if _, said := sources[at+".key"]; !said {
			l.fail(at, "has no key", `add key: "${NAME}", or remove the entry`)
			continue
		}
		if k.Key == "" && !l.failed(at+".key") {
			l.warn(at, "is off: its key expands to nothing")
			continue
		}
		l.checkKey(at, k)
		on = append(on, k)
	}
	l.cfg.Keys = on
}

// providers settles the type of each provider and leaves out those without a
// key that should have one, or takes providers from the environment where the
// file names none.
func (l *loader) providers() {
	if _, said := l.cfg.Sources["providers"]; !said {
		l.cfg.ProvidersFromEnv = true
		for _, e := range l.opts.EnvProviders {
			l.fromEnv(e)
		}
		return
	}
	on := Named[Provider]{}
	for _, e := range l.cfg.Providers {
		l.checkProvider(e.Name, &e.Value)
		if reason := l.offReason(e.Name, &e.Value); reason != "" {
			l.warn(join("providers", quoteName(e.Name)), "is off: "+reason)
			l.cfg.ProvidersOff = append(l.cfg.ProvidersOff, ProviderOff{e.Name, e.Value.Type, reason})
			continue
		}
		on = append(on, e)
	}
	l.cfg.Providers = on
}

func (l *loader) fromEnv(e EnvProvider) {
	if _, twice := l.cfg.Providers.Get(e.Name); twice {
		return
	}
	for i, name := range append(e.Vars[:len(e.Vars):len(e.Vars)], e.Signs...) {
		key, _ := l.opts.LookupEnv(name)
		if key = strings.TrimSpace(key); key == "" {
			continue
		}
		at := join("providers", e.Name)
		p := DefaultProvider()
		p.Type = e.Type
		l.cfg.Sources[at] = Source{Kind: FromEnv, Name: name}
		if i < len(e.Vars) {
			if !headerSafe(key) {
				l.problems = append(l.problems, &Error{Field: name, Problem: "holds characters that no key has", Suggestion: "set it to the key alone"})
				return
			}
			p.APIKey = Secret(key)
			l.cfg.Sources[at+".api_key"] = Source{Kind: FromEnv, Name: name}
		}
		reason := ""
		if t, known := l.opts.ProviderTypes[e.Type]; known {
			p.Type = t.Type
			if l.fill(at, t, &p); !t.Built {
				reason = notBuiltType(p.Type)
			} else if t.Lacks != nil {
				reason = t.Lacks(p)
			}
		}
		if reason != "" {
			l.warnings = append(l.warnings, Warning{Field: name, Problem: fmt.Sprintf("provider %s is off: %s", e.Name, reason)})
			l.cfg.ProvidersOff = append(l.cfg.ProvidersOff, ProviderOff{e.Name, p.Type, reason})
			return
		}
		l.cfg.Providers = append(l.cfg.Providers, Entry[Provider]{e.Name, p})
		return
	}
}

// offReason says why a provider can't be used, or "". Empty keys among several
// are dropped with a warning.
func (l *loader) offReason(name string, p *Provider) string {
	at := join("providers", quoteName(name))
	if t, known := l.opts.ProviderTypes[p.Type]; known && !t.Built {
		return notBuiltType(t.Type)
	}
	_, one := l.cfg.Sources[at+".api_key"]
	_, many := l.cfg.Sources[at+".api_keys"]
	keys := p.APIKeys[:0]
	for i, k := range p.APIKeys {
		if k == "" {
			if len(p.APIKeys) > 1 {
				l.warn(fmt.Sprintf("%s.api_keys[%d]", at, i), "is off: it expands to nothing")
			}
			continue
		}
		keys = append(keys, k)
	}
	p.APIKeys = keys
	t := l.opts.ProviderTypes[p.Type]
	switch {
	case t.Lacks != nil && t.Lacks(*p) == "", t.Lacks == nil && (len(keys) > 0 || p.APIKey != ""):
		return ""
	case t.Lacks != nil && (len(keys) > 0 || p.APIKey != ""):
		return t.Lacks(*p)
	case one:
		return "its api_key expands to nothing"
	case many:
		return "its api_keys expand to nothing"
	case t.Lacks != nil:
		return t.Lacks(*p)
	}
	return ""
}

func notBuiltType(t string) string { return fmt.Sprintf("providers of type %s aren't built yet", t) }

// source is where a field, or the nearest thing around it, was said.
func (l *loader) source(path string) Source {
	for path != "" {
		if s, ok := l.cfg.Sources[path]; ok {
			return s
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return Source{}
}

func (l *loader) fail(path, problem, suggestion string) {
	if len(l.problems) >= 2*maxProblems || l.failed(path) {
		return
	}
	e := l.at(path)
	e.Problem, e.Suggestion = problem, suggestion
	l.problems = append(l.problems, e)
}

func (l *loader) warn(path, problem string) {
	e := l.at(path)
	e.Problem = problem
	l.warnings = append(l.warnings, Warning(*e))
}

func (l *loader) at(path string) *Error {
	s := l.source(path)
	switch s.Kind {
	case FromFlag:
		return &Error{Field: "--" + s.Name}
	case FromEnv:
		return &Error{Field: s.Name}
	case FromFile:
		return &Error{File: s.Name, Line: s.Line, Column: s.Column, Field: path}
	}
	return &Error{File: l.opts.File, Field: path}
}

// failed says whether a problem of this field is known already.
func (l *loader) failed(path string) bool {
	for _, e := range l.problems {
		if e.Field == path {
			return true
		}
	}
	return false
}
