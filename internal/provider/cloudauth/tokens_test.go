package cloudauth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider/cloudauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tokenServer gives tokens that are numbered, each after a while.
type tokenServer struct {
	asked  atomic.Int64
	takes  time.Duration // to answer
	lives  time.Duration // of a token
	status int           // 0 is 200
	body   string        // with another status
	last   atomic.Pointer[url.Values]
}

func (s *tokenServer) RoundTrip(r *http.Request) (*http.Response, error) {
	n := s.asked.Add(1)
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(b))
	if err != nil {
		return nil, err
	}
	s.last.Store(&form)
	select {
	case <-time.After(s.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, body := http.StatusOK, fmt.Sprintf(`{"access_token":"token-%d","token_type":"Bearer","expires_in":%d}`, n, int(s.lives.Seconds()))
	if s.status != 0 {
		status, body = s.status, s.body
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

const clientSecret = "the-secret-of-the-application"

func entra(t *testing.T, s *tokenServer) cloudauth.Authorizer {
	t.Helper()
	a, _, err := cloudauth.New(cloudauth.Options{
		Kind: cloudauth.Entra, Scope: "https://cognitiveservices.azure.com/.default", Transport: s,
		Setting: map[string]string{"tenant_id": "tenant", "client_id": "app", "client_secret": clientSecret},
	})
	if err != nil || a == nil {
		t.Fatal(a, err)
	}
	return a
}

// authorized returns the token that a request is sent with.
func authorized(ctx context.Context, a cloudauth.Authorizer) (*http.Request, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://example.com/", http.NoBody)
	if err != nil {
		return nil, "", err
	}
	err = a.Authorize(ctx, r, nil)
	return r, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), err
}

func TestATokenIsFetchedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{takes: time.Second, lives: time.Hour}
		a := entra(t, s)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, token, err := authorized(t.Context(), a); token != "token-1" || err != nil {
					t.Errorf("%q %v", token, err)
				}
			})
		}
		all.Wait()
		if n := s.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if f := *s.last.Load(); f.Get("grant_type") != "client_credentials" || f.Get("scope") != "https://cognitiveservices.azure.com/.default" || f.Get("client_secret") != clientSecret {
			t.Errorf("asked with %v", f)
		}
	})
}

// A token is renewed before its end beside the requests that use it; nobody
// waits, and nobody gets one that has expired.
func TestATokenIsRenewedBeforeItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{takes: 2 * time.Second, lives: time.Hour}
		a := entra(t, s)
		get := func() (string, time.Duration) {
			start := time.Now()
			_, token, err := authorized(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			return token, time.Since(start)
		}
		if token, _ := get(); token != "token-1" {
			t.Fatal(token)
		}
		time.Sleep(54 * time.Minute)
		if token, waited := get(); token != "token-1" || waited != 0 {
			t.Errorf("early: %s after %s", token, waited)
		}
		time.Sleep(2 * time.Minute)
		if token, waited := get(); token != "token-1" || waited != 0 {
			t.Errorf("while it is renewed: %s after %s", token, waited)
		}
		time.Sleep(3 * time.Second)
		if token, waited := get(); token != "token-2" || waited != 0 {
			t.Errorf("renewed: %s after %s", token, waited)
		}
		time.Sleep(2 * time.Hour)
		if token, waited := get(); token != "token-3" || waited != 2*time.Second {
			t.Errorf("after its end: %s after %s", token, waited)
		}
	})
}

// A token server that is down costs nobody the token that still serves, and isn't
// asked at every request.
func TestATokenServesWhileItsServerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{lives: time.Hour}
		a := entra(t, s)
		if _, _, err := authorized(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		s.status, s.body = http.StatusServiceUnavailable, "busy"
		time.Sleep(56 * time.Minute)
		for range 20 {
			if _, token, err := authorized(t.Context(), a); token != "token-1" || err != nil {
				t.Errorf("%q %v", token, err)
			}
			time.Sleep(time.Second)
		}
		if n := s.asked.Load(); n > 4 {
			t.Errorf("asked %d times", n)
		}
		time.Sleep(10 * time.Minute)
		if _, _, err := authorized(t.Context(), a); llm.AsError(err).Kind != llm.KindUpstream {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestATokenServerThatHangsIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{takes: time.Hour, lives: time.Hour}
		a := entra(t, s)
		gone := errors.New("the client left")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(gone) })
		start := time.Now()
		if _, _, err := authorized(ctx, a); !errors.Is(err, gone) || time.Since(start) != time.Second {
			t.Errorf("a client that leaves waits %s: %v", time.Since(start), err)
		}
		start = time.Now()
		if _, _, err := authorized(t.Context(), a); llm.AsError(err).Kind != llm.KindUpstream || time.Since(start) > 15*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// A token server that can't be reached is no fault of the credentials, whichever
