package identity_test

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/oidostudio/oido/internal/identity"
)

func TestFromRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		headers []string // name, value, …
		query   string
		gemini  bool
		want    string
		err     error
	}{
		{name: "nothing", err: identity.ErrNoKey},
		{name: "bearer", headers: []string{"Authorization", "Bearer k1"}, want: "k1"},
		{name: "any case, more spaces", headers: []string{"authorization", "bEARER   k1 "}, want: "k1"},
		{name: "another scheme", headers: []string{"Authorization", "Basic k1"}, err: identity.ErrNoKey},
		{name: "no scheme", headers: []string{"Authorization", "k1"}, err: identity.ErrNoKey},
		{name: "bearer of nothing", headers: []string{"Authorization", "Bearer "}, err: identity.ErrNoKey},
		{name: "another scheme beside a key", headers: []string{"Authorization", "Basic abc", "x-api-key", "k1"}, want: "k1"},
		{name: "x-api-key", headers: []string{"x-api-key", "k1"}, want: "k1"},
		{name: "x-goog-api-key", headers: []string{"x-goog-api-key", "k1"}, want: "k1"},
		{name: "query on a Gemini path", query: "key=k1&alt=sse", gemini: true, want: "k1"},
		{name: "query elsewhere", query: "key=k1", err: identity.ErrNoKey},
		{name: "the same twice", headers: []string{"Authorization", "Bearer k1", "x-api-key", "k1", "x-goog-api-key", "k1"}, query: "key=k1", gemini: true, want: "k1"},
		{name: "an empty one beside", headers: []string{"Authorization", "Bearer ", "x-api-key", "k1"}, want: "k1"},
		{name: "two", headers: []string{"Authorization", "Bearer k1", "x-api-key", "k2"}, err: identity.ErrTwoKeys},
		{name: "two in one header", headers: []string{"x-api-key", "k1", "x-api-key", "k2"}, err: identity.ErrTwoKeys},
		{name: "two in the query", query: "key=k1&key=k2", gemini: true, err: identity.ErrTwoKeys},
		{name: "header and query", headers: []string{"x-goog-api-key", "k1"}, query: "key=k2", gemini: true, err: identity.ErrTwoKeys},
		{name: "one, other, one", headers: []string{"Authorization", "Bearer k1", "x-api-key", "k2", "x-goog-api-key", "k1"}, err: identity.ErrTwoKeys},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for i := 0; i < len(tt.headers); i += 2 {
				h.Add(tt.headers[i], tt.headers[i+1])
			}
			query, err := url.ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := identity.FromRequest(h, query, tt.gemini)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
			if has := identity.HasKeyHeader(h); has != (len(tt.headers) > 0 && (tt.want != "" || errors.Is(tt.err, identity.ErrTwoKeys))) {
				t.Errorf("HasKeyHeader = %v", has)
			}
		})
	}
}

func TestHostAllowed(t *testing.T) {
	t.Parallel()
	const public = "https://OIDO.example:8443"
	for _, tt := range []struct {
		local, host, public string
		want                bool
	}{
		{"127.0.0.1", "127.0.0.1:8080", "", true},
		{"127.0.0.1", "localhost:8080", "", true},
		{"127.0.0.1", "LOCALHOST", "", true},
		{"127.0.0.1", "localhost.", "", true},
		{"127.0.0.1", "studio.localhost:8080", "", true},
		{"::1", "[::1]:8080", "", true},
		{"::1", "[::1]", "", true},
		{"::ffff:127.0.0.1", "evil.example", "", false},
		{"127.0.0.1", "evil.example:8080", "", false},
		{"127.0.0.1", "localhost.evil.example", "", false},
		{"127.0.0.1", "127.0.0.1.evil.example", "", false},
		{"127.0.0.1", "evil-localhost", "", false},
		{"127.0.0.1", "", "", false},
		{"127.0.0.1", "oido.example", public, true},
		{"127.0.0.1", "oido.example:8443", public, true},
		{"127.0.0.1", "evil.example", public, false},
		{"127.0.0.1", "oido.example.evil.example", public, false},
		{"127.0.0.1", "203.0.113.7", "", false},
		{"10.1.2.3", "10.1.2.3:8080", "", true},
		{"10.1.2.3", "evil.example", "", false},
		{"192.168.1.4", "192.168.1.4", "", true},
		{"100.64.0.1", "evil.example", "", false},
		{"fe80::1", "evil.example", "", false},
		{"fd00::1", "[fd00::1]:80", "", true},
		{"203.0.113.7", "anything.example", "", true},
		{"2001:db8::1", "anything.example", "", true},
		{"", "evil.example", "", false},
		{"", "localhost", "", true},
	} {
		local, _ := netip.ParseAddr(tt.local)
		if got := identity.HostAllowed(local, tt.host, tt.public); got != tt.want {
			t.Errorf("on %q, Host %q, public %q: %v", tt.local, tt.host, tt.public, got)
		}
	}
}
