package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/policy"
)

// PolicySource says where an alias, class or workload is from.
type PolicySource string

// The sources.
const (
	FromConfiguration PolicySource = "configuration" // its file: in force for every org, and changed there
	FromAPI           PolicySource = "api"           // added here: in force for its org
	FromDefault       PolicySource = "default"       // nobody said anything of it
)

// PolicyEntry is an alias, class or workload of an org, or of the configuration.
type PolicyEntry struct {
	Org, Section, Name string
	Source             PolicySource
	Revision           int64 // of what was added here
	Changed            time.Time
	By                 string
	Problem            string // why it isn't in force; "": it is
	Settings           []byte // a JSON object, as in the configuration
}

// Policies are the aliases, classes and workloads by org. An error that is a
// *Refusal is the caller's.
type Policies interface {
	// Policies are all of a section: the configuration's, then what the org added,
	// then what nobody configured.
	Policies(org, section string) ([]PolicyEntry, error)
	// PutPolicy adds or replaces what an org added; revision is policy.Any,
	// policy.New, policy.There or the one that it must have.
	PutPolicy(ctx context.Context, e PolicyEntry, revision int64) (kept PolicyEntry, created bool, err error)
	RemovePolicy(ctx context.Context, org, section, name string, revision int64) error
}

// policyRow is an alias, class or workload.
type policyRow struct {
	Name      string         `json:"name"`
	Source    PolicySource   `json:"source" enum:"configuration,api,default" doc:"configuration: in force for every org, read-only here; api: added here, in force for its org; default: nobody configured it"`
	Problem   *string        `json:"problem" doc:"why it isn't in force; null: it is"`
	ETag      *string        `json:"etag" doc:"what If-Match takes; null: it can't be changed here"`
	Changed   *time.Time     `json:"changed_at"`
	ChangedBy *string        `json:"changed_by"`
	Settings  jsontext.Value `json:"settings"`
}

type policyAnswer struct {
	Status int
	ETag   string `header:"ETag"`
	Body   policyRow
}

func (e *PolicyEntry) etag() string {
	if e.Source != FromAPI {
		return ""
	}
	return `"` + strconv.FormatInt(e.Revision, 10) + `"`
}

// shownPolicy shows an entry to an org, without names of accounts that aren't for it.
func shownPolicy(st *gateway.State, org string, e *PolicyEntry) policyRow {
	r := policyRow{Name: e.Name, Source: e.Source, Problem: orNull(e.Problem), ETag: orNull(e.etag()), ChangedBy: orNull(e.By), Settings: e.Settings}
	if !e.Changed.IsZero() {
		r.Changed = &e.Changed
	}
	if e.Source == FromConfiguration {
		r.Settings = withoutForeign(st, org, e.Settings)
	}
	return r
}

// withoutForeign leaves models out of settings whose account isn't for an org: whom
// it isn't for doesn't learn of it.
func withoutForeign(st *gateway.State, org string, settings []byte) []byte {
	var out bytes.Buffer
	dec, enc := jsontext.NewDecoder(bytes.NewReader(settings)), jsontext.NewEncoder(&out)
	for {
		tok, err := dec.ReadToken()
		if err != nil {
			return out.Bytes()
		}
		if tok.Kind() == '"' {
			account, _, slashed := strings.Cut(tok.String(), "/")
			if a := st.Accounts[account]; slashed && a != nil && !a.May(org) {
				continue
			}
		}
		if err := enc.WriteToken(tok); err != nil {
			return []byte("{}")
		}
	}
}

// revisionIf reads the preconditions of a change.
func revisionIf(match, noneMatch string) (int64, error) {
	switch {
	case noneMatch == "*":
		return policy.New, nil
	case noneMatch != "":
		return 0, huma.Error400BadRequest("If-None-Match: only * is understood")
	case match == "":
		return policy.Any, nil
	case match == "*":
		return policy.There, nil
	}
	n, err := strconv.ParseInt(strings.Trim(match, `"`), 10, 64)
	if err != nil || n <= 0 {
		return 0, huma.Error412PreconditionFailed("If-Match is no ETag of this: read it again")
	}
	return n, nil
}

// chained are the settings of an alias or a class.
type chained struct {
	Chain []string `json:"chain" doc:"models to try in order; a single one may stand alone"`
}

