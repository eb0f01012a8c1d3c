package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// auth tries each of an account's keys at its model list.
func (t *trial) auth(ctx context.Context, a *provider.Account) Check {
	out := Check{What: "provider " + a.Name, Step: "auth"}
	ctx, cancel := context.WithTimeout(ctx, listsPatience)
	defer cancel()
	start := time.Now()
	var tried []provider.Key
	if a.Profile.List.Path == "" {
		out.Says = "its type has no list to show a key to: whether its key is good shows when a model is asked"
		return out
	}
	for {
		key, ok := a.Pick(tried, "")
		if !ok {
			break
		}
		tried = append(tried, key)
		if out.Err = t.knock(ctx, a, key); out.Err != nil {
			break
		}
	}
	out.Took = time.Since(start)
	took := out.Took.Round(time.Millisecond)
	switch {
	case out.Err != nil:
		out.Says = fmt.Sprintf("%s (%s)", a.Masked(out.Err.Error()), took)
	case tried[0].Hint == "":
		out.Says = fmt.Sprintf("answers without a key (%s)", took)
	case t.knock(ctx, a, provider.Key{}) == nil:
		out.Says = fmt.Sprintf("answers, but shows its list to everyone: whether its key is good shows when a model is asked (%s)", took)
	default:
		out.Says = fmt.Sprintf("its key is taken (%s)", took)
	}
	return out
}

// knock asks for the first page of an account's list with a key and says in plain
// words why it isn't given.
func (t *trial) knock(ctx context.Context, a *provider.Account, key provider.Key) error {
	p := a.Profile.List
	query := url.Values{}
	for k, v := range p.Query {
		query.Set(k, v)
	}
	resp, err := a.GetList(ctx, p.Path, query, key)
	if err != nil {
		var name *net.DNSError
		switch {
		case errors.Is(err, provider.ErrNotPublic):
			return fmt.Errorf("can't be reached: %w", provider.ErrNotPublic)
		case errors.As(err, &name):
			return fmt.Errorf("there is no host of the name %q: check base_url", name.Name)
		}
		return fmt.Errorf("can't be reached: %w; check base_url, and whether this machine may go there", provider.Discreet(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("its answer broke off: %w", provider.Discreet(err))
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return fmt.Errorf("answers with a web page (status %d), not as an API: base_url is probably wrong; write it as the vendor's own SDK takes it, like https://host/v1", resp.StatusCode)
	}
	like := likeness(a, body)
	if like != "" && (resp.StatusCode != http.StatusOK || !lists(p.Format, body)) {
		return fmt.Errorf("answers as a provider of type %s does, not as one of type %s (status %d): set type to that, or base_url to the address that belongs to the type%s", like, a.Profile.Type, resp.StatusCode, t.stranger(a, key.Hint))
	}
	t.looks[a.Name] = like
	kind := llm.KindUpstream
	if resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusForbidden {
		for format, l := range listers() {
			if f, ok := l.(interface {
				DecodeError(status int, h http.Header, body []byte) *llm.Error
			}); ok && format == p.Format {
				kind = a.Judge(f.DecodeError(resp.StatusCode, resp.Header, body), resp.Header).Kind
			}
		}
	}
	switch {
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusTooManyRequests:
		return nil
	case resp.StatusCode == http.StatusUnauthorized, kind == llm.KindAuth:
		return fmt.Errorf("its API key is wrong, expired or missing (status %d)%s", resp.StatusCode, t.suspect(a, key, resp))
	case resp.StatusCode == http.StatusForbidden:
		return fmt.Errorf("its API key is not allowed here (status 403): it lacks a right, or is not for this region or address%s", t.suspect(a, key, resp))
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusMethodNotAllowed:
		return fmt.Errorf("has no list of models at its address (status %d): base_url is probably wrong; write it as the vendor's own SDK takes it, like https://host/v1", resp.StatusCode)
	case resp.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("has trouble of its own (status %d): try again later", resp.StatusCode)
	}
	return fmt.Errorf("refuses to list its models (status %d): check base_url and the type", resp.StatusCode)
}

// lists says whether a page of a list in a format has a model.
func lists(f llm.Format, body []byte) bool {
	l := listers()[f]
	if l == nil {
		return false
	}
	models, _, err := l.DecodeModels(body)
	return err == nil && len(models) > 0
}

// suspect names what else than a wrong key could be why it is refused: it is
// another vendor's, or clocks differ, which breaks signatures.
func (t *trial) suspect(a *provider.Account, key provider.Key, resp *http.Response) (says string) {
	says = t.stranger(a, key.Hint)
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil && time.Since(at).Abs() > clockSlack {
		says += fmt.Sprintf("; this machine's clock is %s away from the provider's, which breaks signatures", time.Since(at).Round(time.Second))
	}
	return says
}

// list reads an account's list.
func (t *trial) list(ctx context.Context, c *connected) Check {
	out := Check{What: "provider " + c.account.Name, Step: "list"}
	start := time.Now()
	out.Err = c.lists.Refresh(ctx, c.account)
	out.Took = time.Since(start)
	took := out.Took.Round(time.Millisecond)
	if out.Err == nil && c.account.Profile.List.Path == "" {
		out.Says = "its type has no list of models: those of the catalog are offered"
		return out
	}
	if out.Err != nil {
		out.Says = fmt.Sprintf("its models can't be listed: %s (%s)", c.account.Masked(out.Err.Error()), took)
		return out
	}
	out.Says = fmt.Sprintf("its list has %d models (%s)", len(c.list().Models), took)
	return out
}
