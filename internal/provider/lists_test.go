package provider_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
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
