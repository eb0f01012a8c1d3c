package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/sim"
)

// send asks for a change; match is the If-Match header.
func (o *office) send(key, method, path, match, body string) (status int, tag, answer string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), method, o.url+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	if match != "" {
		req.Header.Set("If-Match", match)
	}
	resp, err := o.client.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Error(err)
	}
	if err := resp.Body.Close(); err != nil {
		o.t.Error(err)
	}
	if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		o.t.Errorf("%s %s: %d is no problem document: %s", method, path, resp.StatusCode, b)
	}
	if strings.Contains(string(b), "SECRET") {
		o.t.Errorf("%s %s shows a key: %s", method, path, b)
	}
	return resp.StatusCode, resp.Header.Get("ETag"), string(b)
}

func TestWhoMayChangeProviders(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	up := httptest.NewServer(sim.New(sim.Options{}))
	defer up.Close()
	account := func(name, more string) string {
		return fmt.Sprintf(`{"name":%q,"type":"openai","base_url":"%s/openai/v1","api_key":"good-SECRET-1","formats":["chat"]%s}`, name, up.URL, more)
	}
	cloud := `{"name":"cloud","type":"bedrock","region":"us-east-1","base_url":"` + up.URL + `/bedrock","access_key_id":"AKIASIM","secret_access_key":"secret-of-AKIASIM"}`
	const all = "/api/v1/providers"
	for _, c := range []struct {
		key, method, path, body string
		status                  int
		says                    string
	}{
		{member, "POST", all, account("a", ""), 403, "member"},
		{viewer, "POST", all, account("a", ""), 403, "viewer"},
		{operator, "POST", all, `{"name":"a","type":"openai","api_key":"bad-SECRET","base_url":"` + up.URL + `/openai/v1"}`, 422, "its API key is wrong"},
		{operator, "POST", all, `[]`, 400, "JSON object"},
		{operator, "POST", all, ``, 400, "body"},
		{operator, "POST", all, `{"name":"a"}`, 422, "type"},
		{operator, "POST", all, `{"type":"moon"}`, 422, "moon"},
		{operator, "POST", all, account("a", `,"colour":"SECRET"`), 422, "colour"},
		{operator, "POST", all, account("chat", ""), 409, "configuration"},
		{operator, "POST", all, account("a/b", ""), 422, "name"},
		{operator, "POST", all + "?force=maybe", account("a", ""), 422, "force"},
		{operator, "POST", all, `{"name":"cloud","type":"bedrock"}`, 422, "region"},
		{operator, "POST", all, cloud, 201, `"type":"bedrock"`},
		{operator, "DELETE", all + "/cloud", "", 204, ""},
		{operator, "POST", all, account("a", ""), 201, `"keys":["`},
		{operator, "POST", all, account("a", ""), 409, "already"},
		// What an org's admin adds reaches public addresses alone, and sets nothing of the machine's.
		{admin, "POST", all, account("b", ""), 422, "not a public one"},
		{admin, "POST", all + "?force=true", account("b", `,"proxy":"http://127.0.0.1:1"`), 403, "operators"},
		{admin, "POST", all + "?force=true", account("b", `,"orgs":["other"]`), 403, "operators"},
		{admin, "POST", all + "?force=true", account("b", `,"ca_file":"/etc/passwd"`), 403, "operators"},
		{admin, "POST", all + "?force=true", `{"name":"b","type":"vertex","project":"p","token_file":"/etc/hostname"}`, 403, "operators"},
		{admin, "POST", all + "?force=true", `{"name":"b","type":"vertex","project":"p","credentials":"/etc/hostname"}`, 403, "operators"},
		{admin, "POST", all + "/b/test", `{"type":"azure","resource":"r","token_file":"/etc/hostname"}`, 403, "operators"},
		{admin, "POST", all + "?force=true", account("b", ""), 201, `"org":"acme"`},
		{admin, "POST", all + "?force=true", `{"name":"own","type":"vertex","project":"p","credentials":"{\"type\":\"authorized_user\",\"client_id\":\"c\",\"client_secret\":\"SECRET\",\"refresh_token\":\"SECRET\"}"}`, 201, `"type":"vertex"`},
		{admin, "DELETE", all + "/own", "", 204, ""},
		// Who sees it, who may change it.
		{stranger, "GET", all + "/b", "", 404, "no provider"},
		{stranger, "DELETE", all + "/b", "", 404, "no provider"},
		{stranger, "POST", all + "/b/keys", `{"key":"good-SECRET-2"}`, 404, "no provider"},
		{admin, "DELETE", all + "/a", "", 403, "operator"},
		{admin, "POST", all + "/a/keys", `{"key":"good-SECRET-2"}`, 403, "operator"},
		{member, "DELETE", all + "/a", "", 403, "member"},
		{operator, "DELETE", all + "/chat", "", 409, "configuration"},
		{operator, "DELETE", all + "/none", "", 404, "no provider"},
		{admin, "GET", all + "/b", "", 200, `"org":"acme"`},
		{operator, "DELETE", all + "/b", "", 204, ""},
		{operator, "GET", all + "/b", "", 404, ""},
		{operator, "POST", all + "/new/test", account("new", ""), 200, `"step":"call"`},
		{operator, "GET", all + "/new", "", 404, ""},
		{member, "POST", all + "/new/test", account("new", ""), 403, ""},
		{admin, "POST", all + "/new/test", account("new", ""), 200, `"refused":true`},
	} {
		if status, _, body := o.send(c.key, c.method, c.path, "", c.body); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s %s as %s: %d %s, want %d with %q", c.method, c.path, c.body, c.key, status, body, c.status, c.says)
		}
	}
	var list struct {
		Data []struct {
			Name  string `json:"name"`
			Added bool   `json:"added"`
		} `json:"data"`
	}
	o.get(operator, all, &list)
	for _, p := range list.Data {
		if p.Added != (p.Name == "a") {
			t.Errorf("%+v", p)
		}
	}
	if len(list.Data) != 4 {
		t.Errorf("%+v", list)
	}
}

