package cli

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// shownDecision is what is shown of how models were chosen.
type shownDecision struct {
	Explanation string           `json:"explanation"`
	Candidates  []shownCandidate `json:"candidates"`
	Stronger    []shownCandidate `json:"stronger"`
	Excluded    []struct {
		Name     string `json:"name"`
		Sentence string `json:"sentence"`
	} `json:"excluded"`
}

// shownCandidate is what a line on a candidate is made of.
type shownCandidate struct {
	Name     string  `json:"name"`
	Estimate *string `json:"estimate_usd"`
	Came     *string `json:"came"`
}

// shownWhy is what is shown of why a turn came as it did.
type shownWhy struct {
	shownDecision
	Attempts []struct {
		Provider string  `json:"provider"`
		Model    string  `json:"model"`
		Key      string  `json:"key"`
		Status   string  `json:"status"`
		TTFT     *int64  `json:"ttft_ms"`
		Duration int64   `json:"duration_ms"`
		InWords  *string `json:"error_in_words"`
		Error    string  `json:"error_text"`
		Input    int64   `json:"input_tokens"`
		Output   int64   `json:"output_tokens"`
		Cost     *string `json:"cost_usd"`
	} `json:"attempts"`
}

func why() *cobra.Command {
	var r remote
	var org string
	c := &cobra.Command{
		Use:   "why TURN",
		Short: "Say why a turn came as it did: how its models were chosen, and what came of asking them",
		Example: `  oido why 01980c2e-7d4f-7c3a-9a51-3f6f0f3f2b11
  oido turns --json --limit 1 | jq -r '.data[0].id' | xargs oido why`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := "/api/v1/turns/" + url.PathEscape(args[0]) + "/why"
			if q := query(map[string]string{"org": org}); q != "" {
				path += "?" + q
			}
			return show(c, &r, path, func(s screen, v shownWhy) error {
				if err := v.print(s); err != nil {
					return err
				}
				return v.printAttempts(s)
			})
		},
	}
	r.add(c)
	r.addJSON(c)
	c.Flags().StringVar(&org, "org", "", "a turn of another org than the key's, with an operator's key")
	c.ValidArgsFunction = completeTurns
	return c
}

// look is how an end of a turn or an attempt looks.
func look(status string) paint {
	return map[string]paint{"ok": green, "error": red, "cut": red, "interrupted": yellow, "canceled": yellow}[status]
}

// print writes the account in words, then as tables.
func (v *shownDecision) print(s screen) error {
	if _, err := fmt.Fprintln(s.w, wrapped(printable(v.Explanation), s.width)); err != nil {
		return err
	}
	candidates := table{columns: []column{{title: "CANDIDATE"}, {title: "THIS REQUEST USD", right: true}, {title: "CAME", spare: 1}}}
	came := false
	for _, c := range slices.Concat(v.Candidates, v.Stronger) {
		price := any(cell{"unknown", yellow})
		if c.Estimate != nil {
			price = *c.Estimate
		}
		end := any(cell{"not asked", faint})
		if c.Came != nil {
			came, end = true, cell{*c.Came, look(*c.Came)}
		}
		candidates.row(c.Name, price, end)
	}
	if !came {
		candidates.drop(len(candidates.columns) - 1)
	}
	excluded := table{columns: []column{{title: "NOT"}, {title: "BECAUSE"}}}
	for _, x := range v.Excluded {
		excluded.row(x.Name, x.Sentence)
	}
	return printTables(s, &candidates, &excluded)
}

func (v *shownWhy) printAttempts(s screen) error {
	t := table{columns: []column{
		{title: "ATTEMPT AT"},
		{title: "KEY", spare: 5},
		{title: "STATUS"},
		{title: "FIRST MS", right: true, spare: 3},
		{title: "MS", right: true, spare: 2},
		{title: "INPUT", right: true, spare: 4},
		{title: "OUTPUT", right: true, spare: 4},
		{title: "COST USD", right: true, spare: 1},
		{title: "ERROR"},
	}}
	for _, a := range v.Attempts {
		cost := any(cell{"unknown", yellow})
		if a.Cost != nil {
			cost = *a.Cost
		}
		var wrong []string
		if a.InWords != nil {
			wrong = append(wrong, *a.InWords)
		}
		if a.Error != "" {
			wrong = append(wrong, a.Error)
		}
		key := any(cell{"-", faint})
		if a.Key != "" {
			key = a.Key
		}
		t.row(a.Provider+"/"+a.Model, key, cell{a.Status, look(a.Status)}, said(a.TTFT), a.Duration, a.Input, a.Output, cost, strings.Join(wrong, ": "))
	}
	return printTables(s, &t)
}

// printTables writes those tables that have rows, each after an empty line.
func printTables(s screen, all ...*table) error {
	for _, t := range all {
		if len(t.rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(s.w); err != nil {
			return err
		}
		if err := t.print(s); err != nil {
			return err
		}
	}
	return nil
}

// readable is how wide a text is at most on a terminal.
const readable = 100

// wrapped breaks a text into lines for a terminal; for anything else it stays one.
func wrapped(text string, width int) string {
	if width <= 0 {
		return text
	}
	width = min(width, readable)
	var b strings.Builder
	line := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		switch {
		case line == 0:
		case line+1+n > width:
			b.WriteByte('\n')
			line = 0
		default:
			b.WriteByte(' ')
			line++
		}
		b.WriteString(word)
		line += n
	}
	return b.String()
}
