package provider

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Profile is what is known of one type of provider.
type Profile struct {
	Type    string   `yaml:"type"`
	Aliases []string `yaml:"aliases"` // other names of the type
	// Name is what an account from the environment is called; "" is Type.
	Name string   `yaml:"name"`
	Env  []string `yaml:"env"` // variables that hold a key, best first
	// Local says that one may run on this machine and needs no key: no variable
	// can name it, so it is looked for at its first endpoint.
	Local bool `yaml:"local"`
	// EnvSigns are variables that tell of an account without being its key.
	EnvSigns []string `yaml:"env_signs"`
	// Catalog is the provider's id in the catalog; "" when it isn't there.
	Catalog string `yaml:"catalog"`
	Source  string `yaml:"source"`
	// Hosts is a regular expression over the hosts that are the vendor's own, its
	// regions and workspaces: a base_url at one of them speaks every format, at the
	// paths of Endpoints. "" is none.
	Hosts string `yaml:"hosts"`
	// Elsewhere is the type that stands in where a base_url names a server that
	// isn't the vendor's; "" is this one.
	Elsewhere string `yaml:"elsewhere"`

	Auth      Auth        `yaml:"auth"`
	Endpoints []Endpoint  `yaml:"endpoints"` // richest format first
	Headers   Headers     `yaml:"headers"`   // added to every request
	Pass      []string    `yaml:"pass"`      // client headers that belong upstream
	List      ListProfile `yaml:"list"`
	// Errors are refusals that the vendor tells in other words than its format's;
	// the first that matches decides.
	Errors []ErrorRule `yaml:"errors"`
	// Embeddings say how they are asked for, the first that matches a model in each
	// format; empty: there are none.
	Embeddings []Embeddings `yaml:"embeddings"`
	// PromptCache says how long a prompt stays in the vendor's cache, the first that
	// matches a model; empty: nobody knows.
	PromptCache []PromptCache `yaml:"prompt_cache"`
	// TrustCost says that the cost in the usage is what was really charged.
	TrustCost bool `yaml:"trust_cost"`
	// Options are those that accounts of this type take beside those of all types.
	Options []Option `yaml:"options"`
	// Derive gives names that addresses use a value that follows from an option.
	Derive []Derived `yaml:"derive"`
	// Inherit names types whose families come before this one's own. They see a
	// model's id without what Bare matches of it.
	Inherit []string `yaml:"inherit"`
	Bare    string   `yaml:"bare"`
	// Families hold what single models do differently; all that match apply, in
	// order, later ones over earlier ones.
	Families []Family `yaml:"families"`

	hosts    *regexp.Regexp
	bare     *regexp.Regexp
	models   []served         // by endpoint
	derivers []*regexp.Regexp // by Derive
}

// Headers are fixed request headers.
type Headers map[string]string

// Auth says how a key is sent.
type Auth struct {
	Header string `yaml:"header"` // "" sends none
	Prefix string `yaml:"prefix"` // "Bearer "
	// Optional says that the provider works without a key.
	Optional bool `yaml:"optional"`
	// Identity is the kind of identity that stands in the place of a key (see
	// package cloudauth), and Scope what a token is asked or a signature made for.
	Identity string `yaml:"identity"`
	Scope    string `yaml:"scope"`
}

// Endpoint is where a provider speaks one format.
type Endpoint struct {
	Format llm.Format `yaml:"format"`
	Base   string     `yaml:"base"` // version included, without a final slash
	// Suffix is the end of Base that the vendor's SDK adds by itself, so that a
	// base_url in the config stands without it ("/v1" for Anthropic).
	Suffix string `yaml:"suffix"`
	// Override says whether this format is assumed at a base_url that replaces
	// the vendor's own: only the type's main format, unless the config says more.
	Override bool `yaml:"override"`
	// Probe says that not every server of the type has it: where no formats are said
	// it is assumed, at a base_url too, until it answers 404 or 405.
	Probe bool `yaml:"probe"`
	// Deprecated says that the vendor wants this endpoint used no more: only an
	// account whose formats name it does.
	Deprecated bool `yaml:"deprecated"`
	// Keeps says that answers are kept here for requests that go on from them by
	// their id.
	Keeps bool `yaml:"keeps"`
	// Auth replaces the profile's for this endpoint.
	Auth    *Auth   `yaml:"auth"`
	Headers Headers `yaml:"headers"`
	// Needs are options without which this endpoint isn't one of the account's;
	// where several of one format and the same models are left, the first counts.
	// "api_key" is met by any key. What {braces} name in Base and Query is needed
	// as well.
	Needs []string `yaml:"needs"`
	// Models is an expression over the ids of the models served here, "" is all;
	// Except is one over ids that aren't.
	Models string            `yaml:"models"`
	Except string            `yaml:"except"`
	Query  map[string]string `yaml:"query"` // added to every request
	Shape  Shape             `yaml:"shape"`
}

