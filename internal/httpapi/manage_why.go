package httpapi

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
)

// decisionRow is how the models of a request were chosen, for programs and in words.
type decisionRow struct {
	Explanation    string         `json:"explanation" doc:"all of it in words"`
	RequestedModel string         `json:"requested_model"`
	Rule           *string        `json:"rule" doc:"how the models were found: pinned, bare, alias, described, short, replaced, workload, class; null when that wasn't kept"`
	Workload       *string        `json:"workload"`
	Class          *string        `json:"class"`
	ClassBy        *string        `json:"class_by" doc:"how the class was found: label, name, workload, size, content, by default"`
	ClassWhy       *string        `json:"class_why"`
	ClassSure      *float64       `json:"class_confidence" doc:"from 0 to 1; null where nothing was guessed"`
	Classifier     *string        `json:"classifier" doc:"names the model that was asked for the class; null: none was"`
	WorkloadWhy    *string        `json:"workload_why" doc:"what chose the workload where the request doesn't name one"`
	Policy         *string        `json:"policy" doc:"names the configuration of routes that was in force"`
	Prefer         string         `json:"prefer"`
	Session        *string        `json:"session"`
	InputTokens    int64          `json:"priced_input_tokens" doc:"of the estimates"`
	OutputTokens   int64          `json:"priced_output_tokens" doc:"of the estimates"`
	Candidates     []candidateRow `json:"candidates" doc:"in the order in which they are asked"`
	MoreCandidates int            `json:"more_candidates" doc:"further ones, for which there was no room in what is kept of a turn"`
	Excluded       []exclusionRow `json:"excluded"`
	MoreExcluded   int            `json:"more_excluded"`
	Later          []exclusionRow `json:"later" doc:"candidates that were put behind others, and why"`
	Stronger       []candidateRow `json:"stronger" doc:"the models that are asked in this order where an answer is of no use and nobody has seen any of it"`
	Stayed         bool           `json:"stayed" doc:"the session stayed where it was"`
	Switched       bool           `json:"switched" doc:"the user chose the model for the session just now"`
	Chosen         bool           `json:"chosen" doc:"the user chose the model for the session before"`
	Escalated      *string        `json:"escalated" enum:"complex,tool_chain,failure,user_correction" doc:"what had stronger models come first; null: they didn't"`
	LastResort     bool           `json:"last_resort" doc:"all of them fail of late, and one is asked all the same"`
	WouldChange    []string       `json:"would_change"`
}

type candidateRow struct {
	Name     string  `json:"name"`
	Provider string  `json:"provider"`
	Model    string  `json:"model"`
	Estimate *string `json:"estimate_usd" doc:"what this request costs there with nothing cached; null when nobody knows"`
	Came     *string `json:"came" doc:"what came of asking it: ok, error, cut, canceled, interrupted; null: it wasn't asked"`
}

type exclusionRow struct {
	Name     string     `json:"name" doc:"provider/model-id, or what leads nowhere"`
	Reason   string     `json:"reason"`
	Sentence string     `json:"sentence"`
	Needed   int64      `json:"needed_tokens,omitzero" doc:"for prompt and answer, where the reason is context"`
	Window   int64      `json:"window_tokens,omitzero"`
	Until    *time.Time `json:"until,omitzero" doc:"where it rests"`
}

// whyRow is why a turn came as it did.
type whyRow struct {
	Turn   string `json:"turn"`
	Status string `json:"status"`
	decisionRow
	Provider   string       `json:"provider"`
	Model      string       `json:"model"`
	Fallback   bool         `json:"fallback" doc:"not the first choice answered"`
	Downgrades []string     `json:"downgrades" doc:"what translation had to leave out for the one that answered"`
	TTFT       *int64       `json:"ttft_ms"`
	Duration   int64        `json:"duration_ms"`
	CostUSD    *string      `json:"cost_usd"`
	Attempts   []attemptRow `json:"attempts"`
}

func (m *Management) why(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/turns/{id}/why", "why-turn", "Why a turn came as it did: how its models were chosen, and what came of asking them"), func(ctx context.Context, in *turnInput) (*struct{ Body whyRow }, error) {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		t, manages, err := m.turn(ctx, in)
		if err != nil {
			return nil, err
		}
		return &struct{ Body whyRow }{whyOf(t, m.Gateway.State().View(), manages)}, nil
	})
}

