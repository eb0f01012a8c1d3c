package httpapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/identity"
)

// StoredAccount is what is shown of an account that was added here.
type StoredAccount struct {
	Name, Type, Org string
	Revision        int64
	Off             string // why it isn't connected; "": it is
	Clash           bool   // the configuration has its name and wins
	Keys            []string
}

// Accounts are those that people add and remove while the server runs. An error
// that is a *Refusal is the caller's; org "" is the installation.
type Accounts interface {
	Stored() []StoredAccount
	// TryDraft tries what isn't added; call has a model answer, too.
	TryDraft(ctx context.Context, org, name string, options []byte, call bool) (func(func(Step) bool), error)
	Add(ctx context.Context, org, name string, options []byte) (StoredAccount, error)
	// Remove and ChangeKeys refuse another revision than the one named; 0 is any.
	Remove(ctx context.Context, name string, revision int64) error
	ChangeKeys(ctx context.Context, name string, revision int64, add, without string) (StoredAccount, error)
}

// Refusal is why a change isn't made, as an HTTP status and in words.
type Refusal struct {
	Status  int
	Message string
	Fields  []RefusedField // what is wrong with the body, where that is it
}

// RefusedField is what is wrong with a field, by its path.
type RefusedField struct{ Path, Problem string }

func (r *Refusal) Error() string { return r.Message }

// accountRow is an account after a change. No key is in it, only hints.
type accountRow struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Org     *string  `json:"org" doc:"null: of the installation"`
	Keys    []string `json:"keys" doc:"what turns call the keys: the first digits of their SHA-256"`
	Problem *string  `json:"problem"`
}

type accountAnswer struct {
	ETag string `header:"ETag"`
	Body accountRow
}

func answerOf(a StoredAccount) *accountAnswer {
	return &accountAnswer{`"` + strconv.FormatInt(a.Revision, 10) + `"`, accountRow{a.Name, a.Type, orNull(a.Org), a.Keys, orNull(a.Off)}}
}

// maxAccount bounds the options of an account.
const maxAccount = 256 << 10

// takesAccount has an operation take an account as its body, which is described
// and required or not once the operation is registered. The configuration's own
// reader checks it: it knows every option.
func takesAccount(o *huma.Operation) (described func(required bool)) {
	body := &huma.RequestBody{Content: map[string]*huma.MediaType{}}
	o.RequestBody, o.MaxBodyBytes, o.SkipValidateBody = body, maxAccount, true
	return func(required bool) {
		text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
		body.Required = required
		body.Content["application/json"] = &huma.MediaType{Schema: &huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: true, Description: "A provider's options, named as in the configuration; nothing in them expands",
			Properties: map[string]*huma.Schema{
				"name": text("its type when absent"), "type": text("kind of provider"), "base_url": text("overrides the type's address"),
				"api_key": {Type: huma.TypeString, WriteOnly: true},
			},
		}}
	}
}

// accountOf reads an account that somebody sends: its name beside its options.
func accountOf(body []byte) (name string, options []byte, err error) {
	var all map[string]jsontext.Value
	if err := json.Unmarshal(body, &all); err != nil || all == nil {
		return "", nil, huma.Error400BadRequest("the body is not a JSON object of a provider's options")
	}
	for _, field := range []string{"type", "name"} { // the name is the type's unless it is said
		if raw, said := all[field]; said && json.Unmarshal(raw, &name) != nil {
			return "", nil, huma.Error422UnprocessableEntity(field + " is not a text")
		}
	}
	delete(all, "name")
	options, err = json.Marshal(all, json.Deterministic(true))
	return name, options, err
}

// owner is whose the accounts are that a caller adds.
func owner(c identity.Caller) string {
	if c.Role.May(identity.Operate) {
		return ""
	}
	return c.Org
}

// refused turns an error of a change into a problem.
func (m *Management) refused(err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		details := make([]error, len(r.Fields))
		for i, f := range r.Fields {
			details[i] = &huma.ErrorDetail{Message: f.Problem, Location: f.Path}
		}
		return huma.NewError(r.Status, r.Message, details...)
	}
	return m.failed("the change can't be made", err)
}

// mine finds an account that the caller may change.
func (m *Management) mine(ctx context.Context, name, match string) (revision int64, err error) {
	c, err := caller(ctx, identity.ManageOrg)
	if err != nil {
		return 0, err
	}
	for _, a := range m.storedAccounts() {
		switch {
		case a.Name != name:
		case owner(c) == "" || a.Org == c.Org:
			return revisionOf(match)
		case a.Org == "" && m.visible(c, name):
			return 0, huma.Error403Forbidden(name + " belongs to the installation: an operator may change it")
		}
	}
	if m.visible(c, name) {
		return 0, huma.Error409Conflict(name + " is of the configuration or the environment: change it there")
	}
	return 0, huma.Error404NotFound("there is no provider " + name + "; GET /api/v1/providers lists them")
}

func (m *Management) visible(c identity.Caller, name string) bool {
	a := m.Gateway.State().Accounts[name]
	return a != nil && (a.May(c.Org) || c.Role.May(identity.Operate))
}

