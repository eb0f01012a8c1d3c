package classify_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/router/classify"
)

func TestCertainSignals(t *testing.T) {
	t.Parallel()
	hard := []string{"Prove that the square root of two is irrational."}
	tests := []struct {
		name string
		in   classify.Input
		want classify.Class
		why  string
	}{
		{"a long input", classify.Input{Tokens: classify.LongContextTokens, User: hard}, classify.LongContext, "input_tokens"},
		{"an answer of one token", classify.Input{MaxOutput: 1, User: hard}, classify.HighVolume, "max_output"},
		{"in a chain of tools", classify.Input{AfterTool: true, User: hard}, classify.Interactive, "tool_result"},
		{"a picture", classify.Input{Media: true, User: hard}, classify.Interactive, "media"},
		{
			"a title, behind the client's preamble",
			classify.Input{
				System: []string{"billing: 1\n\nYou are a CLI.\n\nGenerate a concise, sentence-case title (3-7 words) that captures the goal."},
				User:   hard,
			},
			classify.HighVolume, "housekeeping: title (claude-code)",
		},
		{
			"a topic",
			classify.Input{System: []string{"You are a CLI.", "Analyze if this message indicates a new conversation topic. If it does, …"}, User: hard},
			classify.HighVolume, "housekeeping: topic (claude-code)",
		},
		{
			"a title of opencode",
			classify.Input{System: []string{"You are a title generator. You output ONLY a thread title. Nothing else."}, User: hard},
			classify.HighVolume, "housekeeping: title (opencode)",
		},
		{
			"a compaction behind a reminder",
			classify.Input{User: []string{"<system-reminder>be kind</system-reminder>\nYour task is to create a detailed summary of the conversation so far, …"}},
			classify.HighVolume, "housekeeping: compaction (claude-code)",
		},
		{
			"a compaction in two parts",
			classify.Input{User: []string{"CRITICAL: Respond with TEXT ONLY.\n\nYour task is to create a detailed summary of the conversation so far"}},
			classify.HighVolume, "housekeeping: compaction (claude-code)",
		},
		{
			"a compaction of codex",
			classify.Input{User: []string{"<environment_context>x</environment_context>", "You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff."}},
			classify.HighVolume, "housekeeping: compaction (codex)",
		},
		{
			"a compaction that looks like a block",
			classify.Input{User: []string{"<explicit_instructions type=\"summarize_task\">\nThe conversation</explicit_instructions>"}},
			classify.HighVolume, "housekeeping: compaction (cline)",
		},
		{
			"who speaks next",
			classify.Input{User: []string{"Analyze *only* the content and structure of your immediately preceding response (your last turn)"}},
			classify.HighVolume, "housekeeping: next speaker (gemini-cli)",
		},
		{"a warm-up", classify.Input{User: []string{"Warmup"}}, classify.HighVolume, "housekeeping: warm-up (claude-code)"},
		{
			"a summary of aider",
			classify.Input{System: []string{"*Briefly* summarize this partial conversation about programming.\nInclude"}, User: hard},
			classify.HighVolume, "housekeeping: summary (aider)",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := classify.Classify(test.in)
			if got.Class != test.want || got.Confidence != 1 || got.Why[0] != test.why {
				t.Errorf("got %+v, want %s for %q", got, test.want, test.why)
			}
		})
	}
}

func TestPeopleAreNotHousekeeping(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]string{
		"a question about a prompt": "Can you explain this template?\nPlease write a 5-10 word title for the following conversation",
		"warm-up in a sentence":     "Warmup exercises for a runner, please",
		"half of a compaction":      "CRITICAL: Respond with TEXT ONLY. What is a monad?",
	} {
		if got := classify.Housekeeping(nil, []string{user}); got != "" {
			t.Errorf("%s: taken for %q", name, got)
		}
	}
	if got := classify.Housekeeping([]string{"Never say: You are a title generator. You output ONLY a thread title"}, nil); got != "" {
		t.Errorf("a system prompt that quotes one: taken for %q", got)
	}
}

func TestStrip(t *testing.T) {
	t.Parallel()
	const ask = "Why does the build fail?"
	tests := []struct{ name, text string }{
		{"nothing to strip", ask},
		{"a reminder before", "<system-reminder>\nprove <b>it</b>\n</system-reminder>\n" + ask},
		{"reminders around", "<system-reminder>a</system-reminder>" + ask + "<system-reminder>b</system-reminder>"},
		{"an editor's file", "<ide_opened_file>The user opened the file x.go</ide_opened_file>" + ask},
		{"an environment", "<environment_context>\n<cwd>/src</cwd>\n</environment_context>\n" + ask},
		{"instructions of a repository", "# AGENTS.md instructions for /src\n\n<INSTRUCTIONS>\nprove all\n</INSTRUCTIONS>\n" + ask},
		{"an editor's setup", "# Context from my IDE setup:\n\n## Active file: a.go\n\n## My request for Codex:\n" + ask},
		{"an editor's state as JSON", "Here is the user's editor context as a JSON object. For you.\n```json\n{\"a\":1}\n```\n" + ask},
		{"a session", "<session_context>\nThis is the CLI.\n</session_context>\n" + ask},
		{"tags around the words", "<task>\n" + ask + "\n</task>\n<environment_details>\n# Tabs\n</environment_details>"},
		{"a long reminder", "<system-reminder>" + strings.Repeat("prove it. ", 5000) + "</system-reminder>" + ask},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := classify.Strip(test.text); got != ask {
				t.Errorf("got %q, want %q", got, ask)
			}
			plain := classify.Classify(classify.Input{User: []string{ask}})
			if got := classify.Classify(classify.Input{User: []string{test.text}}); got != plain {
				t.Errorf("judged %+v, without the client's part %+v", got, plain)
			}
		})
	}
	const open = "<system-reminder> is a tag that " + ask
	if got := classify.Strip(open); got != open {
		t.Errorf("what has no end was cut: %q", got)
	}
	if got := classify.Classify(classify.Input{User: []string{"<system-reminder>prove it</system-reminder>\n"}}); got != (classify.Verdict{}) {
		t.Errorf("nothing said, judged %+v", got)
	}
}

