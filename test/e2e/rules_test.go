package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const ruled = `
workloads:
  big:      {when: 'output_tokens > 1000', chain: chat/sim}
  named:    {when: 'format == "messages"', chain: messages/sim}
  both:     {when: 'output_tokens > 500 || format == "messages"', chain: gemini/sim}
  failing:  {when: '1000 / output_tokens > 500', chain: gemini/sim}
  unruled:  {chain: gemini/sim}
  rest:     {when: "true", chain: responses/sim}
  twice:    {chain: [chat/sim-e500, compatible/sim-e502, responses/sim-e503, chat/sim], retry: {attempts: 2}}
  often:    {chain: [chat/sim-n2-e500, compatible/sim-n2-e502, responses/sim-n2-e503, chat/sim], retry: {attempts: 9}}
  hasty:    {chain: [chat/sim-hang, chat/sim], timeout: {first_byte: 300ms}}
  impatient: {chain: [chat/sim-n3-hang, chat/sim], timeout: 300ms}
`

// auto is a Chat request for auto that asks for so many tokens; 0 says nothing.
func auto(tokens int) string {
	if tokens == 0 {
		return `{"model":"auto","messages":[{"role":"user","content":"` + question + `"}]}`
	}
	return fmt.Sprintf(`{"model":"auto","max_tokens":%d,"messages":[{"role":"user","content":"`+question+`"}]}`, tokens)
}

// more writes the lab's file anew, with more at its end.
func (l *lab) more(t *testing.T) func(more string) {
	t.Helper()
	b, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	return func(more string) {
		if err := os.WriteFile(l.config, append(b[:len(b):len(b)], more...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWorkloadsAreFoundByRule(t *testing.T) {
	l := newLab(t)
	write := l.more(t)
	l.stop()
	write(ruled)
	l.up(t)
	l.ready(t)
	for _, c := range []struct {
		name, path, body, workload, provider string
	}{
		{"the first that holds", "/v1/chat/completions", auto(2000), "big", "chat"},
		{"the first of two", "/v1/messages", auto(2000), "big", "chat"},
		{"the second of three", "/v1/messages", auto(600), "named", "messages"},
		{"one further down", "/v1/chat/completions", auto(600), "both", "gemini"},
		{"a rule that fails", "/v1/chat/completions", auto(0), "rest", "responses"},
		{"the same again", "/v1/chat/completions", auto(0), "rest", "responses"},
	} {
		status, header, answer := l.sendTo(t, c.path, c.body)
		if status != 200 || header.Get("X-Oido-Workload") != c.workload || header.Get("X-Oido-Provider") != c.provider {
			t.Errorf("%s: %d %q at %q: %s", c.name, status, header.Get("X-Oido-Workload"), header.Get("X-Oido-Provider"), answer)
		}
	}
	l.stop()
	if n := strings.Count(l.log.String(), "the rule of a workload failed"); n != 1 {
		t.Errorf("a rule that failed twice is told of %d times:\n%s", n, l.log)
	}
}

func TestARuleThatCantBeUsedChangesNothing(t *testing.T) {
	l := newLab(t)
	write := l.more(t)
	workload := func() string {
		_, header, _ := l.sendTo(t, "/v1/chat/completions", auto(700))
		return header.Get("X-Oido-Workload")
	}
	becomes := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(15 * time.Second); workload() != want; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%q is not in force", want)
			}
		}
	}
	write("workloads: {one: {when: output_tokens == 700, chain: chat/sim}}\n")
	becomes("one")
	for mistake, says := range map[string]string{
		"workloads:\n  two: {when: outptu_tokens == 700, chain: chat/sim}\n": `workloads.two.when: there is no variable "outptu_tokens"; did you mean "output_tokens"?`,
		"workloads:\n  two: {when: text.contains(text), chain: chat/sim}\n":  `workloads.two.when: may cost`,
	} {
		write(mistake)
		b, err := os.ReadFile(l.config)
		if err != nil {
			t.Fatal(err)
		}
		_, errOut, status := run(t, nil, "config", "check", "--config", l.config)
		if place := fmt.Sprintf("%s:%d:15: ", l.config, strings.Count(string(b), "\n")); status == 0 || !strings.Contains(errOut, place+says) {
			t.Errorf("check says %d %s, want %s", status, errOut, place+says)
		}
		time.Sleep(3 * time.Second)
		if w := workload(); w != "one" {
			t.Errorf("%q is in force after %q", w, mistake)
		}
	}
	write("workloads: {two: {when: output_tokens == 700, chain: chat/sim}}\n")
	becomes("two")
}

func TestAWorkloadsAttemptsAndTimeouts(t *testing.T) {
	l := newLab(t)
	write := l.more(t)
	l.stop()
	write(ruled)
	l.up(t)
	l.ready(t)
	for _, c := range []struct {
		workload string
		status   int
		attempts string // of an answer
	}{
		{"twice", 503, ""}, {"often", 200, "4"}, {"hasty", 200, "2"}, {"impatient", 504, ""},
	} {
		status, header, answer := l.sendTo(t, "/v1/chat/completions", hello("workload/"+c.workload, false))
		if status != c.status || c.attempts != "" && header.Get("X-Oido-Attempts") != c.attempts {
			t.Errorf("%s: %d after %q attempts: %s", c.workload, status, header.Get("X-Oido-Attempts"), answer)
		}
	}
	got := map[int]int{}
	for _, turn := range l.turns(t, 4) {
		got[turn.Attempts]++
	}
	if got[1] != 1 || got[2] != 2 || got[4] != 1 {
		t.Errorf("turns by attempts: %v", got)
	}
}

func TestAWorkloadThatLeadsNowhereIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "oido.yaml")
	if err := os.WriteFile(file, []byte("providers: {openai: {api_key: k}}\nworkloads:\n  w: {chain: [opnai/gpt-4o, nobody/m]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := file + `:3:14: workloads.w.chain: leads to no model: "opnai/gpt-4o" is of no provider, nor are the others; did you mean "openai/gpt-4o"?`
	for _, args := range [][]string{
		{"config", "check", "--config", file}, {"serve", "--config", file, "--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0"},
	} {
		if _, errOut, status := run(t, nil, args...); status == 0 || !strings.Contains(errOut, want) {
			t.Errorf("%s: %d %s", args[0], status, errOut)
		}
	}
}
