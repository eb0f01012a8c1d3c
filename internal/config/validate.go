package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	minKey  = 24
	maxKey  = 512
	maxName = 128
)

// reserved are the first segments of a model's name that mean something of
// our own; no provider and no alias may take them.
var reserved = []string{"workload", "agent", "auto", "class"}

// validate holds the settled configuration against what is possible.
func (l *loader) validate() {
	c := l.cfg
	l.checkListen("listen", c.Listen)
	if c.OpsListen != "" {
		l.checkListen("ops_listen", c.OpsListen)
		if c.OpsListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			l.fail("ops_listen", "is the address that listen already has", "choose another port")
		}
	}
	if c.PublicURL != "" {
		l.checkOrigin("public_url", c.PublicURL)
	}
	for i, o := range c.CORSOrigins {
		if o != "*" {
			l.checkOrigin(fmt.Sprintf("cors_origins[%d]", i), o)
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		l.fail("tls", "needs both cert and key, or neither", "")
	}
	if c.DataDir == "" {
		l.fail("data_dir", "is empty", "name a folder, like oido-data")
	}
	l.checkDatabase()
	if c.Redis != "" {
		l.checkStoreURL("redis", c.Redis, "redis", "rediss", "valkey", "valkeys")
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "" || c.TimeZone == "Local" {
		l.fail("time_zone", fmt.Sprintf("%q is not the name of a time zone", c.TimeZone), "write one like UTC or Europe/Berlin")
	}
	l.checkRouting()
	l.checkLimits()
	l.checkKeysDiffer()
}

func (l *loader) checkListen(at, s string) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		suggestion := "write HOST:PORT, like 127.0.0.1:8080"
		if n, err := strconv.ParseUint(s, 10, 16); err == nil {
			suggestion = fmt.Sprintf("write 127.0.0.1:%d, or :%d for every address", n, n)
		} else if !strings.Contains(s, ":") && s != "" {
			suggestion = fmt.Sprintf("write %s:8080", s)
		}
		l.fail(at, fmt.Sprintf("%q is not an address to listen on", s), suggestion)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		l.fail(at, fmt.Sprintf("%q is not a port", port), "write a number from 0 (any free port) to 65535")
	}
	if strings.ContainsAny(host, "/ @") {
		l.fail(at, fmt.Sprintf("%q is not a host", host), "write HOST:PORT, like 127.0.0.1:8080")
	}
}

// checkOrigin wants scheme, host and port alone.
func (l *loader) checkOrigin(at, s string) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		l.fail(at, fmt.Sprintf("%q is not an origin", s), "write scheme, host and port, like https://oido.example")
		return
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		l.fail(at, "holds more than scheme, host and port", fmt.Sprintf("write %s://%s", u.Scheme, u.Host))
	}
}

func (l *loader) checkDatabase() {
	if l.cfg.Database == "sqlite" {
		return
	}
	if !strings.Contains(string(l.cfg.Database), "://") {
		l.fail("database", "is neither sqlite nor the URL of a PostgreSQL database",
			"write sqlite, or postgres://user:pass@host/db; the embedded database's place is data_dir")
		return
	}
	l.checkStoreURL("database", l.cfg.Database, "postgres", "postgresql")
}

func (l *loader) checkStoreURL(at string, s SecretURL, schemes ...string) {
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Host == "" {
		// url.Parse's own message quotes the URL, password included.
		l.fail(at, "is not a URL", fmt.Sprintf("write %s://HOST:PORT; characters like / or @ in a password are written %%2F and %%40", schemes[0]))
		return
	}
	if !slices.Contains(schemes, u.Scheme) {
		l.fail(at, fmt.Sprintf("has the scheme %q", u.Scheme), fmt.Sprintf("write %s://…", schemes[0]))
	}
}

// checkKey looks at one static key of the file.
func (l *loader) checkKey(at string, k Key) {
	switch text := k.Key.Reveal(); {
	case l.failed(at + ".key"):
	case len(text) < minKey:
		l.fail(at+".key", fmt.Sprintf("is too short: a key has at least %d characters", minKey), "make one with: openssl rand -base64 32")
	case len(text) > maxKey:
		l.fail(at+".key", fmt.Sprintf("is too long: a key has at most %d characters", maxKey), "")
	case !headerSafe(text):
		l.fail(at+".key", "holds characters that a header can't carry", "use letters, digits, - and _")
	}
	if k.User == "" {
		l.fail(at+".user", "is missing", "say whose turns these are, like user: ada@acme.example")
	}
	for _, f := range []struct{ name, value string }{
		{"org", k.Org}, {"user", k.User}, {"agent", k.Agent}, {"workload", k.Workload}, {"name", k.Name},
	} {
		if f.value != "" || f.name == "org" {
			l.checkName(at+"."+f.name, f.value)
		}
	}
	for i, a := range k.Agents {
		l.checkName(fmt.Sprintf("%s.agents[%d]", at, i), a)
	}
	if k.Agent != "" && len(k.Agents) > 0 && !slices.Contains(k.Agents, k.Agent) {
		l.fail(at+".agent", fmt.Sprintf("%q is not among the key's agents", k.Agent), "add it there, or choose one of "+strings.Join(k.Agents, ", "))
	}
	for i, m := range k.Models {
		if m == "" || strings.Contains(strings.TrimSuffix(m, "*"), "*") {
			l.fail(fmt.Sprintf("%s.models[%d]", at, i), fmt.Sprintf("%q names no models", m), "write provider/model, or the beginning of such names and a * at the end")
		}
	}
}

// checkName wants what a header, a table row and a chart's label can hold.
func (l *loader) checkName(at, name string) {
	switch {
	case name == "":
		l.fail(at, "is empty", "")
	case len(name) > maxName:
		l.fail(at, fmt.Sprintf("is longer than %d bytes", maxName), "")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		l.fail(at, "holds characters that can't be printed", "")
	case strings.TrimSpace(name) != name:
		l.fail(at, "begins or ends with a space", fmt.Sprintf("write %q", strings.TrimSpace(name)))
	}
}

func (l *loader) checkKeysDiffer() {
	seen := map[Secret]bool{}
	for _, k := range l.cfg.Keys {
		if seen[k.Key] {
			l.fail("keys", fmt.Sprintf("two entries have the same key, one of them of user %q", k.User), "give each entry a key of its own")
		}
		seen[k.Key] = true
	}
}

func (l *loader) checkLimits() {
	for i, lim := range l.cfg.Limits {
		if lim.Quota == (Quota{}) {
			l.fail(fmt.Sprintf("limits[%d]", i), "limits nothing", "add a bound like usd_per_day: 20 or requests_per_minute: 600")
		}
	}
}

// headerSafe says whether the text can be sent in a header as it is.
func headerSafe(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