func revisionOf(match string) (int64, error) {
	if match == "" || match == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(match, `"`), 10, 64)
	if err != nil || n <= 0 {
		return 0, huma.Error412PreconditionFailed("If-Match is no ETag of this provider: read it again")
	}
	return n, nil
}

func (m *Management) accounts(api huma.API) {
	add := op("POST", "/api/v1/providers", "add-provider", "Add a provider: its options as in the configuration, and a name")
	add.DefaultStatus = http.StatusCreated
	described := takesAccount(&add)
	add.Description = "The account is tried first and not added where its key is refused, unless force is true. Keys are write-only."
	huma.Register(api, add, func(ctx context.Context, in *struct {
		Force   string `query:"force" enum:"true,false"`
		RawBody []byte `contentType:"application/json"`
	},
	) (*accountAnswer, error) {
		c, err := caller(ctx, identity.ManageOrg)
		if err != nil {
			return nil, err
		}
		name, options, err := accountOf(in.RawBody)
		if err != nil {
			return nil, err
		}
		if in.Force != "true" {
			if err := m.good(ctx, owner(c), name, options); err != nil {
				return nil, err
			}
		}
		a, err := m.Accounts.Add(ctx, owner(c), name, options)
		if err != nil {
			return nil, m.refused(err)
		}
		m.Log.Info("a provider was added", "provider", name, "by", c.User)
		return answerOf(a), nil
	})
	described(true)
	get := op("GET", "/api/v1/providers/{provider}", "get-provider", "A provider that was added here")
	huma.Register(api, get, func(ctx context.Context, in *struct {
		Provider string `path:"provider" maxLength:"128"`
	},
	) (*accountAnswer, error) {
		if _, err := m.mine(ctx, in.Provider, ""); err != nil {
			return nil, err
		}
		for _, a := range m.storedAccounts() {
			if a.Name == in.Provider {
				return answerOf(a), nil
			}
		}
		return nil, huma.Error404NotFound("it was removed just now")
	})
	remove := op("DELETE", "/api/v1/providers/{provider}", "remove-provider", "Remove a provider that was added here; requests under way go on")
	huma.Register(api, remove, func(ctx context.Context, in *struct {
		Provider string `path:"provider" maxLength:"128"`
		Match    string `header:"If-Match" maxLength:"64"`
	},
	) (*struct{}, error) {
		revision, err := m.mine(ctx, in.Provider, in.Match)
		if err == nil {
			err = m.Accounts.Remove(ctx, in.Provider, revision)
			if err != nil {
				err = m.refused(err)
			}
		}
		return nil, err
	})
	addKey := op("POST", "/api/v1/providers/{provider}/keys", "add-provider-key", "Give a provider one more key; it is never shown again")
	addKey.DefaultStatus, addKey.MaxBodyBytes = http.StatusCreated, maxAccount
	huma.Register(api, addKey, func(ctx context.Context, in *struct {
		Provider string `path:"provider" maxLength:"128"`
		Match    string `header:"If-Match" maxLength:"64"`
		Body     struct {
			Key string `json:"key" minLength:"1" maxLength:"16384" writeOnly:"true"`
		}
	},
	) (*accountAnswer, error) {
		return m.changeKeys(ctx, in.Provider, in.Match, in.Body.Key, "")
	})
	removeKey := op("DELETE", "/api/v1/providers/{provider}/keys/{hint}", "remove-provider-key", "Take a key away, named by its hint")
	huma.Register(api, removeKey, func(ctx context.Context, in *struct {
		Provider string `path:"provider" maxLength:"128"`
		Hint     string `path:"hint" minLength:"8" maxLength:"8"`
		Match    string `header:"If-Match" maxLength:"64"`
	},
	) (*accountAnswer, error) {
		return m.changeKeys(ctx, in.Provider, in.Match, "", in.Hint)
	})
}

func (m *Management) changeKeys(ctx context.Context, name, match, add, without string) (*accountAnswer, error) {
	revision, err := m.mine(ctx, name, match)
	if err != nil {
		return nil, err
	}
	a, err := m.Accounts.ChangeKeys(ctx, name, revision, add, without)
	if err != nil {
		return nil, m.refused(err)
	}
	return answerOf(a), nil
}

// good tries an account's key and list before it is added.
func (m *Management) good(ctx context.Context, org, name string, options []byte) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	steps, err := m.Accounts.TryDraft(ctx, org, name, options, false)
	if err != nil {
		return m.refused(err)
	}
	if !m.checking.TryLock() {
		return huma.Error409Conflict("a provider is being tested already; try again when that is done")
	}
	defer m.checking.Unlock()
	for step := range steps {
		if step.Refused {
			return huma.Error422UnprocessableEntity("not added: " + step.Says + "; force=true adds it all the same")
		}
	}
	return nil
}

// draft is the account in the body of a test; nil: there is none.
func (m *Management) draft(ctx context.Context, c identity.Caller, name string, body []byte) (func(func(Step) bool), error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	_, options, err := accountOf(body)
	if err != nil {
		return nil, err
	}
	steps, err := m.Accounts.TryDraft(ctx, owner(c), name, options, true)
	if err != nil {
		return nil, m.refused(err)
	}
	return steps, nil
}