// whyOf tells why a turn came as it did. Prices are those of its time.
func whyOf(t *ledger.Turn, view *catalog.View, manages bool) whyRow {
	w := whyRow{
		Turn: t.ID, Status: string(t.Status), Attempts: attemptsOf(t, manages), Duration: t.Duration.Milliseconds(), Downgrades: []string{},
	}
	row := rowOf(t)
	w.TTFT, w.CostUSD, w.Provider, w.Model = row.TTFT, row.CostUSD, row.Provider, row.Model
	asked := router.Asked{Model: t.RequestedModel, Workload: t.Workload, Class: t.Class}
	came := map[string]string{}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		tried := router.Tried{Name: a.Provider + "/" + a.Model, End: router.End(a.Status), Why: llm.Kind(a.ErrorKind), FirstToken: a.FirstToken, Took: a.Duration}
		if manages {
			tried.Key = a.KeyHint
		}
		asked.Tried = append(asked.Tried, tried)
		came[tried.Name] = string(a.Status)
	}
	var tokens llm.Usage
	if a := t.Answered(); a != nil {
		tokens, w.Downgrades = a.Usage, downgradesOf(a)
		asked.Dropped = w.Downgrades
	}
	told, err := router.Tell(t.Decision)
	if err != nil {
		told = router.Told{} // a turn of before decisions were kept
	}
	w.decisionRow = decisionOf(&told, asked, view, tokens.TotalInput(), tokens.Output, t.Started)
	w.Session = orNull(t.Session)
	if told.Rule == "" {
		w.Explanation = strings.TrimSpace("How the models were chosen was not kept. " + w.Explanation)
	}
	for i := range w.Candidates {
		w.Candidates[i].Came = orNull(came[w.Candidates[i].Name])
	}
	for i := range w.Stronger {
		if w.Stronger[i].Came = orNull(came[w.Stronger[i].Name]); w.Stronger[i].Came != nil {
			w.Escalated = orNull(string(router.OnFailure))
		}
	}
	if a := t.Answered(); a != nil && len(told.Candidates) > 0 {
		w.Fallback = a.Status != ledger.StatusError && a.Status != ledger.StatusInterrupted && told.Candidates[0].Name() != a.Provider+"/"+a.Model
	}
	return w
}

// decisionOf shows a decision, with what its candidates cost for so many tokens;
// for none nothing is known.
func decisionOf(d *router.Told, asked router.Asked, view *catalog.View, input, output int64, at time.Time) decisionRow {
	price := func(c router.Candidate) *llm.NanoUSD {
		if input+output == 0 {
			return nil
		}
		if e := view.Answering(view.Lookup(c.Account, c.Model), at); e != nil {
			if cost, ok := e.Estimate(input, output, at); ok {
				return &cost
			}
		}
		return nil
	}
	if input+output > 0 {
		asked.Price = func(c router.Candidate) string { return dollars(price(c)) }
	}
	row := decisionRow{
		RequestedModel: asked.Model, Rule: orNull(d.Rule), Workload: orNull(asked.Workload), Class: orNull(asked.Class), ClassBy: orNull(string(d.ClassBy)),
		Policy: orNull(d.Policy), Prefer: string(d.Prefer), InputTokens: input, OutputTokens: output, Candidates: []candidateRow{}, MoreCandidates: d.MoreCandidates,
		Later: []exclusionRow{}, Stronger: []candidateRow{}, Chosen: d.Chosen, Classifier: orNull(d.Classifier),
		Excluded: []exclusionRow{}, MoreExcluded: d.MoreExcluded, Stayed: d.Stayed, Switched: d.Switched, Escalated: orNull(string(d.Escalated)), LastResort: d.Last,
		WouldChange: append([]string{}, d.Hints()...), Explanation: d.Explain(asked),
	}
	if d.ClassBy == router.ByContent || d.ClassBy == router.BySize {
		row.ClassWhy = orNull(d.Why)
	} else {
		row.WorkloadWhy = orNull(d.Why)
	}
	if d.Sure > 0 {
		row.ClassSure = &d.Sure
	}
	shown := func(c router.Candidate) candidateRow {
		return candidateRow{Name: c.Name(), Provider: c.Account, Model: c.Model, Estimate: costOf(price(c))}
	}
	for _, c := range d.Candidates {
		row.Candidates = append(row.Candidates, shown(c))
	}
	for _, c := range d.Up {
		row.Stronger = append(row.Stronger, shown(c))
	}
	for _, x := range d.Later {
		row.Later = append(row.Later, exclusionOf(x))
	}
	for _, x := range d.Excluded {
		row.Excluded = append(row.Excluded, exclusionOf(x))
	}
	return row
}

func exclusionOf(x router.Exclusion) exclusionRow {
	row := exclusionRow{Name: x.Name, Reason: string(x.Reason), Sentence: x.Sentence(), Needed: x.Want, Window: x.Have}
	if !x.Until.IsZero() {
		row.Until = &x.Until
	}
	return row
}

// dollars writes an amount for people; "" where it isn't known.
func dollars(n *llm.NanoUSD) string {
	switch {
	case n == nil:
		return ""
	case *n == 0:
		return "costs nothing"
	}
	v := *n
	if v >= 1_000_000 { // of a tenth of a cent and more, the ninth place tells nobody anything
		v = (v + 500) / 1000 * 1000
	}
	whole, part, _ := strings.Cut(v.String(), ".")
	part = strings.TrimRight(part, "0")
	return "about $" + whole + "." + part + strings.Repeat("0", max(2-len(part), 0))
}

type turnInput struct {
	ID  string `path:"id" maxLength:"64"`
	Org string `query:"org" doc:"an operator may look at another org than the key's"`
}

// turn finds a turn for who may see it; manages says that the caller manages its org.
func (m *Management) turn(ctx context.Context, in *turnInput) (t *ledger.Turn, manages bool, err error) {
	c, org, f, err := (&TurnFilter{Org: in.Org}).filter(ctx)
	if err != nil {
		return nil, false, err
	}
	if t, err = m.Reader.Turn(ctx, org, in.ID); err != nil {
		return nil, false, m.failed("the turn can't be read", err)
	}
	if t == nil || !f.Passes(t) {
		return nil, false, huma.Error404NotFound("there is no such turn; GET /api/v1/turns lists them. One that has just ended is there in a moment")
	}
	return t, c.Role.May(identity.ManageOrg), nil
}
