package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/nearest"
)

const maxProviderName = 64

// checkProvider looks at one provider of the file and settles its type.
func (l *loader) checkProvider(name string, p *Provider) {
	at := join("providers", quoteName(name))
	l.checkProviderName(at, name)
	l.settleType(at, name, p)
	l.checkCloud(at, p)
	l.fill(at, l.opts.ProviderTypes[p.Type], p)
	if p.BaseURL != "" {
		l.checkBaseURL(at+".base_url", p.BaseURL)
	}
	for _, f := range p.Formats {
		if f.URL != "" {
			l.checkBaseURL(join(at, "formats."+f.Name), f.URL)
		}
	}
	if !headerSafe(p.APIKey.Reveal()) {
		l.fail(at+".api_key", "holds characters that a header can't carry", "set it to the key alone, without spaces or line ends")
	}
	for i, k := range p.APIKeys {
		if !headerSafe(k.Reveal()) {
			l.fail(fmt.Sprintf("%s.api_keys[%d]", at, i), "holds characters that a header can't carry", "set it to the key alone, without spaces or line ends")
		}
	}
	for _, h := range p.Headers {
		l.checkHeader(join(at, "headers."+quoteName(h.Name)), h)
	}
	if p.Proxy != "" {
		l.checkStoreURL(at+".proxy", p.Proxy, "http", "https", "socks5", "socks5h")
	}
	seen := map[string]bool{}
	for i, m := range p.Models {
		here := fmt.Sprintf("%s.models[%d]", at, i)
		switch {
		case m.ID == "":
			l.fail(here+".id", "is missing", "write the model's id as the provider takes it")
		case seen[m.ID]:
			l.fail(here+".id", fmt.Sprintf("%q is declared twice", m.ID), "remove one of them")
		}
		seen[m.ID] = true
	}
	for i, o := range p.Orgs {
		l.checkName(fmt.Sprintf("%s.orgs[%d]", at, i), o)
	}
}

// providerName says whether a provider may have the name.
func providerName(name string) bool {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	return name != "" && len(name) <= maxProviderName && !strings.ContainsFunc(name, func(r rune) bool { return !plain(r) })
}

// checkProviderName keeps provider/model readable in one way only.
func (l *loader) checkProviderName(at, name string) {
	switch {
	case slices.Contains(reserved, strings.ToLower(name)):
		l.fail(at, fmt.Sprintf("%q can't name a provider: in a model's name it means something else", name), "choose another name, and say its type")
	case !providerName(name):
		l.fail(at, "is not a name for a provider", fmt.Sprintf("use up to %d letters, digits, - _ and .", maxProviderName))
	}
}

func (l *loader) settleType(at, name string, p *Provider) {
	types := l.opts.ProviderTypes
	said := p.Type != ""
	if !said {
		p.Type = name
	}
	if types == nil || l.failed(at+".type") {
		return
	}
	if t, ok := types[p.Type]; ok {
		p.Type = t.Type
		return
	}
	known := slices.Sorted(maps.Keys(types))
	if said {
		l.fail(at+".type", fmt.Sprintf("%q is not a type of provider", p.Type), didYouMean(p.Type, known))
		return
	}
	suggestion := "add type: openai for an OpenAI-compatible server, or one of " + strings.Join(known, ", ")
	if near := nearest.To(name, known); near != "" {
		suggestion = fmt.Sprintf("did you mean %q? Else %s", near, suggestion)
	}
	l.fail(at, "has no type, and its name is not one", suggestion)
}

func (l *loader) checkBaseURL(at, s string) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		l.fail(at, "is not an http or https URL", "write it like https://host/v1")
	case u.User != nil:
		l.fail(at, "holds a user name or password", "put the key into api_key, or a header into headers")
	case u.RawQuery != "" || u.Fragment != "":
		l.fail(at, "holds a query or a fragment", "end it after the path")
	}
}

// owned are the headers that the server sets itself: another value would break
// the request or answer for somebody else.
var owned = []string{"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade", "trailer"}

func (l *loader) checkHeader(at string, h Entry[Secret]) {
	token := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}
	switch {
	case h.Name == "" || strings.ContainsFunc(h.Name, func(r rune) bool { return !token(r) }):
		l.fail(at, "is not the name of a header", "")
	case slices.Contains(owned, strings.ToLower(h.Name)):
		l.fail(at, "is a header that the server sets itself", "remove it")
	case strings.ContainsFunc(h.Value.Reveal(), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		l.fail(at, "holds control characters", "")
	}
}
