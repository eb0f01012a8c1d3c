package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// listReader reads an account's list again and again. Most lists are the same as
// a few minutes ago, so it keeps what the pages held and decodes those alone that
// have changed. Not for concurrent use.
type listReader struct {
	account *Account
	listers map[llm.Format]wire.Lister
	pages   map[string]page // of the last good reading, by address
	models  []wire.ListedModel
}

// page is what a page of a list held.
type page struct {
	sum    uint64
	models []wire.ListedModel
	next   url.Values // how to ask for the page after it; nil for the last one
}

var pageSeed = maphash.MakeSeed()

// read reads all pages, by the next key where one is refused. A list that is the
// same as at the last time is the same slice.
func (l *listReader) read(ctx context.Context) ([]wire.ListedModel, error) {
	a := l.account
	p := a.Profile.List
	lister := l.listers[p.Format]
	if p.Shape == bedrockList {
		lister = bedrockLister{}
	}
	if lister == nil || p.Path == "" {
		return nil, fmt.Errorf("list models of %s: the type has no list", a.Name)
	}
	var tried []Key
	var refused error
	for {
		key, ok := a.Pick(tried, "")
		if !ok && refused != nil {
			return nil, refused
		}
		all, err := l.by(ctx, lister, key)
		var e *llm.Error
		if !ok || !errors.As(err, &e) || e.Kind != llm.KindAuth && e.Kind != llm.KindPermission {
			return all, err
		}
		// The key doesn't rest for it: some may use models and not list them.
		refused = err
		tried = append(tried, key)
	}
}

// by reads the list by one key.
func (l *listReader) by(ctx context.Context, lister wire.Lister, key Key) ([]wire.ListedModel, error) {
	name := l.account.Name
	pages, same := map[string]page{}, true
	var all []wire.ListedModel
	for _, path := range append([]string{l.account.Profile.List.Path}, l.account.Profile.List.More...) {
		query := url.Values{}
		for k, v := range l.account.Profile.List.Query {
			query.Set(k, v)
		}
		for n := 0; ; n++ {
			if n == maxListPages {
				return nil, fmt.Errorf("list models of %s: more than %d pages, which no vendor has: check base_url", name, maxListPages)
			}
			at := path + "?" + query.Encode()
			got, known, err := l.page(ctx, lister, path, query, key, at)
			if err != nil {
				return nil, fmt.Errorf("list models of %s: %w", name, err)
			}
			same = same && known
			pages[at] = got
			if all == nil {
				all = got.models[:len(got.models):len(got.models)] // most lists are one page, which isn't copied
			} else {
				all = append(all, got.models...)
			}
			if len(all) > maxListed {
				return nil, fmt.Errorf("list models of %s: more than %d models, which no vendor has: check base_url", name, maxListed)
			}
			if got.next == nil {
				break
			}
			for k, v := range got.next {
				query[k] = v
			}
		}
	}
	if same && len(pages) == len(l.pages) {
		return l.models, nil
	}
	l.pages, l.models = pages, all
	return all, nil
}

// bodies are the buffers that pages are read into: lists come every few minutes,
// and are larger than nearly all else.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxPooled is the largest buffer that is kept for the next page.
const maxPooled = 4 << 20

// page reads one page. known says that it is the same as at the last time.
func (l *listReader) page(ctx context.Context, lister wire.Lister, path string, query url.Values, key Key, at string) (got page, known bool, err error) {
	buf, ok := bodies.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	defer func() {
		if buf.Cap() <= maxPooled {
			buf.Reset()
			bodies.Put(buf)
		}
	}()
	if err := l.account.listPage(ctx, lister, path, query, key, buf); err != nil {
		return page{}, false, err
	}
	got.sum = maphash.Bytes(pageSeed, buf.Bytes())
	if last, ok := l.pages[at]; ok && last.sum == got.sum {
		return last, true, nil
	}
	if got.models, got.next, err = lister.DecodeModels(buf.Bytes()); err != nil {
		return page{}, false, fmt.Errorf("the answer is no list of models: check base_url and the type: %w", err)
	}
	for i := range got.models {
		if !l.account.Serves(got.models[i].ID) {
			got.models[i].Chat = new(bool)
		}
	}
	return got, false, nil
}

// GetList asks for a page of the account's model list.
func (a *Account) GetList(ctx context.Context, path string, query url.Values, key Key) (*http.Response, error) {
	ep := a.listing
	if ep == nil {
		if ep = a.endpoint(a.Profile.List.Format, ""); ep == nil {
			ep = &a.endpoints[0]
		}
	}
	return a.deliver(ctx, http.MethodGet, ep, wire.Outbound{Path: path, Query: query}, nil, nil, key)
}

func (a *Account) listPage(ctx context.Context, lister wire.Lister, path string, query url.Values, key Key, into *bytes.Buffer) error {
	resp, err := a.GetList(ctx, path, query, key)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if n := resp.ContentLength; n > 0 && n <= maxPooled {
		into.Grow(int(n) + bytes.MinRead)
	}
	if _, err := into.ReadFrom(io.LimitReader(resp.Body, maxListBytes+1)); err != nil {
		return err
	}
	body := into.Bytes()
	if len(body) > maxListBytes {
		return fmt.Errorf("the answer is larger than %d MiB, as no list of models is: check base_url", maxListBytes>>20)
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return a.listRefused(lister, resp, body)
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return fmt.Errorf("the answer is a web page, not a list: check base_url")
	}
	return nil
}

// listRefused says why a list was refused, in words of ours: the provider's could
// repeat the key.
func (a *Account) listRefused(lister wire.Lister, resp *http.Response, body []byte) *llm.Error {
	e := &llm.Error{
		Kind: kindOfStatus(resp.StatusCode), Status: resp.StatusCode, Provider: a.Name,
		Message: fmt.Sprintf("the list was answered with status %d", resp.StatusCode),
	}
	if f, ok := lister.(interface {
		DecodeError(status int, h http.Header, body []byte) *llm.Error
	}); ok && (resp.StatusCode == http.StatusBadRequest || len(a.Profile.Errors) > 0) {
		e.Kind = a.Judge(f.DecodeError(resp.StatusCode, resp.Header, body), resp.Header).Kind
	}
	switch e.Kind {
	case llm.KindAuth:
		e.Message += ": its API key is wrong, expired or missing"
	case llm.KindPermission:
		e.Message += ": its API key may not list models, or not from here"
	case llm.KindNotFound:
		e.Message += ": there is no list at this address, check base_url"
	}
	return e
}

func kindOfStatus(status int) llm.Kind {
	switch status {
	case http.StatusUnauthorized:
		return llm.KindAuth
	case http.StatusForbidden:
		return llm.KindPermission
	case http.StatusNotFound, http.StatusGone:
		return llm.KindNotFound
	case http.StatusTooManyRequests:
		return llm.KindRateLimit
	}
	return llm.KindUpstream
}
