package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-json-experiment/json"
)

// row is a turn as the ledger tells it.
type row struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	Provider  string `json:"provider"`
	Format    string `json:"format"`
	Stream    bool   `json:"stream"`
	Input     int64  `json:"input_tokens"`
	Cached    int64  `json:"cache_read_tokens"`
	Written   int64  `json:"cache_write_tokens"`
	Output    int64  `json:"output_tokens"`
	Reasoning int64  `json:"reasoning_tokens"`
	Total     int64  `json:"total_tokens"`
	Quality   string `json:"usage_quality"`
	Cost      string `json:"cost_usd"` // "" for null
	Served    string `json:"served_model"`
}

func (r row) usage() usage { return usage{r.Input, r.Cached, r.Written, r.Output, r.Reasoning} }

// book is what the ledger must tell of the turns that were made. It is safe for
// concurrent use.
type book struct {
	mu   sync.Mutex // protects rows
	rows map[string]expected
}

// expected is a turn that the ledger must know.
type expected struct {
	who, status      string
	quality          string // of the usage; "" is any
	provider, format string
	stream           bool
	usage            *usage // nil: not told to the client
	finish           finish // "" is any
}

func (b *book) note(t *testing.T, id string, e expected) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if id == "" || b.rows[id].status != "" {
		t.Errorf("%s: turn %q is named twice or not at all", e.who, id)
	}
	if b.rows == nil {
		b.rows = map[string]expected{}
	}
	b.rows[id] = e
}

// ledger reads all turns, as soon as n are there.
func (l *lab) ledger(t *testing.T, n int) map[string]row {
	t.Helper()
	var rows map[string]row
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		rows = map[string]row{}
		for cursor := ""; ; {
			var page struct {
				Data []row   `json:"data"`
				Next *string `json:"next_cursor"`
			}
			getJSON(t, l.url+"/api/v1/turns?limit=500&cursor="+url.QueryEscape(cursor), &page)
			for _, r := range page.Data {
				if _, double := rows[r.ID]; double {
					t.Errorf("turn %s is listed twice", r.ID)
				}
				rows[r.ID] = r
			}
			if page.Next == nil {
				break
			}
			cursor = *page.Next
		}
		if len(rows) >= n || time.Now().After(deadline) {
			return rows
		}
	}
}

// getJSON reads a document of the management API or of the simulated providers.
func getJSON(t *testing.T, url string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v %s", url, resp.StatusCode, err, b)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// check compares the ledger with what was noted: the same turns, each told to
// the client as it is recorded.
func (b *book) check(t *testing.T, l *lab) {
	t.Helper()
	rows := l.ledger(t, len(b.rows))
	if len(rows) != len(b.rows) {
		t.Errorf("%d turns in the ledger, %d were made", len(rows), len(b.rows))
	}
	checkRollUps(t, l, rows)
	for id, want := range b.rows {
		got, ok := rows[id]
		if !ok {
			t.Errorf("%s: turn %s is not in the ledger", want.who, id)
			continue
		}
		e := expected{want.who, got.Status, got.Quality, got.Provider, got.Format, got.Stream, want.usage, want.finish}
		if want.finish != "" && l.finish(t, id) != want.finish {
			t.Errorf("%s: ended with %s, want %s", want.who, l.finish(t, id), want.finish)
		}
		if want.quality == "" {
			want.quality = got.Quality
		}
		if e != want || got.Total != got.Input+got.Output || want.quality == "estimated" && got.Output == 0 || want.status == "ok" && got.Input == 0 {
			t.Errorf("%s: recorded %+v of %+v, want %+v", want.who, e, got, want)
		}
		// What used nothing costs nothing, at any price.
		if got.Quality == "exact" && got.Total > 0 && strings.Contains(got.Served, "sim-") && got.Cost != priced(got) {
			t.Errorf("%s: costs %q, want %q", want.who, got.Cost, priced(got))
		}
		if want.usage != nil {
			if diff := cmp.Diff(fmt.Sprintf("%+v", got.usage()), fmt.Sprintf("%+v", want.usage.within(got.usage()))); diff != "" {
				t.Errorf("%s: usage (-ledger +client):\n%s", want.who, diff)
			}
		}
	}
}

// finish is why a turn's last attempt ended.
func (l *lab) finish(t *testing.T, id string) finish {
	t.Helper()
	var turn struct {
		Attempts []struct {
			Finish string `json:"finish"`
		} `json:"attempt_list"`
	}
	getJSON(t, l.url+"/api/v1/turns/"+id, &turn)
	if len(turn.Attempts) == 0 {
		t.Fatalf("turn %s has no attempts", id)
	}
	last := turn.Attempts[len(turn.Attempts)-1].Finish
	return map[string]finish{
		"stop": finishStop, "stop_sequence": finishStop, "length": finishLength, "tool_calls": finishTools, "content_filter": finishRefused,
	}[last]
}

// checkRollUps compares what the usage sums up with the sum of the rows.
func checkRollUps(t *testing.T, l *lab, rows map[string]row) {
	t.Helper()
	type totals struct {
		Turns     int64 `json:"turns"`
		Input     int64 `json:"input_tokens"`
		Cached    int64 `json:"cache_read_tokens"`
		Written   int64 `json:"cache_write_tokens"`
		Output    int64 `json:"output_tokens"`
		Reasoning int64 `json:"reasoning_tokens"`
	}
	var got struct {
		Week totals `json:"last_7_days"`
	}
	getJSON(t, l.url+"/api/v1/usage", &got)
	var want totals
	for _, r := range rows {
		want = totals{want.Turns + 1, want.Input + r.Input, want.Cached + r.Cached, want.Written + r.Written, want.Output + r.Output, want.Reasoning + r.Reasoning}
	}
	if got.Week != want {
		t.Errorf("the usage tells %+v, the turns sum up to %+v", got.Week, want)
	}
}

// priced is what a turn cost that a scripted model answered. Only OpenRouter's and
// xAI's tell a price, a millionth of a dollar for a token of input and four for one of
// output; what has no price has no cost.
func priced(r row) string {
	if !slices.Contains([]string{"openrouter", "xai", "xai-chat"}, r.Provider) {
		return ""
	}
	micros := r.Input + 4*r.Output
	return fmt.Sprintf("%d.%06d000", micros/1e6, micros%1e6)
}

// within fills in what the client's format has no word for.
func (u usage) within(all usage) usage {
	if u.written < 0 {
		u.written = all.written
	}
	return u
}

// recorded reads a turn, as soon as it is there.
func (l *lab) recorded(t *testing.T, id string, into any) {
	t.Helper()
	if id == "" {
		t.Error("an answer names no turn")
		return
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/api/v1/turns/"+id, nil)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusNotFound && time.Now().Before(deadline) {
			continue
		}
		if err == nil && resp.StatusCode == http.StatusOK {
			err = json.Unmarshal(b, into)
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("turn %s: %d %v %s", id, resp.StatusCode, err, b)
		}
		return
	}
}
