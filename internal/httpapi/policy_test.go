package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/config"
)

// model asks for a model's answer and says with which model it came, or the error.
func (o *office) model(key, model string) (status int, answered string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.url+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hi"}]}`, model)))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := o.client.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Error(err)
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, string(b)
	}
	return resp.StatusCode, resp.Header.Get("X-Oido-Provider") + "/" + resp.Header.Get("X-Oido-Model")
}

func TestWhoMayChangeThePolicy(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const chain = `{"chain":["chat/sim"]}`
	for _, c := range []struct {
		key, method, path, body string
		status                  int
		says                    string
	}{
		{member, "PUT", "/aliases/a", chain, 403, "member"},
		{viewer, "PUT", "/aliases/a", chain, 403, "viewer"},
		{member, "DELETE", "/aliases/a", "", 403, "member"},
		{member, "PUT", "/workloads/a", chain, 403, "member"},
		{member, "PUT", "/classes/reasoning", chain, 403, "member"},
		{admin, "PUT", "/aliases/a?org=other", chain, 403, "another org"},
		{admin, "PUT", "/aliases/a", `[]`, 400, "JSON object"},
		{admin, "PUT", "/aliases/a", `{"chain":"x","chain":"y"}`, 400, "JSON object"},
		{admin, "PUT", "/aliases/a", ``, 400, "body"},
		{admin, "PUT", "/aliases/a", `{"chian":["chat/sim"]}`, 422, `"location":"aliases.a.chian"`},
		{admin, "PUT", "/aliases/a", `{"chain":"a"}`, 422, "leads back to itself"},
		{admin, "PUT", "/aliases/auto", chain, 422, "can't be an alias"},
		{admin, "PUT", "/aliases/" + strings.Repeat("n", 129), chain, 422, "name"},
		{admin, "PUT", "/aliases/a", `{"chain":["` + strings.Repeat("x", 17<<10) + `"]}`, 413, ""},
		{admin, "PUT", "/workloads/w", `{"class":"clever"}`, 422, `"location":"workloads.w.class"`},
		{admin, "PUT", "/workloads/w", `{"escalate":{"on":["failure"]}}`, 422, `"location":"workloads.w.escalate"`},
		{admin, "PUT", "/classes/quick", chain, 422, "is not a class"},
		{admin, "PUT", "/aliases/a", chain, 201, `"source":"api"`},
		{admin, "GET", "/aliases/a", "", 200, `"settings":{"chain":["chat/sim"]}`},
		{admin, "PUT", "/aliases/a", chain, 200, `"changed_by":"ada"`},
		{admin, "PUT", "/aliases/vendor%2Fa", chain, 201, `"name":"vendor/a"`},
		{admin, "GET", "/aliases/vendor%2Fa", "", 200, `"name":"vendor/a"`},
		{admin, "PUT", "/aliases/b", `{"chain":"a"}`, 201, `"settings":{"chain":"a"}`},
		{admin, "PUT", "/aliases/a", `{"chain":["b"]}`, 422, "aliases.a: leads back to itself: a → b → a"},
		{admin, "PUT", "/workloads/w", `{"chain":["a"],"prefer":"cheap","timeout":"30s"}`, 201, `"problem":null`},
		{admin, "PUT", "/workloads/support", `{"class":"reasoning"}`, 201, `"source":"api"`},
		{admin, "PUT", "/classes/interactive", chain, 201, `"source":"api"`},
		// Of another org there is nothing to see and nothing to change.
		{stranger, "GET", "/aliases/a", "", 404, "no alias"},
		{stranger, "DELETE", "/aliases/a", "", 404, "added"},
		{stranger, "GET", "/workloads/w", "", 404, "no workload"},
		{stranger, "GET", "/workloads/support", "", 200, `"source":"default"`},
		{stranger, "GET", "/classes/interactive", "", 200, `"source":"default"`},
		{stranger, "PUT", "/aliases/a", `{"chain":["gemini/x"]}`, 201, ""},
		{operator, "GET", "/aliases/a", "", 404, "no alias"},
		{operator, "GET", "/aliases/a?org=acme", "", 200, `"chat/sim"`},
		{operator, "GET", "/aliases/a?org=other", "", 200, `"gemini/x"`},
		{operator, "PUT", "/aliases/c?org=acme", chain, 201, `"changed_by":"root"`},
		{member, "GET", "/aliases/c", "", 200, `"changed_by":"root"`},
		{viewer, "GET", "/aliases", "", 200, `"name":"c"`},
		{stranger, "GET", "/aliases", "", 200, `"gemini/x"`},
		{admin, "DELETE", "/aliases/c", "", 204, ""},
		{admin, "DELETE", "/aliases/c", "", 404, ""},
		{admin, "DELETE", "/workloads/coding", "", 404, ""},
		{admin, "GET", "/aliases?cursor=none", "", 400, "begin again"},
	} {
		status, _, body := o.send(c.key, c.method, "/api/v1"+c.path, "", c.body)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s %s as %s: %d %s, want %d with %q", c.method, c.path, c.body, c.key, status, body, c.status, c.says)
		}
	}
	var names []string
	for next := "/api/v1/classes?limit=3"; next != ""; {
		var page struct {
			Data []struct{ Name, Source string } `json:"data"`
			Next *string                         `json:"next_cursor"`
		}
		_, _, body := o.send(admin, "GET", next, "", "")
		if err := json.Unmarshal([]byte(body), &page, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Data {
			names = append(names, e.Source+" "+e.Name)
		}
		if next = ""; page.Next != nil {
			next = "/api/v1/classes?limit=3&cursor=" + strings.ReplaceAll(*page.Next, " ", "%20")
		}
	}
	if got := strings.Join(names, ", "); got != "api interactive, default high_volume, default reasoning, default long_context" {
		t.Error(got)
	}
}

