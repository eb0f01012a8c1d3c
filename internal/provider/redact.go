package provider

import (
	"bytes"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
)

// minSecret is how long a secret is at least that is looked for in texts.
const minSecret = 8

// secretsOf are the texts that nobody may be told of an account: its keys, and
// what else is said to be one, each also without a word before it like "Bearer".
// The longest come first, since one may hold another.
func secretsOf(o Options) []string {
	var out []string
	for _, s := range slices.Concat(o.Keys, o.Secrets) {
		for _, s := range []string{s, s[strings.LastIndexByte(s, ' ')+1:]} {
			if len(s) >= minSecret && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// hidden are the account's secrets, and those that were fetched.
func (a *Account) hidden() []string {
	out := a.secrets[:len(a.secrets):len(a.secrets)]
	for _, s := range a.pool.fetched() {
		if len(s) >= minSecret {
			out = append(out, s)
		}
	}
	return out
}

// Redact returns what a provider said without the account's secrets, which some
// repeat.
func (a *Account) Redact(e *llm.Error) *llm.Error {
	said, secrets := e.Error()+"\n"+e.Code+"\n"+e.Type+"\n"+e.Param, a.hidden()
	if !slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(said, s) || bytes.Contains(e.Raw, []byte(s)) }) {
		return e
	}
	out := *e
	out.Err = nil
	for _, text := range []*string{&out.Message, &out.Code, &out.Type, &out.Param} {
		*text = masked(*text, secrets)
	}
	for _, s := range secrets {
		out.Raw = bytes.ReplaceAll(out.Raw, []byte(s), []byte("…"))
	}
	return &out
}

// Masked returns a text without the account's secrets.
func (a *Account) Masked(text string) string { return masked(text, a.hidden()) }

func masked(text string, secrets []string) string {
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "…")
	}
	return text
}
