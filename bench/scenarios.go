package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"time"
)

const chunks = 200

// run measures everything that wanted names.
func (l *lab) run(wanted func(string) bool) error {
	fmt.Printf("%-44s %10s %10s %7s %7s\n", "", "proxy", "oido", "ratio", "limit")
	for _, prompt := range []int{1 << 10, 64 << 10} {
		name := fmt.Sprintf("CPU µs a request, %d KB prompt", prompt>>10)
		if !wanted(name) {
			continue
		}
		base := request("chat", "bench", false, prompt, false)
		base.conns = 64
		ours := request("chat", "chat/bench", false, prompt, false)
		ours.conns = 64
		if err := l.compare(name, base, ours, 1.4, false); err != nil {
			return err
		}
	}
	if name := "CPU µs a request over a chain, 1 KB prompt"; wanted(name) {
		base := request("chat", "bench", false, 1<<10, false)
		base.conns = 64
		ours := request("chat", "chain", false, 1<<10, false)
		ours.conns = 64
		if err := l.compare(name, base, ours, 1.4, false); err != nil {
			return err
		}
	}
	if wanted("failover") {
		if err := l.failover(); err != nil {
			return err
		}
	}
	for _, usage := range []bool{true, false} {
		name := "CPU µs a chunk forwarded, usage asked"
		if !usage {
			name = "CPU µs a chunk forwarded, usage not asked"
		}
		if wanted(name) {
			if err := l.chunks(name, "chat", "chat", usage, 1.3); err != nil {
				return err
			}
		}
	}
	formats := []string{"chat", "messages", "gemini", "responses"}
	for _, client := range formats {
		for _, upstream := range formats {
			name := "CPU µs a chunk, " + client + " client, " + upstream + " upstream"
			limit := 1.8
			if client == upstream {
				limit = 1.3
			}
			if wanted(name) {
				if err := l.chunks(name, client, upstream, true, limit); err != nil {
					return err
				}
			}
		}
	}
	if wanted("routing") {
		if err := l.routing(); err != nil {
			return err
		}
	}
	if wanted("memory") {
		if err := l.memory(); err != nil {
			return err
		}
	}
	if wanted("lists") {
		if err := l.lists(); err != nil {
			return err
		}
	}
	if wanted("start") {
		if err := l.starts(); err != nil {
			return err
		}
	}
	if l.missed > 0 {
		return fmt.Errorf("%d figures miss their limit", l.missed)
	}
	return nil
}

func (l *lab) chunks(name, client, upstream string, usage bool, limit float64) error {
	model := fmt.Sprintf("bench-n%d-d5", chunks)
	base := request(upstream, model, true, 1<<10, usage)
	base.conns = 40
	ours := request(client, upstream+"/"+model, true, 1<<10, usage)
	ours.conns = 40
	return l.compare(name, base, ours, limit, true)
}

// compare lets both sides take turns and prints the medians of their cost.
func (l *lab) compare(name string, base, ours load, limit float64, perChunk bool) error {
	var costs [2][]float64
	for i := range l.slices + 1 {
		for side, p := range []*process{l.proxy, l.gateway} {
			select {
			case <-l.stop:
				return fmt.Errorf("interrupted")
			default:
			}
			w := base
			if side == 1 {
				w = ours
			}
			r := l.drive(p, w, l.slice)
			if r.failed > 0 {
				return fmt.Errorf("%s: %d of %d requests failed", name, r.failed, r.requests)
			}
			n := float64(r.requests)
			if perChunk {
				n *= chunks
			}
			if i > 0 { // the first slice warms up
				costs[side] = append(costs[side], float64(r.cpu.Nanoseconds())/1000/n)
			}
		}
	}
	proxy, oido := median(costs[0]), median(costs[1])
	l.line(name, proxy, oido, oido/proxy, limit)
	return nil
}

func (l *lab) line(name string, proxy, oido, figure, limit float64) {
	mark := ""
	if figure > limit {
		mark = "  over"
		l.missed++
	}
	fmt.Printf("%-44s %10.2f %10.2f %7.2f %7.2f%s\n", name, proxy, oido, figure, limit, mark)
}

func median(v []float64) float64 {
	sort.Float64s(v)
	return v[len(v)/2]
}

// memory measures an idle gateway, and one with 500 streams open.
func (l *lab) memory() error {
	if err := l.restart(); err != nil {
		return err
	}
	time.Sleep(3 * time.Second)
	idle := l.gateway.memory("VmRSS")
	l.line("memory idle, MiB", l.proxy.memory("VmRSS"), idle, idle, 35)
	w := request("chat", "chat/bench-n200-d40", true, 1<<10, true)
	w.conns = 500
	r := l.drive(l.gateway, w, time.Second)
	if r.failed > 0 {
		return fmt.Errorf("500 streams: %d were cut", r.failed)
	}
	peak := l.gateway.memory("VmHWM")
	l.line("memory with 500 streams, MiB", 0, peak, peak, 80)
	return nil
}

func (l *lab) restart() (err error) {
	if err := l.gateway.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	l.gateway.cmd.Wait() //nolint:errcheck // ended by a signal
	l.gateway, err = l.startGateway()
	return err
}

// starts measures exec to the first answered request, with the database there.
func (l *lab) starts() error {
	info, err := os.Stat(l.oido)
	if err != nil {
		return err
	}
	l.line("size of the binary, MB", 0, float64(info.Size())/1e6, float64(info.Size())/1e6, 45)
	var times []float64
	for range 5 {
		if err := l.gateway.cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		l.gateway.cmd.Wait() //nolint:errcheck // ended by a signal
		began := time.Now()
		if l.gateway, err = l.startGateway(); err != nil {
			return err
		}
		w := request("chat", "chat/bench", false, 1<<10, false)
		buf := make([]byte, 4096)
		if _, err := l.once(context.Background(), l.gateway, w, buf); err != nil {
			return fmt.Errorf("first request: %w", err)
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
	}
	m := median(times)
	l.line("exec to first answer, ms", 0, m, m, 60)
	return nil
}
