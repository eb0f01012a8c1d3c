package httpapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/router"
)

// TestModelListsComeInPages: Google's and Anthropic's clients ask page by page, and
// find every model once; one that names no size gets all.
func TestModelListsComeInPages(t *testing.T) {
	t.Parallel()
	e := newEdge(t, upstream(t), edgeOptions{})
	var want []string
	var declared []catalog.Model
	for i := range 7 {
		declared = append(declared, catalog.Model{ID: fmt.Sprintf("m%d", i)})
		want = append(want, fmt.Sprintf("up/m%d", i))
	}
	view, err := catalog.NewView([]catalog.Account{{Name: "up", Declared: declared}})
	if err != nil {
		t.Fatal(err)
	}
	e.Gateway.Swap(&gateway.State{Accounts: e.Gateway.State().Accounts, Routes: router.NewRoutes(router.Policy{}, view, time.Now())})
	type list struct {
		Models []struct {
			Name string `json:"name"`
		} `json:"models"`
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
		Next string `json:"nextPageToken"`
		More bool   `json:"has_more"`
		Last string `json:"last_id"`
	}
	for _, way := range []struct {
		name, path, header, size, after string
	}{
		{"Google", "/v1beta/models", "X-Unused", "pageSize", "pageToken"},
		{"Anthropic", "/v1/models", "Anthropic-Version", "limit", "after_id"},
	} {
		for size, pages := range map[string]int{"": 1, "1": 7, "3": 3, "7": 1, "1000": 1} {
			var got []string
			after, asked := "", 0
			for asked == 0 || after != "" {
				q := url.Values{}
				for name, v := range map[string]string{way.size: size, way.after: after} {
					if v != "" {
						q.Set(name, v)
					}
				}
				resp := e.ask("GET", way.path+"?"+q.Encode(), adminKey, "", way.header, "2023-06-01")
				var l list
				if err := json.Unmarshal(resp.Body.Bytes(), &l); err != nil || resp.Code != 200 {
					t.Fatalf("%s %v: %d %v %s", way.name, q, resp.Code, err, resp.Body)
				}
				for _, m := range l.Models {
					got = append(got, strings.TrimPrefix(m.Name, "models/"))
				}
				for _, m := range l.Data {
					got = append(got, m.ID)
				}
				if after = l.Next; l.More {
					after = l.Last
				}
				asked++
			}
			if d := cmp.Diff(want, got); d != "" || asked != pages {
				t.Errorf("%s, %q a page: %d pages, want %d %s", way.name, size, asked, pages, d)
			}
		}
		for _, q := range []string{way.size + "=-1", way.size + "=many", way.size + "=0", way.after + "=up/never-was"} {
			if resp := e.ask("GET", way.path+"?"+q, adminKey, "", way.header, "2023-06-01"); resp.Code != 400 || !strings.Contains(resp.Body.String(), q[:strings.Index(q, "=")]) {
				t.Errorf("%s %s: %d %s", way.name, q, resp.Code, resp.Body)
			}
		}
	}
}