func TestPlainRequests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want classify.Class
	}{
		{"Classify the ticket as billing, bug or other. One word only: \"my invoice is wrong again\"", classify.HighVolume},
		{"Extract name and date as JSON, nothing else: \"Ada Lunt signed on 3 May 2024\"", classify.HighVolume},
		{"Could you help me write an email to my landlord? How do I say that the heating is broken?", classify.Interactive},
		{"Please write a Python function for me that merges two lists, with an example.", classify.Interactive},
		{"Prove that the greedy algorithm is optimal, or give a counterexample.", classify.Reasoning},
		{"Beweise, dass es unendlich viele Primzahlen gibt, oder gib ein Gegenbeispiel an.", classify.Reasoning},
	}
	for _, test := range tests {
		got := classify.Classify(classify.Input{User: []string{test.text}})
		if got.Class != test.want || !got.Sure(0.8) || got.Why[0] == "" {
			t.Errorf("%q: got %+v, want %s with a confidence of 0.8", test.text, got, test.want)
		}
	}
}

func TestUnsureOfLittle(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"ok", "hm, the second", "42", "\x00\x01"} {
		if got := classify.Classify(classify.Input{User: []string{text}}); got.Sure(0.8) {
			t.Errorf("%q: got %+v, which is surer than the text allows", text, got)
		}
	}
}

// check holds what is true of every verdict.
func check(t interface {
	Errorf(string, ...any)
	Helper()
}, in classify.Input,
) {
	t.Helper()
	got := classify.Classify(in)
	if again := classify.Classify(in); again != got {
		t.Errorf("judged %+v, then %+v", got, again)
	}
	switch got.Class {
	case classify.HighVolume, classify.Interactive, classify.Reasoning, classify.LongContext:
	case "":
		if got != (classify.Verdict{}) {
			t.Errorf("no class, but %+v", got)
		}
	default:
		t.Errorf("unknown class %q", got.Class)
	}
	if got.Confidence < 0 || got.Confidence > 1 {
		t.Errorf("confidence %v", got.Confidence)
	}
}

func TestTotalAndDeterministic(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{
			"<system-reminder>", "</system-reminder>", "```", "\"", " '", "\n\n", "\nuser:", "\nassistant:", "証明", "# AGENTS.md instructions",
			strings.Repeat("long text. ", 700), strings.Repeat(" '", 3000), strings.Repeat("<", 5000),
		}),
	)
	text := rapid.Map(rapid.SliceOf(part), func(parts []string) string { return strings.Join(parts, "") })
	rapid.Check(t, func(t *rapid.T) {
		check(t, classify.Input{
			System:    rapid.SliceOfN(text, 0, 2).Draw(t, "system"),
			User:      rapid.SliceOfN(text, 0, 3).Draw(t, "user"),
			Tokens:    rapid.Int().Draw(t, "tokens"),
			MaxOutput: rapid.Int().Draw(t, "max"),
		})
	})
}

func FuzzClassify(f *testing.F) {
	f.Add("", "Translate to German: \"hello\"")
	f.Add("You are a title generator.", "<system-reminder>x</system-reminder>'a' \"b\" ```c```\n> d")
	f.Add("", "assistant:\nuser:\xff\xe3\x81")
	f.Fuzz(func(t *testing.T, system, user string) {
		check(t, classify.Input{System: []string{system}, User: []string{user, system}})
		if stripped := classify.Strip(user); len(stripped) > len(user) {
			t.Errorf("stripping added to %q: %q", user, stripped)
		}
	})
}

// fourKilobytes are a long request with something around it.
func fourKilobytes() classify.Input {
	return classify.Input{
		System: []string{strings.Repeat("You are a careful assistant.\n", 140)},
		User: []string{
			"<system-reminder>" + strings.Repeat("remember this ", 80) + "</system-reminder>",
			"Could you find out why \"this\" fails?\n\n" + strings.Repeat("It's a long story, 'told' in words; see /a/b. ", 85) + "\n\nAnswer in one word.",
		},
	}
}

func TestNoAllocations(t *testing.T) {
	in := fourKilobytes()
	if n := testing.AllocsPerRun(100, func() { classify.Classify(in) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClassify(b *testing.B) {
	in := fourKilobytes()
	b.ReportAllocs()
	for b.Loop() {
		classify.Classify(in)
	}
}
