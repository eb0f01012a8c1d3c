package provider

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Options is what an account is made of. Name and Profile are required.
type Options struct {
	Name    string
	Profile *Profile
	BaseURL string // as the vendor's SDK takes it; "" is the profile's
	Keys    []string
	// Formats says which formats BaseURL speaks, with an address of their own
	// where the value isn't empty; nil is the profile's rule.
	Formats map[llm.Format]string
	Headers map[string]string
	// Secrets are what nobody may be told of the account besides Keys.
	Secrets []string
	Timeout Timeout
	Proxy   string
	CAFile  string
	// Dial makes connections; nil is the network's way. Its context ends with
	// the connect timeout.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Public lets connections go to public addresses alone, past the environment's
	// proxy: for accounts of people who may not look into this network.
	Public bool
	Orgs   []string // who may use it; empty: all
	Now    func() time.Time
	// ModelsTTL is how long the model list is believed.
	ModelsTTL time.Duration
	// Settings are the options of the profile's type, by name.
	Settings map[string]string
	// Deployments are the names under which models stand here, by model.
	Deployments map[string]string
}

// Timeout limits an attempt in time; zero is no limit.
type Timeout struct{ Connect, FirstByte, Idle, Total time.Duration }

// Under is t with what more says in its place.
func (t Timeout) Under(more Timeout) Timeout {
	return Timeout{
		cmp.Or(more.Connect, t.Connect), cmp.Or(more.FirstByte, t.FirstByte), cmp.Or(more.Idle, t.Idle), cmp.Or(more.Total, t.Total),
	}
}

// connectKey is for the limit of [WithConnect].
type connectKey struct{}

// WithConnect has connections that are made for a request stand within limit, in
// the place of the account's limit; 0 leaves that.
func WithConnect(ctx context.Context, limit time.Duration) context.Context {
	if limit <= 0 {
		return ctx
	}
	return context.WithValue(ctx, connectKey{}, limit)
}

// Account is one upstream account. It is safe for concurrent use.
type Account struct {
	Name      string
	Profile   *Profile
	Timeout   Timeout
	Orgs      []string
	ModelsTTL time.Duration

	now           func() time.Time
	endpoints     []endpoint // richest first
	listing       *endpoint  // where the model list is; nil: at the endpoint of its format
	pool          *keyPool
	secrets       []string // see Redact
	option, place string   // see Place
	// deployments are the names that models have here.
	deployments map[string]string
	// transport is used without a client: redirects are answers here, there are
	// no cookies, and a client copies every header.
	transport *http.Transport

	targets     sync.Map // targetKey → wire.Target
	targetCount atomic.Int64
	// gone holds formats that the server answered 404 or 405 for.
	gone sync.Map // llm.Format → struct{}
}

type endpoint struct {
	format llm.Format
	base   *url.URL
	auth   Auth
	header http.Header // fixed headers, canonical names
	query  url.Values
	models served
	shape  Shape
	set    map[string][]byte // Shape.Set as JSON
	probed bool              // assumed, not known: dropped on 404 or 405
	keeps  bool              // see Endpoint
}

type targetKey struct {
	model  string
	format llm.Format
}

// NewAccount makes an account. The error names the option at fault.
func NewAccount(o Options) (*Account, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Account{Name: o.Name, Profile: o.Profile, Timeout: o.Timeout, Orgs: o.Orgs, ModelsTTL: o.ModelsTTL, now: o.Now, deployments: o.Deployments}
	if err := a.addEndpoints(o); err != nil {
		return nil, fmt.Errorf("provider %s: %w", o.Name, err)
	}
	a.secrets = secretsOf(o)
	a.pool = newKeyPool(o.Keys, o.Profile.Auth.Prefix, o.Now)
	transport, err := newTransport(o)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", o.Name, err)
	}
	a.transport = transport
	if err := a.addIdentity(o); err != nil {
		return nil, fmt.Errorf("provider %s: %w", o.Name, err)
	}
	return a, nil
}

