package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ready waits until the providers' lists have been read.
func (l *lab) ready(t *testing.T) {
	t.Helper()
	for range 100 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/readyz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("never ready")
}

// One path, three shapes: a client's headers tell which one it reads.
func TestModelListsHaveTheirCallersShape(t *testing.T) {
	l := newLab(t)
	l.ready(t)
	for _, c := range []struct {
		path   string
		header http.Header
		want   string
	}{
		{"/v1/models", http.Header{"Authorization": {"Bearer " + key}}, `{"id":"chat/sim","object":"model",`},
		{"/v1/models", http.Header{"X-Api-Key": {key}, "Anthropic-Version": {"2023-06-01"}}, `{"id":"chat/sim","type":"model",`},
		{"/v1/models", http.Header{"X-Goog-Api-Key": {key}}, `{"name":"models/chat/sim",`},
		{"/v1beta/models", http.Header{"X-Goog-Api-Key": {key}}, `{"name":"models/chat/sim",`},
		{"/v1/models/chat/sim", http.Header{"Authorization": {"Bearer " + key}}, `{"id":"chat/sim","object":"model",`},
		{"/v1/models/chat/sim", http.Header{"X-Api-Key": {key}, "Anthropic-Version": {"2023-06-01"}}, `{"id":"chat/sim","type":"model",`},
		{"/v1/models/chat/sim", http.Header{"X-Goog-Api-Key": {key}}, `{"name":"models/chat/sim",`},
		{"/v1beta/models/chat/sim", http.Header{"X-Goog-Api-Key": {key}}, `{"name":"models/chat/sim",`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = c.header
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(b), c.want) {
			t.Errorf("%s with %v: %s %v %.300s", c.path, c.header, resp.Status, err, b)
		}
	}
}
