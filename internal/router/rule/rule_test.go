package rule_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/router/rule"
	"github.com/oidostudio/oido/internal/wire"
)

func TestHolds(t *testing.T) {
	t.Parallel()
	facts := router.Facts{
		Model: "auto", Agent: "billing-bot", User: "ada@acme.example", Purpose: "title", Class: "interactive",
		Format: llm.FormatMessages, Stream: true, Input: 50_000, Output: 4096,
		Needs: router.Needs{Tools: true},
	}
	shown := wire.Survey{
		Image: true, Schema: true, User: []string{"<system-reminder>be kind</system-reminder>", "Please refund invoice 12"}, ToolCalls: 3, Steps: 2, Turns: 7,
	}
	for expression, want := range map[string]bool{
		`agent == "billing-bot"`:                          true,
		`agent in ["a", "b"]`:                             false,
		`user.endsWith("@acme.example")`:                  true,
		`purpose == "title" || purpose == "summary"`:      true,
		`class == "interactive"`:                          true,
		`format == "messages" && stream`:                  true,
		`format == "chat"`:                                false,
		`input_tokens > 40000`:                            true,
		`input_tokens > 1e5`:                              false,
		`output_tokens <= 4096`:                           true,
		`tools && images && schema && !pdf && !audio`:     true,
		`text.contains("refund")`:                         true,
		`text.matches("(?i)\\bREFUND\\b")`:                true,
		`text.matches("^refund")`:                         false,
		`["invoice", "bill"].exists(x, text.contains(x))`: true,
		`turns == 7 && tool_calls == 3 && steps == 2`:     true,
		`input_tokens / (steps - 2) > 1`:                  false, // fails
		`steps == 2 || input_tokens / (steps - 2) > 1`:    true,  // what fails isn't needed
		`true`: true,
		"size(text) > 10 // the long ones\n && agent != \"\"": true,
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			r, err := rule.Compile(expression)
			if err != nil {
				t.Fatal(err)
			}
			f := facts
			f.Survey = func() wire.Survey { return shown }
			if got := r.Holds(&f); got != want {
				t.Errorf("holds: %v", got)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`inptu_tokens > 1`:         `1:1 there is no variable "inptu_tokens"`,
		"stream &&\n  toolz":       `2:3 there is no variable "toolz"`,
		`model == "auto"`:          `1:1 there is no variable "model"`,
		`text.contans("a")`:        `1:13 there is no function "contans"`,
		`input_tokens`:             `1:1 gives a value of type int, but only true or false is a condition`,
		`input_tokens > "a"`:       `1:14 found no matching overload for '>' applied to '(int, string)'`,
		`stream == 1`:              `1:8 found no matching overload for '==' applied to '(bool, int)'`,
		`agent ==`:                 `1:9 is no expression: mismatched input its end`,
		`agent = "x"`:              `1:7 is no expression: token recognition error at: '= '`,
		`text.matches("(")`:        "1:14 is no regular expression: error parsing regexp: missing closing ): `(`",
		`text.matches(agent)`:      `1:14 the pattern of matches isn't written out: one that a request brings may cost anything`,
		`text.matches("a{1,900}")`: `1:14 the regular expression is too large: it becomes 1801 instructions, at most 120`,
		`text.contains(text)`:      `1:1 may cost 2684357 units of work, at most 50000: it looks at long text too often`,
		`text.matches("x{1,50}") && text.matches("y{1,50}")`:         `1:1 may cost 82742 units of work, at most 50000: it looks at long text too often`,
		`["a"].all(x, ["a"].all(y, ["a"].all(z, x == y && y == z)))`: `1:36 comprehension exceeds nesting limit`,
		strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100): `1:1 expression recursion limit exceeded: 64`,
		strings.Repeat(" ", 5000):                                    `1:1 has 5000 bytes: at most 4096`,
	} {
		t.Run(fmt.Sprintf("%.40s", expression), func(t *testing.T) {
			t.Parallel()
			_, err := rule.Compile(expression)
			var p *rule.Problem
			if !errors.As(err, &p) {
				t.Fatalf("error %v", err)
			}
			if got := fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Message); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestTheConversationIsReadOnlyWhereItIsNamed(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]int{
		`input_tokens > 10 && agent == "x"`:       0,
		`tools`:                                   0, // the request's top level shows them
		`input_tokens > 1000 && text != ""`:       0,
		`text != "" && turns > 0 && text != "xx"`: 1,
	} {
		r, err := rule.Compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		looks := 0
		f := &router.Facts{Input: 100, Needs: router.Needs{Tools: true}, Survey: func() wire.Survey {
			looks++
			return wire.Survey{User: []string{"hello"}, Turns: 1}
		}}
		r.Holds(f)
		r.Holds(f)
		if looks != want {
			t.Errorf("%s: looked %d times, want %d", expression, looks, want)
		}
	}
}

func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	r, err := rule.Compile(`size(text) <= 16384 && text.startsWith("ä") && !text.contains("end") && size(agent) <= 512`)
	if err != nil {
		t.Fatal(err)
	}
	f := &router.Facts{Agent: strings.Repeat("a", 5000), Survey: func() wire.Survey {
		return wire.Survey{User: []string{strings.Repeat("ä", 20_000) + "end\xff"}}
	}}
	if !r.Holds(f) {
		t.Error("doesn't hold")
	}
}

func TestFailuresAreTold(t *testing.T) {
	t.Parallel()
	r, err := rule.Compile(`1 / input_tokens > 0`)
	if err != nil {
		t.Fatal(err)
	}
	if r.Holds(&router.Facts{}) {
		t.Error("what fails holds")
	}
	var told []string
	r.OnFailure(func(n int64, err error) { told = append(told, fmt.Sprint(n, " ", err)) })
	if !r.Holds(&router.Facts{Input: 1}) || r.Holds(&router.Facts{}) || r.Holds(&router.Facts{}) {
		t.Error("holds where it shouldn't, or the other way")
	}
	if d := cmp.Diff([]string{"2 division by zero", "3 division by zero"}, told); d != "" {
		t.Error(d)
	}
}

// What a user wrote is in no message: they are logged.
func TestFailuresTellNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`{"a": true}[text]`: "no such key",
		`timestamp(text) > timestamp("2020-01-01T00:00:00Z")`: "invalid RFC 3339 timestamp",
		`int(text) > 1`:                   "type conversion error from 'string' to 'int'",
		`{"a": true}[agent]`:              "no such key",
		`[1][int(text)] == 1`:             "type conversion error from 'string' to 'int'",
		`duration(text) > duration("1s")`: "type conversion error from 'string' to 'google.protobuf.Duration'",
	} {
		r, err := rule.Compile(expression)
		if err != nil {
			t.Fatal(expression, err)
		}
		said := ""
		r.OnFailure(func(_ int64, err error) { said = err.Error() })
		if r.Holds(&router.Facts{Agent: "secret", Survey: func() wire.Survey { return wire.Survey{User: []string{"my secret words"}} }}) || said != want {
			t.Errorf("%s: %q, want %q", expression, said, want)
		}
	}
}

