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