func (a *Account) addEndpoints(o Options) error {
	v, err := o.values()
	if err != nil {
		return err
	}
	for _, opt := range o.Profile.Options {
		if opt.Place {
			a.option, a.place = opt.Name, v[opt.Name]
		}
	}
	own, err := o.Profile.ownHost(o.BaseURL)
	if err != nil {
		return err
	}
	for i, e := range o.Profile.Endpoints {
		if len(v.lacks(e, o.BaseURL != "")) > 0 {
			continue
		}
		if slices.ContainsFunc(a.endpoints, func(ep endpoint) bool { return ep.format == e.Format && ep.models == o.Profile.models[i] }) {
			continue
		}
		e.Suffix = v.expand(e.Suffix)
		base, probed, ok := e.at(o, own)
		if !ok {
			continue
		}
		ep, err := newEndpoint(v.expand(base), o)
		if err != nil {
			return err
		}
		ep.format, ep.probed, ep.models, ep.shape, ep.keeps = e.Format, probed, o.Profile.models[i], e.Shape, e.Keeps
		if e.Auth != nil {
			ep.auth = *e.Auth
		}
		for _, hs := range []map[string]string{e.Headers, o.Headers} {
			for k, v := range hs {
				ep.header.Set(k, v)
			}
		}
		for k, q := range e.Query {
			if ep.query == nil {
				ep.query = url.Values{}
			}
			ep.query.Set(k, v.expand(q))
		}
		ep.prepare()
		a.endpoints = append(a.endpoints, ep)
	}
	if len(a.endpoints) == 0 {
		return fmt.Errorf("speaks none of the formats that are asked of it: check formats")
	}
	return a.addListing(o, v)
}

// newEndpoint makes what is the same at every address of an account.
func newEndpoint(base string, o Options) (endpoint, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return endpoint{}, fmt.Errorf("base_url %q is not an http or https address", base)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	ep := endpoint{base: u, auth: o.Profile.Auth, header: http.Header{}}
	for _, hs := range []map[string]string{o.Profile.Headers, o.Headers} {
		for k, v := range hs {
			ep.header.Set(k, v)
		}
	}
	ep.header["Accept-Encoding"] = identity
	ep.header["User-Agent"] = userAgent
	return ep, nil
}

// at is where an account speaks the endpoint's format: probed when that is only
// assumed, not ok when it doesn't. own is the address of the account's base_url
// where that is the vendor's.
func (e *Endpoint) at(o Options, own *url.URL) (base string, probed, ok bool) {
	said, listed := o.Formats[e.Format]
	assumed := o.Formats == nil && !e.Deprecated
	probed = e.Probe && assumed
	switch {
	case said != "":
		return withSuffix(said, e.Suffix), false, true
	case own != nil && (listed || assumed):
		return e.movedTo(own), false, true
	case o.BaseURL == "":
		return e.Base, probed, listed || assumed
	case listed, assumed && (e.Override || e.Probe):
		return withSuffix(o.BaseURL, e.Suffix), probed, true
	}
	return "", false, false
}

// movedTo is the endpoint's address at another host of the vendor's.
func (e *Endpoint) movedTo(own *url.URL) string {
	u, err := url.Parse(e.Base)
	if err != nil {
		return e.Base
	}
	u.Scheme, u.Host = own.Scheme, own.Host
	return u.String()
}

// ownHost returns the address of a base_url at one of the vendor's own hosts, nil
// for any other.
func (p *Profile) ownHost(baseURL string) (*url.URL, error) {
	if baseURL == "" || p.hosts == nil {
		return nil, nil
	}
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("base_url %q can't be read: %w", baseURL, err)
	}
	if !p.hosts.MatchString(u.Host) {
		return nil, nil
	}
	return u, nil
}

var (
	identity  = []string{"identity"}
	userAgent = []string{"oido"}
	jsonType  = []string{"application/json"}
)