// workloadSettings are those of a workload.
type workloadSettings struct {
	Class    string   `json:"class,omitempty" enum:"high_volume,interactive,reasoning,long_context" doc:"what its requests need"`
	Chain    []string `json:"chain,omitempty" doc:"models to try in order; none: its class's"`
	Prefer   string   `json:"prefer,omitempty" enum:"order,cheap,fast,free" doc:"order of the chain's models"`
	Escalate *struct {
		To []string `json:"to" doc:"models to move to"`
		On []string `json:"on,omitempty" enum:"complex,tool_chain,failure,user_correction" doc:"what escalates"`
	} `json:"escalate,omitempty" doc:"when to move to stronger models"`
	Switch  []string `json:"switch,omitempty" doc:"models that a client may name instead; the session then stays on it"`
	Inherit string   `json:"inherit,omitempty" enum:"session" doc:"use the model that the session is on"`
	Timeout any      `json:"timeout,omitempty" doc:"one duration for the total, like 30s, or an object of connect, first_byte, idle and total"`
	Retry   *struct {
		Attempts int `json:"attempts,omitempty" minimum:"1" maximum:"20" doc:"most attempts for a turn"`
	} `json:"retry,omitempty"`
	When string `json:"when,omitempty" doc:"CEL over request facts: a request for auto takes the first workload whose rule is true"`
}

// policies serves what can be changed of aliases, classes and workloads. The list of
// workloads, with where they lead to, is served beside it.
func (m *Management) policies(api huma.API) {
	for _, s := range []struct {
		section, one string
		settings     any
		list         bool
	}{
		{"aliases", "alias", chained{}, true},
		{"classes", "class", chained{}, true},
		{"workloads", "workload", workloadSettings{}, false},
	} {
		all, one := "/api/v1/"+s.section, "/api/v1/"+s.section+"/{name}"
		if s.list {
			m.listPolicies(api, op("GET", all, "list-"+s.section, "The "+s.section+" in force, and what was added and isn't"), s.section)
		}
		get := op("GET", one, "get-"+s.one, "One of the "+s.section)
		huma.Register(api, get, func(ctx context.Context, in *struct {
			Name string `path:"name" maxLength:"128"`
			Org  string `query:"org" maxLength:"128" doc:"an operator may look at another org than the key's"`
		},
		) (*policyAnswer, error) {
			_, org, err := policyOrg(ctx, in.Org, identity.UseModels, identity.SeeOrgUsage)
			if err != nil {
				return nil, err
			}
			e, err := m.policyNamed(org, s.section, in.Name)
			if err != nil {
				return nil, err
			}
			if e == nil {
				return nil, huma.Error404NotFound("there is no " + s.one + " " + strconv.Quote(in.Name) + "; GET " + all + " lists them")
			}
			return &policyAnswer{http.StatusOK, e.etag(), shownPolicy(m.Gateway.State(), org, e)}, nil
		})
		put := op("PUT", one, "put-"+s.one, "Add or replace one of the "+s.section+" of an org, in force at the next request")
		put.Description = "If-Match replaces only what has that ETag, `If-None-Match: *` only adds. What the configuration names is read-only here."
		put.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		put.MaxBodyBytes, put.SkipValidateBody = policy.MaxValue, true
		huma.Register(api, put, func(ctx context.Context, in *struct {
			Name      string `path:"name" maxLength:"128"`
			Org       string `query:"org" maxLength:"128" doc:"an operator may change another org than the key's"`
			Match     string `header:"If-Match" maxLength:"64"`
			NoneMatch string `header:"If-None-Match" maxLength:"64"`
			RawBody   []byte `contentType:"application/json"`
		},
		) (*policyAnswer, error) {
			c, org, err := policyOrg(ctx, in.Org, identity.ManageOrg)
			if err != nil {
				return nil, err
			}
			revision, err := revisionIf(in.Match, in.NoneMatch)
			if err != nil {
				return nil, err
			}
			settings := jsontext.Value(in.RawBody).Clone() // the body's memory is used again
			if !settings.IsValid() || settings.Compact() != nil || settings.Kind() != '{' {
				return nil, huma.Error400BadRequest("the body is not a JSON object of settings, like {\"chain\": [\"provider/model\"]}")
			}
			e, created, err := m.Policies.PutPolicy(ctx, PolicyEntry{Org: org, Section: s.section, Name: in.Name, By: c.User, Settings: settings}, revision)
			if err != nil {
				return nil, m.refused(err)
			}
			m.Log.Info("the policy was changed", "org", org, s.one, in.Name, "by", c.User, "created", created)
			status := http.StatusOK
			if created {
				status = http.StatusCreated
			}
			return &policyAnswer{status, e.etag(), shownPolicy(m.Gateway.State(), org, &e)}, nil
		})
		put.RequestBody.Required = true
		put.RequestBody.Content["application/json"] = &huma.MediaType{Schema: described(s.settings)}
		remove := op("DELETE", one, "remove-"+s.one, "Remove one of the "+s.section+" that were added here")
		huma.Register(api, remove, func(ctx context.Context, in *struct {
			Name  string `path:"name" maxLength:"128"`
			Org   string `query:"org" maxLength:"128" doc:"an operator may change another org than the key's"`
			Match string `header:"If-Match" maxLength:"64"`
		},
		) (*struct{}, error) {
			c, org, err := policyOrg(ctx, in.Org, identity.ManageOrg)
			if err != nil {
				return nil, err
			}
			revision, err := revisionIf(in.Match, "")
			if err != nil {
				return nil, err
			}
			if err := m.Policies.RemovePolicy(ctx, org, s.section, in.Name, revision); err != nil {
				return nil, m.refused(err)
			}
			m.Log.Info("the policy was changed", "org", org, s.one, in.Name, "by", c.User, "removed", true)
			return nil, nil
		})
	}
}

