package sim

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path, header, key string
		want              int
	}{
		{"/openai/v1/models", "Authorization", "Bearer sk-1", 200},
		{"/openai/v1/models", "Authorization", "Bearer bad-1", 401},
		{"/openai/v1/models", "X-Api-Key", "sk-1", 401},
		{"/openai/v1/models", "", "", 401},
		{"/anthropic/v1/models", "X-Api-Key", "sk-1", 200},
		{"/anthropic/v1/models", "Authorization", "Bearer sk-1", 200},
		{"/anthropic/v1/models", "X-Api-Key", "bad", 401},
		{"/gemini/v1beta/models", "X-Goog-Api-Key", "sk-1", 200},
		{"/gemini/v1beta/models?key=sk-1", "", "", 200},
		{"/gemini/v1beta/models", "Authorization", "Bearer sk-1", 403},
		{"/gemini/v1beta/models?key=bad", "", "", 400},
		{"/ollama/v1/models", "", "", 200},
		{"/ollama/v1/models", "Authorization", "Bearer bad", 401},
		{"/openai/v1/nonesuch", "Authorization", "Bearer sk-1", 404},
		{"/openai/v1/responses", "Authorization", "Bearer sk-1", 405},
		{"/healthz", "", "", 200},
	} {
		c := newClient(t)
		c.header = http.Header{}
		if test.header != "" {
			c.header.Set(test.header, test.key)
		}
		if got, err := c.do(http.MethodGet, test.path, ""); err != nil || got.status != test.want {
			t.Errorf("GET %s with %s %q: got %d %s, %v; want %d", test.path, test.header, test.key, got.status, got.body, err, test.want)
		}
	}
}

func TestAWrongGoogleKeyIsAWrongArgument(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.header = http.Header{"X-Goog-Api-Key": {"bad-1"}}
	got := c.post(geminiPath+"sim:generateContent", `{"contents":[`+geminiUser+`]}`)
	for _, want := range []string{`"code":400`, `"status":"INVALID_ARGUMENT"`, `"reason":"API_KEY_INVALID"`, "API key not valid"} {
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, want) {
			t.Errorf("got %d %s, want %s", got.status, got.body, want)
		}
	}
}

func TestRequestsAreKeptWithoutKeys(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.header.Set("Authorization", "Bearer sk-secret")
	body := `{"model":"sim","messages":[` + chatUser + `]}`
	c.post("/openai/v1/chat/completions?key=sk-secret", body)
	list := c.sim.Requests()
	if len(list) != 1 || list[0].Body != body || list[0].Model != "sim" || list[0].Status != 200 || list[0].Method != http.MethodPost {
		t.Fatalf("got %+v", list)
	}
	var shown []Request
	c.get("/sim/requests", &shown)
	if text := string(encode(shown)); strings.Contains(text, "sk-secret") || !strings.Contains(text, "redacted-") {
		t.Errorf("got %s", text)
	}
	for range maxLog + 10 {
		c.post("/openai/v1/chat/completions", body)
	}
	if n := len(c.sim.Requests()); n != maxLog {
		t.Errorf("got %d requests, want %d", n, maxLog)
	}
	if got, err := c.do(http.MethodDelete, "/sim/requests", ""); err != nil || got.status != http.StatusNoContent || len(c.sim.Requests()) != 0 {
		t.Errorf("got %+v, %v and %d requests left", got, err, len(c.sim.Requests()))
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	body := `{"model":"sim","messages":[{"role":"user","content":"` + strings.Repeat("x", maxBody) + `"}]}`
	if got, err := c.do(http.MethodPost, "/openai/v1/chat/completions", body); err == nil && got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %.200s, want 413", got.status, got.body)
	}
	c.header.Set("Content-Type", "text/plain")
	if got := c.post("/openai/v1/chat/completions", "{}"); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("got %d %s, want 415", got.status, got.body)
	}
}