// A change names what it is of; keys go in and never come out.
func TestChangesOfProvidersTakeIfMatch(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	up := httptest.NewServer(sim.New(sim.Options{}))
	defer up.Close()
	const at = "/api/v1/providers/a"
	status, _, body := o.send(operator, "POST", "/api/v1/providers", "", fmt.Sprintf(`{"name":"a","type":"anthropic","base_url":"%s/anthropic","api_key":"bad-SECRET-1"}`, up.URL))
	if status != 422 {
		t.Fatal(status, body)
	}
	status, first, body := o.send(operator, "POST", "/api/v1/providers?force=true", "", fmt.Sprintf(`{"name":"a","type":"anthropic","base_url":"%s/anthropic","api_key":"bad-SECRET-1"}`, up.URL))
	if status != 201 || first == "" {
		t.Fatal(status, first, body)
	}
	hints := func(body string) []string {
		var row struct {
			Keys []string `json:"keys"`
		}
		if err := json.Unmarshal([]byte(body), &row); err != nil {
			t.Fatal(err, body)
		}
		return row.Keys
	}
	bad := hints(body)
	if len(bad) != 1 {
		t.Fatal(body)
	}
	if status, _, body = o.send(operator, "DELETE", at+"/keys/"+bad[0], first, ""); status != 409 {
		t.Errorf("the last key: %d %s", status, body)
	}
	status, second, body := o.send(operator, "POST", at+"/keys", first, `{"key":"good-SECRET-2"}`)
	if status != 201 || second == first || len(hints(body)) != 2 {
		t.Fatal(status, second, body)
	}
	for _, match := range []string{first, `"x"`, `"0"`, `"99"`} {
		for method, path := range map[string]string{"DELETE": at, "POST": at + "/keys"} {
			if status, _, body = o.send(operator, method, path, match, `{"key":"good-SECRET-3"}`); status != 412 {
				t.Errorf("%s %s with %s: %d %s", method, path, match, status, body)
			}
		}
	}
	if status, _, body = o.send(operator, "DELETE", at+"/keys/"+bad[0], second, ""); status != 200 || len(hints(body)) != 1 || hints(body)[0] == bad[0] {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body = o.send(operator, "DELETE", at+"/keys/00000000", "", ""); status != 404 {
		t.Errorf("no such key: %d %s", status, body)
	}
	if status, _, body = o.send(operator, "POST", at+"/test", "", ""); status != 200 || !strings.Contains(body, `"ok":true,"refused":false`) {
		t.Errorf("with the good key: %d %s", status, body)
	}
	status, third, _ := o.send(operator, "GET", at, "", "")
	if gone, _, body := o.send(operator, "DELETE", at, third, ""); status != 200 || gone != 204 {
		t.Errorf("%d %d %s", status, gone, body)
	}
}
