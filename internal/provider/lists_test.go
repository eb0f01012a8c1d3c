package provider_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/messages"
)

// A key that is refused doesn't hide the models of an account that has another;
// with none that works, the account says why.
func TestAListIsReadByAnyKeyThatWorks(t *testing.T) {
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer good" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write([]byte(`{"object":"list","data":[{"id":"m","object":"model"}]}`)); err != nil {
			t.Error(err)
		}
	}))
	defer vendor.Close()
	profile, err := provider.ProfileAt("openai", vendor.URL+"/v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keys   []string
		models int
	}{{[]string{"bad", "worse", "good"}, 1}, {[]string{"bad", "worse"}, 0}} {
		a, err := provider.NewAccount(provider.Options{Name: "p", Profile: profile, BaseURL: vendor.URL + "/v1", Keys: c.keys, ModelsTTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		r := provider.NewRefresher([]*provider.Account{a}, map[llm.Format]wire.Lister{llm.FormatChat: chat.Format{}}, nil, slog.New(slog.DiscardHandler), func() {})
		r.Start(t.Context())
		r.WaitFirst(t.Context())
		l := r.List("p")
		if l == nil || len(l.Models) != c.models || (l.Err == nil) != (c.models > 0) {
			t.Errorf("%v: %+v", c.keys, l)
		}
		r.Stop()
		a.Close()
	}
}

// Who asked for a model that isn't there doesn't wait for a list that is being
// read.
func TestAModelIsGoneWhileTheListIsRead(t *testing.T) {
	reading, goOn, calls := make(chan struct{}, 1), make(chan struct{}), 0
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls > 1 {
			reading <- struct{}{}
			<-goOn
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write([]byte(`{"object":"list","data":[{"id":"m","object":"model"},{"id":"n","object":"model"}]}`)); err != nil {
			t.Error(err)
		}
	}))
	defer vendor.Close()
	profile, err := provider.ProfileAt("openai", vendor.URL+"/v1")
	if err != nil {
		t.Fatal(err)
	}
	a, err := provider.NewAccount(provider.Options{Name: "p", Profile: profile, BaseURL: vendor.URL + "/v1"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	r := provider.NewRefresher([]*provider.Account{a}, map[llm.Format]wire.Lister{llm.FormatChat: chat.Format{}}, nil, slog.New(slog.DiscardHandler), func() {})
	if err := r.Refresh(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Refresh(t.Context(), a) }()
	<-reading
	r.MarkGone("p", "m")
	if l := r.List("p"); len(l.Models) != 1 || l.Models[0].ID != "n" {
		t.Errorf("%+v", l)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// keeper counts what it is given to keep.
type keeper struct{ saved int }

func (k *keeper) SaveList(context.Context, string, time.Time, []byte) error { k.saved++; return nil }

func (k *keeper) LoadList(context.Context, string) ([]byte, error) { return nil, nil }

// A list that is the same as before is news to nobody, whatever its pages; what
// was taken out of it comes back, and what changes is seen on any page.
func TestAListThatIsTheSameIsNoNews(t *testing.T) {
	pages := map[string]string{
		"":  `{"data":[{"type":"model","id":"a"},{"type":"model","id":"b"}],"has_more":true,"last_id":"b"}`,
		"b": `{"data":[{"type":"model","id":"c"}],"has_more":false,"last_id":"c"}`,
	}
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := w.Write([]byte(pages[r.URL.Query().Get("after_id")])); err != nil {
			t.Error(err)
		}
	}))
	defer vendor.Close()
	a := keyed(t, "anthropic", vendor.URL, nil)
	news, store := 0, &keeper{}
	r := provider.NewRefresher([]*provider.Account{a}, map[llm.Format]wire.Lister{llm.FormatMessages: messages.Format{}}, store, slog.New(slog.DiscardHandler), func() { news++ })
	var last time.Time
	for i, c := range []struct {
		before func()
		err    bool
		models string
		gone   []string
		news   int // so far
		saved  int
	}{
		{func() {}, false, "abc", nil, 1, 1},
		{func() {}, false, "abc", nil, 1, 1},
		{func() { r.MarkGone("p", "b") }, false, "abc", nil, 3, 2},
		{func() {}, false, "abc", nil, 3, 2},
		{func() { pages["b"] = `{"data":[{"type":"model","id":"d"}],"has_more":false}` }, false, "abd", []string{"c"}, 4, 3},
		{func() {}, false, "abd", []string{"c"}, 4, 3},
		{func() { pages["b"] = `{"data":` }, true, "abd", []string{"c"}, 5, 3},
		{func() { pages["b"] = `{"data":[{"type":"model","id":"d"}],"has_more":false}` }, false, "abd", []string{"c"}, 6, 4},
		{func() { pages[""] = `{"data":[{"type":"model","id":"a"}],"has_more":false}` }, false, "a", []string{"c", "b", "d"}, 7, 5},
	} {
		c.before()
		if err := r.Refresh(t.Context(), a); (err != nil) != c.err {
			t.Fatalf("reading %d: %v", i, err)
		}
		l := r.List("p")
		models := ""
		for _, m := range l.Models {
			models += m.ID
		}
		if models != c.models || !slices.Equal(l.Gone, c.gone) || news != c.news || store.saved != c.saved || (l.Err != nil) != c.err {
			t.Errorf("reading %d: %s, gone %v, %d news, %d saved, %v", i, models, l.Gone, news, store.saved, l.Err)
		}
		if !c.err && !l.FetchedAt.After(last) {
			t.Errorf("reading %d: of %s, after %s", i, l.FetchedAt, last)
		}
		last = l.FetchedAt
	}
}
