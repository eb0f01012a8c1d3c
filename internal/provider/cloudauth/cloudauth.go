// Package cloudauth proves to the large clouds who sends a request: by tokens of
// Google and of Microsoft Entra, which expire, and by AWS's signature, which is
// made anew for every request.
//
// An [Authorizer] is one identity of an account and is safe for concurrent use.
// Tokens are fetched once for all requests that wait for one, renewed before they
// expire, and bounded in time. No error of this package holds a secret or what a
// token server repeated of one.
package cloudauth

import (
	"context"
	"net/http"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// Authorizer is one identity that requests are sent under.
type Authorizer interface {
	// Authorize adds the proof to the header of a request that is final but for
	// it; body is what the request will send. The error is an *llm.Error; where a
	// token server can't be reached, its cause is the connection's failure as it is.
	Authorize(ctx context.Context, r *http.Request, body []byte) error
	// Renew is told that r was answered as unauthorized. It says whether r may be
	// sent once more, authorized anew.
	Renew(r *http.Request) bool
	// Secrets are what requests were sent with of late that nobody may be told, but
	// for what the settings hold.
	Secrets() []string
	// Explain says what a refusal means where that has a cause that the provider
	// doesn't name plainly; nil: nothing to add.
	Explain(status int, h http.Header, body []byte) *llm.Error
}

// The kinds of identity.
const (
	Google = "google" // a service account's or a user's credentials file
	Entra  = "entra"  // an application of Microsoft Entra
	SigV4  = "sigv4"  // an AWS access key
)

// Options say what an identity is made of.
type Options struct {
	Kind string
	// Scope is what a token is asked for, or the service that is signed for.
	Scope string
	// Setting holds the account's options by name, "" for what isn't said:
	// credentials; tenant_id, client_id, client_secret, authority; region,
	// access_key_id, secret_access_key, session_token; and for tokens made
	// elsewhere token or token_file.
	Setting map[string]string
	// Transport reaches token servers.
	Transport http.RoundTripper
	Now       func() time.Time
}

// Names returns the settings that make an identity of this kind, in groups of
// which one must be there whole.
func Names(kind string) [][]string {
	tokens := [][]string{{"token"}, {"token_file"}}
	switch kind {
	case Google:
		return append([][]string{{"credentials"}}, tokens...)
	case Entra:
		return append([][]string{{"tenant_id", "client_id", "client_secret"}}, tokens...)
	case SigV4:
		return [][]string{{"access_key_id", "secret_access_key"}}
	}
	return nil
}

// New makes the identity that the settings hold, and a text that names it for as
// long as it is the same one; nil: they hold none. The error names the setting
// at fault.
func New(o Options) (a Authorizer, name string, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	get := func(key string) string { return o.Setting[key] }
	switch o.Kind {
	case SigV4:
		if get("access_key_id") == "" || get("secret_access_key") == "" {
			return nil, "", nil
		}
		return newSignature(o), get("access_key_id"), nil
	case Google:
		if get("credentials") != "" {
			c, err := readCredentials(get("credentials"))
			if err != nil {
				return nil, "", err
			}
			fetch, who, err := googleFetch(c, o)
			if err != nil {
				return nil, "", err
			}
			t := newTokens(fetch, o.Now)
			t.payer = c.Quota
			return t, who, nil
		}
	case Entra:
		if get("client_id") != "" && get("client_secret") != "" && get("tenant_id") != "" {
			fetch, err := entraFetch(o)
			if err != nil {
				return nil, "", err
			}
			return newTokens(fetch, o.Now), get("tenant_id") + "/" + get("client_id"), nil
		}
	default:
		return nil, "", nil
	}
	switch {
	case get("token_file") != "":
		return newTokens(fileFetch(get("token_file"), o.Now), o.Now), get("token_file"), nil
	case get("token") != "":
		t := newTokens(nil, o.Now)
		t.token = token{value: get("token")}
		return t, get("token"), nil
	}
	return nil, "", nil
}
