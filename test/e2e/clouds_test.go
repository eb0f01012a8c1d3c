package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// cloud is a provider of a lab of clouds, named by the format that it is called
// in, as the table of cases knows it.
type cloud struct {
	upstream
	actor   string // the model whose scripts are played, where it must be one by name
	options string // its configuration
}

const (
	claude        = "claude-sonnet-4-5-"
	bedrockClaude = "us.anthropic." + claude
)

// clouds are accounts with each kind of address and of identity and of each
// publisher, by lab.
var clouds = [][]cloud{
	{
		{upstream{name: "chat", thinker: "gpt-5.4-mini-"}, "", `type: azure-openai, base_url: "SIM/azure/openai/v1", api_version: "2024-10-21", api_key: k, formats: [chat]`},
		{upstream{name: "responses", thinker: "gpt-5.4-"}, "", `type: azure, base_url: "SIM/azure", authority: "SIM/entra", tenant_id: t, client_id: app, client_secret: secret-of-app, formats: [responses]`},
		{upstream{name: "messages", thinker: claude}, claude, `type: vertex, base_url: "SIM/vertex", project: p, location: us-east5, credentials: "${file:sa.json}"`},
		{upstream{name: "gemini", thinker: "gemini-3-pro-"}, "", `type: google-vertex, base_url: "SIM/vertex", project: p, credentials: "${file:sa.json}"`},
	},
	{
		{upstream{name: "chat", thinker: "gpt-5.4-mini-"}, "", `type: azure, base_url: "SIM/azure", api_key: k, formats: [chat]`},
		{upstream{name: "responses", thinker: "gpt-5.4-"}, "", `type: azure, base_url: "SIM/azure", api_key: k, api_version: 2025-04-01-preview, formats: [responses]`},
		{upstream{name: "messages", thinker: bedrockClaude}, bedrockClaude, `type: bedrock, base_url: "SIM/bedrock", region: us-east-1, api_key: k`},
		{upstream{name: "gemini", thinker: "gemini-3-pro-"}, "", `type: vertex, base_url: "SIM/vertex", api_key: k`},
	},
	{
		{upstream{name: "messages", thinker: bedrockClaude}, bedrockClaude, `type: bedrock, base_url: "SIM/bedrock", region: eu-west-1, access_key_id: ASIAEXAMPLE, secret_access_key: secret-of-ASIAEXAMPLE, session_token: session-of-ASIAEXAMPLE`},
		{inConverse("converse", bedrockClaude), bedrockClaude, `type: bedrock, base_url: "SIM/bedrock", region: eu-west-1, access_key_id: AKIAEXAMPLE, secret_access_key: secret-of-AKIAEXAMPLE, formats: [converse]`},
		{inConverse("nova", "us.amazon.nova-2-lite-"), "us.amazon.nova-2-lite-", `type: bedrock, base_url: "SIM/bedrock", region: eu-west-1, access_key_id: AKIAEXAMPLE, secret_access_key: secret-of-AKIAEXAMPLE`},
	},
}

// newCloudLab is a gateway in front of simulated clouds, with providers by name
// and their options.
func newCloudLab(t *testing.T, providers ...[2]string) *lab {
	t.Helper()
	return newCloudLabWith(t, "", providers...)
}

