package identity

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// ErrNoKey and ErrTwoKeys are why a request has no usable key. Both are
// answered with 401.
var (
	ErrNoKey   = errors.New("no API key: send one as Authorization: Bearer, x-api-key or x-goog-api-key")
	ErrTwoKeys = errors.New("two different API keys in one request: send one of them only")
)

// FromRequest returns the key that a request carries: from Authorization
// (Bearer), x-api-key or x-goog-api-key and, on Gemini's paths, from the query
// parameter key. The same key at several places is one key. The error is
// ErrNoKey or ErrTwoKeys.
func FromRequest(h http.Header, query url.Values, geminiPath bool) (string, error) {
	key, two := "", false
	take := func(s string) {
		switch s = strings.TrimSpace(s); {
		case s == "" || s == key:
		case key == "":
			key = s
		default:
			two = true
		}
	}
	for _, v := range h["Authorization"] {
		if scheme, rest, ok := strings.Cut(strings.TrimSpace(v), " "); ok && strings.EqualFold(scheme, "Bearer") {
			take(rest)
		}
	}
	for _, v := range h["X-Api-Key"] {
		take(v)
	}
	for _, v := range h["X-Goog-Api-Key"] {
		take(v)
	}
	if geminiPath {
		for _, v := range query["key"] {
			take(v)
		}
	}
	switch {
	case two:
		return "", ErrTwoKeys
	case key == "":
		return "", ErrNoKey
	}
	return key, nil
}

// HasKeyHeader says whether a header of the request carries a key, so that no
// browser can have been tricked into sending it (see [HostAllowed]).
func HasKeyHeader(h http.Header) bool {
	_, err := FromRequest(h, nil, false)
	return !errors.Is(err, ErrNoKey)
}
