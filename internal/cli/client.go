package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/identity"
)

// remote is a running gateway that commands ask.
type remote struct {
	url, key string
	json     bool
}

func (r *remote) add(c *cobra.Command) {
	c.Flags().StringVar(&r.url, "server", "", "address of the gateway (default $OIDO_URL, else http://127.0.0.1:8080)")
	c.Flags().StringVar(&r.key, "key", "", "OIDO key (default $OIDO_KEY, else admin.key in the data folder)")
	c.Flags().BoolVar(&r.json, "json", false, "print the answer as JSON")
}

// settle fills in what the flags left open.
func (r *remote) settle() error {
	if r.url == "" {
		r.url = os.Getenv("OIDO_URL")
	}
	if r.url == "" {
		r.url = "http://127.0.0.1:8080"
	}
	r.url = strings.TrimSuffix(r.url, "/")
	if u, err := url.Parse(r.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not the address of a gateway: give --server (or OIDO_URL) one like http://127.0.0.1:8080", r.url)
	}
	if r.key == "" {
		r.key = os.Getenv("OIDO_KEY")
	}
	if r.key != "" {
		return nil
	}
	dir := os.Getenv("OIDO_DATA_DIR")
	if dir == "" {
		dir = "oido-data"
	}
	b, err := os.ReadFile(filepath.Join(dir, identity.KeyFile))
	if err != nil {
		return errors.New("no key: give --key, set OIDO_KEY, or run where the data folder is")
	}
	r.key = strings.TrimSpace(string(b))
	return nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// get asks the management API.
func (r *remote) get(ctx context.Context, path string) (jsontext.Value, error) {
	if err := r.settle(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no gateway answers at %s: start one with `oido serve`, or give --server: %w", r.url, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", r.url, err)
	}
	if resp.StatusCode != http.StatusOK {
		var p struct {
			Detail string `json:"detail"`
		}
		if json.Unmarshal(body, &p) == nil && p.Detail != "" {
			return nil, fmt.Errorf("%s refuses: %s", r.url, p.Detail)
		}
		return nil, fmt.Errorf("%s answers %s", r.url, resp.Status)
	}
	return body, nil
}

// show prints an answer: as it is, or by what table makes of it.
func show[T any](c *cobra.Command, r *remote, path string, table func(w io.Writer, v T)) error {
	body, err := r.get(c.Context(), path)
	if err != nil {
		return err
	}
	if r.json {
		if err := body.Indent(); err != nil {
			return fmt.Errorf("the answer of %s can't be read: %w", r.url, err)
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), string(body))
		return err
	}
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("the answer of %s can't be read: %w", r.url, err)
	}
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	table(w, v)
	return w.Flush()
}

// line prints one line of a table; a failed write shows when it is flushed.
func line(w io.Writer, cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, cell)
	}
	fmt.Fprintln(w)
}

func said[T any](v *T) any {
	if v == nil {
		return "-"
	}
	return *v
}
