package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/router"
)

func route() *cobra.Command {
	return group("route", "Look at how requests find their models", routeExplain())
}

// explainAsked is what a dry run sends.
type explainAsked struct {
	Request  jsontext.Value `json:"request"`
	Format   string         `json:"format,omitzero"`
	Model    string         `json:"model,omitzero"`
	Workload string         `json:"workload,omitzero"`
	Class    string         `json:"class,omitzero"`
	Agent    string         `json:"agent,omitzero"`
	Session  string         `json:"session,omitzero"`
	Pretend  struct {
		Down []string `json:"down,omitzero"`
		At   string   `json:"at,omitzero"`
	} `json:"pretend,omitzero"`
}

// tiny are the smallest requests of the formats; aside says that the model stands
// beside the body.
var tiny = map[string]struct {
	body  string
	aside bool
}{
	"chat":      {`{"messages":[{"role":"user","content":"hello"}]}`, false},
	"messages":  {`{"max_tokens":1024,"messages":[{"role":"user","content":"hello"}]}`, false},
	"responses": {`{"input":"hello"}`, false},
	"gemini":    {`{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}`, true},
}

func routeExplain() *cobra.Command {
	var r remote
	var q explainAsked
	c := &cobra.Command{
		Use:   "explain [FILE|-]",
		Short: "Dry run: which models a request would be sent to in which order, and why not to the others",
		Long: `Dry run of the request in FILE, or on standard input, or of a tiny one: which models it would be
sent to in which order, and why not to the others. Nothing is sent to a provider.`,
		Example: `  oido route explain --workload coding
  oido route explain --model gpt-4o --down openai
  oido route explain --format messages request.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			at, ok := tiny[q.Format]
			if !ok {
				return mistake("--format %q: give chat, messages, responses or gemini", q.Format)
			}
			if q.Model == "" && (len(args) == 0 || at.aside) {
				q.Model = "auto"
			}
			if at := q.Pretend.At; at != "" {
				if _, err := time.Parse(time.RFC3339, at); err != nil {
					return mistake("--at %q is no time: write it like 2027-01-01T00:00:00Z", at)
				}
			}
			body, err := requestIn(c, args, at.body)
			if err != nil {
				return err
			}
			q.Request = body
			return explainRoute(c, &r, &q)
		},
	}
	r.add(c)
	r.addJSON(c)
	f := c.Flags()
	f.StringVar(&q.Model, "model", "", "the model to ask for, in the place of the request's (default auto where it names none)")
	f.StringVar(&q.Workload, "workload", "", "the workload that the request says it is of")
	f.StringVar(&q.Class, "class", "", "the class that the request says it is of: high_volume, interactive, reasoning, long_context")
	f.StringVar(&q.Agent, "agent", "", "the agent that it says it is of")
	f.StringVar(&q.Session, "session", "", "the session that it says it is of")
	f.StringVar(&q.Format, "format", "chat", "format of the request: chat, messages, responses, gemini")
	f.StringArrayVar(&q.Pretend.Down, "down", nil, "as if this provider, or model as provider/model-id, were down; may be given several times")
	f.StringVar(&q.Pretend.At, "at", "", "as if it were this time, like 2027-01-01T00:00:00Z")
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	for flag, values := range map[string]cobra.CompletionFunc{
		"format":   cobra.FixedCompletions([]string{"chat", "messages", "responses", "gemini"}, cobra.ShellCompDirectiveNoFileComp),
		"class":    cobra.FixedCompletions(router.Classes, cobra.ShellCompDirectiveNoFileComp),
		"down":     completeProviders,
		"workload": completeWorkloads,
		"at":       cobra.NoFileCompletions,
	} {
		_ = c.RegisterFlagCompletionFunc(flag, values) // they are there, and have none yet
	}
	return c
}

// requestIn reads the request that a command line names.
func requestIn(c *cobra.Command, args []string, otherwise string) (jsontext.Value, error) {
	var b []byte
	var err error
	from := "the standard input"
	switch {
	case len(args) == 0:
		return jsontext.Value(otherwise), nil
	case args[0] == "-":
		b, err = io.ReadAll(io.LimitReader(c.InOrStdin(), maxAnswer))
	default:
		from = args[0]
		b, err = os.ReadFile(from)
	}
	if err != nil {
		return nil, fmt.Errorf("the request can't be read: %w", err)
	}
	v := jsontext.Value(bytes.TrimSpace(b))
	if !v.IsValid() || v.Kind() != '{' {
		return nil, fmt.Errorf("%s holds no JSON object, or one with a field twice: give the body of a request", from)
	}
	return v, nil
}

func explainRoute(c *cobra.Command, r *remote, q *explainAsked) error {
	body, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("the request can't be put into a dry run: %w", err)
	}
	if err := r.settle(); err != nil {
		return err
	}
	raw, _, err := r.change(c.Context(), http.MethodPost, "/api/v1/route/explain", "", body)
	if err != nil {
		return err
	}
	if r.json {
		return printJSON(c.OutOrStdout(), raw)
	}
	var v shownDecision
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("the answer of %s can't be read, is it a gateway of this version? %w", r.url, err)
	}
	return v.print(screenOf(c.OutOrStdout()))
}
