package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const key = "oido_sk_bench_0123456789_0123456789_0123456789"

// lab is the upstream, the proxy and the gateway, each a process of its own.
type lab struct {
	oido     string
	slice    time.Duration
	slices   int
	dir      string
	upstream string
	proxy    *process
	gateway  *process
	up       *process
	client   *http.Client
	stop     <-chan os.Signal
	missed   int
}

type process struct {
	cmd *exec.Cmd
	url string
}

func newLab(oido string, slice time.Duration, slices int, stop <-chan os.Signal) (*lab, error) {
	dir, err := os.MkdirTemp("", "oido-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{oido: oido, slice: slice, slices: slices, dir: dir, stop: stop, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2048, DisableCompression: true}}}
	self, err := os.Executable()
	if err != nil {
		return l, err
	}
	if l.up, err = l.start(self, "upstream", "ADDR"); err != nil {
		return l, err
	}
	l.upstream = l.up.url
	if l.proxy, err = l.start(self, "proxy", "ADDR", l.upstream); err != nil {
		return l, err
	}
	config := fmt.Sprintf(`
keys: [{key: %s, org: bench, user: bench, role: member}]
providers:
  chat: {type: openai, base_url: "%[2]s/v1", api_key: none, formats: [chat], models: [{id: bench, price: {input: 1, output: 2}}]}
  messages: {type: anthropic, base_url: "%[2]s", api_key: x-bench-key, models: [{id: bench, price: {input: 1, output: 2}}]}
  gemini: {type: gemini, base_url: "%[2]s", api_key: x-bench-key, models: [{id: bench, price: {input: 1, output: 2}}]}
  responses: {type: openai, base_url: "%[2]s/v1", api_key: none, formats: [responses], models: [{id: bench, price: {input: 1, output: 2}}]}
aliases:
  chain: [chat/bench, messages/bench, gemini/bench]
%[3]s`, key, l.upstream, failingChains())
	if err := os.WriteFile(filepath.Join(dir, "oido.yaml"), []byte(config), 0o600); err != nil {
		return l, err
	}
	l.gateway, err = l.startGateway()
	return l, err
}

func (l *lab) startGateway() (*process, error) {
	return l.start(l.oido, "serve", "--config", filepath.Join(l.dir, "oido.yaml"), "--data-dir", filepath.Join(l.dir, "data"), "--listen", "ADDR")
}

// start runs a program that listens on the ADDR among its arguments.
func (l *lab) start(name string, args ...string) (*process, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := free.Addr().String()
	if err := free.Close(); err != nil {
		return nil, err
	}
	for i, a := range args {
		if a == "ADDR" {
			args[i] = addr
		}
	}
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Stderr = os.Stderr
	if strings.HasSuffix(name, "oido") {
		log, err := os.Create(filepath.Join(l.dir, "oido.log"))
		if err != nil {
			return nil, err
		}
		cmd.Stderr, cmd.Stdout = log, log
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd, "http://" + addr}
	for range 2000 {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return p, c.Close()
		}
		time.Sleep(5 * time.Millisecond)
	}
	return p, fmt.Errorf("%s %s does not listen", name, args[0])
}

func (l *lab) close() {
	for _, p := range []*process{l.gateway, l.proxy, l.up} {
		if p != nil {
			p.cmd.Process.Signal(os.Interrupt) //nolint:errcheck // it may have ended
			done := make(chan struct{})
			go func() { p.cmd.Wait(); close(done) }() //nolint:errcheck // how it ended doesn't matter
			select {
			case <-done:
			case <-time.After(5 * time.Second):
				p.cmd.Process.Kill() //nolint:errcheck // it may have ended
				<-done
			}
		}
	}
	os.RemoveAll(l.dir)
}

// cpu is the processor time that a process has used: its own clock, since
// /proc counts in steps of 10 ms.
func (p *process) cpu() time.Duration {
	var t unix.Timespec
	// The clock of another process: clock_getcpuclockid(3).
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid)<<3|2, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// memory reads a line of the process's status, in MiB.
func (p *process) memory(line string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// load is what is sent.
type load struct {
	path, body string
	conns      int
	stream     bool
}

func request(format, model string, stream bool, prompt int, usage bool) load {
	text := strings.Repeat("a prompt of words ", prompt/18+1)[:prompt]
	l := load{stream: stream}
	s := ""
	if stream {
		s = `,"stream":true`
	}
	switch format {
	case "chat":
		if stream && usage {
			s += `,"stream_options":{"include_usage":true}`
		}
		l.path = "/v1/chat/completions"
		l.body = `{"model":"` + model + `"` + s + `,"messages":[{"role":"user","content":"` + text + `"}]}`
	case "messages":
		l.path = "/v1/messages"
		l.body = `{"model":"` + model + `"` + s + `,"max_tokens":1000,"messages":[{"role":"user","content":"` + text + `"}]}`
	case "responses":
		l.path = "/v1/responses"
		l.body = `{"model":"` + model + `"` + s + `,"input":"` + text + `"}`
	case "gemini":
		l.path = "/v1beta/models/" + model + ":generateContent"
		if stream {
			l.path = "/v1beta/models/" + model + ":streamGenerateContent?alt=sse"
		}
		l.body = `{"contents":[{"role":"user","parts":[{"text":"` + text + `"}]}]}`
	}
	return l
}

// result is what a slice of load did.
type result struct {
	requests, chunks, failed int64
	cpu                      time.Duration
}

func (l *lab) drive(p *process, w load, d time.Duration) result {
	ctx, cancel := context.WithTimeout(context.Background(), d+30*time.Second)
	defer cancel()
	var r result
	var requests, chunks, failed atomic.Int64
	end := time.Now().Add(d)
	before := p.cpu()
	var wg sync.WaitGroup
	for range w.conns {
		wg.Go(func() {
			buf := make([]byte, 64<<10)
			for time.Now().Before(end) {
				n, err := l.once(ctx, p, w, buf)
				requests.Add(1)
				chunks.Add(n)
				if err != nil {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	r.cpu = p.cpu() - before
	r.requests, r.chunks, r.failed = requests.Load(), chunks.Load(), failed.Load()
	return r
}

// once sends one request and counts the events of its answer.
func (l *lab) once(ctx context.Context, p *process, w load, buf []byte) (events int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+w.path, strings.NewReader(w.body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	for {
		n, err := resp.Body.Read(buf)
		events += int64(bytes.Count(buf[:n], []byte("\ndata: ")))
		if err == io.EOF {
			break
		}
		if err != nil {
			return events, err
		}
	}
	if resp.StatusCode != http.StatusOK {
		return events, fmt.Errorf("status %d", resp.StatusCode)
	}
	return events, nil
}
