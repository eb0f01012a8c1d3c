package provider

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// prepare readies what an endpoint changes of requests.
func (ep *endpoint) prepare() {
	for name, value := range ep.shape.Set {
		if ep.set == nil {
			ep.set = map[string][]byte{}
		}
		ep.set[name] = scan.Quote(value)
	}
}

// serves says whether a model is served at the endpoint; "" is any.
func (ep *endpoint) serves(model string) bool {
	return model == "" || ep.models.has(model)
}

// deployed is the name under which a model stands here.
func (a *Account) deployed(model string) string {
	if name, ok := a.deployments[model]; ok {
		return name
	}
	return model
}

// counts says whether the tokens of a prompt can be asked for. Where the address is
// the model's, whatever is sent there is one more prompt for it.
func (ep *endpoint) counts() bool { return ep.shape.Path == "" || ep.shape.CountPath != "" }

// apply gives a request the shape that it has at the endpoint.
func (ep *endpoint) apply(out *wire.Outbound, model string, client http.Header) error {
	path, drop := ep.shape.Path, ep.shape.Drop
	switch {
	case out.Embeds:
		path = ep.shape.EmbedPath
	case out.Counts:
		if !ep.counts() {
			return llm.Errorf(llm.KindNotBuilt, "the tokens of a prompt can't be asked for there")
		}
		path, drop = ep.shape.CountPath, nil
	case out.Stream && ep.shape.StreamPath != "":
		path = ep.shape.StreamPath
	}
	if path != "" {
		// A colon is left alone in a path by rule, but signatures are taken over
		// the escaped one.
		escaped := strings.ReplaceAll(url.PathEscape(model), ":", "%3A")
		out.Path = strings.ReplaceAll(path, "{model}", escaped)
	}
	edits := ep.flag(out, client)
	if len(drop)+len(ep.set)+len(edits) == 0 {
		return nil
	}
	for _, name := range drop {
		edits = append(edits, scan.Edit{Name: name, Drop: true})
	}
	for _, name := range slices.Sorted(maps.Keys(ep.set)) {
		edits = append(edits, scan.Edit{Name: name, Value: ep.set[name]})
	}
	body, err := scan.Splice(out.Body, edits)
	if err != nil {
		return llm.Errorf(llm.KindBadRequest, "%w", err)
	}
	out.Body = body
	return nil
}

// flag takes over what the client asks for by name: into a header, or as the
// edit of the body that is returned.
func (ep *endpoint) flag(out *wire.Outbound, client http.Header) []scan.Edit {
	f := ep.shape.Flags
	if f == nil {
		return nil
	}
	var names []string
	for _, line := range client.Values(f.Header) {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" && f.only.MatchString(name) {
				names = append(names, name)
			}
		}
	}
	switch {
	case len(names) == 0:
		return nil
	case f.Field == "":
		h := maps.Clone(out.Header)
		if h == nil {
			h = http.Header{}
		}
		h.Set(f.Header, strings.Join(names, ","))
		out.Header = h
		return nil
	case scan.Member(out.Body, f.Field) != nil:
		return nil // said in the body already
	}
	list := []byte{'['}
	for i, name := range names {
		if i > 0 {
			list = append(list, ',')
		}
		list = scan.AppendQuote(list, name)
	}
	return []scan.Edit{{Name: f.Field, Value: append(list, ']')}}
}

// deliver sends a request whose shape is final, with the proof of who sends it.
// Where that has grown too old, it is renewed once.
func (a *Account) deliver(ctx context.Context, method string, ep *endpoint, out wire.Outbound, p *parcel, client http.Header, key Key) (*http.Response, error) {
	for renewed := false; ; renewed = true {
		r := a.request(ctx, method, ep, out, p, client, key)
		if key.auth != nil {
			if err := a.authorize(r, out.Body, key); err != nil {
				return nil, err
			}
		}
		resp, err := a.roundTrip(r)
		if err != nil || key.auth == nil || resp.StatusCode < 400 {
			return resp, err
		}
		if resp.StatusCode == http.StatusUnauthorized && !renewed && key.auth.Renew(r) {
			_ = resp.Body.Close() // its words are those of a token that isn't used again
			continue
		}
		return a.explained(resp, key)
	}
}

func (a *Account) authorize(r *http.Request, body []byte, key Key) error {
	err := key.auth.Authorize(r.Context(), r, body)
	if err == nil {
		return nil
	}
	if cause := context.Cause(r.Context()); cause != nil {
		return llm.AsError(cause)
	}
	e := *llm.AsError(err)
	e.Provider = a.Name
	if e.Kind == llm.KindUpstream && e.Err != nil {
		e.Err = Discreet(e.Err)
	}
	return &e
}

// maxExplained is how much of a refusal is read to find out what it means.
const maxExplained = 8 << 10

// explained returns a refusal as it came, or what it means where the identity
// knows better.
func (a *Account) explained(resp *http.Response, key Key) (*http.Response, error) {
	head, err := io.ReadAll(io.LimitReader(resp.Body, maxExplained))
	if e := key.auth.Explain(resp.StatusCode, resp.Header, head); e != nil {
		_ = resp.Body.Close() // all that matters of it was read
		e.Provider, e.Raw = a.Name, wire.Kept(head)
		return nil, e
	}
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = failing{err}
	}
	resp.Body = readCloser{io.MultiReader(bytes.NewReader(head), rest), resp.Body}
	return resp, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
