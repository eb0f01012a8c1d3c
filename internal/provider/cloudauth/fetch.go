package cloudauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/jwt"

	"github.com/oidostudio/oido/internal/llm"
)

// Bounds of files that are read.
const (
	maxCredentials = 64 << 10
	maxTokenFile   = 64 << 10
	// tokenFileFor is how long a token out of a file is used before the file is
	// looked at again: whoever writes it says nothing of expiry.
	tokenFileFor = renewBefore + time.Minute
)

const (
	googleTokenURL = "https://oauth2.googleapis.com/token"
	entraAuthority = "https://login.microsoftonline.com"
)

// credentials is the file that Google gives for a service account, or that its
// command line writes for a user.
type credentials struct {
	Type         string `json:"type"`
	Email        string `json:"client_email"`
	PrivateKey   string `json:"private_key"`
	PrivateKeyID string `json:"private_key_id"`
	TokenURL     string `json:"token_uri"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`
	// Quota is the project that pays for what a user asks for.
	Quota string `json:"quota_project_id"`
}

// NamesFile says whether credentials are the path to a file, and not the file.
func NamesFile(credentials string) bool {
	text := strings.TrimSpace(credentials)
	return text != "" && !strings.HasPrefix(text, "{")
}

// readCredentials reads credentials, which are the file itself or a path to it.
func readCredentials(said string) (c credentials, err error) {
	text := []byte(said)
	if NamesFile(said) {
		if text, err = readAtMost(said, maxCredentials); err != nil {
			return c, fmt.Errorf("credentials: %w", err)
		}
	}
	if json.Unmarshal(text, &c) != nil {
		// What the decoder says could quote the private key.
		return c, errors.New("credentials are not a file of Google's: they are not JSON")
	}
	if strings.ContainsFunc(c.Quota, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return c, errors.New("quota_project_id of the credentials is no project's id")
	}
	if c.TokenURL == "" {
		c.TokenURL = googleTokenURL
	}
	return c, checkTokenURL("token_uri of the credentials", c.TokenURL)
}

// googleFetch returns how tokens are fetched with credentials, and whose they are.
func googleFetch(c credentials, o Options) (fetch func(context.Context) (token, error), who string, err error) {
	switch c.Type {
	case "service_account":
		if c.Email == "" || c.PrivateKey == "" {
			return nil, "", errors.New("credentials lack client_email or private_key")
		}
		conf := &jwt.Config{
			Email: c.Email, PrivateKey: []byte(c.PrivateKey), PrivateKeyID: c.PrivateKeyID,
			Scopes: []string{o.Scope}, TokenURL: c.TokenURL,
		}
		return exchange(o, func(ctx context.Context) (*oauth2.Token, error) { return conf.TokenSource(ctx).Token() }), c.Email, nil
	case "authorized_user":
		conf := &oauth2.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret, Endpoint: oauth2.Endpoint{TokenURL: c.TokenURL}}
		return exchange(o, func(ctx context.Context) (*oauth2.Token, error) {
			return conf.TokenSource(ctx, &oauth2.Token{RefreshToken: c.RefreshToken}).Token()
		}), c.ClientID + c.RefreshToken, nil
	}
	return nil, "", fmt.Errorf("credentials of type %.40q are not taken: use those of a service account, or of a user", c.Type)
}

// entraFetch returns how tokens are fetched for an application of Entra.
func entraFetch(o Options) (func(context.Context) (token, error), error) {
	authority := o.Setting["authority"]
	if authority == "" {
		authority = entraAuthority
	}
	if err := checkTokenURL("authority", authority); err != nil {
		return nil, err
	}
	conf := &clientcredentials.Config{
		ClientID: o.Setting["client_id"], ClientSecret: o.Setting["client_secret"], Scopes: []string{o.Scope},
		TokenURL:  strings.TrimRight(authority, "/") + "/" + url.PathEscape(o.Setting["tenant_id"]) + "/oauth2/v2.0/token",
		AuthStyle: oauth2.AuthStyleInParams,
	}
	return exchange(o, conf.Token), nil
}

// checkTokenURL keeps secrets off open lines.
func checkTokenURL(what, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%s is not an address", what)
	}
	host := u.Hostname()
	if u.Scheme == "https" || u.Scheme == "http" && (host == "127.0.0.1" || host == "::1" || host == "localhost") {
		return nil
	}
	return fmt.Errorf("%s must begin with https://", what)
}

// exchange fetches a token from a token server over the account's own network.
func exchange(o Options, from func(context.Context) (*oauth2.Token, error)) func(context.Context) (token, error) {
	return func(ctx context.Context) (token, error) {
		way := &way{to: o.Transport}
		client := &http.Client{
			Transport: way,
			Timeout:   fetchTimeout, // some of the library's requests know no context
			// A redirect would take the secret elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		t, err := from(context.WithValue(ctx, oauth2.HTTPClient, client))
		switch {
		case err == nil:
			return token{value: t.AccessToken, expire: t.Expiry}, nil
		case way.failed != nil:
			return token{}, &llm.Error{Kind: llm.KindUpstream, Message: "the token server can't be reached", Err: way.failed}
		}
		return token{}, refusal(err)
	}
}

// way is the way to a token server. It keeps why that wasn't reached: some of the
// library's errors don't.
type way struct {
	to     http.RoundTripper
	failed error // of the last request
}

// RoundTrip sends a request.
func (w *way) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	resp, err = w.to.RoundTrip(r)
	w.failed = err
	return resp, err
}

// refusal says why there is no token, in words of ours: the server's could repeat
// what it was sent.
func refusal(err error) *llm.Error {
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) || r.Response == nil {
		return llm.Errorf(llm.KindAuth, "no token can be made of the credentials: the private key or the token server's answer can't be read")
	}
	code := r.ErrorCode
	if code == "" {
		var body struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(r.Body, &body) == nil {
			code = body.Error
		}
	}
	status := r.Response.StatusCode
	if status >= 500 || status == http.StatusTooManyRequests {
		return &llm.Error{Kind: llm.KindUpstream, Status: status, Message: fmt.Sprintf("the token server answered status %d", status)}
	}
	text := fmt.Sprintf("the token server refused the credentials with status %d", status)
	if hint, known := hints[code]; known {
		text += " (" + code + "): " + hint
	}
	return &llm.Error{Kind: llm.KindAuth, Status: http.StatusUnauthorized, Message: text}
}

// hints say what the error codes of OAuth 2.0 mean here.
var hints = map[string]string{
	"invalid_grant":       "they were revoked or deleted, or the clock of this machine is off",
	"invalid_client":      "client_id or client_secret is wrong or has expired",
	"unauthorized_client": "the application is not known to this tenant",
	"invalid_scope":       "they are not meant for this service",
	"invalid_request":     "tenant_id or client_id is not one",
}

// fileFetch reads a token that another program keeps up to date.
func fileFetch(path string, now func() time.Time) func(context.Context) (token, error) {
	return func(context.Context) (token, error) {
		b, err := readAtMost(path, maxTokenFile)
		if err != nil {
			return token{}, llm.Errorf(llm.KindAuth, "token_file: %w", err)
		}
		value := strings.TrimSpace(string(b))
		if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return token{}, llm.Errorf(llm.KindAuth, "token_file %s holds no token", path)
		}
		return token{value: value, expire: now().Add(tokenFileFor)}, nil
	}
}

func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return b, nil
}
