package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A provider's model is left alone after a few failures, so that failing over is
// measured at several, each used as often as that allows.
const (
	failing     = 40
	eachFailing = 4
)

// failingChains are aliases of the gateway: the first model fails at once with 500,
// the second answers.
func failingChains() string {
	var b strings.Builder
	for i := range failing {
		fmt.Fprintf(&b, "  fails-%d: [chat/bench-e500-i%d, messages/bench]\n", i, i)
	}
	return b.String()
}

// failover measures what it takes to go on to the next provider beyond the time of
// the failed attempt, which is that of a request to the upstream itself.
func (l *lab) failover() error {
	up := &process{url: l.upstream}
	fail := request("chat", "bench-e500", false, 1<<10, false)
	direct := request("chat", "messages/bench", false, 1<<10, false)
	var failed, answered, over []float64
	for n := range failing * (eachFailing + 1) {
		i := n % failing
		chain := request("chat", fmt.Sprintf("fails-%d", i), false, 1<<10, false)
		if n < failing {
			chain = direct // warms up
		}
		for _, m := range []struct {
			at     *process
			w      load
			status int
			into   *[]float64
		}{{up, fail, http.StatusInternalServerError, &failed}, {l.gateway, direct, http.StatusOK, &answered}, {l.gateway, chain, http.StatusOK, &over}} {
			ms, err := l.timed(m.at, m.w, m.status)
			if err != nil {
				return fmt.Errorf("failover: %w", err)
			}
			if n >= failing {
				*m.into = append(*m.into, ms)
			}
		}
	}
	attempt, one, both := median(failed), median(answered), median(over)
	l.line("failover beyond the failed attempt, ms", attempt+one, both, both-attempt-one, 1)
	return nil
}

// timed sends one request and returns how long it took, in milliseconds.
func (l *lab) timed(p *process, w load, status int) (float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+w.path, strings.NewReader(w.body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != status {
		return 0, fmt.Errorf("%s: status %d: %.200s", w.path, resp.StatusCode, bytes.TrimSpace(body))
	}
	return float64(time.Since(began).Nanoseconds()) / 1e6, nil
}
