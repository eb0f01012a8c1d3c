package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wrongAccounts are accounts with whatever people get wrong, each with what is
// said of it and of what to do.
var wrongAccounts = []struct{ name, options, says, todo string }{
	{"a wrong key", `type: anthropic, base_url: "SIM/anthropic", api_key: bad-key-of-the-account`, "API key is wrong, expired or missing", ""},
	{"a key of another vendor", `type: openai, base_url: "SIM/openai/v1", api_key: sk-ant-api03-bad-key`, "it looks like a key for anthropic", ""},
	{"a key of another vendor, in a query", `type: gemini, base_url: "SIM/gemini", api_key: gsk_bad-key`, "it looks like a key for groq", ""},
	{"Messages asked of Chat", `type: anthropic, base_url: "SIM/openai", api_key: k`, "answers as a provider of type openai does", "set type"},
	{"Gemini asked of Messages", `type: gemini, base_url: "SIM/anthropic", api_key: k`, "answers as a provider of type anthropic does", "set type"},
	{"Chat asked of Gemini", `type: openai, base_url: "SIM/gemini", api_key: k`, "answers as a provider of type gemini does", "set type"},
	{"Chat asked of Messages, whose list will do", `type: openai, base_url: "SIM/anthropic/v1", api_key: k, formats: [chat]`, "looks like one of type anthropic", "say so in type"},
	{"a path that isn't there", `type: openai, base_url: "SIM/openai/api/v7", api_key: k, formats: [chat]`, "has no list of models at its address", "base_url"},
	{"nobody there", `type: openai, base_url: "http://127.0.0.1:1/v1", api_key: k`, "connection refused", "check base_url"},
	{"a web page for all", `type: openai, base_url: "SIM/with/site/openai/v1", api_key: k`, "answers with a web page", "base_url"},
	{"a web page for the model", `type: openai, base_url: "SIM/with/html/openai/v1", api_key: k, formats: [chat]`, "trouble of its own", "base_url"},
	{"a huge list", `type: openai, base_url: "SIM/with/hugelist/openai/v1", api_key: k`, "larger than 32 MiB", "base_url"},
	{"an empty list", `type: openai, base_url: "SIM/with/emptylist/openai/v1", api_key: k`, "the list is empty", "`models`"},
	{"an empty list of Gemini's", `type: gemini, base_url: "SIM/with/emptylist/gemini", api_key: k`, "the list is empty", "`models`"},
	{"an empty list of Anthropic's", `type: anthropic, base_url: "SIM/with/emptylist/anthropic", api_key: k`, "the list is empty", "`models`"},
	{"a list that is none", `type: openai, base_url: "SIM/with/oddlist/openai/v1", api_key: k`, "no list of models", "base_url"},
	{"a list that is none, of Anthropic's", `type: anthropic, base_url: "SIM/with/oddlist/anthropic", api_key: k`, "no list of models", "base_url"},
	{"a region without the model", `type: bedrock, base_url: "SIM/with/noregion/bedrock", region: eu-north-1, api_key: k`, "not there in region eu-north-1", "another region"},
	{"a location without the model", `type: vertex, base_url: "SIM/with/noregion/vertex", project: p, location: europe-west9, credentials: "${file:sa.json}"`, "not there in location europe-west9", "another location"},
	{"no deployment of the model", `type: azure, base_url: "SIM/with/noregion/azure", api_key: k, deployments: {gpt-4o: nobodys}, formats: [chat]`, "the model is not there", ""},
	{"a token that ends in a stream of Chat", `type: openai, base_url: "SIM/with/e401-n6-err3/openai/v1", api_key: k, formats: [chat]`, "in the middle of the answer", "token_file"},
	{"a token that ends in a stream of Responses", `type: openai, base_url: "SIM/with/e401-n6-err3/openai/v1", api_key: k, formats: [responses]`, "in the middle of the answer", "token_file"},
	{"a token that ends in a stream of Messages", `type: anthropic, base_url: "SIM/with/e401-n6-err3/anthropic", api_key: k`, "in the middle of the answer", "token_file"},
	{"a token that ends in a stream of Gemini's", `type: vertex, base_url: "SIM/with/e401-n6-err3/vertex", project: p, credentials: "${file:sa.json}"`, "in the middle of the answer", "token_file"},
	{"a token that ends in a stream of frames", `type: bedrock, base_url: "SIM/with/e401-n6-err3/bedrock", region: eu-west-1, access_key_id: ASIAEXAMPLE, secret_access_key: secret-of-ASIAEXAMPLE, session_token: session-of-ASIAEXAMPLE`, "in the middle of the answer", "credentials"},
	{"a clock that is ahead of AWS's", `type: bedrock, base_url: "LATE/bedrock", region: us-east-1, access_key_id: AKIAEXAMPLE, secret_access_key: secret-of-AKIAEXAMPLE`, "the clock of this machine is 20m", "NTP"},
	{"a secret of another key", `type: bedrock, base_url: "SIM/bedrock", region: us-east-1, access_key_id: AKIAEXAMPLE, secret_access_key: not-the-secret-of-AKIAEXAMPLE`, "secret_access_key doesn't belong to access_key_id", "region is wrong"},
	{"a session of AWS that isn't one", `type: bedrock, base_url: "SIM/bedrock", region: us-east-1, access_key_id: ASIAEXAMPLE, secret_access_key: secret-of-ASIAEXAMPLE, session_token: session-of-nobody`, "wrong, expired or missing", ""},
	{"nothing to spend", `type: openai, base_url: "SIM/with/quota/openai/v1", api_key: k, formats: [chat]`, "nothing is left to spend", "add credit"},
	{"no right to the model", `type: openai, base_url: "SIM/with/e403/openai/v1", api_key: k, formats: [chat]`, "may not use this model", "console"},
	{"too many requests", `type: openai, base_url: "SIM/with/e429/openai/v1", api_key: k, formats: [chat]`, "takes no more requests for now", "wait"},
	{"no capacity", `type: anthropic, base_url: "SIM/with/e529/anthropic", api_key: k`, "no capacity", "later"},
}

