package main

import (
	"fmt"
	"runtime"
	"sort"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/router/classify"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/messages"
	"github.com/oidostudio/oido/internal/wire/responses"
)

// routing measures what choosing a model takes, in this process: there is no proxy
// to compare it with.
func (l *lab) routing() error {
	plan, err := planning()
	if err != nil {
		return err
	}
	per, allocations := repeated(plan)
	l.line("routing: a plan of 50 candidates, µs", 0, per, per, 20)
	l.line("routing: its allocations", 0, allocations, allocations, 5)
	for _, name := range []string{"chat", "messages", "gemini", "responses"} {
		f, body := conversation(name)
		if _, err := f.Survey(body); err != nil {
			return fmt.Errorf("survey of %s: %w", name, err)
		}
		per, _ := repeated(func() { _, _ = f.Survey(body) }) // it has been tried
		l.line(fmt.Sprintf("routing: facts of %d KB, %s, µs", len(body)>>10, name), 0, per, per, 120)
	}
	in := classify.Input{User: []string{strings.Repeat("Why does the second worker lose its lease when the clock steps back, and what would prove it? ", 44)}}
	_, allocations = repeated(func() { classify.Classify(in) })
	slow := percentile(func() { classify.Classify(in) }, 5000, 0.99)
	l.line(fmt.Sprintf("routing: class of %d KB, p99, µs", len(in.User[0])>>10), 0, slow, slow, 1000)
	l.line("routing: its allocations", 0, allocations, allocations, 0)
	return nil
}

// planning is the plan for a request that any of 50 models can serve, of a session
// that is on one of them.
func planning() (func(), error) {
	var declared []catalog.Model
	var chain []string
	for i := range 50 {
		in, err := catalog.ParseRate(fmt.Sprint(1 + i%7))
		if err != nil {
			return nil, err
		}
		declared = append(declared, catalog.Model{ID: fmt.Sprintf("m%d", i), Tier: catalog.TierBalanced, Context: 200_000, Price: &catalog.Price{Input: &in, Output: &in}})
		chain = append(chain, fmt.Sprintf("a/m%d", i))
	}
	view, err := catalog.NewView([]catalog.Account{{Name: "a", Declared: declared}})
	if err != nil {
		return nil, err
	}
	now := router.Now{Time: time.Now()}
	routes := router.NewRoutes(router.Policy{Workloads: []router.Workload{{Name: "w", Chain: chain, Prefer: router.PreferCheap}}}, view, now.Time)
	f := &router.Facts{
		Model: "workload/w", Input: 5000, Needs: router.Needs{Tools: true}, Stays: router.Place{Account: "a", Model: "m40"},
		MayModel: func(string) bool { return true },
	}
	d, err := router.Plan(f, routes, now)
	if err == nil && len(d.Candidates) != 50 {
		err = fmt.Errorf("a plan of %d candidates", len(d.Candidates))
	}
	return func() { _, _ = router.Plan(f, routes, now) }, err // it has been tried
}

// conversation is one of an agent of about 50 KB.
func conversation(format string) (wire.Surveyor, []byte) {
	result := strings.Repeat("ok  \\tpkg/parser\\t0.1s\\n", 130)
	turn := map[string]string{
		"chat": `{"role":"assistant","content":"I look.","tool_calls":[{"id":"c%[1]d","type":"function","function":{"name":"run","arguments":"{\"n\":%[1]d}"}}]},` +
			`{"role":"tool","tool_call_id":"c%[1]d","content":"%[2]s"}`,
		"messages": `{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"c%[1]d","name":"run","input":{"n":%[1]d}}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c%[1]d","content":"%[2]s"}]}`,
		"gemini": `{"role":"model","parts":[{"text":"I look."},{"functionCall":{"name":"run","args":{"n":%[1]d}}}]},` +
			`{"role":"user","parts":[{"functionResponse":{"name":"run","response":{"output":"%[2]s"}}}]}`,
		"responses": `{"type":"function_call","call_id":"c%[1]d","name":"run","arguments":"{\"n\":%[1]d}"},{"type":"function_call_output","call_id":"c%[1]d","output":"%[2]s"}`,
	}[format]
	var b strings.Builder
	for i := range 16 {
		fmt.Fprintf(&b, ","+turn, i, result)
	}
	asked := "Why does the parser lose the last line?"
	switch format {
	case "messages":
		return messages.Format{}, []byte(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"` + asked + `"}` + b.String() + `]}`)
	case "gemini":
		return gemini.Format{}, []byte(`{"contents":[{"role":"user","parts":[{"text":"` + asked + `"}]}` + b.String() + `]}`)
	case "responses":
		return responses.Format{}, []byte(`{"model":"m","input":[{"role":"user","content":"` + asked + `"}` + b.String() + `]}`)
	}
	return chat.Format{}, []byte(`{"model":"m","messages":[{"role":"user","content":"` + asked + `"}` + b.String() + `]}`)
}

// repeated is how many microseconds something takes, as the median of rounds, and
// how many allocations.
func repeated(f func()) (per, allocations float64) {
	const rounds, times = 15, 500
	var each []float64
	f() // what is read once has been
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		began := time.Now()
		for range times {
			f()
		}
		each = append(each, float64(time.Since(began).Nanoseconds())/1000/times)
	}
	runtime.ReadMemStats(&after)
	return median(each), float64((after.Mallocs - before.Mallocs) / (rounds * times))
}

// percentile is how many microseconds something takes at most in that part of all
// times.
func percentile(f func(), times int, part float64) float64 {
	each := make([]float64, times)
	for i := range each {
		began := time.Now()
		f()
		each[i] = float64(time.Since(began).Nanoseconds()) / 1000
	}
	sort.Float64s(each)
	return each[int(part*float64(times))]
}
