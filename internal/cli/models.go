package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// shownModel is what a line on a model is made of.
type shownModel struct {
	Name        string     `json:"name"`
	Tier        string     `json:"tier"`
	Context     *int       `json:"context"`
	Free        *string    `json:"free"`
	Ends        *string    `json:"ends"`
	Replacement *string    `json:"replacement"`
	Available   bool       `json:"available"`
	WhyNot      *string    `json:"why_not"`
	Warning     *string    `json:"warning"`
	Left        *shownLeft `json:"free_quota"`
	shownRates
}

// shownRates are prices.
type shownRates struct {
	Input      *string `json:"input_usd_per_million"`
	Output     *string `json:"output_usd_per_million"`
	CacheRead  *string `json:"cache_read_usd_per_million"`
	CacheWrite *string `json:"cache_write_usd_per_million"`
}

func models() *cobra.Command {
	var r remote
	var values struct {
		provider, tier, in, out, free string
		context, ending               int
		tools, thinking, structured   bool
		all, compare                  bool
	}
	c := &cobra.Command{
		Use:   "models [TEXT] | --compare NAME…",
		Short: "List the models of the connected providers, or compare some",
		Long: `List the models of the connected providers that can be used now, or only those whose name holds TEXT.
With --compare, put models side by side: by provider/model-id, by a bare id at all its providers, or by any other name that a request may use.`,
		Example: `  oido models haiku
  oido models --tier fast --tools --in image
  oido models --provider openai --all
  oido models --free
  oido models --ending=30
  oido models --compare haiku openai/gpt-4o-mini`,
		RunE: func(c *cobra.Command, args []string) error {
			if values.compare {
				return compareModels(c, &r, args)
			}
			if len(args) > 1 {
				return fmt.Errorf("%d texts are one too many: use --compare to put models side by side", len(args))
			}
			v := map[string]string{"provider": values.provider, "tier": values.tier, "in": values.in, "out": values.out, "free": values.free}
			if len(args) > 0 {
				v["q"] = args[0]
			}
			for name, n := range map[string]int{"min_context": values.context, "ends_within": values.ending} {
				if n > 0 {
					v[name] = strconv.Itoa(n)
				}
			}
			for name, on := range map[string]bool{
				"tools": values.tools, "reasoning": values.thinking, "structured_output": values.structured, "available": !values.all,
			} {
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
			return modelsTable(c, list.Data, values.ending > 0, values.free != "" && values.free != "false")
		},
	}
	r.add(c)
	r.addJSON(c)
	f := c.Flags()
	f.StringVar(&values.provider, "provider", "", "only this provider's")
	f.StringVar(&values.tier, "tier", "", "only this tier: frontier, balanced, fast, specialist")
	f.StringVar(&values.in, "in", "", "only models that read this: text, image, pdf, audio, video")
	f.StringVar(&values.out, "out", "", "only models that write this: text, image, audio, video; or embedding, for those that make embeddings")
	f.IntVar(&values.context, "min-context", 0, "only models known to take so many tokens")
	f.StringVar(&values.free, "free", "", "only what costs nothing, and how much of it is left today; =always, =tier (within an account's free tier), =trial (an endpoint to try it on)")
	f.Lookup("free").NoOptDefVal = "true"
	f.IntVar(&values.ending, "ending", 0, "only models that end within so many days, 90 if not said; with --all, also those that have ended")
	f.Lookup("ending").NoOptDefVal = "90"
	f.BoolVar(&values.tools, "tools", false, "only models known to call tools")
	f.BoolVar(&values.thinking, "reasoning", false, "only models known to reason")
	f.BoolVar(&values.structured, "structured-output", false, "only models known to answer by a JSON schema")
	f.BoolVar(&values.all, "all", false, "also models that can't be used, and why")
	f.BoolVar(&values.compare, "compare", false, "put the named models side by side")
	c.ValidArgsFunction = completeModels
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

func modelsTable(c *cobra.Command, rows []jsontext.Value, ending, free bool) error {
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
		{title: "LEFT TODAY"},
		{title: "ENDS", spare: 3},
		{title: "REPLACEMENT", spare: 5},
		{title: "NOT AVAILABLE BECAUSE", spare: 0},
		{title: "WARNING", spare: 6},
	}}
	missing, warned := false, false
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
		warning := cell{}
		if m.Warning != nil {
			warned, warning = true, cell{*m.Warning, yellow}
		}
		tier := any(cell{"-", faint})
		if m.Tier != "" {
			tier = m.Tier
		}
		t.row(m.Name, tier, said(m.Context), price(m.Input), price(m.Output), said(m.Free), m.Left.today(), said(m.Ends), said(m.Replacement), why, warning)
	}
	if !warned {
		t.drop(len(t.columns) - 1)
	}
	if !missing {
		t.drop(slices.IndexFunc(t.columns, func(c column) bool { return c.title == "NOT AVAILABLE BECAUSE" }))
	}
	if !free {
		t.drop(slices.IndexFunc(t.columns, func(c column) bool { return c.title == "LEFT TODAY" }))
	}
	if !ending {
		t.drop(slices.IndexFunc(t.columns, func(c column) bool { return c.title == "REPLACEMENT" }))
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