// served says which models are served; the zero value is all.
type served struct{ only, except *regexp.Regexp }

func (s served) has(model string) bool {
	return (s.only == nil || s.only.MatchString(model)) && (s.except == nil || !s.except.MatchString(model))
}

// Shape is what an endpoint does differently from its format: where a request
// goes and what its body holds. The zero value is the format's own.
type Shape struct {
	Path       string `yaml:"path"` // for a whole answer; {model} is the model, escaped
	StreamPath string `yaml:"stream_path"`
	// EmbedPath is for embeddings, which don't go to Path.
	EmbedPath string `yaml:"embed_path"`
	// CountPath is where the tokens of a prompt are asked for, whose body keeps what
	// Drop names; "" beside a Path: nowhere.
	CountPath string `yaml:"count_path"`
	// Drop and Set change top-level fields of the body.
	Drop []string          `yaml:"drop"`
	Set  map[string]string `yaml:"set"`
	// Flags are what clients ask for by name beside the format's fields.
	Flags *Flags `yaml:"flags"`
	// DropHeaders are headers of the format that don't belong here.
	DropHeaders []string `yaml:"drop_headers"`
	// Stream names what streamed answers are packed into: "eventstream" is AWS's
	// frames around the format's events; "" is nothing.
	Stream string `yaml:"stream"`
}

// Flags are features that clients name in a header of their own. Where one that
// isn't known has the request refused, those that are known are taken over alone.
type Flags struct {
	Header string `yaml:"header"`
	Only   string `yaml:"only"`  // expression over the names that are taken
	Field  string `yaml:"field"` // of the body, where they stand as a list; "" is the header

	only *regexp.Regexp
}

// Embeddings are how a vendor makes embeddings in one format; see wire.EmbedStyle.
type Embeddings struct {
	Format   llm.Format        `yaml:"format"`
	Match    string            `yaml:"match"` // an expression over the ids of models; "" is all
	Source   string            `yaml:"source"`
	Shape    string            `yaml:"shape"`
	Reject   []string          `yaml:"reject"`
	Rename   map[string]string `yaml:"rename"`
	Task     string            `yaml:"task"`
	Tasks    map[string]string `yaml:"tasks"`
	TaskElse string            `yaml:"task_else"`

	re *regexp.Regexp
}

// of says whether a model's embeddings are made so.
func (e *Embeddings) of(model string) bool { return e.re == nil || e.re.MatchString(model) }

// PromptCache says how long the beginning of a prompt stays in a vendor's cache
// after it was last used.
type PromptCache struct {
	Match    string        `yaml:"match"` // an expression over the ids of models; "" is all
	Lifetime time.Duration `yaml:"lifetime"`
	Source   string        `yaml:"source"`

	re *regexp.Regexp
}

func (e *Embeddings) style() wire.EmbedStyle {
	return wire.EmbedStyle{Shape: e.Shape, Reject: e.Reject, Rename: e.Rename, Task: e.Task, Tasks: e.Tasks, TaskElse: e.TaskElse}
}

// Option is an option of a type's accounts, named as in the configuration.
type Option struct {
	Name string   `yaml:"name"`
	Env  []string `yaml:"env"` // variables that hold it when it isn't said
	// Identity says that it is part of what the account proves itself by: taken
	// from the environment only where the configuration says no part of that.
	Identity bool   `yaml:"identity"`
	Default  string `yaml:"default"`
	// Place says that it is where in the world requests go: what models there are
	// depends on it.
	Place bool `yaml:"place"`
}

// Derived is a value that follows from an option; the first that matches counts.
type Derived struct {
	Name  string `yaml:"name"`
	Of    string `yaml:"of"`
	Match string `yaml:"match"`
	Is    string `yaml:"is"` // may name options in {braces}
}

// ListProfile says how the live model list is read.
type ListProfile struct {
	// Path is below the endpoint of Format; "" where the vendor has no list: its
	// models are then those of the catalog and those declared by hand.
	Path   string            `yaml:"path"`
	Format llm.Format        `yaml:"format"`
	Query  map[string]string `yaml:"query"`
	// Base is where the list is when it isn't below an endpoint of Format, and
	// Suffix what a base_url stands without.
	Base   string `yaml:"base"`
	Suffix string `yaml:"suffix"`
	// More are paths of further lists, read after the first.
	More []string `yaml:"more"`
	// Shape names a list in no format's shape: "bedrock"; "" is Format's.
	Shape string `yaml:"shape"`
	// Trust says what absence from the list means.
	Trust Trust `yaml:"trust"`
}

// Trust says how far a model list can be trusted.
type Trust string