func TestRulesAreSharedByRequests(t *testing.T) {
	t.Parallel()
	r, err := rule.Compile(`text.matches("^n[0-9]+$") && text == agent`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprint("n", i)
			for range 200 {
				if !r.Holds(&router.Facts{Agent: name, Survey: func() wire.Survey { return wire.Survey{User: []string{name}} }}) {
					t.Error("doesn't hold")
				}
			}
		})
	}
	wg.Wait()
}

// Configurations and what orgs add to them are read at the same time. The race
// detector judges.
func TestManyCompileAtOnce(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for _, expression := range []string{`nobody > 1`, `["a"].exists(x, text.contains(x))`, `text.contans("a")`, `[1].all(x, x > turns)`} {
		for range 4 {
			wg.Go(func() {
				r, err := rule.Compile(expression)
				if (r == nil) == (err == nil) {
					t.Errorf("%s: a rule %v beside the error %v", expression, r, err)
				}
			})
		}
	}
	wg.Wait()
}

func TestVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	names, types := rule.Variables()
	for i, name := range names {
		if row := fmt.Sprintf("| `%s` | %s | ", name, types[i]); !strings.Contains(string(text), row) {
			t.Errorf("docs/rules.md has no row that begins %q", row)
		}
	}
}

// FuzzCompile holds that nothing that is compiled panics, and that what is
// accepted is the same each time.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`input_tokens > 1000 && agent in ["a"]`, `text.matches("(?i)a+b")`, `["a"].exists(x, text.contains(x))`,
		`1 / steps > turns`, `{"a": 1}[agent] == 1`, `duration(text) > duration("1s")`, `dyn(text) == 1`, "'\\xff' + text == b'a'",
	} {
		f.Add(s, "hello", int64(5))
	}
	f.Fuzz(func(t *testing.T, expression, text string, n int64) {
		r, err := rule.Compile(expression)
		if err != nil {
			return
		}
		facts := &router.Facts{Agent: text, Input: n, Survey: func() wire.Survey { return wire.Survey{User: []string{text}, Steps: int(n)} }}
		if before := r.Holds(facts); r.Holds(facts) != before {
			t.Errorf("%s: %v, then not", expression, before)
		}
	})
}

func BenchmarkHolds(b *testing.B) {
	long := strings.Repeat("nothing of this is a word that is looked for. ", 400)
	for name, expression := range map[string]string{
		"counts": `input_tokens > 1000 && agent == "billing" && !tools`,
		"words":  `["refund", "invoice", "chargeback"].exists(x, text.contains(x))`,
		"regex":  `text.matches("(?i)\\b(refund|invoice|chargeback)\\b")`,
		"worst":  `text.matches("(?i)([a-z ]{1,18}){2}![a-z]{1,18}!")`,
	} {
		b.Run(name, func(b *testing.B) {
			r, err := rule.Compile(expression)
			if err != nil {
				b.Fatal(err)
			}
			f := &router.Facts{Agent: "billing", Input: 5000, Survey: func() wire.Survey { return wire.Survey{User: []string{long}} }}
			b.ReportAllocs()
			for b.Loop() {
				r.Holds(f)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := rule.Compile(`input_tokens > 1000 && agent == "billing" && !tools`); err != nil {
			b.Fatal(err)
		}
	}
}
