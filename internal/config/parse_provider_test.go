package config_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/config"
)

func TestAProviderOutsideOfTheFile(t *testing.T) {
	t.Parallel()
	types := map[string]config.ProviderType{"openai": {Type: "openai", Built: true}, "google": {Type: "gemini", Built: true}, "later": {Type: "later"}}
	p, err := config.ParseProvider("mine", []byte(`{"type":"google","api_key":"${HOME}","api_keys":["a","${file:/etc/passwd}"],"timeout":"5s","formats":["chat"]}`), types)
	if err != nil || p.Type != "gemini" || p.APIKey.Reveal() != "${HOME}" || p.APIKeys[1].Reveal() != "${file:/etc/passwd}" || p.Timeout.Total.Seconds() != 5 || p.Weight != 1 {
		t.Errorf("%+v %v", p, err)
	}
	for _, c := range []struct{ name, options, says string }{
		{"openai", `{"typ":"openai"}`, "typ"},
		{"mine", `{}`, "no type"},
		{"mine", `{"type":"moon"}`, "moon"},
		{"later", `{}`, "built"},
		{"a/b", `{"type":"openai"}`, "name for a provider"},
		{"auto", `{"type":"openai"}`, "auto"},
		{"openai", `{"base_url":"ftp://x"}`, "http"},
		{"openai", `{"base_url":"https://u:sk-secret@x/v1"}`, "password"},
		{"openai", `{"api_key":"sk-secret\n"}`, "header"},
		{"openai", `{"weight":"sk"}`, "weight"},
		{"openai", `[]`, "map"},
		{"openai", `{`, ""},
	} {
		if _, err := config.ParseProvider(c.name, []byte(c.options), types); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "sk-secret") {
			t.Errorf("%s %s: %v", c.name, c.options, err)
		}
	}
}

// What the options don't say is not taken from this machine's variables, and what
// can't be done without is asked for.
func TestAProviderOutsideOfTheFileTakesNoVariable(t *testing.T) {
	t.Parallel()
	types := map[string]config.ProviderType{"cloud": {
		Type: "cloud", Built: true,
		Options: []config.TypeOption{{Name: "region", Env: []string{"PATH"}}, {Name: "session_token", Env: []string{"PATH"}, Identity: true}},
		Lacks: func(p config.Provider) string {
			if p.Region == "" {
				return "it has no region"
			}
			return ""
		},
	}}
	p, err := config.ParseProvider("cloud", []byte(`{"region":"r"}`), types)
	if err != nil || p.Region != "r" || p.SessionToken != "" {
		t.Errorf("%+v %v", p, err)
	}
	if p, err := config.ParseProvider("cloud", []byte(`{}`), types); err == nil || !strings.Contains(err.Error(), "it has no region") {
		t.Errorf("%+v %v", p, err)
	}
}