// TestWhatIsWrongWithAnAccountIsNamed: by `providers test` and by `doctor`, with
// what to do about it, and the account that is well goes on serving.
func TestWhatIsWrongWithAnAccountIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	behind := filepath.Join(dir, "sim.yaml")
	if err := os.WriteFile(behind, []byte("clock: -20m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sim, late := start(t, "sim", "--listen", "127.0.0.1:0"), start(t, "sim", "--listen", "127.0.0.1:0", "--config", behind)
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	if err := os.WriteFile(filepath.Join(dir, "sa.json"), l.fetch(t, sim.url+"/vertex/service-account.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders:\n  well: {type: openai, base_url: \"SIM/openai/v1\", api_key: k, formats: [chat]}\n", key)
	for i, c := range wrongAccounts {
		text += fmt.Sprintf("  a%02d: {%s}\n", i, c.options)
	}
	text = strings.NewReplacer("SIM", sim.url, "LATE", late.url).Replace(text)
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	serves := func(when string) {
		if status, answer, err := l.post(t, "/v1/chat/completions", hello("well/sim", true)); status != 200 || err != nil || !strings.Contains(answer, "[DONE]") {
			t.Errorf("%s: the account that is well: %d %v %s", when, status, err, answer)
		}
	}
	serves("at first")
	all, errOut, status := run(t, nil, "doctor", "--config", l.config, "--data-dir", l.data, "--listen", strings.TrimPrefix(l.url, "http://"))
	if status != 1 {
		t.Fatalf("%d %s%s", status, all, errOut)
	}
	doctor := map[string]string{}
	for line := range strings.Lines(all) {
		_, rest, _ := strings.Cut(line, "provider ")
		name, _, _ := strings.Cut(rest, ":")
		doctor[name] += line
	}
	if strings.Contains(doctor["well"], "WRONG") || !strings.Contains(doctor["well"], "streamed") {
		t.Errorf("doctor: %s", doctor["well"])
	}
	for i, c := range wrongAccounts {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprintf("a%02d", i)
			out, errOut, status := l.command(t, "providers", "test", name)
			if status != 1 || strings.Count(out, "WRONG") != 1 {
				t.Errorf("%d %s%s", status, out, errOut)
			}
			for who, said := range map[string]string{"providers test": out, "doctor": doctor[name]} {
				wrong := said[max(0, strings.Index(said, "WRONG")):]
				if !strings.Contains(wrong, c.says) || !strings.Contains(wrong, c.todo) {
					t.Errorf("%s: no %q with %q in %s", who, c.says, c.todo, said)
				}
				for _, secret := range []string{"bad-key", "secret-of-", "session-of-"} {
					if strings.Contains(said+errOut, secret) {
						t.Errorf("%s tells %s: %s", who, secret, said)
					}
				}
			}
		})
	}
	serves("after all")
}
