package provider_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// An account of somebody who may not look into this network reaches nothing in
// it, by no spelling.
func TestAPublicAccountReachesNothingInside(t *testing.T) {
	t.Parallel()
	inside := httptest.NewServer(http.NotFoundHandler())
	defer inside.Close()
	port := inside.URL[strings.LastIndexByte(inside.URL, ':'):]
	profile, err := provider.ProfileOf("openai")
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "[fd00::1]", "[fe80::1]", "[64:ff9b::7f00:1]",
	} {
		a, err := provider.NewAccount(provider.Options{Name: "up", Profile: profile, BaseURL: "http://" + host + port + "/v1", Public: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := a.Get(ctx, llm.FormatChat, "/models", nil, provider.Key{})
		if err == nil {
			t.Errorf("%s was reached: %s", host, resp.Body.Close())
		} else if !errors.Is(err, provider.ErrNotPublic) {
			t.Errorf("%s: %v", host, err)
		}
		cancel()
		a.Close()
	}
}

func TestKeysTellTheirVendor(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"nvapi-0123": "nvidia", "sk-ant-api03-0": "anthropic", "sk-or-v1-0": "openrouter", "sk-proj-0": "openai", "sk-0123": "", "AIzaSy0": "gemini", "gsk_0": "groq", "xai-0": "xai", "": "",
	} {
		if got, err := provider.TypeOfKey(key); got != want || err != nil {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
}
