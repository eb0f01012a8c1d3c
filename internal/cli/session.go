package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// shownSession is what is told of a session.
type shownSession struct {
	ID       string    `json:"id"`
	User     string    `json:"user"`
	Workload *string   `json:"workload"`
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	First    time.Time `json:"first_seen_at"`
	Last     time.Time `json:"last_seen_at"`
	Turns    int64     `json:"turns"`
	Chosen   *struct {
		Model string    `json:"model"`
		By    string    `json:"by"`
		At    time.Time `json:"at"`
	} `json:"chosen"`
}

func sessions() *cobra.Command {
	return group("session", "Look at a conversation, and have it stay on a model", sessionShow(), sessionSwitch())
}

func sessionPath(id string) string { return "/api/v1/sessions/" + url.PathEscape(id) }

func sessionShow() *cobra.Command {
	var r remote
	var org string
	var limit int
	c := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a session with its turns, newest first",
		Example: "  oido session show s-0197\n  oido session show s-0197 --json | jq '.data[].model'",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if limit <= 0 {
				return mistake("--limit %d: give a number from 1", limit)
			}
			path := sessionPath(args[0]) + "?" + query(map[string]string{"limit": strconv.Itoa(min(limit, pageSize)), "org": org})
			raw, err := r.get(c.Context(), path)
			if err != nil {
				return err
			}
			if r.json {
				return printJSON(c.OutOrStdout(), raw)
			}
			var v shownSession
			var turns listOf[jsontext.Value]
			if err = json.Unmarshal(raw, &v); err == nil {
				err = json.Unmarshal(raw, &turns)
			}
			if err != nil {
				return fmt.Errorf("the answer of %s can't be read, is it a gateway of this version? %w", r.url, err)
			}
			t, err := turnsTable(turns.Data)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprint(c.OutOrStdout(), v.told()); err != nil {
				return err
			}
			return t.print(screenOf(c.OutOrStdout()))
		},
		ValidArgsFunction: completeSession,
	}
	r.add(c)
	r.addJSON(c)
	c.Flags().IntVar(&limit, "limit", 20, "how many turns, at most 500")
	c.Flags().StringVar(&org, "org", "", "another org than the key's, with an operator's key")
	return c
}

// told is a session in lines.
func (v *shownSession) told() string {
	stays := "no model was chosen: it goes by what its requests ask for"
	if v.Chosen != nil {
		stays = fmt.Sprintf("%s, chosen by %s at %s", v.Chosen.Model, v.Chosen.By, v.Chosen.At.Local().Format(time.DateTime))
	}
	out := ""
	for _, line := range [][2]string{
		{"session", v.ID},
		{"user", v.User},
		{"workload", cellOf(said(v.Workload)).text},
		{"turns", strconv.FormatInt(v.Turns, 10)},
		{"used", v.First.Local().Format(time.DateTime) + " to " + v.Last.Local().Format(time.DateTime)},
		{"is at", v.Provider + "/" + v.Model},
		{"stays on", stays},
	} {
		out += fmt.Sprintf("%-10s%s\n", line[0], printable(line[1]))
	}
	return out + "\n"
}

func sessionSwitch() *cobra.Command {
	var r remote
	var org string
	var back bool
	c := &cobra.Command{
		Use:   "switch ID [MODEL]",
		Short: "Have a session stay on a model until told otherwise",
		Long: "Have a session stay on a model until told otherwise: all its requests that name a workload, auto or an alias are answered by it while it can. " +
			"Requests that name a model themselves still get that one. --clear takes it back.",
		Example: "  oido session switch s-0197 anthropic/claude-opus-4-7\n  oido session switch s-0197 --clear",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if back == (len(args) == 2) {
				return mistake("give a model, or --clear to take the one that was chosen back")
			}
			var body struct {
				Model *string `json:"model"`
			}
			if !back {
				body.Model = &args[1]
			}
			v, raw, err := switchSession(c.Context(), &r, sessionPath(args[0])+"/model?"+query(map[string]string{"org": org}), body)
			switch {
			case err != nil:
				return err
			case r.json:
				return printJSON(c.OutOrStdout(), raw)
			case v.Chosen == nil:
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s goes by what its requests ask for\n", printable(v.ID))
			default:
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s stays on %s\n", printable(v.ID), v.Chosen.Model)
			}
			return err
		},
		ValidArgsFunction: completeSession,
	}
	r.add(c)
	r.addJSON(c)
	c.Flags().BoolVar(&back, "clear", false, "take the model back that was chosen")
	c.Flags().StringVar(&org, "org", "", "another org than the key's, with an operator's key")
	return c
}

func switchSession(ctx context.Context, r *remote, path string, body any) (v shownSession, raw jsontext.Value, err error) {
	if err := r.settle(); err != nil {
		return v, nil, err
	}
	doc, err := json.Marshal(body)
	if err != nil {
		return v, nil, err
	}
	if raw, _, err = r.change(ctx, http.MethodPut, path, "", doc); err != nil {
		return v, nil, err
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, nil, fmt.Errorf("the answer of %s can't be read, is it a gateway of this version? %w", r.url, err)
	}
	return v, raw, nil
}

// completeSession offers the sessions used last, then models.
func completeSession(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 1 && c.Name() == "switch":
		return completeModels(c, args, typed)
	case len(args) > 0:
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, _ := ask[listOf[shownSession]](c, "/api/v1/sessions")
	var out []string
	for _, s := range list.Data {
		out = append(out, s.ID)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