// described is the schema of settings. The configuration's own reader checks them.
func described(settings any) *huma.Schema {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return huma.SchemaFromType(registry, reflect.TypeOf(settings))
}

// policyOrg is the org whose policy a caller looks at or changes.
func policyOrg(ctx context.Context, asked string, any ...identity.Action) (identity.Caller, string, error) {
	c, err := caller(ctx, any...)
	if err != nil {
		return c, "", err
	}
	org, err := orgOf(c, asked)
	return c, org, err
}

// policyNamed finds the entry of a name: what the org added before what the
// configuration says, so that what clashes can be removed; nil: there is none.
func (m *Management) policyNamed(org, section, name string) (*PolicyEntry, error) {
	all, err := m.Policies.Policies(org, section)
	if err != nil {
		return nil, m.failed("the "+section+" can't be shown", err)
	}
	var found *PolicyEntry
	for i := range all {
		if e := &all[i]; e.Name == name && (found == nil || e.Source == FromAPI) {
			found = e
		}
	}
	return found, nil
}

func (m *Management) listPolicies(api huma.API, o huma.Operation, section string) {
	huma.Register(api, o, func(ctx context.Context, in *struct {
		Org    string `query:"org" maxLength:"128" doc:"an operator may look at another org than the key's"`
		Limit  int    `query:"limit" default:"500" minimum:"1" maximum:"1000"`
		Cursor string `query:"cursor" maxLength:"256"`
	},
	) (*struct{ Body Page[policyRow] }, error) {
		_, org, err := policyOrg(ctx, in.Org, identity.UseModels, identity.SeeOrgUsage)
		if err != nil {
			return nil, err
		}
		all, err := m.Policies.Policies(org, section)
		if err != nil {
			return nil, m.failed("the "+section+" can't be shown", err)
		}
		key := func(e PolicyEntry) string { return string(e.Source) + " " + e.Name }
		if in.Cursor != "" {
			at := slices.IndexFunc(all, func(e PolicyEntry) bool { return key(e) == in.Cursor })
			if at < 0 {
				return nil, huma.Error400BadRequest("cursor: the list has changed since; begin again without one")
			}
			all = all[at+1:]
		}
		out := Page[policyRow]{Data: []policyRow{}}
		st := m.Gateway.State()
		for i := range all {
			if i == in.Limit {
				next := key(all[i-1])
				out.Next = &next
				break
			}
			out.Data = append(out.Data, shownPolicy(st, org, &all[i]))
		}
		return &struct{ Body Page[policyRow] }{out}, nil
	})
}
