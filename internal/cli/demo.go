package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/app"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/sim"
)

// demoKey is the key of a gateway that lives as long as the command, on
// loopback, in front of providers that don't exist.
const demoKey = "oido-demo-key-for-simulated-providers"

// demoConfig names its providers so that every row, model and header says that
// they are simulated.
const demoConfig = `keys: [{key: %[1]s, org: demo, user: ada, role: operator}]
providers:
  sim-openai:    {base_url: "%[2]s/openai/v1", api_key: simulated, type: openai, formats: [chat, responses],
                  models: [{id: sim-n12-d30, price: {input: 0.4, output: 1.6}}, {id: sim-e500}]}
  sim-anthropic: {base_url: "%[2]s/anthropic", api_key: simulated, type: anthropic,
                  models: [{id: sim-n20-d20, price: {input: 3, output: 15}}, {id: sim-l60, price: {input: 1, output: 5}}]}
  sim-google:    {base_url: "%[2]s/gemini", api_key: simulated, type: gemini, models: [{id: sim-n8-d40, price: {input: 0.3, output: 2.5}}]}
  sim-deepseek:  {base_url: "%[2]s/deepseek", api_key: simulated, type: deepseek, models: [{id: sim-l40, price: {input: 0.28, output: 0.42}}]}
workloads:
  support: {chain: [sim-openai/sim-n12-d30, sim-anthropic/sim-l60], escalate: {to: [sim-anthropic/sim-n20-d20], on: [failure, user_correction]}}
`

// outages: every so many requests of the traffic, the model that the workload asks
// first is overloaded for its next few.
const (
	outageModel  = "sim-n12-d30"
	outageEvery  = 60
	outageFirst  = 8
	outageLength = 4
)

// demoTraffic is what the demo asks, over and over: paths and bodies.
var demoTraffic = []struct{ path, agent, body string }{
	{"/v1/chat/completions", "support", `{"model":"workload/support","stream":true,"messages":[{"role":"user","content":"Where is my parcel?"}]}`},
	{"/v1/chat/completions", "extract", `{"model":"sim-deepseek/sim-l40","messages":[{"role":"user","content":"Which date is in this letter?"}]}`},
	{"/v1/messages", "research", `{"model":"sim-anthropic/sim-n20-d20","max_tokens":200,"stream":true,"messages":[{"role":"user","content":"Compare these two designs."}]}`},
	{"/v1/chat/completions", "research", `{"model":"sim-anthropic/sim-l60","messages":[{"role":"user","content":"Sum that up in one line."}]}`},
	{"/v1/messages", "support", `{"model":"workload/support","max_tokens":200,"messages":[{"role":"user","content":"How do I send it back?"}]}`},
	{"/v1beta/models/sim-google/sim-n8-d40:streamGenerateContent?alt=sse", "translate", `{"contents":[{"role":"user","parts":[{"text":"Say that in French."}]}]}`},
	{"/v1/responses", "translate", `{"model":"sim-google/sim-n8-d40","store":false,"input":"And now in Latin."}`},
	{"/v1/messages", "support", `{"model":"sim-openai/sim-e500","max_tokens":50,"messages":[{"role":"user","content":"This model is always down."}]}`},
}

func demo(version string) *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Serve on simulated providers with mixed traffic, until Ctrl-C",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runDemo(c.Context(), version, listen, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address to serve on, HOST:PORT")
	return c
}

func runDemo(ctx context.Context, version, listen string, out, errOut io.Writer) (err error) {
	// A terminal that closes ends the demo as Ctrl-C does.
	if !signal.Ignored(syscall.SIGHUP) {
		closed, undo := signal.NotifyContext(ctx, syscall.SIGHUP)
		defer undo()
		ctx = closed
	}
	dir, err := os.MkdirTemp("", "oido-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w; set TMPDIR to one that can be written", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := listenOn(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	providers := sim.New(sim.Options{})
	simulating, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- simulateOn(simulating, l, providers) }()
	defer func() {
		stop()
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}()
	file := filepath.Join(dir, "oido.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, demoConfig, demoKey, address(l.Addr())), 0o600); err != nil {
		return err
	}
	o, err := app.ConfigOptions(config.Options{File: file, Flags: map[string]string{"listen": listen, "data-dir": filepath.Join(dir, "data"), "log-level": "warn"}})
	if err != nil {
		return err
	}
	r := runner{version: version, options: o, out: out, errOut: errOut, ready: func(url string) error {
		go traffic(ctx, url, func() {
			if err := providers.Script(outageModel, slices.Repeat([]string{"e529"}, outageLength), ""); err != nil {
				_, _ = fmt.Fprintln(errOut, "oido: there are no outages:", err) // the demo goes on without
			}
		})
		_, err := fmt.Fprintf(out, demoScreen, url, demoKey, program())
		return err
	}}
	return r.run(ctx)
}

// program is what to type for this program: it may not be among the system's.
func program() string {
	if _, err := exec.LookPath("oido"); err == nil {
		return "oido"
	}
	return os.Args[0]
}

const demoScreen = `
OIDO with simulated providers. No account is needed and nothing leaves this machine.

In another terminal:

  export OIDO_URL=%[1]s OIDO_KEY=%[2]s

  What it cost      %[3]s usage --by model,agent
  Turns as they end %[3]s turns --follow
  The workloads     %[3]s workloads
  Why one came so   %[3]s why TURN
  The models        %[3]s models
  Talk with one     %[3]s chat --model sim-anthropic/sim
  With curl         curl $OIDO_URL/v1/chat/completions -H "Authorization: Bearer $OIDO_KEY" \
                      -d '{"model":"sim-anthropic/sim","messages":[{"role":"user","content":"hello"}]}'

One model always fails. Another is overloaded now and then: its workload goes on to the next
of its chain, which its turns show by 2 ATTEMPTS. Ctrl-C ends everything.

`

// traffic sends the demo's traffic, one request every half second, and now and then
// has a provider be out.
func traffic(ctx context.Context, url string, outage func()) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if i%outageEvery == outageFirst {
			outage()
		}
		t := demoTraffic[i%len(demoTraffic)]
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+t.path, bytes.NewReader([]byte(t.body)))
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+demoKey)
		req.Header.Set("X-Oido-Agent", t.agent)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue // not up yet, or going down
		}
		_, _ = io.Copy(io.Discard, resp.Body) // how it went stands in the turns
		_ = resp.Body.Close()
	}
}