func TestListsPage(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var ids []string
	for after := ""; ; {
		var page struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
			HasMore bool   `json:"has_more"`
			LastID  string `json:"last_id"`
		}
		c.get("/anthropic/v1/models?limit=2&after_id="+after, &page)
		for _, m := range page.Data {
			ids = append(ids, m.ID)
		}
		if after = page.LastID; !page.HasMore {
			break
		}
	}
	var names []string
	for token := ""; ; {
		var page struct {
			Models []geminiModel `json:"models"`
			Next   string        `json:"nextPageToken"`
		}
		c.get("/gemini/v1beta/models?pageSize=4&pageToken="+token, &page)
		for _, m := range page.Models {
			names = append(names, m.Name)
		}
		if token = page.Next; token == "" {
			break
		}
	}
	var routed, all struct {
		Data []struct {
			ID      string            `json:"id"`
			Pricing map[string]string `json:"pricing"`
		} `json:"data"`
		Total int            `json:"total_count"`
		Links map[string]any `json:"links"`
	}
	c.get("/openrouter/api/v1/models?limit=2&offset=1", &routed)
	c.get("/openrouter/api/v1/models", &all)
	if len(ids) != len(anthropicModels) || !slices.Contains(ids, "sim") || !slices.Contains(ids, "claude-haiku-4-5") {
		t.Errorf("got Anthropic's %q", ids)
	}
	if len(names) != len(geminiModels) || !slices.Contains(names, "models/gemini-2.5-flash") {
		t.Errorf("got Gemini's %q", names)
	}
	if len(routed.Data) != 2 || routed.Links["next"] == nil || len(all.Data) != all.Total || all.Data[1].Pricing["prompt"] == "" {
		t.Errorf("got OpenRouter's %+v and %+v", routed, all)
	}
}

func TestListsOfTheOthers(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for path, want := range map[string]string{
		"/openai/v1/models": `{"id":"gpt-5.4-mini","object":"model"`, "/openai/v1/models/gpt-4o": `"id":"gpt-4o"`, "/deepseek/models": `"deepseek-chat"`,
		"/deepseek/v1/models": `"sim"`, "/ollama/api/tags": `"model":"qwen3:8b"`, "/ollama/v1/models": `"qwen3:8b"`, "/v1beta/models/gemini-2.5-flash": `"models/gemini-2.5-flash"`,
		"/anthropic/v1/models/claude-haiku-4-5": `"display_name":"Claude Haiku 4.5"`, "/v1/models": `"has_more"`, "/sim/models": `"deepseek-tool"`,
	} {
		if got, err := c.do(http.MethodGet, path, ""); err != nil || got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("GET %s: got %+v, %v; want %s", path, got, err, want)
		}
	}
	if got := c.post("/ollama/api/show", `{"model":"qwen3:8b"}`); !strings.Contains(got.body, `"qwen3.context_length":40960`) {
		t.Errorf("got %+v", got)
	}
	if got := c.post("/ollama/api/show", `{"model":"nonesuch"}`); got.status != http.StatusNotFound || !strings.HasPrefix(got.body, `{"error":"`) {
		t.Errorf("got %+v", got)
	}
	c.header.Del("Anthropic-Version")
	if got, err := c.do(http.MethodGet, "/v1/models", ""); err != nil || !strings.HasPrefix(got.body, `{"object":"list"`) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRecordingsPlay(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	played := 0
	for _, name := range recordings() {
		for i, end := range ends {
			model := "rec-" + name
			got, err := c.ask(i, model, true)
			if err != nil {
				t.Fatal(err)
			}
			if !formats[i].plays(name) {
				if got.status != http.StatusNotFound {
					t.Errorf("%s in %s: got %d, want 404", name, end.name, got.status)
				}
				continue
			}
			played++
			chunks, err := tape.ReadFile("recordings/" + name + chunksSuffix)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSpace(string(chunks)), "\n")
			list := slices.DeleteFunc(events(got.body), func(data string) bool { return data == "[DONE]" })
			if !slices.Equal(list, want) {
				t.Errorf("%s: got %d events, want %d", name, len(list), len(want))
			}
			whole, err := c.ask(i, model, false)
			if has := name != "anthropic-cache"; err != nil || (whole.status == http.StatusOK) != has {
				t.Errorf("%s: got %d, %v for the whole answer", name, whole.status, err)
			}
		}
	}
	if played != 16 {
		t.Errorf("played %d recordings", played)
	}
	if got, err := c.ask(0, "sim-cut3-rec-openai-text", true); err != nil || got.err == nil || len(events(got.body)) != 3 {
		t.Errorf("got %d events, %v; want 3 and a break", len(events(got.body)), got.err)
	}
}