// withSuffix adds what the vendor's SDK would, but for what is there already. A
// base that ends in a version stands as it is, where the suffix does too.
func withSuffix(base, suffix string) string {
	base = strings.TrimRight(base, "/")
	if suffix == "" {
		return base
	}
	_, host, _ := strings.Cut(base, "://")
	has, wants := strings.Split(host, "/")[1:], strings.Split(suffix[1:], "/")
	for n := min(len(has), len(wants)); n > 0; n-- {
		if slices.Equal(has[len(has)-n:], wants[:n]) {
			return strings.Join(append([]string{base}, wants[n:]...), "/")
		}
	}
	if n := len(has); n > 0 && isVersion(has[n-1]) {
		if isVersion(wants[len(wants)-1]) {
			return base
		}
		return withSuffix(strings.TrimSuffix(base, "/"+has[n-1]), suffix)
	}
	return base + suffix
}

func isVersion(s string) bool {
	return len(s) >= 2 && s[0] == 'v' && s[1] >= '0' && s[1] <= '9'
}

func newTransport(o Options) (*http.Transport, error) {
	connect := o.Timeout.Connect
	if connect <= 0 {
		connect = 10 * time.Second
	}
	dialer := &net.Dialer{KeepAlive: 30 * time.Second}
	if o.Public {
		dialer.Control = onlyPublic
	}
	connection := dialer.DialContext
	if o.Dial != nil {
		connection = o.Dial
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		limit := connect
		if d, said := ctx.Value(connectKey{}).(time.Duration); said {
			limit = d
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return connection(ctx, network, address)
	}
	t := &http.Transport{
		DialContext:         dial,
		TLSHandshakeTimeout: connect,
		MaxIdleConns:        2048, MaxIdleConnsPerHost: 1024,
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 1 << 20,
		Proxy:                  http.ProxyFromEnvironment,
	}
	if o.Public {
		t.Proxy = nil
	}
	if o.Proxy != "" {
		u, err := url.Parse(o.Proxy)
		if err != nil {
			return nil, fmt.Errorf("proxy is not an address")
		}
		t.Proxy = http.ProxyURL(u)
	}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %s holds no PEM certificate", o.CAFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return t, nil
}

// Close lets go of idle connections.
func (a *Account) Close() { a.transport.CloseIdleConnections() }

// Speaks says whether the account speaks a format.
func (a *Account) Speaks(f llm.Format) bool { return a.endpoint(f, "") != nil }

// Keeps says whether answers are kept where a model is called in a format, for
// requests that go on from them by their id.
func (a *Account) Keeps(f llm.Format, model string) bool {
	ep := a.endpoint(f, model)
	return ep != nil && ep.keeps
}

// Counts says whether the tokens of a model's prompt can be asked for in a format.
func (a *Account) Counts(f llm.Format, model string) bool {
	ep := a.endpoint(f, model)
	return ep != nil && ep.counts()
}

// Address is where the account speaks a format; "" where it doesn't.
func (a *Account) Address(f llm.Format) string {
	if ep := a.endpoint(f, ""); ep != nil {
		return ep.base.String()
	}
	return ""
}

// Place is the option that says where in the world requests go, and what it
// says; "" where the type has none or it isn't said.
func (a *Account) Place() (option, place string) {
	if a.place == "" {
		return "", ""
	}
	return a.option, a.place
}

// Serves says whether there is a format to call a model in.
func (a *Account) Serves(model string) bool {
	return slices.ContainsFunc(a.endpoints, func(ep endpoint) bool { return ep.serves(model) })
}

// Format returns the format to call a model in: the client's own where it is
// spoken, so that bytes can pass through, else the richest.
func (a *Account) Format(client llm.Format, model string) llm.Format {
	if a.endpoint(client, model) != nil {
		return client
	}
	for i := range a.endpoints {
		if _, gone := a.gone.Load(a.endpoints[i].format); !gone && a.endpoints[i].serves(model) {
			return a.endpoints[i].format
		}
	}
	return a.endpoints[0].format
}

// EmbedFormat returns the format to ask the account for embeddings of a model in:
// the client's own where it has them in that, else any. false: it has none.
func (a *Account) EmbedFormat(client llm.Format, model string) (llm.Format, bool) {
	for _, own := range []bool{true, false} {
		for i := range a.Profile.Embeddings {
			e := &a.Profile.Embeddings[i]
			if e.of(model) && (e.Format == client || !own) && a.endpoint(e.Format, model) != nil {
				return e.Format, true
			}
		}
	}
	return "", false
}

// endpoint is where a model is called in a format; nil: nowhere. "" is any model.
func (a *Account) endpoint(f llm.Format, model string) *endpoint {
	for i := range a.endpoints {
		if a.endpoints[i].format == f && a.endpoints[i].serves(model) {
			if a.endpoints[i].probed {
				if _, gone := a.gone.Load(f); gone {
					return nil
				}
			}
			return &a.endpoints[i]
		}
	}
	return nil
}

// Refused tells the account that an endpoint answered with this status. It
// reports whether the format was only assumed to be spoken and is dropped now,
// so that the request may be sent again in another one.
func (a *Account) Refused(f llm.Format, status int) bool {
	if status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		return false
	}
	for i := range a.endpoints {
		if a.endpoints[i].format == f && a.endpoints[i].probed {
			a.gone.Store(f, struct{}{})
			return true
		}
	}
	return false
}

