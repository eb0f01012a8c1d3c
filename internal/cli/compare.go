package cli

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// comparedModel is what models are compared by.
type comparedModel struct {
	shownModel
	Class      *string  `json:"class"`
	MaxOutput  *int     `json:"max_output"`
	In         []string `json:"in"`
	Out        []string `json:"out"`
	Tools      *bool    `json:"tools"`
	Reasoning  *bool    `json:"reasoning"`
	Structured *bool    `json:"structured_output"`
	Tiers      []struct {
		Above int64 `json:"above_input_tokens"`
		shownRates
	} `json:"price_tiers"`
	Windows []struct {
		From string `json:"utc_from"`
		To   string `json:"utc_to"`
		Days string `json:"days"`
		shownRates
	} `json:"price_windows"`
	Changes []struct {
		From string `json:"from"`
		shownRates
	} `json:"price_changes"`
	Quota *struct {
		RequestsPerMinute *int64  `json:"requests_per_minute"`
		RequestsPerDay    *int64  `json:"requests_per_day"`
		TokensPerMinute   *int64  `json:"tokens_per_minute"`
		TokensPerDay      *int64  `json:"tokens_per_day"`
		Note              *string `json:"note"`
	} `json:"free_quota"`
	State       *string `json:"state"`
	RedirectsTo *string `json:"redirects_to"`
}

// compareModels puts models side by side, one a column.
func compareModels(c *cobra.Command, r *remote, names []string) error {
	if len(names) == 0 {
		return errors.New("--compare needs the names of models, like: oido models --compare haiku openai/gpt-4o-mini")
	}
	list, raw, err := fetch[listOf[jsontext.Value]](c.Context(), r, "/api/v1/models?"+url.Values{"name": names}.Encode())
	if err != nil {
		return err
	}
	if r.json {
		return printJSON(c.OutOrStdout(), raw)
	}
	t := table{columns: []column{{title: "MODEL"}}}
	var models []comparedModel
	for _, raw := range list.Data {
		var m comparedModel
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		models = append(models, m)
		t.columns = append(t.columns, column{title: printable(m.Name)})
	}
	for _, f := range compared {
		cells, shown := []any{f.name}, f.always
		for i := range models {
			v := f.of(&models[i])
			if c, ok := v.(cell); !ok || c.text != "-" {
				shown = true
			}
			cells = append(cells, v)
		}
		if shown {
			t.row(cells...)
		}
	}
	return t.print(screenOf(c.OutOrStdout()))
}

// compared are the lines of a comparison. Those that are not always there are
// left out where no model has anything to show.
var compared = []struct {
	name   string
	always bool
	of     func(*comparedModel) any
}{
	{"tier", true, func(m *comparedModel) any { return text(m.Tier) }},
	{"class", false, func(m *comparedModel) any { return said(m.Class) }},
	{"context", true, func(m *comparedModel) any { return said(m.Context) }},
	{"max output", true, func(m *comparedModel) any { return said(m.MaxOutput) }},
	{"reads", true, func(m *comparedModel) any { return text(strings.Join(m.In, " ")) }},
	{"writes", true, func(m *comparedModel) any { return text(strings.Join(m.Out, " ")) }},
	{"tools", true, func(m *comparedModel) any { return yesNo(m.Tools) }},
	{"reasoning", true, func(m *comparedModel) any { return yesNo(m.Reasoning) }},
	{"structured output", true, func(m *comparedModel) any { return yesNo(m.Structured) }},
	{"input USD/M", true, func(m *comparedModel) any { return price(m.Input) }},
	{"output USD/M", true, func(m *comparedModel) any { return price(m.Output) }},
	{"cache read USD/M", false, func(m *comparedModel) any { return priceIf(m.CacheRead) }},
	{"cache write USD/M", false, func(m *comparedModel) any { return priceIf(m.CacheWrite) }},
	{"large inputs", false, func(m *comparedModel) any {
		var out []string
		for _, t := range m.Tiers {
			out = append(out, "above "+strconv.FormatInt(t.Above, 10)+" tokens "+t.brief())
		}
		return text(strings.Join(out, "; "))
	}},
	{"hours", false, func(m *comparedModel) any {
		var out []string
		for _, w := range m.Windows {
			out = append(out, strings.TrimSpace(w.Days+" "+w.From)+"–"+w.To+" UTC "+w.brief())
		}
		return text(strings.Join(out, "; "))
	}},
	{"price changes", false, func(m *comparedModel) any {
		var out []string
		for _, c := range m.Changes {
			out = append(out, "from "+c.From+" "+c.brief())
		}
		return text(strings.Join(out, "; "))
	}},
	{"free", false, func(m *comparedModel) any { return said(m.Free) }},
	{"free up to", false, (*comparedModel).quota},
	{"state", false, func(m *comparedModel) any { return said(m.State) }},
	{"ends", false, func(m *comparedModel) any { return said(m.Ends) }},
	{"then answered by", false, func(m *comparedModel) any { return said(m.RedirectsTo) }},
	{"replacement", false, func(m *comparedModel) any { return said(m.Replacement) }},
	{"not available because", false, func(m *comparedModel) any {
		if m.Available {
			return text("")
		}
		return said(m.WhyNot)
	}},
}

func (m *comparedModel) quota() any {
	q := m.Quota
	if q == nil {
		return text("")
	}
	var out []string
	for _, v := range []struct {
		n    *int64
		unit string
	}{
		{q.RequestsPerMinute, "requests a minute"},
		{q.RequestsPerDay, "requests a day"},
		{q.TokensPerMinute, "tokens a minute"},
		{q.TokensPerDay, "tokens a day"},
	} {
		if v.n != nil {
			out = append(out, strconv.FormatInt(*v.n, 10)+" "+v.unit)
		}
	}
	if q.Note != nil {
		out = append(out, *q.Note)
	}
	return text(strings.Join(out, ", "))
}

// brief is input and output in a few words.
func (r shownRates) brief() string {
	one := func(v *string) string {
		if v == nil {
			return "as before"
		}
		return cellOf(price(v)).text
	}
	return one(r.Input) + " in, " + one(r.Output) + " out"
}

func text(s string) any {
	if s == "" {
		return cell{"-", faint}
	}
	return s
}

// priceIf is a price that many models don't have.
func priceIf(v *string) any {
	if v == nil {
		return cell{"-", faint}
	}
	return price(v)
}

func yesNo(v *bool) any {
	switch {
	case v == nil:
		return cell{"unknown", yellow}
	case *v:
		return "yes"
	}
	return "no"
}
