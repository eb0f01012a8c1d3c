package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// is checks a refusal.
func (a *answerDocument) is(t *testing.T, status, want int, param, code string) {
	t.Helper()
	told := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	if status != want || a.Error == nil || told(a.Error.Param) != param || told(a.Error.Code) != code {
		t.Errorf("%d, want %d for %q with code %q: %s", status, want, param, code, a.raw)
	}
}

const notFound = "previous_response_not_found"

func TestAnswersAreForWhomTheyWereGivenTo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ada := answers{l, key}
	first := ada.ask(t, object{"model": "chat/sim-n2", "input": "hello"})
	for _, other := range []answers{{l, colleague}, {l, strangerKey}} {
		status, a := other.call(t, http.MethodPost, "", object{"model": "chat/sim-n2", "input": "and?", "previous_response_id": first.ID})
		a.is(t, status, http.StatusBadRequest, "previous_response_id", notFound)
		for _, path := range []string{first.ID, first.ID + "/input_items"} {
			status, a = other.call(t, http.MethodGet, "/"+path, nil)
			a.is(t, status, http.StatusNotFound, "", "not_found")
		}
		status, a = other.call(t, http.MethodDelete, "/"+first.ID, nil)
		a.is(t, status, http.StatusNotFound, "", "not_found")
	}
	second := ada.ask(t, object{"model": "chat/sim-n2", "input": "and?", "previous_response_id": first.ID})
	third := ada.ask(t, object{"model": "chat/sim-n2", "input": "and then?", "previous_response_id": second.ID})

	status, a := ada.call(t, http.MethodDelete, "/"+second.ID, nil)
	if status != http.StatusOK || a.ID != second.ID || a.Object != "response" || !a.Deleted {
		t.Errorf("%d %s", status, a.raw)
	}
	l.stop()
	l.up(t)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		status, a = ada.call(t, method, "/"+second.ID, nil)
		a.is(t, status, http.StatusNotFound, "", "not_found")
	}
	for _, id := range []string{second.ID, third.ID, "resp_nobody_gave"} { // the third went on from what is gone
		status, a = ada.call(t, http.MethodPost, "", object{"model": "chat/sim-n2", "input": "and?", "previous_response_id": id})
		a.is(t, status, http.StatusBadRequest, "previous_response_id", notFound)
	}
	ada.ask(t, object{"model": "chat/sim-n2", "input": "and?", "previous_response_id": first.ID})
	status, a = ada.call(t, http.MethodGet, "/"+first.ID+"?stream=true", nil)
	a.is(t, status, http.StatusNotImplemented, "stream", "not_implemented")
}

// A provider that keeps answers is named the id, and told nothing twice; all others
// are told the conversation.
func TestAnIDGoesToWhoGaveIt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ada := answers{l, key}
	sent := func(model, previous, input string) (body string, a answerDocument) {
		t.Helper()
		_, id, _ := strings.Cut(model, "/")
		bodies := l.received(t, id, 1, func() {
			a = ada.ask(t, object{"model": model, "input": input, "previous_response_id": previous})
		})
		return bodies[len(bodies)-1], a
	}
	named := func(body string, a answerDocument, previous string, words ...string) {
		t.Helper()
		if got := strings.Contains(body, `"previous_response_id":"`+previous+`"`); previous == "" && strings.Contains(body, "previous_response_id") || previous != "" && !got {
			t.Errorf("sent %s, want the id %q", body, previous)
		}
		for _, word := range []string{"first words", "second words", "third words", "fourth words"} {
			if wants := strings.Contains(fmt.Sprint(words), word); strings.Contains(body, word) != wants {
				t.Errorf("sent %s, want %q in it: %t", body, word, wants)
			}
		}
	}
	first := ada.ask(t, object{"model": "xai/sim-n2", "input": "first words"})
	body, second := sent("xai/sim-n3", first.ID, "second words")
	named(body, second, first.ID, "second words")
	body, third := sent("messages/sim-n3", second.ID, "third words")
	named(body, third, "", "first words", "second words", "third words")
	body, fourth := sent("xai/sim-n3", third.ID, "fourth words")
	named(body, fourth, "", "first words", "second words", "third words", "fourth words")
	body, again := sent("xai/sim-n3", second.ID, "third words")
	named(body, again, second.ID, "third words")

	// Where it has been forgotten the conversation is told after all.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, l.sim+"/xai/v1/responses/"+second.ID, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer k")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	body, a := sent("xai/sim-n4", second.ID, "third words")
	named(body, a, "", "first words", "second words", "third words")

	// Deleted is deleted there as well.
	status, gone := ada.call(t, http.MethodDelete, "/"+first.ID, nil)
	if status != http.StatusOK {
		t.Errorf("%d %s", status, gone.raw)
	}
	if req, err = http.NewRequestWithContext(t.Context(), http.MethodGet, l.sim+"/xai/v1/responses/"+first.ID, http.NoBody); err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer k")
	if resp, err = http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Error(resp, err)
	}
	resp.Body.Close()

	// The sent words are the client's own, byte for byte but for the model.
	const raw = `{ "input" : "fifth",  "model":"xai/sim-n5", "previous_response_id":"%s","store": true }`
	bodies := l.received(t, "sim-n5", 1, func() {
		if status, answer, err := l.post(t, "/v1/responses", fmt.Sprintf(raw, fourth.ID)); status != http.StatusOK || err != nil {
			t.Error(status, err, answer)
		}
	})
	if want := strings.Replace(fmt.Sprintf(raw, fourth.ID), "xai/", "", 1); bodies[0] != want {
		t.Errorf("sent %s, want %s", bodies[0], want)
	}
}

