package httpapi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhyIsForWhoSeesTheTurn: of a turn whose decision wasn't kept its attempts are
// told all the same; what a provider says of the account, to those alone who manage it.
func TestWhyIsForWhoSeesTheTurn(t *testing.T) {
	t.Parallel()
	turns := books()
	failed := turns[4] // of ada in acme: refused by gemini, then answered
	mine := turns[1]   // of bob, who is a member
	o := newOffice(t, turns...)
	for _, c := range []struct {
		key, path string
		want      int
	}{
		{admin, failed.ID + "/why", 200},
		{member, failed.ID + "/why", 404},
		{member, mine.ID + "/why", 200},
		{viewer, failed.ID + "/why", 403},
		{stranger, failed.ID + "/why", 404},
		{operator, failed.ID + "/why", 404},
		{operator, failed.ID + "/why?org=acme", 200},
		{admin, failed.ID + "/why?org=other", 403},
		{"", failed.ID + "/why", 401},
	} {
		if status, body := o.get(c.key, "/api/v1/turns/"+c.path, nil); status != c.want {
			t.Errorf("%s as %s: %d, want %d: %s", c.path, c.key, status, c.want, body)
		}
	}
	type why struct {
		Explanation string  `json:"explanation"`
		Rule        *string `json:"rule"`
		Fallback    bool    `json:"fallback"`
		Candidates  []any   `json:"candidates"`
		Attempts    []struct {
			Key   string `json:"key"`
			Error string `json:"error_text"`
		} `json:"attempts"`
	}
	var w why
	o.get(admin, "/api/v1/turns/"+failed.ID+"/why", &w)
	const said = "How the models were chosen was not kept. gemini/flash failed at once (it refused us), so chat/gpt answered after 1.0 s."
	if d := cmp.Diff(said, w.Explanation); d != "" || w.Rule != nil || w.Candidates == nil || len(w.Candidates) != 0 || w.Fallback {
		t.Errorf("%+v %s", w, d)
	}
	if len(w.Attempts) != 2 || w.Attempts[0].Key != "…9999" || w.Attempts[0].Error != "the account's own words" {
		t.Errorf("%+v", w.Attempts)
	}
	var own why
	_, body := o.get(member, "/api/v1/turns/"+mine.ID+"/why", nil)
	o.get(member, "/api/v1/turns/"+mine.ID+"/why", &own)
	if len(own.Attempts) != 1 || own.Attempts[0].Key != "" || strings.Contains(body, "…1234") {
		t.Errorf("a member sees the key: %s", body)
	}
}
