package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatAProviderRepeatsOfAnAccountIsNotPassedOn: its key, the values of headers
// that are added, and of those the part that is the secret; neither to clients nor
// into turns, the log, or what is said of the account.
func TestWhatAProviderRepeatsOfAnAccountIsNotPassedOn(t *testing.T) {
	t.Parallel()
	secrets := []string{"sk-key-of-the-account", "a-header-that-is-secret", "token-after-a-word"}
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := fmt.Sprintf("refused: %s | %s | %s", r.Header.Get("Authorization")+r.Header.Get("X-Api-Key")+r.Header.Get("X-Goog-Api-Key"), r.Header.Get("X-Relay-Key"),
			strings.TrimPrefix(r.Header.Get("X-Relay-Auth"), "Token "))
		for _, s := range secrets {
			if !strings.Contains(said, s) {
				t.Errorf("%s isn't sent: %s", s, said)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		if _, err := fmt.Fprintf(w, `{"type":"error","error":{"type":"invalid_request_error","code":"%s","message":"%s","status":"INVALID_ARGUMENT"}}`, secrets[1], said); err != nil {
			t.Error(err)
		}
	}))
	defer echo.Close()
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data")}
	text := fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders:\n", key)
	for name, options := range map[string]string{
		"chat": `type: openai, formats: [chat], base_url: "AT/v1"`, "responses": `type: openai, formats: [responses], base_url: "AT/v1"`,
		"messages": `type: anthropic, base_url: "AT"`, "gemini": `type: gemini, base_url: "AT"`,
	} {
		text += fmt.Sprintf("  %s: {%s, api_key: %s, headers: {X-Relay-Key: %s, X-Relay-Auth: Token %s}}\n", name, strings.Replace(options, "AT", echo.URL, 1), secrets[0], secrets[1], secrets[2])
	}
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	clean := func(where, text string) {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s tells %s: %s", where, s, text)
			}
		}
	}
	for _, to := range dialects {
		for _, from := range dialects {
			path, doc := from.hello(to.name+"/some-model", false)
			status, answer, err := l.post(t, path, doc)
			if err != nil || status < 400 || !strings.Contains(answer, "refused: ") {
				t.Errorf("%s to %s: %d %v %s", from.name, to.name, status, err, answer)
			}
			clean("the answer", answer)
		}
		out, errOut, status := l.command(t, "providers", "test", to.name)
		if status != 1 {
			t.Errorf("%s: %d %s", to.name, status, out)
		}
		clean("providers test", out+errOut)
	}
	turns := l.turns(t, len(dialects)*len(dialects))
	clean("a turn", fmt.Sprint(turns))
	all, _, _ := l.command(t, "turns", "--json")
	clean("turns", all)
	out, _, _ := run(t, nil, "doctor", "--config", l.config, "--data-dir", l.data)
	clean("doctor", out)
	l.stop()
	clean("the log", l.log.String())
	files, err := filepath.Glob(filepath.Join(l.data, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			clean(name, string(data))
		}
	}
}