// Of a conversation that is with a provider alone no other is told a part.
func TestWithoutACopyACandidateIsOut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	config, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	l.stop()
	if err := os.WriteFile(l.config, append(config, "aliases: {both: [chat/sim-n2, xai/sim-n2]}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	ada := answers{l, key}
	whole := ada.ask(t, object{"model": "responses/sim-n2", "input": "hello"})
	theirs := ada.ask(t, object{"model": "xai/sim-n2", "input": "hello", "conversation": "conv_1"})
	for n, c := range []struct{ previous, provider string }{{whole.ID, "chat"}, {theirs.ID, "xai"}} {
		ada.ask(t, object{"model": "both", "input": "and?", "previous_response_id": c.previous})
		if got := l.turns(t, 3+n)[0].Provider; got != c.provider {
			t.Errorf("went on at %s, want %s", got, c.provider)
		}
	}
	status, a := ada.call(t, http.MethodPost, "", object{"model": "chat/sim-n2", "input": "and?", "previous_response_id": theirs.ID})
	a.is(t, status, http.StatusNotImplemented, "previous_response_id", "not_implemented")
}

func TestOnlyWholeAnswersAreGoneOnFrom(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ada := answers{l, key}
	for _, provider := range []string{"chat", "messages", "responses", "gemini", "xai"} {
		for _, stream := range []bool{false, true} {
			status, cut := ada.call(t, http.MethodPost, "", object{"model": provider + "/sim-n50", "input": "hello", "max_output_tokens": 16, "stream": stream})
			if status != http.StatusOK || cut.Status != "incomplete" {
				t.Fatalf("%s: %d %s", provider, status, cut.raw)
			}
			ada.ask(t, object{"model": provider + "/sim-n2", "input": "go on", "previous_response_id": cut.ID})
		}
		_, broken, _ := l.post(t, "/v1/responses", `{"model":"`+provider+`/sim-n9-cut3","input":"hello","stream":true}`)
		_, id, _ := strings.Cut(broken, `"id":"`)
		id, _, _ = strings.Cut(id, `"`)
		if id == "" {
			t.Fatalf("%s: %s", provider, broken)
		}
		status, a := ada.call(t, http.MethodGet, "/"+id, nil)
		a.is(t, status, http.StatusNotFound, "", "not_found")
		status, a = ada.call(t, http.MethodPost, "", object{"model": provider + "/sim-n2", "input": "go on", "previous_response_id": id})
		a.is(t, status, http.StatusBadRequest, "previous_response_id", notFound)
	}
}

func TestWhatWasAskedIsListed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ada := answers{l, key}
	var input list
	for i := range 25 {
		input = append(input, object{"role": "user", "content": fmt.Sprint("word ", i)})
	}
	a := ada.ask(t, object{"model": "gemini/sim-n2", "input": input})
	seen := map[string]bool{}
	after, pages := "", 0
	for more := true; more && pages < 10; pages++ {
		status, page := ada.call(t, http.MethodGet, "/"+a.ID+"/input_items?order=asc&limit=10&after="+after, nil)
		if status != http.StatusOK || page.Object != "list" || pages == 0 && !strings.Contains(string(page.raw), "word 0") {
			t.Fatalf("%d %s", status, page.raw)
		}
		for _, item := range page.Data {
			if item.ID == "" || item.Type != "message" {
				t.Errorf("%+v", item)
			}
			seen[item.ID], after = true, item.ID
		}
		more = page.More
	}
	if len(seen) != 25 || pages != 3 {
		t.Errorf("%d items on %d pages", len(seen), pages)
	}
	status, page := ada.call(t, http.MethodGet, "/"+a.ID+"/input_items", nil)
	if status != http.StatusOK || len(page.Data) != 20 || !page.More || strings.Contains(string(page.raw), `"word 4"`) {
		t.Errorf("%d %s", status, page.raw)
	}
	for query, param := range map[string]string{"limit=0": "limit", "limit=x": "limit", "order=up": "order"} {
		status, page := ada.call(t, http.MethodGet, "/"+a.ID+"/input_items?"+query, nil)
		page.is(t, status, http.StatusBadRequest, param, "")
	}
}

func TestWhereAnswersAreNotKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ada := answers{l, key}
	first := ada.ask(t, object{"model": "chat/sim-n2", "input": "hello"})
	config, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	l.stop()
	if err := os.WriteFile(l.config, append(config, "responses: {store: false}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	status, a := ada.call(t, http.MethodPost, "", object{"model": "chat/sim-n2", "input": "and?", "previous_response_id": first.ID})
	a.is(t, status, http.StatusBadRequest, "previous_response_id", "")
	if a.Error == nil || !strings.Contains(a.Error.Message, "responses.store") {
		t.Errorf("%s", a.raw)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		status, a = ada.call(t, method, "/"+first.ID, nil)
		a.is(t, status, http.StatusBadRequest, "", "")
	}
	for _, provider := range []string{"chat", "messages", "responses", "gemini", "xai"} {
		for _, stream := range []bool{false, true} {
			bodies := l.received(t, "sim-n3", 1, func() {
				if a := ada.ask(t, object{"model": provider + "/sim-n3", "input": "hello", "store": true, "stream": stream}); a.Store {
					t.Errorf("%s: %s", provider, a.raw)
				}
			})
			keeps := provider == "responses" || provider == "xai"
			if strings.Contains(bodies[0], `"store":true`) || keeps && !strings.Contains(bodies[0], `"store":false`) {
				t.Errorf("%s was sent %s", provider, bodies[0])
			}
		}
	}
}

// While the database is locked conversations go on, and a deletion that can't be
// made to last is not told as one.
func TestAnswersWhileTheDatabaseIsLocked(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ada := answers{l, key}
	old := ada.ask(t, object{"model": "chat/sim-n2", "input": "hello"})
	db, err := sql.Open("sqlite", "file:"+filepath.Join(l.data, "oido.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		old = ada.ask(t, object{"model": "gemini/sim-n2", "input": "and?", "previous_response_id": old.ID})
	}
	status, a := ada.call(t, http.MethodDelete, "/"+old.ID, nil)
	a.is(t, status, http.StatusServiceUnavailable, "", "unavailable")
	if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	// What waited is written, in order: a new process finds what there is to find.
	l.stop()
	l.up(t)
	status, a = ada.call(t, http.MethodGet, "/"+old.ID, nil)
	a.is(t, status, http.StatusNotFound, "", "not_found")
	if status, a = ada.call(t, http.MethodGet, "/"+*old.Previous, nil); status != http.StatusOK {
		t.Errorf("%d %s", status, a.raw)
	}
}

// The clouds too: Azure keeps answers at each of its addresses, the others are told
// the conversation.
func TestConversationsGoOnAtTheClouds(t *testing.T) {
	t.Parallel()
	l := newCloudLab(t,
		[2]string{"key", `type: azure, base_url: "SIM/azure", api_key: k, formats: [responses]`},
		[2]string{"dated", `type: azure, base_url: "SIM/azure", api_key: k, api_version: 2025-04-01-preview, formats: [responses]`},
		[2]string{"entra", `type: azure, base_url: "SIM/azure", authority: "SIM/entra", tenant_id: t, client_id: app, client_secret: secret-of-app, formats: [responses]`},
		[2]string{"vertex", `base_url: "SIM/vertex", project: p, credentials: "${file:sa.json}"`},
		[2]string{"bedrock", `base_url: "SIM/bedrock", region: us-east-1, api_key: k`},
	)
	ada := answers{l, key}
	for provider, model := range map[string]string{"key": "", "dated": "", "entra": "", "vertex": "gemini-3-pro-", "bedrock": bedrockClaude} {
		model += "sim-n3"
		first := ada.ask(t, object{"model": provider + "/" + model, "input": "first words"})
		bodies := l.received(t, model, 1, func() {
			ada.ask(t, object{"model": provider + "/" + model, "input": "second words", "previous_response_id": first.ID})
		})
		keeps := !strings.Contains(model, "-sim")
		if strings.Contains(bodies[0], first.ID) != keeps || strings.Contains(bodies[0], "first words") == keeps || !strings.Contains(bodies[0], "second words") {
			t.Errorf("%s was sent %s after %s", provider, bodies[0], first.ID)
		}
		if status, a := ada.call(t, http.MethodDelete, "/"+first.ID, nil); status != http.StatusOK {
			t.Errorf("%s: %d %s", provider, status, a.raw)
		}
	}
	l.stop()
	if log := l.log.String(); strings.Contains(log, "may still be kept") {
		t.Errorf("not deleted at its provider: %s", log)
	}
}
