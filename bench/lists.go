package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Ten accounts whose lists have so many models, read every second.
const (
	listAccounts = 10
	listModels   = 500
	listsFor     = 8 * time.Second
)

// listsServed counts the lists that the upstream has given.
var listsServed atomic.Int64

// serveLists registers lists of any length, half of them with what the largest of
// lists say of a model, below a path that says whether each reading finds another
// one.
func serveLists(mux *http.ServeMux) {
	pieces := map[string]string{}
	for account := range listAccounts {
		for _, n := range []int{1, listModels} {
			pieces[fmt.Sprintf("%d/%d", account, n)] = listOf(account, n)
		}
	}
	mux.HandleFunc("GET /lists/{how}/{account}/{n}/v1/models", func(w http.ResponseWriter, r *http.Request) {
		served := listsServed.Add(1)
		w.Header().Set("Content-Type", "application/json")
		extra := ""
		if r.PathValue("how") == "changing" {
			extra = fmt.Sprintf(`{"id":"new-%d","object":"model","created":1,"owned_by":"bench"},`, served)
		}
		fmt.Fprint(w, `{"object":"list","data":[`, extra, pieces[r.PathValue("account")+"/"+r.PathValue("n")], `]}`)
	})
	mux.HandleFunc("GET /lists/served", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, listsServed.Load()) })
}

func listOf(account, n int) string {
	var all []string
	for i := range n {
		m := fmt.Sprintf(`"id":"vendor-%d/model-%d-%d-instruct","object":"model","created":%d,"owned_by":"vendor-%d"`, i%40, account, i, 1_700_000_000+i, i%40)
		if account%2 == 0 {
			m += fmt.Sprintf(`,"name":"Vendor %d: Model %d","description":"%s","context_length":%d,"architecture":{"modality":"text+image->text","input_modalities":["text","image"],"output_modalities":["text"],"tokenizer":"Other","instruct_type":null},`+
				`"pricing":{"prompt":"0.0000025","completion":"0.00001","request":"0","image":"0","input_cache_read":"0.00000025"},"top_provider":{"context_length":%[4]d,"max_completion_tokens":16384,"is_moderated":false},`+
				`"per_request_limits":null,"supported_parameters":["max_tokens","reasoning","response_format","stop","temperature","tool_choice","tools","top_p"],"expiration_date":null`,
				i%40, i, strings.Repeat("words that describe the model ", 10), 131072+i)
		}
		all = append(all, "{"+m+"}")
	}
	return strings.Join(all, ",")
}

// lists measures what it costs to keep the lists of ten accounts.
func (l *lab) lists() (err error) {
	l.gateway.end() // nothing else takes time meanwhile
	defer func() {
		if err == nil {
			l.gateway, err = l.startGateway()
		}
	}()
	few, err := l.readLists("steady", 1)
	if err != nil {
		return err
	}
	steady, err := l.readLists("steady", listModels)
	if err != nil {
		return err
	}
	changing, err := l.readLists("changing", listModels)
	if err != nil {
		return err
	}
	l.line("lists of 10 x 500 models, CPU ms a refresh", 0, steady.cpu, steady.cpu, 50)
	l.line("lists that change, CPU ms a refresh", 0, changing.cpu, changing.cpu, 50)
	l.line("lists of 10 x 500 models, MiB more", few.memory, changing.memory, max(steady.memory, changing.memory)-few.memory, 10)
	l.line("lists being read, p99 of answers, ms", few.p99, changing.p99, changing.p99/few.p99, 2)
	fmt.Printf("%-44s %10.2f %10.2f\n", "  the longest answer, ms", few.longest, changing.longest)
	return nil
}

type listCost struct{ cpu, memory, p99, longest float64 }

// readLists has a gateway of its own read ten lists again and again, first left
// alone and then while it answers.
func (l *lab) readLists(how string, n int) (c listCost, err error) {
	var config strings.Builder
	fmt.Fprintf(&config, "keys: [{key: %s, org: bench, user: bench, role: member}]\nproviders:\n  chat: {type: openai, base_url: \"%s/v1\", api_key: none, formats: [chat], models_ttl: 1h, models: [{id: bench}]}\n", key, l.upstream)
	for i := range listAccounts {
		fmt.Fprintf(&config, "  list%d: {type: openai, base_url: \"%s/lists/%s/%d/%d/v1\", api_key: none, formats: [chat], models_ttl: 1s}\n", i, l.upstream, how, i, n)
	}
	dir, err := os.MkdirTemp(l.dir, "lists-")
	if err != nil {
		return c, err
	}
	file := filepath.Join(dir, "oido.yaml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		return c, err
	}
	p, err := l.start(l.oido, "serve", "--config", file, "--data-dir", filepath.Join(dir, "data"), "--listen", "ADDR")
	if err != nil {
		return c, err
	}
	defer p.end()
	time.Sleep(2 * time.Second) // the first reading, and what a start costs
	before, err := l.served()
	if err != nil {
		return c, err
	}
	used := p.cpu()
	select {
	case <-time.After(listsFor):
	case <-l.stop:
		return c, fmt.Errorf("interrupted")
	}
	used = p.cpu() - used
	after, err := l.served()
	if err != nil {
		return c, err
	}
	if after == before {
		return c, fmt.Errorf("no list was read")
	}
	c.cpu = used.Seconds() * 1000 / (float64(after-before) / listAccounts)
	w := request("chat", "chat/bench", false, 1<<10, false)
	buf := make([]byte, 64<<10)
	var took []float64
	for end := time.Now().Add(listsFor / 2); time.Now().Before(end); time.Sleep(time.Millisecond) {
		began := time.Now()
		if _, err := l.once(context.Background(), p, w, buf); err != nil {
			return c, fmt.Errorf("a request beside the lists: %w", err)
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	slices.Sort(took)
	c.p99, c.longest = took[len(took)*99/100], took[len(took)-1]
	// What is kept, in a gateway that has work to do and so what it throws away.
	w.conns = 16
	if r := l.drive(p, w, listsFor/4); r.failed > 0 {
		return c, fmt.Errorf("%d of %d requests beside the lists failed", r.failed, r.requests)
	}
	c.memory = p.memory("VmRSS")
	return c, nil
}

// end stops a process and waits for it.
func (p *process) end() {
	p.cmd.Process.Signal(os.Interrupt) //nolint:errcheck // it may have ended
	p.cmd.Wait()                       //nolint:errcheck // ended by a signal
}

func (l *lab) served() (int64, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, l.upstream+"/lists/served", http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}