// maxTargets bounds the cache of targets: clients choose model names.
const maxTargets = 4096

// Target returns what a format's encoder must know of one model here.
func (a *Account) Target(model string, f llm.Format, key Key) wire.Target {
	k := targetKey{model, f}
	v, _ := a.targets.Load(k)
	t, ok := v.(wire.Target)
	if !ok {
		t = a.Profile.target(model, f)
		if name, deployed := a.deployments[model]; deployed {
			t.Model = name
		}
		if a.targetCount.Add(1) <= maxTargets {
			a.targets.Store(k, t)
		}
	}
	t.Origin = llm.Origin{Provider: a.Name, Model: model, Account: key.Hint}
	return t
}

// Pick returns the key to use, past those in tried: that of the conversation, or
// the next one where conversation is "". false: none is left.
func (a *Account) Pick(tried []Key, conversation string) (Key, bool) {
	return a.pool.pick(tried, conversation)
}

// Same returns the key of a hint, unless it rests, is in tried, or is none of the
// account's (any more).
func (a *Account) Same(tried []Key, hint string) (Key, bool) {
	return a.pool.same(tried, hint)
}

// CacheLifetime is how long the provider keeps the beginning of a model's prompts in
// its cache after they were last used; 0: nobody knows.
func (a *Account) CacheLifetime(model string) time.Duration {
	for i := range a.Profile.PromptCache {
		if c := &a.Profile.PromptCache[i]; c.re.MatchString(model) {
			return c.Lifetime
		}
	}
	return 0
}

// Soonest returns the key to use in spite of its rest, which ends first of those
// past tried. false: none is left.
func (a *Account) Soonest(tried []Key) (Key, bool) { return a.pool.soonest(tried) }

// Hints are those of the account's keys, which must not be changed; a single "" for
// an account without any.
func (a *Account) Hints() []string { return a.pool.hints }

// Resting is how long it takes until a key may be used again, where all rest.
func (a *Account) Resting() time.Duration { return a.pool.resting() }

// Rest puts a key aside after an error that is the key's own.
func (a *Account) Rest(k Key, e *llm.Error) { a.pool.rest(k, e) }

// Send sends a request, once more where only its proof of identity was too old,
// and returns the answer as it came. The error is an *llm.Error: of the context,
// or that the provider could not be reached or asked.
func (a *Account) Send(ctx context.Context, f llm.Format, out wire.Outbound, client http.Header, key Key) (*http.Response, error) {
	ep := a.endpoint(f, out.Model)
	if ep == nil {
		if a.Speaks(f) {
			return nil, llm.Errorf(llm.KindNotBuilt, "%s can't be asked for %s yet: no format that it takes is spoken", a.Name, out.Model)
		}
		return nil, llm.Errorf(llm.KindUpstream, "%s does not speak %s", a.Name, f)
	}
	if err := ep.apply(&out, a.deployed(out.Model), client); err != nil {
		if out.Sent != nil {
			out.Sent()
		}
		return nil, err
	}
	p := newParcel(out)
	defer p.let()
	resp, err := a.deliver(ctx, http.MethodPost, ep, out, p, client, key)
	if err == nil && out.Stream {
		ep.unpack(resp)
	}
	return resp, err
}

