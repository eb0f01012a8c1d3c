package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// sdkModules are the files of test/sdk and the SDKs that each tries.
var sdkModules = map[string][]string{
	"openai":    {"openai, Chat Completions", "openai, Responses"},
	"anthropic": {"anthropic"},
	"google":    {"google"},
	"vercel":    {"vercel openai, Chat Completions", "vercel openai, Responses", "vercel openai-compatible", "vercel anthropic", "vercel google"},
}

// sdkChecks are what every SDK must have tried in front of every kind of provider,
// sdkWhole and sdkStreamed the two ways of each.
var (
	sdkChecks = []string{
		"text", "text and tools", "parallel tools and their results", "tool without arguments", "reasoning over a tool turn",
		"image", "structured output", "length", "stop", "refusal", "cached and reasoning tokens", "errors", "unknown model and key",
	}
	sdkWhole    = []string{"cut upstream", "models and counts"}
	sdkKept     = []string{"conversation by id", "answers read and deleted"} // of the format that has them
	sdkStreamed = []string{"error in mid-stream", "cut upstream", "upstream that ends too early", "client leaves"}
)

// sdkExpected are the checks of one SDK.
func sdkExpected(sdk string) (names []string) {
	names = slices.Concat(sdkChecks, sdkWhole)
	for _, name := range slices.Concat(sdkChecks, sdkStreamed) {
		names = append(names, name+", streamed")
	}
	if sdk == "openai, Responses" {
		for _, name := range sdkKept {
			names = append(names, name, name+", streamed")
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		// Responses have no words for stop sequences.
		return strings.HasSuffix(sdk, "Responses") && (name == "stop" || name == "stop, streamed")
	})
}

// TestOfficialSDKs runs the providers' own JavaScript SDKs and Vercel's against the
// gateway, with every kind of provider behind it. `make sdk` installs them.
func TestOfficialSDKs(t *testing.T) {
	l := newLab(t)
	upstreams := []string{"chat", "messages", "responses", "gemini"}
	for module, sdks := range sdkModules {
		t.Run(module, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "node", "run.mjs", module)
			cmd.Dir = "../sdk"
			cmd.Env = append(os.Environ(), "BASE="+l.url, "SIM="+l.sim, "KEY="+key, "UPSTREAMS="+strings.Join(upstreams, ","))
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("%v: %s", err, stderr.String())
			}
			type check struct{ SDK, Upstream, Name string }
			ran := map[check]bool{}
			for line := range strings.Lines(string(out)) {
				var in struct {
					SDK      string `json:"sdk"`
					Upstream string `json:"upstream"`
					Check    string `json:"check"`
					Error    string `json:"error"`
				}
				if err := json.Unmarshal([]byte(line), &in); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				if in.Error != "" {
					t.Errorf("%s at %s, %s: %s", in.SDK, in.Upstream, in.Check, in.Error)
				}
				ran[check{in.SDK, in.Upstream, in.Check}] = true
			}
			for _, sdk := range sdks {
				for _, upstream := range upstreams {
					for _, name := range sdkExpected(sdk) {
						if !ran[check{sdk, upstream, name}] {
							t.Errorf("%s at %s, %s: did not run", sdk, upstream, name)
						}
						delete(ran, check{sdk, upstream, name})
					}
				}
			}
			for extra := range ran {
				t.Errorf("%+v ran, and isn't expected", extra)
			}
		})
	}
}