// they are.
func TestATokenServerThatCantBeReachedIsNamed(t *testing.T) {
	file, _ := serviceAccount(t)
	down := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for kind, setting := range map[string]map[string]string{
		cloudauth.Entra:  {"tenant_id": "tenant", "client_id": "app", "client_secret": clientSecret},
		cloudauth.Google: {"credentials": file},
		"a user's":       {"credentials": `{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}`},
	} {
		if kind == "a user's" {
			kind = cloudauth.Google
		}
		a, _, err := cloudauth.New(cloudauth.Options{Kind: kind, Setting: setting, Transport: unreachable{down}})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = authorized(t.Context(), a)
		if e := llm.AsError(err); e == nil || e.Kind != llm.KindUpstream || e.Message != "the token server can't be reached" || !errors.Is(err, down) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

type unreachable struct{ because error }

func (u unreachable) RoundTrip(*http.Request) (*http.Response, error) { return nil, u.because }

// A token that is refused early is let go of once; one that is new is refused for
// another reason.
func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{lives: time.Hour}
		a := entra(t, s)
		first, _, err := authorized(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if a.Renew(first) {
			t.Error("a new token is thrown away")
		}
		time.Sleep(time.Minute)
		if !a.Renew(first) {
			t.Error("an old token isn't renewed")
		}
		if _, token, err := authorized(t.Context(), a); token != "token-2" || err != nil {
			t.Errorf("%q %v", token, err)
		}
		if !a.Renew(first) {
			t.Error("a request with the old token can't have the new one")
		}
		if _, token, err := authorized(t.Context(), a); token != "token-2" || err != nil {
			t.Errorf("the new one was thrown away for the old one: %q %v", token, err)
		}
	})
}

func TestARefusalTellsNoSecret(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		kind   llm.Kind
		want   string
	}{
		{401, `{"error":"invalid_client","error_description":"wrong secret ` + clientSecret + `"}`, llm.KindAuth, "client_secret is wrong"},
		{400, `{"error":"` + clientSecret + `"}`, llm.KindAuth, "status 400"},
		{403, `<html>` + clientSecret, llm.KindAuth, "status 403"},
		{500, clientSecret, llm.KindUpstream, "status 500"},
		{200, clientSecret, llm.KindAuth, "can't be read"},
		{302, clientSecret, llm.KindAuth, "status 302"},
	} {
		_, _, err := authorized(t.Context(), entra(t, &tokenServer{status: c.status, body: c.body}))
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), clientSecret) {
			t.Errorf("%d: %v", c.status, err)
			continue
		}
		if e := llm.AsError(err); e.Kind != c.kind || !strings.Contains(e.Error(), c.want) {
			t.Errorf("%d: %s: %v", c.status, e.Kind, e)
		}
	}
}

// serviceAccount writes the file of a service account of Google's.
func serviceAccount(t *testing.T) (file string, key *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "sa@p.iam.gserviceaccount.com", "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b), key
}

func TestCredentialsOfGoogleGetTokens(t *testing.T) {
	file, _ := serviceAccount(t)
	path := filepath.Join(t.TempDir(), "sa.json")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{file, path, `{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","quota_project_id":"payer-1"}`} {
		s := &tokenServer{lives: time.Hour}
		a, name, err := cloudauth.New(cloudauth.Options{Kind: cloudauth.Google, Scope: "https://www.googleapis.com/auth/cloud-platform", Transport: s, Setting: map[string]string{"credentials": said}})
		if err != nil || name == "" {
			t.Fatal(name, err)
		}
		r, token, err := authorized(t.Context(), a)
		if token != "token-1" || err != nil {
			t.Errorf("%q %v", token, err)
		}
		if payer := r.Header.Get("X-Goog-User-Project"); (payer == "payer-1") != strings.Contains(said, "payer-1") {
			t.Errorf("paid by %q", payer)
		}
		if grant := s.last.Load().Get("grant_type"); grant != "urn:ietf:params:oauth:grant-type:jwt-bearer" && grant != "refresh_token" {
			t.Errorf("asked by %s", grant)
		}
	}
}

func TestCredentialsThatCantBeUsedAreNamed(t *testing.T) {
	file, _ := serviceAccount(t)
	open := strings.Replace(file, `{`, `{"token_uri":"http://tokens.example/",`, 1)
	for _, c := range []struct {
		kind    string
		setting map[string]string
		want    string
	}{
		{cloudauth.Google, map[string]string{"credentials": filepath.Join(t.TempDir(), "none.json")}, "no such file"},
		{cloudauth.Google, map[string]string{"credentials": `{"private_key": "` + clientSecret}, "not JSON"},
		{cloudauth.Google, map[string]string{"credentials": `{"type":"external_account"}`}, "external_account"},
		{cloudauth.Google, map[string]string{"credentials": `{"type":"service_account"}`}, "private_key"},
		{cloudauth.Google, map[string]string{"credentials": open}, "https"},
		{cloudauth.Google, map[string]string{"credentials": `{"type":"authorized_user","quota_project_id":"a\nb"}`}, "quota_project_id"},
		{cloudauth.Entra, map[string]string{"tenant_id": "t", "client_id": "c", "client_secret": clientSecret, "authority": "http://login.example"}, "https"},
	} {
		_, _, err := cloudauth.New(cloudauth.Options{Kind: c.kind, Setting: c.setting})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), clientSecret) {
			t.Errorf("%v: %v", c.want, err)
		}
	}
}

func TestATokenFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	a, _, err := cloudauth.New(cloudauth.Options{Kind: cloudauth.Entra, Setting: map[string]string{"token_file": path}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := authorized(t.Context(), a); llm.AsError(err).Kind != llm.KindAuth {
		t.Errorf("without the file: %v", err)
	}
	write("one\n")
	if _, token, err := authorized(t.Context(), a); token != "one" || err != nil {
		t.Errorf("%q %v", token, err)
	}
	write("two\n")
	now = now.Add(time.Hour)
	if _, token, err := authorized(t.Context(), a); token != "two" || err != nil {
		t.Errorf("%q %v", token, err)
	}
	write("no token\n")
	now = now.Add(time.Hour)
	if _, _, err := authorized(t.Context(), a); err == nil || strings.Contains(err.Error(), "no token\n") {
		t.Errorf("a broken file: %v", err)
	}
}