// The degrees of trust.
const (
	TrustComplete Trust = "complete" // what isn't listed can't be used
	TrustPartial  Trust = "partial"  // aliases and snapshots work unlisted
	TrustNone     Trust = "none"     // the list says nothing about what works
)

// Family is what models whose id matches do differently.
type Family struct {
	Match  string `yaml:"match"`  // regular expression over the model id
	Except string `yaml:"except"` // another one: ids that Match should not hold; "" for none
	Source string `yaml:"source"`
	Rules  `yaml:",inline"`

	re, except *regexp.Regexp
	inherited  bool
}

// Rules are the differences of a family; an empty one changes nothing.
type Rules struct {
	// Formats narrows the rule to these formats; empty: all.
	Formats []llm.Format `yaml:"formats"`
	Reject  []string     `yaml:"reject"`
	// Rename gives fields other names; an empty one takes back an earlier family's.
	Rename         map[string]string `yaml:"rename"`
	Set            map[string]any    `yaml:"set"`
	SystemRole     llm.Role          `yaml:"system_role"`
	SystemAnywhere bool              `yaml:"system_anywhere"`
	Reasoning      *Reasoning        `yaml:"reasoning"`
	StreamUsage    bool              `yaml:"stream_usage"`
	StreamOnly     bool              `yaml:"stream_only"`
	InlineThinking bool              `yaml:"inline_thinking"`
	ReasoningOnTop bool              `yaml:"reasoning_on_top"`
	ToolID         wire.IDShape      `yaml:"tool_id"`
	NoPrefill      bool              `yaml:"no_prefill"`
	NoSchemaOutput bool              `yaml:"no_schema_output"`
	NoFreeText     bool              `yaml:"no_free_text"`
}

// Reasoning mirrors wire.ReasoningStyle in the file.
type Reasoning struct {
	Control       string                `yaml:"control"`
	Switch        string                `yaml:"switch"`
	BudgetField   string                `yaml:"budget_field"`
	Efforts       []llm.Effort          `yaml:"efforts"`
	Words         map[llm.Effort]string `yaml:"words"`
	Field         string                `yaml:"field"`
	Replay        string                `yaml:"replay"`
	MinBudget     int                   `yaml:"min_budget"`
	MaxBudget     int                   `yaml:"max_budget"`
	CannotDisable bool                  `yaml:"cannot_disable"`
}

// ProfileOf returns the profile of a type or of one of its aliases.
func ProfileOf(typ string) (*Profile, error) {
	all, err := loadProfiles()
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Type == typ || slices.Contains(p.Aliases, typ) {
			return p, nil
		}
	}
	return nil, fmt.Errorf("provider type %q is not known", typ)
}

// ProfileAt returns the profile of a type for accounts with this base_url.
func ProfileAt(typ, baseURL string) (*Profile, error) {
	p, err := ProfileOf(typ)
	if err != nil || baseURL == "" || p.Elsewhere == "" {
		return p, err
	}
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("base_url %q can't be read: %w", baseURL, err)
	}
	for _, e := range p.Endpoints {
		if own, err := url.Parse(e.Base); err == nil && own.Host == u.Host {
			return p, nil
		}
	}
	return ProfileOf(p.Elsewhere)
}

// prepare compiles a profile; those that it inherits from stand before it.
func (p *Profile) prepare(all []*Profile) error {
	if p.Type == "" || len(p.Endpoints) == 0 {
		return fmt.Errorf("needs a type and an endpoint")
	}
	var families []Family
	for _, name := range p.Inherit {
		i := slices.IndexFunc(all, func(q *Profile) bool { return q.Type == name })
		if i < 0 || all[i] == p {
			return fmt.Errorf("inherits from %q, which is no other type", name)
		}
		for _, f := range all[i].Families {
			f.inherited = true
			families = append(families, f)
		}
	}
	p.Families = append(families, p.Families...)
	if err := p.compile(); err != nil {
		return err
	}
	for i := range p.Families {
		f := &p.Families[i]
		re, err := regexp.Compile(f.Match)
		if err != nil {
			return fmt.Errorf("family %q: %w", f.Match, err)
		}
		f.re = re
		if f.Except == "" {
			continue
		}
		if f.except, err = regexp.Compile(f.Except); err != nil {
			return fmt.Errorf("family %q: except: %w", f.Match, err)
		}
	}
	if p.Hosts != "" {
		hosts, err := regexp.Compile(p.Hosts)
		if err != nil {
			return fmt.Errorf("hosts: %w", err)
		}
		p.hosts = hosts
	}
	for i := range p.Errors {
		if err := p.Errors[i].prepare(); err != nil {
			return err
		}
	}
	return nil
}

// LocalAddress is where one that runs on this machine listens; "" when the type
// isn't looked for.
func (p *Profile) LocalAddress() string {
	if !p.Local {
		return ""
	}
	u, err := url.Parse(p.Endpoints[0].Base)
	if err != nil {
		return ""
	}
	return u.Host
}

