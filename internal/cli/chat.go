package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	wirechat "github.com/oidostudio/oido/internal/wire/chat"
)

// conversation is a chat in the terminal.
type conversation struct {
	remote
	model, agent, workload, session string
	messages                        []message
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func chat() *cobra.Command {
	var v conversation
	c := &cobra.Command{
		Use:   "chat",
		Short: "Talk with a model in the terminal",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := v.settle(); err != nil {
				return err
			}
			return v.run(c.Context(), c.InOrStdin(), c.OutOrStdout())
		},
	}
	v.add(c)
	c.Flags().StringVar(&v.model, "model", "auto", "model to talk with, as provider/model-id")
	c.Flags().StringVar(&v.agent, "agent", "", "agent that the turns are accounted to")
	c.Flags().StringVar(&v.workload, "workload", "", "workload that the turns are accounted to")
	c.Flags().StringVar(&v.session, "session", "", "session to go on with")
	return c
}

// maxLine bounds one line of what is typed.
const maxLine = 1 << 20

func (v *conversation) run(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	prompt, end := "", ""
	if f, ok := in.(*os.File); ok && term.IsTerminal(f.Fd()) {
		prompt, end = "> ", "\n" // what is piped in needs no asking
	}
	for {
		if _, err := io.WriteString(out, prompt); err != nil {
			return err
		}
		if !lines.Scan() {
			_, err := io.WriteString(out, end)
			return errors.Join(err, lines.Err())
		}
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		v.messages = append(v.messages, message{"user", text})
		answer, err := v.ask(ctx, out)
		if err != nil {
			return err
		}
		v.messages = append(v.messages, message{"assistant", answer})
	}
}

// ask sends the conversation and prints the answer while it comes.
func (v *conversation) ask(ctx context.Context, out io.Writer) (string, error) {
	body, err := json.Marshal(map[string]any{"model": v.model, "stream": true, "messages": v.messages})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url+"/v1/chat/completions", strings.NewReader(string(body)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+v.key)
	req.Header.Set("Content-Type", "application/json")
	for name, value := range map[string]string{"X-Oido-Agent": v.agent, "X-Oido-Workload": v.workload, "X-Oido-Session": v.session} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("no gateway answers at %s: start one with `oido serve`, or give --server: %w", v.url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, err := io.ReadAll(io.LimitReader(resp.Body, maxLine))
		if err != nil {
			return "", err
		}
		return "", wirechat.Format{}.DecodeError(resp.StatusCode, resp.Header, b)
	}
	if s := resp.Header.Get("X-Oido-Session"); s != "" {
		v.session = s
	}
	var answer strings.Builder
	for e, err := range (wirechat.Format{}).DecodeStream(resp.Body, wire.Target{}) {
		if err != nil {
			return "", err
		}
		if d, ok := e.(llm.TextDelta); ok {
			answer.WriteString(d.Text)
			if _, err := io.WriteString(out, d.Text); err != nil {
				return "", err
			}
		}
	}
	_, err = fmt.Fprintln(out)
	return answer.String(), err
}
