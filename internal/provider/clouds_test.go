package provider_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/sim"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/messages"
)

// simulated is a server that plays the clouds.
func simulated(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(sim.New(sim.Options{}))
	t.Cleanup(s.Close)
	return s
}

const hello = `{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"hello"}]}`

// A signature is checked by another implementation, with and without a session,
// and for an id that must be escaped.
func TestASignatureIsTaken(t *testing.T) {
	s := simulated(t)
	for _, settings := range []options{
		{"region": "eu-west-1", "access_key_id": "AKIASIM", "secret_access_key": "secret-of-AKIASIM"},
		{"region": "us-east-1", "access_key_id": "ASIASIM", "secret_access_key": "secret-of-ASIASIM", "session_token": "session-of-ASIASIM"},
	} {
		a := account(t, "bedrock", s.Listener.Addr().String(), provider.Options{BaseURL: s.URL + "/bedrock", Settings: settings})
		key, _ := a.Pick(nil, "")
		for _, stream := range []bool{false, true} {
			resp, err := a.Send(t.Context(), llm.FormatMessages, wire.Outbound{Path: "/messages", Body: []byte(hello), Model: "us.anthropic.claude-haiku-4-5-sim-n2:0", Stream: stream}, nil, key)
			if err != nil {
				t.Errorf("%v: %v", settings, err)
				continue
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != 200 || err != nil || stream != strings.Contains(string(b), "event: message_stop") {
				t.Errorf("%v: %s %v %s", settings, resp.Status, err, b)
			}
		}
	}
}

// A clock that is off is named by how much, and not taken for a wrong key.
func TestASignatureOfAnotherTimeIsExplained(t *testing.T) {
	s := simulated(t)
	for off, want := range map[time.Duration]string{-time.Hour: "behind", time.Hour: "ahead"} {
		a := account(t, "bedrock", s.Listener.Addr().String(), provider.Options{
			BaseURL: s.URL + "/bedrock", Now: func() time.Time { return time.Now().Add(off) },
			Settings: options{"region": "eu-west-1", "access_key_id": "AKIASIM", "secret_access_key": "secret-of-AKIASIM"},
		})
		key, _ := a.Pick(nil, "")
		resp, err := a.Send(t.Context(), llm.FormatMessages, wire.Outbound{Path: "/messages", Body: []byte(hello), Model: "anthropic.claude-sim-n2"}, nil, key)
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s off: answered", off)
			continue
		}
		if e := llm.AsError(err); e.Kind != llm.KindAuth || e.Provider != "p" || !strings.Contains(e.Message, "1h0m0s "+want) && !strings.Contains(e.Message, "59m59s "+want) && !strings.Contains(e.Message, "1h0m1s "+want) {
			t.Errorf("%s off: %v", off, err)
		}
	}
}

// A token that the provider no longer takes is renewed once, and its refusal is
// passed on when the next one isn't taken either.
func TestATokenThatIsRefusedIsRenewedOnce(t *testing.T) {
	taken, given, asked := "token-2", 0, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			given++
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, given)
			return
		}
		asked++
		b, err := io.ReadAll(r.Body)
		if err != nil || string(b) != hello {
			t.Errorf("%v %s", err, b)
		}
		if r.Header.Get("Authorization") != "Bearer "+taken {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"code":"401"}}`)
		}
	}))
	defer s.Close()
	var shift atomic.Int64
	a := account(t, "azure", s.Listener.Addr().String(), provider.Options{
		BaseURL: s.URL, Settings: options{"authority": s.URL, "tenant_id": "t", "client_id": "c", "client_secret": "s"},
		Now: func() time.Time { return time.Now().Add(time.Duration(shift.Load())) },
	})
	key, _ := a.Pick(nil, "")
	send := func() (int, string) {
		resp, err := a.Send(t.Context(), llm.FormatChat, wire.Outbound{Path: "/chat/completions", Body: []byte(hello), Model: "d"}, nil, key)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if status, body := send(); status != http.StatusUnauthorized || body != `{"error":{"code":"401"}}` || given != 1 || asked != 1 {
		t.Errorf("a new token that isn't taken: %d %s after %d tokens and %d requests", status, body, given, asked)
	}
	shift.Store(int64(time.Minute))
	if status, _ := send(); status != http.StatusOK || given != 2 || asked != 3 {
		t.Errorf("an old token: %d after %d tokens and %d requests", status, given, asked)
	}
	taken = "none"
	shift.Store(int64(2 * time.Minute))
	if status, _ := send(); status != http.StatusUnauthorized || given != 3 || asked != 5 {
		t.Errorf("no token is taken: %d after %d tokens and %d requests", status, given, asked)
	}
}

// A token that was fetched is as secret as a key: what a provider repeats of it is
// not passed on.
func TestAFetchedTokenIsNotTold(t *testing.T) {
	const fetched = "token-that-was-fetched"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/token") {
			_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, fetched)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":{"message":"odd: %s"}}`, r.Header.Get("Authorization"))
	}))
	defer s.Close()
	a := account(t, "azure", s.Listener.Addr().String(), provider.Options{
		BaseURL: s.URL, Settings: options{"authority": s.URL, "tenant_id": "t", "client_id": "c", "client_secret": "s"},
	})
	key, _ := a.Pick(nil, "")
	resp, err := a.Send(t.Context(), llm.FormatChat, wire.Outbound{Path: "/chat/completions", Body: []byte(hello), Model: "d"}, nil, key)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), fetched) {
		t.Fatalf("%v %s", err, body)
	}
	said := &llm.Error{Kind: llm.KindBadRequest, Message: string(body), Raw: body}
	if e := a.Redact(said); strings.Contains(e.Error()+string(e.Raw), fetched) || !strings.Contains(e.Message, "odd: Bearer") {
		t.Errorf("%v %s", e, e.Raw)
	}
	if text := a.Masked(said.Message); strings.Contains(text, fetched) {
		t.Error(text)
	}
}

