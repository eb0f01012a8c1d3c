package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/wire/sse"
)

// shownTurn is what a line on a turn is made of.
type shownTurn struct {
	ID       string    `json:"id"`
	Started  time.Time `json:"started_at"`
	Status   string    `json:"status"`
	User     string    `json:"user"`
	Agent    *string   `json:"agent"`
	Workload *string   `json:"workload"`
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	Input    int64     `json:"input_tokens"`
	Output   int64     `json:"output_tokens"`
	Cost     *string   `json:"cost_usd"`
	Duration int64     `json:"duration_ms"`
	Attempts int       `json:"attempts"`
}

func turns() *cobra.Command {
	var r remote
	var limit int
	var follow bool
	var window, status string
	filter := narrowing{}
	c := &cobra.Command{
		Use:   "turns",
		Short: "List single turns, newest first, or follow them",
		Example: `  oido turns --status error --window 7d
  oido turns --follow --agent support
  oido turns --json --limit 500 | jq '.data[].cost_usd'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 || limit == 0 && !follow {
				return mistake("--limit %d: give a number from 1", limit)
			}
			if follow && window != "" {
				return mistake("--follow shows what comes, --window what was: give one of them")
			}
			values := filter.with(map[string]string{"status": status})
			if follow {
				return followTurns(c, &r, values, limit)
			}
			values["window"] = window
			list, err := listTurns(c.Context(), &r, values, limit)
			if err != nil {
				return err
			}
			if r.json {
				raw, err := json.Marshal(list)
				if err != nil {
					return err
				}
				return printJSON(c.OutOrStdout(), raw)
			}
			t, err := turnsTable(list.Data)
			if err != nil {
				return err
			}
			return t.print(screenOf(c.OutOrStdout()))
		},
	}
	r.add(c)
	r.addJSON(c)
	c.Flags().IntVar(&limit, "limit", 20, "how many turns; with --follow, how many of those before")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with turns as they end, newest last, until Ctrl-C; with --json one a line")
	c.Flags().StringVar(&window, "window", "", "7d, 30d or FROM,TO as YYYY-MM-DD, both included (default: all that are kept)")
	c.Flags().StringVar(&status, "status", "", "only turns that ended so: ok, error, cut, canceled, interrupted")
	filter.add(c)
	return c
}

// pageSize is how many rows a request asks for at most.
const pageSize = 500

// listTurns reads the newest turns, page by page.
func listTurns(ctx context.Context, r *remote, values map[string]string, limit int) (out listOf[jsontext.Value], err error) {
	out.Data = []jsontext.Value{}
	for len(out.Data) < limit {
		values["limit"] = strconv.Itoa(min(limit-len(out.Data), pageSize))
		list, _, err := fetch[listOf[jsontext.Value]](ctx, r, "/api/v1/turns?"+query(values))
		if err != nil {
			return out, err
		}
		out.Data, out.Next = append(out.Data, list.Data...), list.Next
		if list.Next == nil {
			break
		}
		values["cursor"] = *list.Next
	}
	delete(values, "cursor")
	delete(values, "limit")
	return out, nil
}

func turnsTable(rows []jsontext.Value) (*table, error) {
	t := &table{columns: []column{
		{title: "TURN", spare: 2},
		{title: "STARTED"},
		{title: "STATUS"},
		{title: "USER", spare: 7},
		{title: "AGENT", spare: 5},
		{title: "WORKLOAD", spare: 6},
		{title: "MODEL"},
		{title: "ATTEMPTS", right: true, spare: 4},
		{title: "INPUT", right: true, spare: 1},
		{title: "OUTPUT", right: true, spare: 1},
		{title: "COST USD", right: true},
		{title: "MS", right: true, spare: 3},
	}}
	for _, raw := range rows {
		var v shownTurn
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, fmt.Errorf("a turn can't be read, is this a gateway of this version? %w", err)
		}
		cost := any(cell{"unknown", yellow})
		if v.Cost != nil {
			cost = *v.Cost
		}
		attempts := any(v.Attempts)
		if v.Attempts > 1 {
			attempts = cell{strconv.Itoa(v.Attempts), yellow}
		}
		t.row(v.ID, v.Started.Local().Format(time.DateTime), cell{v.Status, look(v.Status)}, v.User, said(v.Agent), said(v.Workload), v.Provider+"/"+v.Model, attempts, v.Input, v.Output, cost, v.Duration)
	}
	return t, nil
}

// followTurns prints turns as they end. It follows before it lists what was, so
// that nothing falls between.
func followTurns(c *cobra.Command, r *remote, values map[string]string, before int) error {
	if err := r.settle(); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, r.url+"/api/v1/turns/stream?"+query(values), nil)
	if err != nil {
		return err
	}
	resp, err := r.stream(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	events := sse.NewReader(resp.Body)
	defer events.Close()
	list, err := listTurns(c.Context(), r, values, before)
	if err != nil {
		return err
	}
	slices.Reverse(list.Data)
	p, err := newTurnPrinter(c.OutOrStdout(), r.json, list.Data)
	if err != nil {
		return err
	}
	for {
		e, err := events.Next()
		switch {
		case c.Context().Err() != nil:
			return c.Context().Err()
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%s ended the stream without a word: look at the gateway's log, then follow anew", r.url)
		case err != nil:
			return fmt.Errorf("%s is gone (%w): is the gateway still running? Follow anew when it is", r.url, bare(err))
		}
		switch string(e.Name) {
		case "turn":
			if err := p.print(slices.Clone(e.Data)); err != nil {
				return err
			}
		case "dropped", "end":
			var why struct {
				Detail string `json:"detail"`
			}
			if err := json.Unmarshal(e.Data, &why); err != nil {
				return fmt.Errorf("%s ended the stream, why can't be read: %w", r.url, err)
			}
			return fmt.Errorf("%s ended the stream: %s", r.url, why.Detail)
		}
	}
}

// turnPrinter prints turns one by one: as lines of JSON, or as lines of a table
// whose columns have been fixed by what was there first.
type turnPrinter struct {
	s      screen
	json   bool
	widths []int
	seen   map[string]bool // listed at first; the stream may tell them again
}

// typical is a turn by which columns are made wide enough.
const typical = `{"id":"00000000-0000-0000-0000-000000000000","started_at":"2026-01-01T00:00:00Z","status":"interrupted","user":"someone","agent":"an-agent","workload":"a-workload","attempts":1,` +
	`"provider":"anthropic","model":"claude-haiku-4-5-20260101","input_tokens":1000000,"output_tokens":100000,"cost_usd":"0.000000000","duration_ms":100000}`

func newTurnPrinter(w io.Writer, asJSON bool, first []jsontext.Value) (*turnPrinter, error) {
	p := &turnPrinter{s: screenOf(w), json: asJSON, seen: map[string]bool{}}
	if !asJSON {
		t, err := turnsTable(append(slices.Clone(first), jsontext.Value(typical)))
		if err != nil {
			return nil, err
		}
		p.widths = t.layout(p.s.width)
		titles := make([]cell, len(t.columns))
		for i, c := range t.columns {
			titles[i] = cell{c.title, bold}
		}
		if err := t.line(p.s, p.widths, titles); err != nil {
			return nil, err
		}
	}
	for _, raw := range first {
		if err := p.print(raw); err != nil {
			return nil, err
		}
		var v shownTurn
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, err
		}
		p.seen[v.ID] = true
	}
	return p, nil
}

func (p *turnPrinter) print(raw jsontext.Value) error {
	var v shownTurn
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("a turn can't be read, is this a gateway of this version? %w", err)
	}
	if p.seen[v.ID] {
		return nil
	}
	if p.json {
		if err := raw.Compact(); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p.s.w, string(raw))
		return err
	}
	t, err := turnsTable([]jsontext.Value{raw})
	if err != nil {
		return err
	}
	return t.line(p.s, p.widths, t.rows[0])
}