var formats = []format{chatFormat{}, messagesFormat{}, geminiFormat{}, responsesFormat{}, converseFormat{}}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		scripted bool
		base     string
		check    func(script) bool
	}{
		{"gpt-4o", false, "gpt-4o", func(s script) bool { return s.pieces == 8 && s.size == 16 }},
		{"sim", true, "", func(s script) bool { return s.pieces == 8 && s.size == 16 && s.parallel == 1 }},
		{"sim-n3-b5-l60-d20", true, "", func(s script) bool { return s.pieces == 3 && s.size == 5 && s.latency == 60e6 && s.gap == 20e6 }},
		{"claude-haiku-4-5-sim-think-tools3-cached50", true, "claude-haiku-4-5", func(s script) bool { return s.think && s.tools == 3 && s.cached == 50 }},
		{"vendor/sim-fast-e503:free", true, "vendor/", func(s script) bool { return s.fault == faultStatus && s.status == 503 }},
		{"sim-n99999999999999999999", true, "", func(s script) bool { return s.pieces == 8 }},
		{"sim-n999999999-l999999999", true, "", func(s script) bool { return s.pieces == maxPieces && s.latency == maxLatency }},
		{"sim-d5-rec-anthropic-tool-noargs", true, "", func(s script) bool { return s.recording == "anthropic-tool-noargs" && s.gap == 5e6 }},
	} {
		s, scripted := parseName(test.name)
		if scripted != test.scripted || s.base != test.base || !test.check(s) {
			t.Errorf("%s: got %+v, %v", test.name, s, scripted)
		}
	}
}

func FuzzNothingPanics(f *testing.F) {
	for i, end := range ends {
		f.Add(i, strings.ReplaceAll(end.body, "%", "sim-think-tools2"), "sim")
	}
	f.Add(0, `{"model":"sim-tools1","messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{}}]},{"role":"tool"}],"tools":[`+chatTool+`]}`, "sim")
	f.Add(1, `{"model":"sim","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result"}]},{"role":"assistant","content":[]}],"tools":[`+messagesTool+`]}`, "sim")
	f.Add(2, `{"contents":[{"role":"model","parts":[{"functionCall":"x"}]},{"parts":[{"functionResponse":[]}]}],"tools":[`+geminiTool+`]}`, "gemini-3-sim-tools1")
	f.Add(3, `{"model":"sim","input":[{"type":"reasoning","id":"rs_1"},{"type":"function_call"},{"role":"user"}],"tools":[`+responsesTool+`]}`, "sim")
	f.Add(4, `{"messages":[{"role":"user","content":[{"toolResult":[]},{"image":{"source":{"bytes":1}}}]},{"role":"assistant","content":[{"toolUse":"x"},{"reasoningContent":{}}]}],`+converseTool+`}`, "us.anthropic.claude-sonnet-4-5-sim-tools1-think")
	s := New(Options{})
	f.Fuzz(func(t *testing.T, i int, body, model string) {
		x := &exchange{Server: s, family: families[uint(i)/uint(len(formats))%uint(len(families))], format: formats[uint(i)%uint(len(formats))]}
		x.r = &http.Request{Header: http.Header{"Anthropic-Version": {"2023-06-01"}}}
		x.model = model
		x.script, _ = parseName(model)
		c := &checker{voice: x.format.voice()}
		p := x.format.read(x, c.parse([]byte(body)))
		p.model, p.script = model, x.script
		p.script.pieces, p.script.size = 2, 8
		if c.failure == nil {
			x.format.whole(x, s.compose(p))
		}
	})
}