// newCloudLabWith is newCloudLab with more lines in the configuration.
func newCloudLabWith(t *testing.T, more string, providers ...[2]string) *lab {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	credentials := l.fetch(t, sim.url+"/vertex/service-account.json")
	if err := os.WriteFile(filepath.Join(dir, "sa.json"), credentials, 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\n%sproviders:\n", key, more)
	for _, p := range providers {
		config += fmt.Sprintf("  %s: {%s}\n", p[0], strings.ReplaceAll(p[1], "SIM", sim.url))
	}
	if err := os.WriteFile(l.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	return l
}

// fetch reads a document.
func (l *lab) fetch(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return b
}

// TestClouds has every client format ask every cloud for everything that the
// formats share.
func TestClouds(t *testing.T) {
	t.Parallel()
	for i, accounts := range clouds {
		t.Run(fmt.Sprintf("lab %d", i), func(t *testing.T) {
			t.Parallel()
			var providers [][2]string
			for _, c := range accounts {
				providers = append(providers, [2]string{c.name, c.options})
			}
			l := newCloudLab(t, providers...)
			var b book
			t.Run("cases", func(t *testing.T) {
				for _, c := range pairCases {
					t.Run(c.name, func(t *testing.T) {
						t.Parallel()
						for _, at := range accounts {
							if tried(c.name, at) {
								eachPair(t, l, &b, []upstream{at.upstream}, func(p *pair) {
									p.actor = at.actor
									c.run(p)
								})
							}
						}
					})
				}
				for _, c := range early {
					if !slices.Contains(ownWords, c.script) {
						continue
					}
					t.Run(c.script, func(t *testing.T) {
						t.Parallel()
						for _, at := range accounts {
							eachPair(t, l, &b, []upstream{at.upstream}, func(p *pair) {
								if p.actor = at.actor; c.only == "" || p.stream == (c.only == "streamed") {
									p.failsEarly(c.script, c.status)
								}
							})
						}
					})
				}
				for _, strip := range []bool{false, true} {
					t.Run(fmt.Sprintf("reasoning, stripped %t", strip), func(t *testing.T) {
						t.Parallel()
						for _, at := range accounts {
							eachPair(t, l, &b, []upstream{at.upstream}, func(p *pair) { p.reasonsOver(strip) })
						}
					})
				}
			})
			b.check(t, l)
		})
	}
}

// tried says whether a case can be tried at a cloud: nobody is there to take over,
// and a model by name says other texts and refuses two kinds of sampling at once.
func tried(name string, at cloud) bool {
	switch {
	case strings.HasSuffix(name, "another model takes over"):
		return false
	case name == "text", name == "sampling":
		return at.actor == ""
	}
	return true
}

// TestACloudThatRefusesTheAccount has credentials that are wrong in each cloud's
// own way: the client is told that it isn't its fault, and nothing of a secret.
func TestACloudThatRefusesTheAccount(t *testing.T) {
	t.Parallel()
	l := newCloudLab(
		t,
		[2]string{"azure", `base_url: "SIM/azure", api_key: bad-key`},
		[2]string{"entra", `type: azure, base_url: "SIM/azure", authority: "SIM/entra", tenant_id: t, client_id: app, client_secret: not-the-secret-of-app`},
		[2]string{"express", `type: vertex, base_url: "SIM/vertex", api_key: bad-key`},
		[2]string{"vertex", `base_url: "SIM/vertex", project: p, token: ya29.nobodys-token`},
		[2]string{"bedrock", `base_url: "SIM/bedrock", region: us-east-1, api_key: bad-key`},
		[2]string{"signed", `type: bedrock, base_url: "SIM/bedrock", region: us-east-1, access_key_id: AKIAEXAMPLE, secret_access_key: not-the-secret-of-AKIAEXAMPLE`},
	)
	for _, model := range []string{"azure/sim", "entra/sim", "express/sim", "vertex/sim", "vertex/claude-sonnet-4-6-sim", "bedrock/anthropic.claude-sonnet-4-6-sim", "signed/anthropic.claude-sonnet-4-6-sim", "bedrock/amazon.nova-sim", "signed/amazon.nova-sim"} {
		for i := range dialects {
			for _, stream := range []bool{false, true} {
				path, doc := dialects[i].hello(model, stream)
				status, answer, err := l.post(t, path, doc)
				if status != http.StatusBadGateway || err != nil {
					t.Errorf("%s to %s: %d %v %s", dialects[i].name, model, status, err, answer)
				}
				l.tellsNothing(t, model, answer)
			}
		}
	}
	l.stop()
	l.tellsNothing(t, "the log", l.log.String())
}

// tellsNothing refuses a text with a secret of the lab in it.
func (l *lab) tellsNothing(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range []string{"bad-key", "secret-of-", "session-of-", "nobodys-token", "PRIVATE KEY"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s tells %s", what, secret)
		}
	}
}

// TestADeploymentStandsForItsModel asks for a model by its name where the
// deployment has another one.
func TestADeploymentStandsForItsModel(t *testing.T) {
	t.Parallel()
	l := newCloudLab(t, [2]string{"azure", `base_url: "SIM/azure", authority: "SIM/entra", tenant_id: t, client_id: app, client_secret: secret-of-app, deployments: {gpt-4o: gpt-5.4-mini-sim-n2}`})
	for _, model := range []string{"azure/gpt-4o", "gpt-4o"} {
		for i := range dialects {
			path, doc := dialects[i].hello(model, false)
			if status, answer, err := l.post(t, path, doc); status != http.StatusOK || err != nil {
				t.Errorf("%s in %s: %d %v %s", model, dialects[i].name, status, err, answer)
			}
		}
	}
}

// TestAzuresContentFilterIsNamed meets the filter with a prompt.
func TestAzuresContentFilterIsNamed(t *testing.T) {
	t.Parallel()
	l := newCloudLab(
		t,
		[2]string{"azure", `base_url: "SIM/azure", api_key: k`},
		[2]string{"dated", `type: azure, base_url: "SIM/azure", api_key: k, api_version: "2024-10-21"`},
		[2]string{"responses", `type: azure, base_url: "SIM/azure", api_key: k, formats: [responses]`},
	)
	for _, provider := range []string{"azure", "dated", "responses"} {
		doc := strings.Replace(hello(provider+"/sim-n2", true), question, "say it [meets the content filter]", 1)
		status, answer, err := l.post(t, "/v1/chat/completions", doc)
		if status != http.StatusBadRequest || err != nil || !strings.Contains(answer, "content_filter") || !strings.Contains(answer, "content management policy") {
			t.Errorf("%s: %d %v %s", provider, status, err, answer)
		}
	}
}

// TestCloudsAreListed reads the lists in their own shapes and by their pages.
func TestCloudsAreListed(t *testing.T) {
	t.Parallel()
	l := newCloudLab(
		t,
		[2]string{"azure", `base_url: "SIM/azure", api_key: k, deployments: {our-own: gpt-5.4}`},
		[2]string{"dated", `type: azure, base_url: "SIM/azure", api_key: k, api_version: "2024-10-21"`},
		[2]string{"vertex", `base_url: "SIM/vertex", project: p, credentials: "${file:sa.json}"`},
		[2]string{"bedrock", `base_url: "SIM/bedrock", region: us-east-1, access_key_id: AKIAEXAMPLE, secret_access_key: secret-of-AKIAEXAMPLE`},
	)
	l.ready(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/v1/models", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	var got []byte
	for range 50 {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(got, []byte("bedrock/us.anthropic")) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, id := range []string{
		"azure/gpt-5.4", "azure/our-own", "dated/gpt-5.4", "vertex/gemini-2.5-flash-lite",
		"bedrock/us.anthropic.claude-opus-4-7", "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0",
		"bedrock/amazon.nova-lite-v1:0", "bedrock/us.amazon.nova-lite-v1:0", "bedrock/openai.gpt-oss-120b-1:0", "bedrock/qwen.qwen3-32b-v1:0",
	} {
		if !bytes.Contains(got, []byte(`"`+id+`"`)) {
			t.Errorf("%s isn't listed in %s", id, got)
		}
	}
	for _, id := range []string{"bedrock/cohere.rerank-v3-5:0", "bedrock/amazon.titan-embed-text-v2:0", "bedrock/anthropic.claude-opus-4-7"} {
		if bytes.Contains(got, []byte(`"`+id+`"`)) {
			t.Errorf("%s is listed and can't be asked", id)
		}
	}
}

// TestModelsOfBedrockHaveTheirPrice asks models by their id, by an inference profile
// and by the ARN of one: what they are known to cost is the cost of the turn.
func TestModelsOfBedrockHaveTheirPrice(t *testing.T) {
	t.Parallel()
	l := newCloudLab(t, [2]string{"bedrock", `base_url: "SIM/bedrock", region: us-east-1, access_key_id: AKIAEXAMPLE, secret_access_key: secret-of-AKIAEXAMPLE`})
	l.ready(t)
	const byARN = "bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-2-lite-sim-n2"
	var b book
	models := map[string]int64{ // nano-USD for a token of input; the catalog's, -1 is unknown
		"bedrock/amazon.nova-lite-v1:0": 60, "bedrock/us.amazon.nova-lite-v1:0": 60, "bedrock/openai.gpt-oss-120b-1:0": 150, byARN: -1,
	}
	asked := map[string]string{} // by turn
	for model := range models {
		for i := range dialects {
			d := &dialects[i]
			for _, stream := range []bool{false, true} {
				x := l.send(t, d, ask{model: model, stream: stream, said: []said{{text: question}}}, nil)
				r, err := d.understand(x, stream)
				if err != nil || x.broken != nil || r.usage == nil || r.finish != finishStop {
					t.Errorf("%s to %s: %v %v %s", d.name, model, err, x.broken, x.body)
					continue
				}
				turn := x.header.Get("X-Oido-Turn")
				asked[turn] = model
				b.note(t, turn, expected{model, "ok", "exact", "bedrock", d.name, stream, r.usage, r.finish})
			}
		}
	}
	b.check(t, l)
	for id, row := range l.ledger(t, len(asked)) {
		switch rate := models[asked[id]]; {
		case rate < 0 && row.Cost != "", rate > 0 && !strings.HasPrefix(row.Cost, "0.0000"):
			t.Errorf("%s cost %q", asked[id], row.Cost)
		case rate > 0:
			var cost float64
			if _, err := fmt.Sscan(row.Cost, &cost); err != nil || cost < float64(rate*row.Input)/1e9 || cost > float64(rate*(row.Input+5*row.Output))/1e9 {
				t.Errorf("%s: %d and %d tokens cost %s", asked[id], row.Input, row.Output, row.Cost)
			}
		}
	}
}

// TestWhatClientsAskForByNameReachesClaude: a beta of Anthropic's goes to each cloud
// in the shape that it takes, and one that it doesn't know stays behind.
func TestWhatClientsAskForByNameReachesClaude(t *testing.T) {
	t.Parallel()
	l := newCloudLab(
		t,
		[2]string{"vertex", `base_url: "SIM/vertex", project: p, location: us-east5, credentials: "${file:sa.json}"`},
		[2]string{"bedrock", `base_url: "SIM/bedrock", region: us-east-1, access_key_id: AKIAEXAMPLE, secret_access_key: secret-of-AKIAEXAMPLE`},
	)
	header := http.Header{"Anthropic-Beta": {"claude-code-20250219,context-1m-2025-08-07"}}
	for _, model := range []string{"vertex/claude-sonnet-4-5-sim-n2", "bedrock/us.anthropic.claude-sonnet-4-5-sim-n2"} {
		for _, stream := range []bool{false, true} {
			x := l.send(t, &messagesDialect, ask{model: model, stream: stream, said: []said{{text: question}}}, header)
			if _, err := messagesDialect.understand(x, stream); err != nil {
				t.Errorf("%s: %v %s", model, err, x.body)
			}
		}
	}
	var list []struct {
		Path   string      `json:"path"`
		Header http.Header `json:"header"`
		Body   string      `json:"body"`
	}
	getJSON(t, l.sim+"/sim/requests", &list)
	found := map[string]int{}
	for _, r := range list {
		if name := r.Header.Get("Anthropic-Beta"); strings.HasPrefix(r.Path, "/vertex/v1/projects") && name == "context-1m-2025-08-07" {
			found["vertex"]++
		}
		if strings.HasPrefix(r.Path, "/bedrock/model/") && strings.Contains(r.Body, `"anthropic_beta":["context-1m-2025-08-07"]`) {
			found["bedrock"]++
		}
	}
	if found["vertex"] != 2 || found["bedrock"] != 2 {
		t.Errorf("arrived %v times in %v", found, list)
	}
}

// TestCloudsPassTheirCheck has the doctor try each cloud with a tool, and say what
// is wrong with those that it can't reach.
func TestCloudsPassTheirCheck(t *testing.T) {
	t.Parallel()
	l := newCloudLab(
		t,
		[2]string{"azure", `base_url: "SIM/azure", authority: "SIM/entra", tenant_id: t, client_id: app, client_secret: secret-of-app, deployments: {gpt-4o: sim-tools1}`},
		[2]string{"vertex", `base_url: "SIM/vertex", project: p, credentials: "${file:sa.json}", models: [{id: sim-tools1}]`},
		[2]string{"bedrock", `base_url: "SIM/bedrock", region: us-east-1, access_key_id: AKIAEXAMPLE, secret_access_key: secret-of-AKIAEXAMPLE, models: [{id: anthropic.claude-sim-tools1}]`},
		[2]string{"talking", `type: bedrock, base_url: "SIM/bedrock", region: us-east-1, access_key_id: AKIAEXAMPLE, secret_access_key: secret-of-AKIAEXAMPLE, models: [{id: us.amazon.nova-sim-tools1}]`},
		[2]string{"stranger", `type: azure, base_url: "SIM/azure", authority: "SIM/entra", tenant_id: t, client_id: app, client_secret: not-the-secret-of-app`},
		[2]string{"forger", `type: bedrock, base_url: "SIM/bedrock", region: us-east-1, access_key_id: AKIAEXAMPLE, secret_access_key: not-the-secret-of-AKIAEXAMPLE`},
	)
	cmd := exec.CommandContext(t.Context(), binary, "doctor", "--config", l.config)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("nothing is wrong")
	}
	for _, want := range []string{
		"azure/gpt-4o was asked for a tool call, streamed, and called it", "vertex/sim-tools1 was asked for a tool call, streamed, and called it",
		"talking/us.amazon.nova-sim-tools1 was asked for a tool call, streamed, and called it",
		"bedrock/anthropic.claude-sim-tools1 was asked for a tool call, streamed, and called it",
		"client_id or client_secret is wrong", "secret_access_key doesn't belong to access_key_id",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("doesn't say: %s", want)
		}
	}
	l.tellsNothing(t, "the doctor", string(out))
	if t.Failed() {
		t.Logf("%s", out)
	}
}
