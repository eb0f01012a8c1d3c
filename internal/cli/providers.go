package cli

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/wire/sse"
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
	c := group("providers", "Look at the connected providers, try, add and remove them", providersList(), providersTest(), providersAdd(), providersRemove())
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

func providersTest() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:     "test NAME",
		Short:   "Try a provider: its key, its list, and a small streamed request with a tool",
		Long:    "Have the running gateway try a provider: its key, its list, and a small streamed request with a tool to a cheap model, which may cost a fraction of a cent.",
		Example: "  oido providers test openai",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return testProvider(c, &r, args[0])
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeProviders(c, args, typed)
		},
	}
	r.add(c)
	r.addJSON(c)
	return c
}

// errUnwell says that something of a provider doesn't work, which was shown.
var errUnwell = errors.New("is not well")

func testProvider(c *cobra.Command, r *remote, name string) error {
	if err := r.settle(); err != nil {
		return err
	}
	_, err := tryProvider(c, r, name, nil)
	return err
}

// tryProvider shows each step of a test; body is an account that isn't added yet.
func tryProvider(c *cobra.Command, r *remote, name string, body []byte) (refused bool, err error) {
	req, err := http.NewRequestWithContext(c.Context(), http.MethodPost, r.url+"/api/v1/providers/"+url.PathEscape(name)+"/test", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.stream(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	events := sse.NewReader(resp.Body)
	defer events.Close()
	s := screenOf(c.OutOrStdout())
	for {
		e, err := events.Next()
		if c.Context().Err() != nil {
			return false, c.Context().Err()
		}
		if err != nil {
			return false, fmt.Errorf("%s ended the test before it was done (%w): look at the gateway's log", r.url, bare(err))
		}
		var step struct {
			What string `json:"what"`
			Says string `json:"says"`
			OK   bool   `json:"ok"`

			Refused bool `json:"refused"`
		}
		if e.Comment {
			continue
		}
		if err := json.Unmarshal(e.Data, &step); err != nil {
			return false, fmt.Errorf("a step of %s can't be read: %w", r.url, err)
		}
		switch {
		case string(e.Name) == "done" && !step.OK:
			return step.Refused, fmt.Errorf("the provider %s %w, see above", name, errUnwell)
		case string(e.Name) == "done":
			return false, nil
		case r.json:
			_, err = fmt.Fprintln(s.w, string(e.Data))
		default:
			f := finding{What: step.What, Says: step.Says, Mark: markOK}
			if !step.OK {
				f.Mark = markWrong
			}
			err = f.print(s)
		}
		if err != nil {
			return false, err
		}
	}
}
