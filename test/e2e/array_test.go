package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// TestAnArrayComesElementByElement: a Gemini client without alt=sse has the first
// element while the provider still writes, whatever the provider speaks.
func TestAnArrayComesElementByElement(t *testing.T) {
	l := newLab(t)
	for _, provider := range []string{"gemini", "chat", "messages", "responses"} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/v1beta/models/"+provider+"/sim-n2000-d20:streamGenerateContent", strings.NewReader(`{"contents":[{"role":"user","parts":[{"text":"`+question+`"}]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "application/json" {
			t.Errorf("%s: %d %s", provider, resp.StatusCode, kind)
		}
		// The whole takes 40 seconds.
		d := jsontext.NewDecoder(resp.Body)
		if tok, err := d.ReadToken(); err != nil || tok.Kind() != '[' {
			t.Errorf("%s: %v %v", provider, tok, err)
		}
		for range 3 {
			v, err := d.ReadValue()
			if err != nil || !strings.Contains(string(v), `"candidates"`) {
				t.Errorf("%s: %s %v", provider, v, err)
			}
		}
		cancel()
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, row := range l.turns(t, 4) {
		if row.Status != "canceled" {
			t.Errorf("%+v", row)
		}
	}
}
