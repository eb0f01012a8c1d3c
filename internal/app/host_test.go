package app_test

import (
	"context"
	"io"
	"net/http"
	"testing"
)

// TestAPageOfAnotherNameGetsNothing: a browser that was led here by a name of
// somebody else's brings no key in a header.
func TestAPageOfAnotherNameGetsNothing(t *testing.T) {
	cfg, err := load(t, t.TempDir(), file(firstKey, "http://127.0.0.1:1/v1", "one")+"public_url: https://oido.acme.example\n")
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, cfg, io.Discard)
	for _, c := range []struct {
		host, path, key string
		status          int
	}{
		{"", "/healthz", "", 200},
		{"localhost:8420", "/healthz", "", 200},
		{"10.0.0.7", "/healthz", "", 200},
		{"oido.acme.example", "/healthz", "", 200},
		{"evil.example", "/healthz", "", 421},
		{"evil.example", "/api/openapi.json", "", 421},
		{"evil.example", "/v1beta/models?key=" + firstKey, "", 421},
		{"localhost", "/v1beta/models?key=" + firstKey, "", 200},
		{"behind-a-proxy.example", "/v1/models", firstKey, 200},
	} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, g.url+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		if c.key != "" {
			req.Header.Set("Authorization", "Bearer "+c.key)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Error(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if resp.StatusCode != c.status {
			t.Errorf("%s%s: %d, want %d", c.host, c.path, resp.StatusCode, c.status)
		}
	}
}
