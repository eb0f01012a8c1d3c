package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// everyProvider is a gateway with an account of every provider of the catalog,
// at a server that answers as whatever model it was asked for.
func everyProvider(t *testing.T, now time.Time) *rig {
	t.Helper()
	r := newRig(t, []string{"k"}, nil, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		p, err := chat.Format{}.Peek(wire.RawRequest{Body: body})
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprintf(w, answered, p.Model)
	})
	up := r.State().Accounts["up"]
	st := &gateway.State{Accounts: map[string]*provider.Account{}}
	providers, err := catalog.SnapshotProviders()
	if err != nil {
		t.Fatal(err)
	}
	var accounts []catalog.Account
	for _, p := range providers {
		a, err := provider.NewAccount(provider.Options{
			Name: p, Profile: up.Profile, BaseURL: r.upstream, Keys: []string{"k"}, Formats: map[llm.Format]string{llm.FormatChat: ""},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		st.Accounts[p] = a
		accounts = append(accounts, catalog.Account{Name: p, Catalog: p})
	}
	view, err := catalog.NewView(accounts)
	if err != nil {
		t.Fatal(err)
	}
	st.Routes = router.NewRoutes(router.Policy{}, view, now)
	r.Now = func() time.Time { return now }
	r.Swap(st)
	return r
}

// Every name of a described model has an answer, or a 404 that names the
// replacement, whatever day it is.
func TestDescribedModelsAnswerOrNameTheirReplacement(t *testing.T) {
	t.Parallel()
	names, err := catalog.DescribedNames()
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for day, refused := range map[string][]string{
		"2026-06-01": nil,
		"2026-11-23": nil,
		"2027-02-01": {"GPT-4o", "GPT-4o Mini"}, // in these letters; the bare ids are at another provider
	} {
		now, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		r := everyProvider(t, now)
		var got []string
		for _, d := range names {
			_, _, err := r.generate(t, acme, fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hi"}]}`, d.As))
			if e := llm.AsError(err); err != nil && (e.Kind != llm.KindNotFound || !strings.Contains(e.Message, "its replacement is ")) {
				t.Errorf("%s: %q: %v", day, d.As, err)
			} else if err != nil {
				got = append(got, d.As)
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(refused, got); d != "" {
			t.Errorf("%s: %s", day, d)
		}
	}
}

// A redirected name goes out as it is and costs what answers.
func TestRedirectedModelsCostWhatAnswers(t *testing.T) {
	t.Parallel()
	for day, cost := range map[string]string{
		"2026-06-01": "0.002375000", // Gemini 2.5 Pro
		"2026-12-15": "0.000975000", // Gemini 3.8 Flash, promotional
		"2027-02-01": "0.001950000", // Gemini 3.8 Flash
	} {
		now, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		r := everyProvider(t, now)
		if _, _, err := r.generate(t, acme, `{"model":"gemini-2.5-pro","messages":[{"role":"user","content":"hi"}]}`); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"open 0", "end 0 ok in 300 out 200 exact, cost " + cost}, r.book.lines); d != "" {
			t.Errorf("%s: %s", day, d)
		}
	}
}
