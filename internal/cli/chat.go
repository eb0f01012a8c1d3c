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
	"unicode"

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
	out                             screen
	errOut                          io.Writer
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
		Long: "Talk with a model in the terminal. Each line is a message; Ctrl-D ends the conversation. " +
			"Lines that come through a pipe are answered one after the other, with nothing but the answers on standard output.",
		Example: `  oido chat --model anthropic/claude-haiku-4-5
  echo "Say hello in Latin" | oido chat --model openai/gpt-4o-mini`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := v.settle(); err != nil {
				return err
			}
			v.out, v.errOut = screenOf(c.OutOrStdout()), c.ErrOrStderr()
			in, ok := c.InOrStdin().(*os.File)
			return v.run(c.Context(), c.InOrStdin(), ok && term.IsTerminal(in.Fd()))
		},
	}
	v.add(c)
	c.Flags().StringVar(&v.model, "model", "auto", "model to talk with: provider/model-id, workload/NAME, class/NAME, an alias, or auto")
	c.Flags().StringVar(&v.agent, "agent", "", "agent that the turns are accounted to")
	c.Flags().StringVar(&v.workload, "workload", "", "workload that the turns are accounted to")
	c.Flags().StringVar(&v.session, "session", "", "session that the turns belong to")
	return c
}

// maxLine bounds one line of what is typed.
const maxLine = 1 << 20

// typed is a line, or why there are no more.
type typed struct {
	text string
	err  error
}

// read reads lines until the input or the context ends. Reading itself can't be
// interrupted, so that the goroutine may outlive the command, as the process
// then ends.
func read(ctx context.Context, in io.Reader) <-chan typed {
	ch := make(chan typed)
	go func() {
		defer close(ch)
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			select {
			case ch <- typed{text: lines.Text()}:
			case <-ctx.Done():
				return
			}
		}
		if err := lines.Err(); err != nil {
			select {
			case ch <- typed{err: fmt.Errorf("read what was typed: %w", err)}:
			case <-ctx.Done():
			}
		}
	}()
	return ch
}

// run talks until the input ends. At a terminal a failed turn is told and the
// conversation goes on; through a pipe it ends the command.
func (v *conversation) run(ctx context.Context, in io.Reader, person bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := read(ctx, in)
	for {
		if person {
			if _, err := fmt.Fprint(v.errOut, "> "); err != nil {
				return err
			}
		}
		var line typed
		var more bool
		select {
		case <-ctx.Done():
			return ctx.Err()
		case line, more = <-lines:
		}
		if line.err != nil {
			return line.err
		}
		if !more {
			if person {
				_, err := fmt.Fprintln(v.errOut)
				return err
			}
			return nil
		}
		text := strings.TrimSpace(line.text)
		if text == "" {
			continue
		}
		v.messages = append(v.messages, message{"user", text})
		answer, err := v.ask(ctx)
		if err == nil {
			v.messages = append(v.messages, message{"assistant", answer})
			continue
		}
		if !person || ctx.Err() != nil {
			return err
		}
		v.messages = v.messages[:len(v.messages)-1]
		if _, err := fmt.Fprintln(v.errOut, "oido:", err); err != nil {
			return err
		}
	}
}

// ask sends the conversation and prints the answer while it comes.
func (v *conversation) ask(ctx context.Context) (string, error) {
	body, err := json.Marshal(map[string]any{"model": v.model, "stream": true, "messages": v.messages})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url+"/v1/chat/completions", strings.NewReader(string(body)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range map[string]string{"X-Oido-Agent": v.agent, "X-Oido-Workload": v.workload, "X-Oido-Session": v.session} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := v.open(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", v.failure(resp)
	}
	if s := resp.Header.Get("X-Oido-Session"); s != "" {
		v.session = s
	}
	answer, err := v.show(wirechat.Format{}.DecodeStream(resp.Body, wire.Target{}))
	if _, e := fmt.Fprintln(v.out.w); err == nil && e != nil {
		err = e
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("the answer broke off: %w; `oido turns --limit 1` says how it was recorded", err)
	}
	return answer, err
}

// show prints an answer's text as it comes. What a model thinks goes to a
// terminal alone, and so does the note on an answer without text.
func (v *conversation) show(events llm.Stream) (string, error) {
	var answer strings.Builder
	var finish llm.Finish
	thinking := false
	for e, err := range events {
		if err != nil {
			return answer.String(), err
		}
		text, look := "", plain
		switch e := e.(type) {
		case llm.TextDelta:
			text = e.Text
			answer.WriteString(text)
			if thinking {
				text, thinking = "\n"+text, false
			}
		case llm.ReasoningDelta:
			if v.out.width > 0 {
				text, look, thinking = e.Text, faint, true
			}
		case llm.Finish:
			finish = e
		}
		if v.out.width > 0 {
			text = strings.Map(harmless, text)
		}
		if _, err := io.WriteString(v.out.w, v.out.paint(text, look)); err != nil {
			return answer.String(), err
		}
	}
	if answer.Len() == 0 || finish.Reason == llm.FinishLength {
		_, err := fmt.Fprintf(v.errOut, "(%d characters, the answer ended with %q)", answer.Len(), finish.Reason)
		return answer.String(), err
	}
	return answer.String(), nil
}

// harmless leaves out what could move a terminal's cursor.
func harmless(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return -1
	}
	return r
}

// failure says why there is no answer.
func (v *conversation) failure(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxLine))
	if err != nil {
		return fmt.Errorf("the answer of %s broke off: %w", v.url, bare(err))
	}
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(b, &answer) != nil || answer.Error.Message == "" {
		return v.refused(resp, b)
	}
	says := errors.New(answer.Error.Message)
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("%s does not take the key of %s: %w; give another with --key or OIDO_KEY", v.url, v.keyFrom, says)
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w; `oido models` lists what there is", v.url, says)
	}
	return fmt.Errorf("%s: %w; `oido turns --limit 1` says more where a turn was recorded", v.url, says)
}