// applies says whether a family's rules hold for a model in a format.
func (f *Family) applies(model string, in llm.Format) bool {
	if len(f.Formats) > 0 && !slices.Contains(f.Formats, in) {
		return false
	}
	return f.re.MatchString(model) && (f.except == nil || !f.except.MatchString(model))
}

// compile compiles the expressions over models and options.
func (p *Profile) compile() error {
	if p.Bare != "" {
		re, err := regexp.Compile(p.Bare)
		if err != nil {
			return fmt.Errorf("bare: %w", err)
		}
		p.bare = re
	}
	// One expression is compiled once, so that endpoints for the same models can be
	// told by comparing.
	compiled := map[string]*regexp.Regexp{"": nil}
	for _, e := range p.Endpoints {
		for _, expr := range []string{e.Models, e.Except} {
			if _, done := compiled[expr]; done {
				continue
			}
			re, err := regexp.Compile(expr)
			if err != nil {
				return fmt.Errorf("models of %s: %w", e.Format, err)
			}
			compiled[expr] = re
		}
		p.models = append(p.models, served{compiled[e.Models], compiled[e.Except]})
		if f := e.Shape.Flags; f != nil {
			re, err := regexp.Compile(f.Only)
			if err != nil {
				return fmt.Errorf("flags of %s: %w", e.Format, err)
			}
			f.only = re
		}
	}
	for i := range p.Embeddings {
		if e := &p.Embeddings[i]; e.Match != "" {
			re, err := regexp.Compile(e.Match)
			if err != nil {
				return fmt.Errorf("embeddings of %q: %w", e.Match, err)
			}
			e.re = re
		}
	}
	for i := range p.PromptCache {
		c := &p.PromptCache[i]
		if c.Lifetime <= 0 || c.Source == "" {
			return fmt.Errorf("prompt_cache %q: needs a lifetime and its source", c.Match)
		}
		re, err := regexp.Compile(c.Match)
		if err != nil {
			return fmt.Errorf("prompt_cache %q: %w", c.Match, err)
		}
		c.re = re
	}
	for _, d := range p.Derive {
		re, err := regexp.Compile(d.Match)
		if err != nil {
			return fmt.Errorf("derive %s: %w", d.Name, err)
		}
		p.derivers = append(p.derivers, re)
	}
	return nil
}

// AccountName is what an account from the environment is called.
func (p *Profile) AccountName() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Type
}

// target applies every matching family's rules for one model in one format.
func (p *Profile) target(model string, f llm.Format) wire.Target {
	t := wire.Target{Model: model}
	bare := model
	if p.bare != nil {
		bare = p.bare.ReplaceAllString(model, "")
	}
	for i := range p.Families {
		fam, id := &p.Families[i], model
		if fam.inherited {
			id = bare
		}
		if fam.applies(id, f) {
			fam.apply(&t)
		}
	}
	for i := range p.Embeddings {
		if e := &p.Embeddings[i]; e.Format == f && e.of(model) {
			t.Embed = e.style()
			break
		}
	}
	return t
}

func (r *Rules) apply(t *wire.Target) {
	t.Reject = append(t.Reject, r.Reject...)
	for from, to := range r.Rename {
		if to == "" {
			delete(t.Rename, from)
			continue
		}
		if t.Rename == nil {
			t.Rename = map[string]string{}
		}
		t.Rename[from] = to
	}
	for name, v := range r.Set {
		if t.Set == nil {
			t.Set = map[string]any{}
		}
		t.Set[name] = v
	}
	if r.SystemRole != "" {
		t.SystemRole = r.SystemRole
	}
	if r.ToolID != "" {
		t.ToolID = r.ToolID
	}
	if r.Reasoning != nil {
		s := r.Reasoning
		t.Reasoning = wire.ReasoningStyle{
			Control: s.Control, Switch: s.Switch, BudgetField: s.BudgetField, Words: s.Words,
			Efforts: s.Efforts, Field: s.Field, Replay: s.Replay,
			MinBudget: s.MinBudget, MaxBudget: s.MaxBudget, CannotDisable: s.CannotDisable,
		}
	}
	t.SystemAnywhere = t.SystemAnywhere || r.SystemAnywhere
	t.StreamUsage = t.StreamUsage || r.StreamUsage
	t.StreamOnly = t.StreamOnly || r.StreamOnly
	t.InlineThinking = t.InlineThinking || r.InlineThinking
	t.ReasoningOnTop = t.ReasoningOnTop || r.ReasoningOnTop
	t.NoPrefill = t.NoPrefill || r.NoPrefill
	t.NoSchemaOutput = t.NoSchemaOutput || r.NoSchemaOutput
	t.NoFreeText = t.NoFreeText || r.NoFreeText
}
