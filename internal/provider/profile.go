package provider

import (
	_ "embed"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

//go:embed profiles.yaml
var profilesYAML []byte

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
	// Catalog is the provider's id in the catalog; "" when it isn't there.
	Catalog string `yaml:"catalog"`
	Source  string `yaml:"source"`
	// Elsewhere is the type that stands in where a base_url names a server that
	// isn't the vendor's; "" is this one.
	Elsewhere string `yaml:"elsewhere"`

	Auth      Auth        `yaml:"auth"`
	Endpoints []Endpoint  `yaml:"endpoints"` // richest format first
	Headers   Headers     `yaml:"headers"`   // added to every request
	Pass      []string    `yaml:"pass"`      // client headers that belong upstream
	List      ListProfile `yaml:"list"`
	// Embeddings are the formats in which it has them; empty: it has none.
	Embeddings []llm.Format `yaml:"embeddings"`
	// TrustCost says that usage.cost is what was really charged.
	TrustCost bool `yaml:"trust_cost"`
	// Families hold what single models do differently; all that match apply, in
	// order, later ones over earlier ones.
	Families []Family `yaml:"families"`
}

// Headers are fixed request headers.
type Headers map[string]string

// Auth says how a key is sent.
type Auth struct {
	Header string `yaml:"header"` // "" sends none
	Prefix string `yaml:"prefix"` // "Bearer "
	// Optional says that the provider works without a key.
	Optional bool `yaml:"optional"`
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
	// Auth replaces the profile's for this endpoint.
	Auth    *Auth   `yaml:"auth"`
	Headers Headers `yaml:"headers"`
}

// ListProfile says how the live model list is read.
type ListProfile struct {
	Path   string            `yaml:"path"` // below the endpoint of Format
	Format llm.Format        `yaml:"format"`
	Query  map[string]string `yaml:"query"`
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
	Match  string `yaml:"match"` // regular expression over the model id
	Source string `yaml:"source"`
	Rules  `yaml:",inline"`

	re *regexp.Regexp
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
	ReasoningOnTop bool              `yaml:"reasoning_on_top"`
	ToolID         wire.IDShape      `yaml:"tool_id"`
	NoPrefill      bool              `yaml:"no_prefill"`
	NoSchemaOutput bool              `yaml:"no_schema_output"`
	NoFreeText     bool              `yaml:"no_free_text"`
}

// Reasoning mirrors wire.ReasoningStyle in the file.
type Reasoning struct {
	Control       string       `yaml:"control"`
	Efforts       []llm.Effort `yaml:"efforts"`
	Field         string       `yaml:"field"`
	Replay        string       `yaml:"replay"`
	MinBudget     int          `yaml:"min_budget"`
	MaxBudget     int          `yaml:"max_budget"`
	CannotDisable bool         `yaml:"cannot_disable"`
}

var loadProfiles = sync.OnceValues(func() ([]*Profile, error) { return parseProfiles(profilesYAML) })

// Profiles returns all profiles in the file's order. They must not be changed.
func Profiles() ([]*Profile, error) { return loadProfiles() }

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

func parseProfiles(data []byte) ([]*Profile, error) {
	var file struct {
		Profiles []*Profile `yaml:"profiles"`
	}
	if err := yaml.Load(data, &file, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("read profiles.yaml: %w", err)
	}
	for _, p := range file.Profiles {
		if err := p.prepare(); err != nil {
			return nil, fmt.Errorf("profiles.yaml: %s: %w", p.Type, err)
		}
	}
	return file.Profiles, nil
}

func (p *Profile) prepare() error {
	if p.Type == "" || len(p.Endpoints) == 0 {
		return fmt.Errorf("needs a type and an endpoint")
	}
	for i := range p.Families {
		f := &p.Families[i]
		re, err := regexp.Compile(f.Match)
		if err != nil {
			return fmt.Errorf("family %q: %w", f.Match, err)
		}
		f.re = re
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
	for i := range p.Families {
		fam := &p.Families[i]
		if len(fam.Formats) > 0 && !slices.Contains(fam.Formats, f) || !fam.re.MatchString(model) {
			continue
		}
		fam.apply(&t)
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
			Control: s.Control, Efforts: s.Efforts, Field: s.Field, Replay: s.Replay,
			MinBudget: s.MinBudget, MaxBudget: s.MaxBudget, CannotDisable: s.CannotDisable,
		}
	}
	t.SystemAnywhere = t.SystemAnywhere || r.SystemAnywhere
	t.StreamUsage = t.StreamUsage || r.StreamUsage
	t.ReasoningOnTop = t.ReasoningOnTop || r.ReasoningOnTop
	t.NoPrefill = t.NoPrefill || r.NoPrefill
	t.NoSchemaOutput = t.NoSchemaOutput || r.NoSchemaOutput
	t.NoFreeText = t.NoFreeText || r.NoFreeText
}
