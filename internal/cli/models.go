package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// shownModel is what a line on a model is made of.
type shownModel struct {
	Name      string  `json:"name"`
	Tier      string  `json:"tier"`
	Context   *int    `json:"context"`
	Input     *string `json:"input_usd_per_million"`
	Output    *string `json:"output_usd_per_million"`
	Free      *string `json:"free"`
	Ends      *string `json:"ends"`
	Available bool    `json:"available"`
	WhyNot    *string `json:"why_not"`
}

func models() *cobra.Command {
	var r remote
	var values struct {
		provider, tier, in    string
		context               int
		free, tools, thinking bool
		all                   bool
	}
	c := &cobra.Command{
		Use:   "models [TEXT]",
		Short: "List the models of the connected providers",
		Long:  "List the models of the connected providers that can be used now, or only those whose name holds TEXT.",
		Example: `  oido models haiku
  oido models --tier fast --tools --in image
  oido models --provider openai --all`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v := map[string]string{"provider": values.provider, "tier": values.tier, "in": values.in}
			if len(args) > 0 {
				v["q"] = args[0]
			}
			if values.context > 0 {
				v["min_context"] = strconv.Itoa(values.context)
			}
			for name, on := range map[string]bool{"free": values.free, "tools": values.tools, "reasoning": values.thinking, "available": !values.all} {
				if on {
					v[name] = "true"
				}
			}
			list, err := listModels(c, &r, v)
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
			return modelsTable(c, list.Data)
		},
	}
	r.add(c)
	r.addJSON(c)
	c.Flags().StringVar(&values.provider, "provider", "", "only this provider's")
	c.Flags().StringVar(&values.tier, "tier", "", "only this tier: frontier, balanced, fast, specialist")
	c.Flags().StringVar(&values.in, "in", "", "only models that read this: text, image, pdf, audio, video")
	c.Flags().IntVar(&values.context, "min-context", 0, "only models known to take so many tokens")
	c.Flags().BoolVar(&values.free, "free", false, "only what costs nothing, at least for a while")
	c.Flags().BoolVar(&values.tools, "tools", false, "only models known to call tools")
	c.Flags().BoolVar(&values.thinking, "reasoning", false, "only models known to reason")
	c.Flags().BoolVar(&values.all, "all", false, "also models that can't be used, and why")
	return c
}

// listModels reads all pages.
func listModels(c *cobra.Command, r *remote, values map[string]string) (out listOf[jsontext.Value], err error) {
	out.Data = []jsontext.Value{}
	for {
		page, _, err := fetch[listOf[jsontext.Value]](c.Context(), r, "/api/v1/models?"+query(values))
		if err != nil {
			return out, err
		}
		out.Data = append(out.Data, page.Data...)
		if page.Next == nil {
			return out, nil
		}
		values["cursor"] = *page.Next
	}
}

func modelsTable(c *cobra.Command, rows []jsontext.Value) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(c.ErrOrStderr(), "No model is like that. `oido models` without flags lists all, `oido providers` says how the providers are.")
		return err
	}
	t := table{columns: []column{
		{title: "MODEL"},
		{title: "TIER", spare: 2},
		{title: "CONTEXT", right: true, spare: 1},
		{title: "INPUT USD/M", right: true},
		{title: "OUTPUT USD/M", right: true},
		{title: "FREE", spare: 4},
		{title: "ENDS", spare: 3},
		{title: "NOT AVAILABLE BECAUSE", spare: 0},
	}}
	missing := false
	for _, raw := range rows {
		var m shownModel
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		why := cell{}
		if !m.Available {
			missing = true
			why = cell{"unknown", yellow}
			if m.WhyNot != nil {
				why.text = *m.WhyNot
			}
		}
		tier := any(cell{"-", faint})
		if m.Tier != "" {
			tier = m.Tier
		}
		t.row(m.Name, tier, said(m.Context), price(m.Input), price(m.Output), said(m.Free), said(m.Ends), why)
	}
	if !missing {
		t.columns = t.columns[:len(t.columns)-1]
		for i := range t.rows {
			t.rows[i] = t.rows[i][:len(t.columns)]
		}
	}
	return t.print(screenOf(c.OutOrStdout()))
}

// price shows what a million tokens cost, which may not be known, with no more
// zeros at its end than cents have.
func price(v *string) any {
	if v == nil {
		return cell{"unknown", yellow}
	}
	whole, part, _ := strings.Cut(*v, ".")
	part = strings.TrimRight(part, "0")
	return whole + "." + part + strings.Repeat("0", max(2-len(part), 0))
}