// Where tokens are made is the operator's network: that it can't be reached is said
// without an address.
func TestATokenServersAddressIsNotTold(t *testing.T) {
	s := simulated(t)
	a := account(t, "azure", "127.0.0.1:1", provider.Options{
		BaseURL: s.URL + "/azure", Settings: options{"authority": "https://login.inside.example", "tenant_id": "t", "client_id": "c", "client_secret": "s"},
	})
	key, _ := a.Pick(nil, "")
	resp, err := a.Send(t.Context(), llm.FormatChat, wire.Outbound{Path: "/chat/completions", Body: []byte(hello), Model: "d"}, nil, key)
	if err == nil {
		_ = resp.Body.Close()
		t.Fatal("answered without a token")
	}
	if got := err.Error(); got != "p: the token server can't be reached: connection refused" || llm.AsError(err).Kind != llm.KindUpstream {
		t.Error(got)
	}
}

// A stream in frames that ends in an exception, or in the middle, is no whole one.
func TestAStreamInFramesTellsHowItBroke(t *testing.T) {
	s := simulated(t)
	a := account(t, "bedrock", s.Listener.Addr().String(), provider.Options{BaseURL: s.URL + "/bedrock", Settings: options{"region": "us-east-1"}, Keys: []string{"k"}})
	key, _ := a.Pick(nil, "")
	for model, want := range map[string]llm.Kind{
		"anthropic.claude-sim-n6-err2":      llm.KindUpstream,
		"anthropic.claude-sim-n6-e529-err2": llm.KindOverloaded,
		"anthropic.claude-sim-n6-cut2":      llm.KindTruncated,
		"anthropic.claude-sim-n6-end2":      llm.KindTruncated,
		"anthropic.claude-sim-n6":           "",
	} {
		resp, err := a.Send(t.Context(), llm.FormatMessages, wire.Outbound{Path: "/messages", Body: []byte(hello), Model: model, Stream: true}, nil, key)
		if err != nil {
			t.Errorf("%s: %v", model, err)
			continue
		}
		answer, err := llm.Collect(messages.Format{}.DecodeStream(resp.Body, wire.Target{}))
		_ = resp.Body.Close()
		if e := llm.AsError(err); want == "" && e != nil || want != "" && (e == nil || e.Kind != want) || len(answer.Choices[0].Parts) == 0 {
			t.Errorf("%s: %v %+v", model, err, answer)
		}
	}
}

// The lists of the clouds come in shapes and pages of their own.
func TestListsOfCloudsAreRead(t *testing.T) {
	s := simulated(t)
	listers := map[llm.Format]wire.Lister{llm.FormatGemini: gemini.Format{}, llm.FormatMessages: messages.Format{}}
	for _, c := range []struct {
		typ, base string
		settings  options
		keys      []string
		want      []string
	}{
		{"vertex", "/vertex", nil, []string{"k"}, []string{"gemini-2.5-flash-lite"}},
		{"bedrock", "/bedrock", options{"region": "us-east-1"}, []string{"k"}, []string{"us.anthropic.claude-opus-4-7", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-3-haiku-20240307-v1:0", "us.amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0", "cohere.rerank-v3-5:0"}},
	} {
		a := account(t, c.typ, s.Listener.Addr().String(), provider.Options{BaseURL: s.URL + c.base, Settings: c.settings, Keys: c.keys})
		r := provider.NewRefresher([]*provider.Account{a}, listers, nil, slog.New(slog.DiscardHandler), func() {})
		if err := r.Refresh(t.Context(), a); err != nil {
			t.Errorf("%s: %v", c.typ, err)
			continue
		}
		got := map[string]wire.ListedModel{}
		for _, m := range r.List("p").Models {
			got[m.ID] = m
		}
		for _, id := range c.want {
			if m, ok := got[id]; !ok || (m.Chat != nil && !*m.Chat) != (strings.Contains(id, "embed") || strings.Contains(id, "rerank")) || m.Embeds != strings.Contains(id, "embed") || (m.State == "deprecated") != strings.Contains(id, "claude-3-") || m.Shutdown.IsZero() == strings.Contains(id, "claude-3-") {
				t.Errorf("%s: %s is %+v of %d", c.typ, id, m, len(got))
			}
		}
		if m, ok := got["anthropic.claude-opus-4-7"]; c.typ == "bedrock" && (!ok || m.Chat == nil || *m.Chat) {
			t.Errorf("a model that only profiles lead to is %+v", m)
		}
		if of := got["us.amazon.nova-lite-v1:0"].Of; c.typ == "bedrock" && of != "amazon.nova-lite-v1:0" {
			t.Errorf("a profile leads to %q", of)
		}
	}
}
