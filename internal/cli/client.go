package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
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
	keyFrom  string // where the key was found, for messages
}

func (r *remote) add(c *cobra.Command) {
	c.Flags().StringVar(&r.url, "server", "", "address of the gateway (default $OIDO_URL, else http://127.0.0.1:8080)")
	c.Flags().StringVar(&r.key, "key", "", "OIDO key (default $OIDO_KEY, else admin.key in the data folder)")
}

func (r *remote) addJSON(c *cobra.Command) {
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
	if !strings.Contains(r.url, "://") {
		r.url = "http://" + r.url
	}
	// What SDKs take for a base URL is understood as well.
	r.url = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(r.url, "/"), "/v1"), "/")
	if u, err := url.Parse(r.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return mistake("%q is no address of a gateway: give --server or OIDO_URL as http://HOST:PORT", r.url)
	}
	r.keyFrom = "--key"
	if r.key == "" {
		r.key, r.keyFrom = os.Getenv("OIDO_KEY"), "OIDO_KEY"
	}
	if r.key == "" {
		dir := os.Getenv("OIDO_DATA_DIR")
		if dir == "" {
			dir = "oido-data"
		}
		path := filepath.Join(dir, identity.KeyFile)
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("there is no key to ask %s with: give --key, set OIDO_KEY, or run this where %s is", r.url, path)
		}
		r.key, r.keyFrom = strings.TrimSpace(string(b)), path
	}
	if strings.ContainsFunc(r.key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return mistake("the key of %s holds characters that no key has: copy it again", r.keyFrom)
	}
	return nil
}

// Bounds of an answer: how much of it is read, and how long it may take.
const (
	maxAnswer = 64 << 20
	patience  = 30 * time.Second
)

// open sends a request with the key and returns a good answer, still to be read.
func (r *remote) open(req *http.Request) (*http.Response, error) {
	req.Header.Set("Authorization", "Bearer "+r.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, r.unreachable(err)
	}
	return resp, nil
}

// unreachable says why no answer came.
func (r *remote) unreachable(err error) error {
	var timeout interface{ Timeout() bool }
	var lookup *net.DNSError
	switch cause := bare(err); {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &lookup):
		return fmt.Errorf("there is no host of the name in %s: give another --server or OIDO_URL", r.url)
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer in time: look at the gateway's log, or give another --server", r.url)
	default:
		return fmt.Errorf("no gateway answers at %s (%w): start one with `oido serve`, or say where it is with --server or OIDO_URL", r.url, cause)
	}
}

// bare is the cause without the request that it befell.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}

// refused says why an answer is none that was asked for.
func (r *remote) refused(resp *http.Response, body []byte) error {
	var p struct {
		Detail string `json:"detail"`
		Errors []struct {
			Message  string `json:"message"`
			Location string `json:"location"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return fmt.Errorf("%s answers %s, not as a gateway does: is it one? Give --server or OIDO_URL its address", r.url, resp.Status)
	}
	for _, e := range p.Errors {
		p.Detail += "; " + strings.TrimPrefix(e.Location, "query.") + ": " + e.Message
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("%s does not take the key of %s: %s; give another with --key or OIDO_KEY", r.url, r.keyFrom, p.Detail)
	case http.StatusForbidden:
		return fmt.Errorf("%s refuses: %s; use a key that may, with --key or OIDO_KEY", r.url, p.Detail)
	}
	return fmt.Errorf("%s refuses: %s", r.url, p.Detail)
}

// get asks the management API.
func (r *remote) get(ctx context.Context, path string) (jsontext.Value, error) {
	if err := r.settle(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.open(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", r.url, bare(err))
	}
	if resp.StatusCode != http.StatusOK {
		return nil, r.refused(resp, body)
	}
	return body, nil
}

// stream sends a request that is answered with events, still to be read.
func (r *remote) stream(req *http.Request) (*http.Response, error) {
	resp, err := r.open(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", r.url, bare(err))
	}
	return nil, r.refused(resp, body)
}

// fetch asks the management API and reads the answer.
func fetch[T any](ctx context.Context, r *remote, path string) (v T, raw jsontext.Value, err error) {
	if raw, err = r.get(ctx, path); err != nil {
		return v, nil, err
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, nil, fmt.Errorf("the answer of %s can't be read, is it a gateway of this version? %w", r.url, err)
	}
	return v, raw, nil
}

// listOf is a page of a list.
type listOf[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next_cursor"`
}

// show prints an answer: as it is, or by what table makes of it.
func show[T any](c *cobra.Command, r *remote, path string, table func(s screen, v T) error) error {
	v, raw, err := fetch[T](c.Context(), r, path)
	if err != nil {
		return err
	}
	if r.json {
		return printJSON(c.OutOrStdout(), raw)
	}
	return table(screenOf(c.OutOrStdout()), v)
}

func printJSON(w io.Writer, v jsontext.Value) error {
	if err := v.Indent(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, string(v))
	return err
}

// query makes a query of what flags said.
func query(values map[string]string) string {
	q := url.Values{}
	for name, v := range values {
		if v != "" {
			q.Set(name, v)
		}
	}
	return q.Encode()
}

func said[T any](v *T) any {
	if v == nil {
		return cell{"-", faint}
	}
	return *v
}
