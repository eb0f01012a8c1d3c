package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/store/sqlite"
)

// management is the management API over a database with turns: 0–6 of ada, 7–9
// of bob in acme, 10 of the org other.
func management(t *testing.T) (mux *http.ServeMux, store *sqlite.Store, log *bytes.Buffer) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err) // some tests close it themselves
		}
	})
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var turns []ledger.Turn
	for i := range 11 {
		org, user := "acme", "ada"
		if i >= 7 {
			user = "bob"
		}
		if i == 10 {
			org = "other"
		}
		turns = append(turns, ledger.Turn{
			ID: fmt.Sprintf("turn-%02d", i), Org: org, User: user, Format: "chat", Started: noon.Add(time.Duration(i) * time.Minute), Status: ledger.StatusOK,
			Attempts: []ledger.Attempt{{Provider: "up", Model: "sim", Started: noon, Status: ledger.StatusOK}},
		})
	}
	if err := store.WriteTurns(t.Context(), turns, ledger.Position{Segment: 1}); err != nil {
		t.Fatal(err)
	}
	log = &bytes.Buffer{}
	m := &httpapi.Management{
		Gateway: newEdge(t, "http://127.0.0.1:1", edgeOptions{}).Gateway, Directory: directory(t), Reader: store, Zone: time.UTC, Version: "test",
		Log: slog.New(slog.NewTextHandler(log, nil)), Now: func() time.Time { return noon.Add(time.Hour) },
		Lists: func(string) (time.Time, string) { return noon, "" },
	}
	mux = http.NewServeMux()
	if err := m.Register(mux); err != nil {
		t.Fatal(err)
	}
	return mux, store, log
}