// Get reads a path below the endpoint of a format.
func (a *Account) Get(ctx context.Context, f llm.Format, path string, query url.Values, key Key) (*http.Response, error) {
	ep := a.endpoint(f, "")
	if ep == nil {
		return nil, llm.Errorf(llm.KindUpstream, "%s does not speak %s", a.Name, f)
	}
	return a.deliver(ctx, http.MethodGet, ep, wire.Outbound{Path: path, Query: query}, nil, nil, key)
}

// Delete has something deleted that one of the keys made, at a path below where a
// model is called in a format. What isn't there is deleted.
func (a *Account) Delete(ctx context.Context, f llm.Format, model, path, hint string) error {
	ep := a.endpoint(f, model)
	key, known := a.pool.named(hint)
	if ep == nil || !known {
		return llm.Errorf(llm.KindUpstream, "%s has no such key any more, or does not speak %s", a.Name, f)
	}
	resp, err := a.deliver(ctx, http.MethodDelete, ep, wire.Outbound{Path: path}, nil, nil, key)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 && resp.StatusCode != http.StatusNotFound {
		return llm.Errorf(llm.KindUpstream, "%s answered a deletion with status %d", a.Name, resp.StatusCode)
	}
	return nil
}

func (a *Account) request(ctx context.Context, method string, ep *endpoint, out wire.Outbound, p *parcel, client http.Header, key Key) *http.Request {
	u := *ep.base
	u.Path += out.Path
	if strings.Contains(out.Path, "%") {
		// The path comes escaped where a model's name holds a slash.
		u.RawPath = u.Path
		if plain, err := url.PathUnescape(u.Path); err == nil {
			u.Path = plain
		} else {
			u.RawPath = ""
		}
	}
	if len(ep.query)+len(out.Query) > 0 {
		query := maps.Clone(ep.query)
		if query == nil {
			query = url.Values{}
		}
		maps.Copy(query, out.Query)
		u.RawQuery = query.Encode()
	}
	h := make(http.Header, len(ep.header)+len(out.Header)+4)
	for k, v := range ep.header {
		h[k] = v
	}
	for _, name := range a.Profile.Pass {
		name = http.CanonicalHeaderKey(name)
		if v := client[name]; len(v) > 0 {
			h[name] = v
		}
	}
	for k, v := range out.Header {
		h[k] = v
	}
	for _, name := range ep.shape.DropHeaders {
		delete(h, http.CanonicalHeaderKey(name))
	}
	if ep.auth.Header != "" && key.value != "" {
		h[http.CanonicalHeaderKey(ep.auth.Header)] = []string{key.value}
	}
	r := &http.Request{Method: method, URL: &u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if method == http.MethodPost {
		h["Content-Type"] = jsonType
		r.ContentLength = int64(len(out.Body))
		r.Body = p.open()
		r.GetBody = func() (io.ReadCloser, error) { return p.open(), nil }
	}
	return r.WithContext(ctx)
}

func (a *Account) roundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.transport.RoundTrip(r)
	if err == nil {
		return resp, nil
	}
	ctx := r.Context()
	if cause := context.Cause(ctx); cause != nil {
		return nil, llm.AsError(cause)
	}
	return nil, &llm.Error{Kind: llm.KindUpstream, Provider: a.Name, Message: "cannot reach " + a.Name + ": " + Discreet(err).Error(), Err: err}
}

// May says whether an org may use the account.
func (a *Account) May(org string) bool { return len(a.Orgs) == 0 || slices.Contains(a.Orgs, org) }
