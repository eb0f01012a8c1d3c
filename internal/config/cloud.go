package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// fill takes the options of a provider's type that aren't said from the
// environment.
func (l *loader) fill(at string, t ProviderType, p *Provider) {
	identified := slices.ContainsFunc(t.Options, func(o TypeOption) bool { return o.Identity && l.says(at, o.Name) }) ||
		l.says(at, "api_key") || l.says(at, "api_keys")
	v := reflect.ValueOf(p).Elem()
	for _, f := range fieldsOf(v.Type()) {
		i := slices.IndexFunc(t.Options, func(o TypeOption) bool { return o.Name == f.name })
		if i < 0 || f.typ.Kind() != reflect.String || l.says(at, f.name) || t.Options[i].Identity && identified {
			continue
		}
		for _, name := range t.Options[i].Env {
			text, _ := l.opts.LookupEnv(name)
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			v.FieldByIndex(f.index).SetString(text)
			l.cfg.Sources[join(at, f.name)] = Source{Kind: FromEnv, Name: name}
			break
		}
	}
}

// says says whether an option of a provider is said.
func (l *loader) says(at, option string) bool {
	_, said := l.cfg.Sources[join(at, option)]
	return said
}

// checkCloud refuses options that a provider's type doesn't take.
func (l *loader) checkCloud(at string, p *Provider) {
	t, known := l.opts.ProviderTypes[p.Type]
	if !known {
		return
	}
	var takes []string
	for _, o := range t.Options {
		takes = append(takes, o.Name)
	}
	v := reflect.ValueOf(p.Cloud)
	for _, f := range fieldsOf(v.Type()) {
		if slices.Contains(takes, f.name) || v.FieldByIndex(f.index).IsZero() {
			continue
		}
		suggestion := "remove it"
		if len(takes) > 0 {
			suggestion = "this type takes " + strings.Join(takes, ", ")
		}
		l.fail(join(at, f.name), fmt.Sprintf("is no option of providers of type %s", p.Type), suggestion)
	}
	if strings.ContainsAny(p.Token.Reveal()+p.SessionToken.Reveal(), " \r\n\t") {
		l.fail(at, "has a token with spaces or line ends in it", "set it to the token alone")
	}
}