func get(mux *http.ServeMux, method, path, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func TestProblemsAreDocuments(t *testing.T) {
	t.Parallel()
	mux, store, log := management(t)
	check := func(method, path, key string, status int) {
		t.Helper()
		w := get(mux, method, path, key)
		var p struct {
			Title  string `json:"title"`
			Status int    `json:"status"`
			Detail string `json:"detail"`
		}
		if w.Code != status || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d, %s: %s", method, path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != status || p.Title == "" || p.Detail == "" {
			t.Errorf("%s %s: %v %s", method, path, err, w.Body)
		}
		if strings.Contains(w.Body.String(), "SECRET") {
			t.Errorf("%s %s: what was sent comes back: %s", method, path, w.Body)
		}
	}
	check("GET", "/api/v1/usage", "", 401)
	check("GET", "/api/v1/usage", "nobody-knows-this-key-at-all", 401)
	check("GET", "/api/v1/turns?user=ada", memberKey, 403)
	check("GET", "/api/v1/turns", viewerKey, 403)
	check("GET", "/api/v1/providers", memberKey, 403)
	check("GET", "/api/v1/nothing", adminKey, 404)
	check("POST", "/api/v1/usage", adminKey, 405)
	check("GET", "/api/v1/turns/none", adminKey, 404)
	check("GET", "/api/v1/turns/turn-10", adminKey, 404)
	check("GET", "/api/v1/turns/turn-00", memberKey, 404)
	check("GET", "/api/v1/turns/"+strings.Repeat("x", 100), adminKey, 422)
	check("GET", "/api/v1/turns?limit=0", adminKey, 422)
	check("GET", "/api/v1/turns?limit=501", adminKey, 422)
	check("GET", "/api/v1/turns?limit=SECRET", adminKey, 422)
	check("GET", "/api/v1/usage?by=SECRET", adminKey, 400)
	for _, window := range []string{"8d", "2026-06-02,2026-06-01", "2026-13-01,2026-14-01", ","} {
		check("GET", "/api/v1/usage?window="+window, adminKey, 400)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	check("GET", "/api/v1/usage", adminKey, 500)
	check("GET", "/api/v1/turns", adminKey, 500)
	if w := get(mux, "GET", "/api/v1/turns", adminKey); strings.Contains(w.Body.String(), "sql") || !strings.Contains(log.String(), "sql") {
		t.Errorf("the cause belongs into the log alone: %s", w.Body)
	}
}

func TestCursorsGoThroughEveryTurnOnce(t *testing.T) {
	t.Parallel()
	mux, store, _ := management(t)
	for _, c := range []struct {
		key, query string
		want       []string
	}{
		{adminKey, "", []string{"turn-09", "turn-08", "turn-07", "turn-06", "turn-05", "turn-04", "turn-03", "turn-02", "turn-01", "turn-00"}},
		{adminKey, "&user=bob", []string{"turn-09", "turn-08", "turn-07"}},
		{memberKey, "", []string{"turn-09", "turn-08", "turn-07"}},
		{foreignKey, "", []string{"turn-10"}},
		{adminKey, "&status=cut", nil},
	} {
		for _, limit := range []int{1, 3, 10, 500} {
			var got []string
			cursor := ""
			for pages := 0; pages < 20; pages++ {
				w := get(mux, "GET", fmt.Sprintf("/api/v1/turns?limit=%d&cursor=%s%s", limit, cursor, c.query), c.key)
				var page struct {
					Data []struct {
						ID string `json:"id"`
					} `json:"data"`
					Next *string `json:"next_cursor"`
				}
				if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || page.Data == nil {
					t.Fatalf("%d %v %s", w.Code, err, w.Body)
				}
				if len(page.Data) > limit {
					t.Errorf("%d turns on a page of %d", len(page.Data), limit)
				}
				for _, row := range page.Data {
					got = append(got, row.ID)
				}
				if page.Next == nil {
					break
				}
				cursor = *page.Next
				if pages == 1 {
					// What comes in between moves nothing.
					err := store.WriteTurns(context.Background(), []ledger.Turn{{ID: fmt.Sprintf("turn-9%d", limit), Org: "acme", User: "new", Started: time.Now(), Status: ledger.StatusOK}}, ledger.Position{Segment: 1})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			got = slicesWithout(got, "turn-9")
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s by %d: %s", c.query, limit, d)
			}
		}
	}
}

// slicesWithout drops the turns that the test added on its way.
func slicesWithout(ids []string, prefix string) (out []string) {
	for _, id := range ids {
		if !strings.HasPrefix(id, prefix) {
			out = append(out, id)
		}
	}
	return out
}

func TestAnAnswerNobodyWaitsForIsNoFailure(t *testing.T) {
	t.Parallel()
	mux, _, log := management(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("left"))
	r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/turns", nil)
	r.Header.Set("Authorization", "Bearer "+adminKey)
	mux.ServeHTTP(httptest.NewRecorder(), r)
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("a client that left is logged as a failure of ours: %s", log)
	}
}

// TestARefusedMethodIsToldWhichArePossible at each kind of path.
func TestARefusedMethodIsToldWhichArePossible(t *testing.T) {
	t.Parallel()
	mux, _, _ := management(t)
	for at, want := range map[string]string{
		"PUT /api/v1/usage":                   "GET, HEAD",
		"PATCH /api/v1/providers":             "GET, HEAD, POST",
		"POST /api/v1/providers/one":          "DELETE, GET, HEAD",
		"GET /api/v1/providers/one/test":      "POST",
		"GET /api/v1/providers/one/keys":      "POST",
		"GET /api/v1/providers/one/keys/hint": "DELETE",
		"DELETE /api/openapi.json":            "GET, HEAD",
		"OPTIONS /api/v1/turns/some":          "GET, HEAD",
		"GET /api/v1/nothing":                 "",
	} {
		method, path, _ := strings.Cut(at, " ")
		got := get(mux, method, path, adminKey)
		status := http.StatusMethodNotAllowed
		if want == "" {
			status = http.StatusNotFound
		}
		if got.Code != status || got.Header().Get("Allow") != want || !strings.Contains(got.Body.String(), want) {
			t.Errorf("%s: %d, Allow %q, %s; want %q", at, got.Code, got.Header().Get("Allow"), got.Body, want)
		}
	}
}