// What is put is in force at the next request, in its org alone.
func TestThePolicyIsInForceAtTheNextRequest(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, c := range []struct {
		method, path, body string
		key, ask           string
		status             int
		answers            string
	}{
		{"", "", "", admin, "fast", 404, "fast"},
		{"PUT", "/aliases/fast", `{"chain":["none/x","chat/sim"]}`, admin, "fast", 200, "chat/sim"},
		{"", "", "", member, "fast", 200, "chat/sim"},
		{"", "", "", stranger, "fast", 404, "fast"},
		{"", "", "", operator, "fast", 404, "fast"},
		{"PUT", "/workloads/own", `{"chain":["fast"]}`, member, "workload/own", 200, "chat/sim"},
		{"", "", "", stranger, "workload/own", 404, "no workload"},
		{"PUT", "/classes/reasoning", `{"chain":["chat/sim"]}`, member, "workload/research", 200, "chat/sim"},
		// An alias of an org's own reaches no account that isn't for it.
		{"PUT", "/aliases/fast", `{"chain":["private/claude-haiku-4-5"]}`, member, "fast", 503, "leads to no model"},
		{"DELETE", "/aliases/fast", "", member, "fast", 404, "fast"},
		{"DELETE", "/workloads/own", "", member, "workload/own", 404, "no workload"},
	} {
		if c.method != "" {
			if status, _, body := o.send(admin, c.method, "/api/v1"+c.path, "", c.body); status >= 300 {
				t.Fatal(c.path, status, body)
			}
		}
		if status, says := o.model(c.key, c.ask); status != c.status || !strings.Contains(says, c.answers) {
			t.Errorf("%s %s, %s as %s: %d %s, want %d %s", c.method, c.path, c.ask, c.key, status, says, c.status, c.answers)
		}
	}
	// A model's page knows an org's alias.
	if status, _, body := o.send(admin, "PUT", "/api/v1/aliases/named", "", `{"chain":"chat/sim"}`); status != 201 {
		t.Fatal(status, body)
	}
	for key, want := range map[string]int{member: 200, stranger: 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.url+"/v1/models/named", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := o.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != want {
			t.Errorf("%s: %d %v", key, resp.StatusCode, err)
		}
	}
}

// Of changes at once that name the same revision one is made, and of those that
// only add.
func TestOneOfManyChangesIsMade(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const at = "/api/v1/aliases/a"
	race := func(send func(i int) int) map[int]int {
		var mu sync.Mutex
		var all sync.WaitGroup
		got := map[int]int{}
		for i := range 8 {
			all.Go(func() {
				status := send(i)
				mu.Lock()
				got[status]++
				mu.Unlock()
			})
		}
		all.Wait()
		return got
	}
	put := func(i int, header, value string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, o.url+at, strings.NewReader(fmt.Sprintf(`{"chain":["chat/sim-%d"]}`, i)))
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Authorization", "Bearer "+admin)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(header, value)
		resp, err := o.client.Do(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		return resp.StatusCode
	}
	if got := race(func(i int) int { return put(i, "If-None-Match", "*") }); got[201] != 1 || got[412] != 7 {
		t.Error(got)
	}
	seen := map[string]bool{}
	for range 5 {
		_, tag, body := o.send(admin, "GET", at, "", "")
		if tag == "" || seen[tag] {
			t.Fatalf("ETag %s again: %s", tag, body)
		}
		seen[tag] = true
		if got := race(func(i int) int { return put(i, "If-Match", tag) }); got[200] != 1 || got[412] != 7 {
			t.Error(got)
		}
	}
	// A revision doesn't come again when the name does.
	_, tag, _ := o.send(admin, "GET", at, "", "")
	if status, _, body := o.send(admin, "DELETE", at, `"1"`, ""); status != 412 {
		t.Error(status, body)
	}
	if status, _, body := o.send(admin, "DELETE", at, tag, ""); status != 204 {
		t.Error(status, body)
	}
	if status := put(1, "If-Match", "*"); status != 412 {
		t.Error(status)
	}
	if status := put(1, "If-None-Match", "*"); status != 201 {
		t.Error(status)
	}
	if status := put(2, "If-Match", tag); status != 412 {
		t.Error(status)
	}
	if status := put(2, "If-Match", "tomorrow"); status != 412 {
		t.Error(status)
	}
	if status := put(2, "If-None-Match", tag); status != 400 {
		t.Error(status)
	}
}

// The API describes the settings that the configuration has.
func TestSettingsAreDescribedAsTheConfigurationHasThem(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, _, text := o.send(admin, "GET", "/api/openapi.json", "", "")
	var spec struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Properties map[string]any `json:"properties"`
					} `json:"schema"`
				} `json:"content"`
			} `json:"requestBody"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	file := config.Schema()
	for section, fields := range map[string][]string{"aliases": {"chain"}, "classes": nil, "workloads": nil} {
		if fields == nil {
			for name := range file.Properties[section].AdditionalProperties.Properties {
				fields = append(fields, name)
			}
		}
		got := spec.Paths["/api/v1/"+section+"/{name}"]["put"].RequestBody.Content["application/json"].Schema.Properties
		for _, name := range fields {
			if got[name] == nil {
				t.Errorf("%s: %s isn't described", section, name)
			}
		}
		if len(fields) == 0 || len(got) != len(fields) {
			t.Errorf("%s: %d fields of %d", section, len(got), len(fields))
		}
	}
}
