package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/provider/cloudauth"
)

func providersAdd() *cobra.Command {
	var r remote
	var name, from, base string
	var options []string
	var force bool
	c := &cobra.Command{
		Use:   "add TYPE",
		Short: "Try an account, and connect it while the gateway runs",
		Long: "Have the running gateway try an account (its key, its list, and a small streamed request with a tool), then keep it, sealed, and connect it. " +
			"The provider's key is asked for on a terminal, or taken from the standard input or a variable; never from the command line, which other users of the machine can see. " +
			"So are other options that are secret, like secret_access_key: they take the name of a variable.",
		Example: `  oido providers add anthropic
  oido providers add openai --name team-b --api-key TEAM_B_KEY
  oido providers add openai --name my-vllm --base-url http://127.0.0.1:8000/v1 --api-key none
  pass show groq | oido providers add groq --api-key -
  oido providers add bedrock --api-key none --option region=us-east-1 --option access_key_id=AKIA… --option secret_access_key=AWS_SECRET_ACCESS_KEY
  oido providers add openai --option models_ttl=1m --option 'formats=["chat"]' --option headers.X-Team=b`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if name == "" {
				name = args[0]
			}
			key, err := providerKey(c, from)
			if err != nil {
				return err
			}
			body, err := accountBody(args[0], name, key, base, options)
			if err != nil {
				return err
			}
			if err := r.settle(); err != nil {
				return err
			}
			refused, err := tryProvider(c, &r, name, body)
			switch {
			case err != nil && !errors.Is(err, errUnwell):
				return err
			case refused && !force:
				return fmt.Errorf("%s is not added, see above; --force adds it all the same", name)
			}
			raw, _, err := r.change(c.Context(), http.MethodPost, "/api/v1/providers?force=true", "", body)
			switch {
			case err != nil:
				return err
			case r.json:
				return printJSON(c.OutOrStdout(), raw)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is connected: its models are %s/…, see `oido models --provider %s`\n", name, name, name)
			return err
		},
	}
	r.add(c)
	r.addJSON(c)
	c.Flags().StringVar(&name, "name", "", "what the account is called here (default: its type)")
	c.Flags().StringVar(&from, "api-key", "", "where the provider's key comes from: - (standard input), prompt, the name of a variable, or none (default: prompt on a terminal)")
	c.Flags().StringVar(&base, "base-url", "", "address, written as that vendor's own SDK takes it")
	c.Flags().StringArrayVar(&options, "option", nil, "another option of the configuration as k=v; v may be JSON, k may have dots; of a secret one, v is the name of a variable")
	c.Flags().BoolVar(&force, "force", false, "add it also where its key is refused")
	return c
}

func providersRemove() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:     "remove NAME",
		Short:   "Disconnect an account that was added while the gateway ran, and forget its key",
		Example: "  oido providers remove team-b",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := r.settle(); err != nil {
				return err
			}
			path := "/api/v1/providers/" + url.PathEscape(args[0])
			_, tag, err := r.change(c.Context(), http.MethodGet, path, "", nil)
			if err != nil {
				return err
			}
			if _, _, err = r.change(c.Context(), http.MethodDelete, path, tag, nil); err != nil || r.json {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is removed\n", args[0])
			return err
		},
		ValidArgsFunction: completeProviders,
	}
	r.add(c)
	r.addJSON(c)
	return c
}

// maxKey bounds a key that is read.
const maxKey = 16 << 10

// providerKey reads a key from where a flag says.
func providerKey(c *cobra.Command, from string) (string, error) {
	in, isFile := c.InOrStdin().(*os.File)
	terminal := isFile && term.IsTerminal(in.Fd())
	var key string
	switch {
	case from == "none":
		return from, nil
	case from == "-":
		line, err := bufio.NewReader(io.LimitReader(c.InOrStdin(), maxKey)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("the key can't be read from the standard input: %w", err)
		}
		key = strings.TrimSpace(line)
	case from == "prompt" && !terminal:
		return "", mistake("--api-key prompt: there is no terminal to ask on; use - or the name of a variable")
	case from == "" && !terminal:
		return "", mistake("where is the provider's key? Give --api-key - to read it from the standard input, the name of a variable, or none")
	case from == "" || from == "prompt":
		fmt.Fprint(c.ErrOrStderr(), "Key of the provider (it is not shown): ")
		text, err := term.ReadPassword(in.Fd())
		fmt.Fprintln(c.ErrOrStderr())
		if err != nil {
			return "", fmt.Errorf("the key can't be read: %w", err)
		}
		key = strings.TrimSpace(string(text))
	default:
		set := false
		if isName(from) {
			key, set = os.LookupEnv(from)
		}
		if !set { // it may be the key itself, so it isn't repeated
			return "", mistake("--api-key takes -, prompt, none or the name of a variable that is set; never the key itself, which other users of this machine could see")
		}
		key = strings.TrimSpace(key)
	}
	if key == "" {
		return "", errors.New("the provider's key is empty; --api-key none is for servers that want none")
	}
	return key, nil
}

func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// accountBody makes the document that an account is added by.
func accountBody(typ, name, key, base string, options []string) ([]byte, error) {
	all := map[string]any{"type": typ, "name": name, "api_key": key}
	if base != "" {
		all["base_url"] = base
	}
	for _, o := range options {
		k, text, ok := strings.Cut(o, "=")
		if !ok || k == "" {
			return nil, mistake("--option is written k=v, like --option models_ttl=1m")
		}
		if k == "api_key" || k == "api_keys" {
			return nil, mistake("--option %s: a key on the command line could be seen by other users of this machine; use --api-key", k)
		}
		var v any = text
		if raw := jsontext.Value(text); config.IsSecret(k) {
			var err error
			if v, err = secretOption(k, text); err != nil {
				return nil, err
			}
		} else if raw.IsValid() && strings.ContainsAny(text[:1], "[{") {
			v = raw
		}
		at := all
		if head, rest, nested := strings.Cut(k, "."); nested {
			inner, isMap := all[head].(map[string]any)
			if !isMap {
				inner = map[string]any{}
				all[head] = inner
			}
			at, k = inner, rest
		}
		at[k] = v
	}
	return json.Marshal(all, json.Deterministic(true))
}

// secretOption is the value of an option that is secret, out of the variable that is
// named. Where credentials are is no secret.
func secretOption(name, from string) (string, error) {
	if isName(from) {
		if text, set := os.LookupEnv(from); set {
			return text, nil
		}
	}
	if name == "credentials" && cloudauth.NamesFile(from) {
		return from, nil
	}
	return "", mistake("--option %s takes the name of a variable that is set; never the secret itself, which other users of this machine could see", name)
}

// change sends a change, with the ETag of what it is of, and returns the answer
// with its own.
func (r *remote) change(ctx context.Context, method, path, match string, body []byte) (raw jsontext.Value, tag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if match != "" {
		req.Header.Set("If-Match", match)
	}
	resp, err := r.open(req)
	if err != nil {
		return nil, "", err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, "", fmt.Errorf("the answer of %s broke off: %w", r.url, bare(err))
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, "", r.refused(resp, answer)
	}
	return answer, resp.Header.Get("ETag"), nil
}
