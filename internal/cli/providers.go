package cli

import (
	"time"

	"github.com/spf13/cobra"
)

// shownProvider is what a line on a provider is made of.
type shownProvider struct {
	Name    string     `json:"name"`
	Type    string     `json:"type"`
	Models  int        `json:"models"`
	Listed  *time.Time `json:"models_listed_at"`
	Problem *string    `json:"problem"`
}

func providers() *cobra.Command {
	c := group("providers", "Look at the connected providers", providersList())
	list := providersList()
	c.RunE, c.Example = list.RunE, "  oido providers\n  oido providers --json"
	c.Flags().AddFlagSet(list.Flags())
	return c
}

func providersList() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "list",
		Short: "List the connected providers, and what is wrong with one",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return show(c, &r, "/api/v1/providers", func(s screen, v listOf[shownProvider]) error {
				t := table{columns: []column{{title: "PROVIDER"}, {title: "TYPE", spare: 1}, {title: "MODELS", right: true}, {title: "LIST READ", spare: 2}, {title: "PROBLEM"}}}
				for _, p := range v.Data {
					read := cell{"never", yellow}
					if p.Listed != nil {
						read = cell{p.Listed.Local().Format(time.DateTime), plain}
					}
					problem := cell{"-", faint}
					if p.Problem != nil {
						problem = cell{*p.Problem, red}
					}
					t.row(p.Name, p.Type, p.Models, read, problem)
				}
				return t.print(s)
			})
		},
	}
	r.add(c)
	r.addJSON(c)
	return c
}
