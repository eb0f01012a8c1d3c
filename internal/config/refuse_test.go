package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/config"
)

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"unknown field", "listne: x\n", []string{`oido.yaml:1:1: listne: there is no such field; did you mean "listen"?`}},
		{"unknown nested field", "log: {levle: info}\n", []string{`oido.yaml:1:7: log.levle: there is no such field; did you mean "level"?`}},
		{"unknown field of a provider", "providers:\n  openai:\n    baseUrl: http://x\n", []string{`oido.yaml:3:5: providers.openai.baseUrl: there is no such field; did you mean "base_url"?`}},
		{"a far field", "log: {colour: red}\n", []string{`oido.yaml:1:7: log.colour: there is no such field; known are level, format`}},
		{"duplicate field", "listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n", []string{`oido.yaml:2:1: listen: stands twice, first in line 1; remove one of them`}},
		{"duplicate provider", "providers:\n  openai: {}\n  openai: {}\n", []string{`oido.yaml:3:3: providers.openai: stands twice, first in line 2; remove one of them`}},
		{"map for a text", "listen: {a: b}\n", []string{`oido.yaml:1:9: listen: is a map, but a text is wanted`}},
		{"text for a map", "log: info\n", []string{`oido.yaml:1:6: log: is a single value, but a map of names to values is wanted`}},
		{"text for a list", "keys: abc\n", []string{`oido.yaml:1:7: keys: is a single value, but a list is wanted; write it in [ ]`}},
		{"truth for a text", "data_dir: yes\nbaseline: true\n", []string{`oido.yaml:2:11: baseline: is true, but a text is wanted; if it is meant as text, write "true" in quotes`}},
		{"no number", "retention: {raw_days: many}\n", []string{`oido.yaml:1:23: retention.raw_days: "many" is not a whole number`}},
		{"too small", "retention: {raw_days: 0}\n", []string{`oido.yaml:1:23: retention.raw_days: "0" is too small: at least 1`}},
		{"too large", "body_limit: 1GiB\n", []string{`oido.yaml:1:13: body_limit: "1GiB" is too large: at most 512MiB`}},
		{"no size", "body_limit: 32 megs\n", []string{`oido.yaml:1:13: body_limit: "32 megs" is not a size: write a whole number and a unit, like 32MiB`}},
		{"not among the values", "log: {level: wran}\n", []string{`oido.yaml:1:14: log.level: "wran" is not a value of this field; did you mean "warn"? (debug, info, warn, error)`}},
		{"neither on nor off", "capture: maybe\n", []string{`oido.yaml:1:10: capture: "maybe" is neither on nor off`}},
		{"several at once, in order", "zone: x\nlog: {level: loud}\nlisten: here\n", []string{
			`oido.yaml:1:1: zone: there is no such field`,
			`oido.yaml:2:14: log.level: "loud" is not a value of this field; known are debug, info, warn, error`,
			`oido.yaml:3:9: listen: "here" is not an address to listen on; write here:8080`,
		}},
		{"port alone", "listen: 8080\n", []string{`oido.yaml:1:9: listen: "8080" is not an address to listen on; write 127.0.0.1:8080, or :8080 for every address`}},
		{"port out of range", "listen: :70000\n", []string{`oido.yaml:1:9: listen: "70000" is not a port; write a number from 0 (any free port) to 65535`}},
		{"the same port twice", "listen: :8080\nops_listen: :8080\n", []string{`oido.yaml:2:13: ops_listen: is the address that listen already has; choose another port`}},
		{"public URL with a path", "public_url: https://a.example/oido\n", []string{`oido.yaml:1:13: public_url: holds more than scheme, host and port; write https://a.example`}},
		{"half of TLS", "tls: {cert: a.pem}\n", []string{`oido.yaml:1:6: tls: needs both cert and key, or neither`}},
		{"time zone", "time_zone: Mars/Olympus\n", []string{`oido.yaml:1:12: time_zone: "Mars/Olympus" is not the name of a time zone; write one like UTC or Europe/Berlin`}},
		{"database path", "database: /var/lib/oido.db\n", []string{`oido.yaml:1:11: database: is neither sqlite nor the URL of a PostgreSQL database; write sqlite, or postgres://user:pass@host/db; the embedded database's place is data_dir`}},
		{"proxy range", "trusted_proxies: [10.0.0.0/8, lan]\n", []string{`oido.yaml:1:31: trusted_proxies[1]: "lan" is not an address or a range of addresses, like 10.0.0.0/8`}},
		{"short key", "keys: [{key: short, user: a}]\n", []string{`oido.yaml:1:14: keys[0].key: is too short: a key has at least 24 characters; make one with: openssl rand -base64 32`}},
		{"key with a space", "keys: [{key: \"0123456789 0123456789 0123456789\", user: a}]\n", []string{`oido.yaml:1:14: keys[0].key: holds characters that a header can't carry; use letters, digits, - and _`}},
		{"key without user", "keys:\n  - {key: 012345678901234567890123x}\n", []string{`oido.yaml:2:5: keys[0].user: is missing; say whose turns these are, like user: ada@acme.example`}},
		{"entry without key", "keys: [{user: a}]\n", []string{`oido.yaml:1:8: keys[0]: has no key; add key: "${NAME}", or remove the entry`}},
		{"role", "keys: [{key: 012345678901234567890123x, user: a, role: Admin}]\n", []string{`oido.yaml:1:56: keys[0].role: "Admin" is not a value of this field; did you mean "admin"? (operator, admin, member, viewer)`}},
		{"provider type", "providers: {x: {type: opanai}}\n", []string{`oido.yaml:1:23: providers.x.type: "opanai" is not a type of provider; did you mean "openai"?`}},
		{"provider without type", "providers: {mine: {base_url: http://h/v1}}\n", []string{`oido.yaml:1:13: providers.mine: has no type, and its name is not one; add type: openai for an OpenAI-compatible server, or one of anthropic, gemini, google, nvidia, openai`}},
		{"reserved name", "providers: {auto: {type: openai}}\n", []string{`oido.yaml:1:13: providers.auto: "auto" can't name a provider: in a model's name it means something else; choose another name, and say its type`}},
		{"slash in a name", "providers: {a/b: {type: openai}}\n", []string{`oido.yaml:1:13: providers.a/b: is not a name for a provider; use up to 64 letters, digits, - _ and .`}},
		{"base URL", "providers: {openai: {base_url: localhost:8000}}\n", []string{`oido.yaml:1:32: providers.openai.base_url: is not an http or https URL; write it like https://host/v1`}},
		{"password in the base URL", "providers: {openai: {base_url: \"https://u:hunter2@h/v1\"}}\n", []string{`oido.yaml:1:32: providers.openai.base_url: holds a user name or password; put the key into api_key, or a header into headers`}},
		{"header", "providers: {openai: {headers: {Host: x}}}\n", []string{`oido.yaml:1:32: providers.openai.headers.Host: is a header that the server sets itself; remove it`}},
		{"format", "providers: {openai: {formats: [chatt]}}\n", []string{`oido.yaml:1:32: providers.openai.formats[0]: "chatt" is not a value of this field; did you mean "chat"? (chat, responses, messages, gemini, converse)`}},
		{"format as a map", "providers: {openai: {formats: {message: http://h}}}\n", []string{`oido.yaml:1:31: providers.openai.formats.message: "message" is not a value of this field; did you mean "messages"? (chat, responses, messages, gemini, converse)`}},
		{"price", "providers: {openai: {models: [{id: m, price: {input: -1}}]}}\n", []string{`oido.yaml:1:54: providers.openai.models[0].price.input: "-1" is not an amount in US dollars: it can't be negative`}},
		{"model twice", "providers: {openai: {models: [{id: m}, {id: m}]}}\n", []string{`oido.yaml:1:45: providers.openai.models[1].id: "m" is declared twice; remove one of them`}},
		{"duration", "providers: {openai: {timeout: {idle: 30}}}\n", []string{`oido.yaml:1:38: providers.openai.timeout.idle: "30" is not a duration: write a number and a unit, like 30s, 5m or 1h`}},
		{"alias to itself", "aliases: {a: a}\n", []string{`oido.yaml:1:11: aliases.a: leads back to itself: a → a; write provider/model at one of these places`}},
		{"alias loop", "aliases:\n  a: [openai/x, b]\n  b: c\n  c: a\n", []string{`oido.yaml:2:3: aliases.a: leads back to itself: a → b → c → a; write provider/model at one of these places`}},
		{"loop over a workload", "aliases: {a: workload/w}\nworkloads: {w: {chain: [a]}}\n", []string{`oido.yaml:1:11: aliases.a: leads back to itself: a → workload/w → a; write provider/model at one of these places`}},
		{"reserved alias", "aliases: {class/x: openai/m}\n", []string{`oido.yaml:1:11: aliases.class/x: "class/x" can't be an alias: names that begin with "class" mean something else; choose another name`}},
		{"class", "classes: {fast: {chain: [openai/m]}}\n", []string{`oido.yaml:1:11: classes.fast: is not a class; known are high_volume, interactive, reasoning, long_context`}},
		{"workload's class", "workloads: {w: {class: interactve}}\n", []string{`oido.yaml:1:24: workloads.w.class: "interactve" is not a value of this field; did you mean "interactive"? (high_volume, interactive, reasoning, long_context)`}},
		{"escalation without cause", "providers: {openai: {api_key: k}}\nworkloads: {w: {escalate: {to: [openai/o3]}}}\n", []string{`oido.yaml:2:27: workloads.w.escalate: says to which models, but not when; add on: [failure, user_correction], or complex, tool_chain`}},
		{"escalation without aim", "workloads: {w: {escalate: {on: [failure]}}}\n", []string{`oido.yaml:1:27: workloads.w.escalate: says when, but not to which models; add to: [provider/model]`}},
		{"rule with an unknown name", "workloads: {w: {when: inptu_tokens > 1}}\n", []string{`oido.yaml:1:23: workloads.w.when: there is no variable "inptu_tokens"; did you mean "input_tokens"?`}},
		{"rule with an unknown function", "workloads: {w: {when: 'text.contans(\"a\")'}}\n", []string{`oido.yaml:1:36: workloads.w.when: there is no function "contans"; did you mean "contains"?`}},
		{"rule of another type", "workloads: {w: {when: input_tokens + 1}}\n", []string{`oido.yaml:1:23: workloads.w.when: gives a value of type int, but only true or false is a condition`}},
		{"rule over quoted lines", "workloads:\n  w:\n    when: 'agent == ''x'' &&\n      strem'\n", []string{`oido.yaml:4:7: workloads.w.when: there is no variable "strem"; did you mean "stream"?`}},
		{"rule in a folded block", "workloads:\n  w:\n    when: >\n      stream &&\n      (tools ||\n       toolz)\n", []string{`oido.yaml:6:8: workloads.w.when: there is no variable "toolz"; did you mean "tools"?`}},
		{"rule in a literal block", "workloads:\n  w:\n    when: |\n      stream &&\n        output_tokens > \"a\"\n", []string{`oido.yaml:5:23: workloads.w.when: found no matching overload for '>' applied to '(int, string)'`}},
		{"rule in escapes", "workloads: {w: {when: \"agent == \\\"x\\\" && tolls\"}}\n", []string{`oido.yaml:1:42: workloads.w.when: there is no variable "tolls"; did you mean "tools"?`}},
		{"rule out of a variable", "workloads: {w: {when: 'stream && ${UNSET} tolls'}}\n", []string{`oido.yaml:1:23: workloads.w.when: there is no variable "tolls" (at 1:12 of the expression); did you mean "tools"?`}},
		{"rule that costs too much", "workloads: {w: {when: text.contains(text)}}\n", []string{`oido.yaml:1:23: workloads.w.when: may cost 2684357 units of work, at most 50000: it looks at long text too often`}},
		{"rule that is no text", "workloads: {w: {when: [a]}}\n", []string{`oido.yaml:1:23: workloads.w.when: is a list, but a text is wanted`}},
		{"limit of nothing", "limits: [{org: acme}]\n", []string{`oido.yaml:1:10: limits[0]: limits nothing; add a bound like usd_per_day: 20 or requests_per_minute: 600`}},
		{"expands to nothing", "log: {level: \"${UNSET}\"}\n", []string{`oido.yaml:1:14: log.level: ${UNSET} expands to nothing, which is not a value of this field; known are debug, info, warn, error`}},
		{"expansion of a missing file", "secret_key: ${file:none}\n", []string{`oido.yaml:1:13: secret_key: can't be expanded: open none: file does not exist`}},
		{"expansion without end", "data_dir: ${HOME\n", []string{`oido.yaml:1:11: data_dir: has a ${ without its }`}},
		{"expansion of no name", "data_dir: ${A:-b}\n", []string{`oido.yaml:1:11: data_dir: ${A:-b} is neither ${NAME} of a variable nor ${file:PATH}`}},
		{"anchor inside of itself", "aliases: &a\n  x: *a\n", []string{`oido.yaml:2:6: aliases.x: *a is inside of what it names; write the value out`}},
		{"merge key", "log: &l {level: info}\ntls:\n  <<: *l\n", []string{`oido.yaml:3:3: tls: merging maps with << isn't understood; write the fields out, or use an anchor for a whole value`}},
		{"tag", "data_dir: !!binary aGk=\n", []string{`oido.yaml:1:11: data_dir: has a tag, which has no meaning here; remove the word that begins with !, or write the value in quotes`}},
		{"list at the top", "- a\n", []string{`oido.yaml:1:1: is a list, but a map of names to values is wanted`}},
		{"control character", "data_dir: \"a\\u0000b\"\n", []string{`oido.yaml:1:11: data_dir: "a\x00b" holds a control character (at byte 1)`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := load(tt.text, nil, nil)
			var all config.Errors
			if !errors.As(err, &all) {
				t.Fatalf("error = %v, want Errors", err)
			}
			if diff := cmp.Diff(tt.want, strings.Split(all.Error(), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusedYAML(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		line       int
	}{
		{"tab", "log:\n\tlevel: info\n", 2},
		{"open bracket", "log: {level: info\nlisten: x\n", 2},
		{"unknown anchor", "a: 1\nb: *c\n", 2},
		{"second document", "listen: :1\n---\nlisten: :2\n", 2},
		{"bad escape", "a: 1\nb: \"\\q\"\n", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := load(tt.text, nil, nil)
			var e *config.Error
			if !errors.As(err, &e) || e.File != "oido.yaml" || e.Line != tt.line {
				t.Errorf("error = %v, want line %d", err, tt.line)
			}
		})
	}
}

func TestRefusedFlagsAndVariables(t *testing.T) {
	t.Parallel()
	_, _, err := load("", map[string]string{"OIDO_LOG_LEVEL": "loud", "OIDO_TRUSTED_PROXIES": "10.0.0.1, x", "OIDO_DATABASE": "mysql://u:hunter2@h/d"},
		map[string]string{"listen": "nowhere", "log-leevl": "info"})
	want := []string{
		`OIDO_TRUSTED_PROXIES: "x" is not an address or a range of addresses, like 10.0.0.0/8`,
		`OIDO_LOG_LEVEL: "loud" is not a value of this field; known are debug, info, warn, error`,
		`--log-leevl: there is no such flag; did you mean "log-level"?`,
		`--listen: "nowhere" is not an address to listen on; write nowhere:8080`,
		`OIDO_DATABASE: has the scheme "mysql"; write postgres://…`,
	}
	if diff := cmp.Diff(want, strings.Split(fmt.Sprint(err), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnchorsAreFollowedWithinBounds(t *testing.T) {
	t.Parallel()
	c, _ := mustLoad(t, "providers:\n  openai: &p {base_url: http://h/v1}\n  anthropic: *p\n", nil)
	if p, _ := c.Providers.Get("anthropic"); p.BaseURL != "http://h/v1" || p.Type != "anthropic" {
		t.Errorf("anthropic = %+v", p)
	}
	// Each list names the one before ten times: 10^8 values from 1 KB.
	var b strings.Builder
	b.WriteString("aliases:\n  l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 8; i++ {
		ref := strings.Repeat(fmt.Sprintf(", *l%d", i-1), 10)[2:]
		fmt.Fprintf(&b, "  l%d: &l%d {chain: [%s]}\n", i, i, ref)
	}
	if _, _, err := load(b.String(), nil, nil); err == nil {
		t.Error("accepted")
	}
	bomb := "limits:\n  - &a {org: x}\n" + strings.Repeat("  - *a\n", 120_000)
	if _, _, err := load(bomb, nil, nil); err == nil || !strings.Contains(err.Error(), "more than 100000 values") {
		t.Errorf("error = %.200v", err)
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	env := map[string]string{"S": "hunter2 hunter2"}
	for _, text := range []string{
		"keys: [{key: hunter2, user: a}]\n",
		"keys: [{key: \"${S} hunter2 hunter2 hunter2\", user: a}]\n",
		"log: {level: \"${S}\"}\n",
		"body_limit: \"${S}\"\n",
		"database: \"postgres://u:hunter2@h:x/y\"\n",
		"redis: \"http://u:hunter2@h\"\n",
		"secret_key: [hunter2]\n",
		"secret_key: *hunter2\n",
		"secret_key: !!int hunter2\n",
		"secret_key: !hunter2 x\n",
		"secret_key: @hunter2\n",
		"providers: {openai: {api_key: \"${S}\", proxy: \"hunter2\", base_url: \"http://u:hunter2@h\"}}\n",
	} {
		_, _, err := load(text, env, nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: error = %v", text, err)
		}
	}
}
