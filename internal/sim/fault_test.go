package sim

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ends are the paths of the formats, each with a request whose model is %.
var ends = []struct{ name, path, stream, body, terminator string }{
	{"chat", "/openai/v1/chat/completions", "/openai/v1/chat/completions", `{"model":"%","messages":[` + chatUser + `]}`, "[DONE]"},
	{"messages", "/anthropic/v1/messages", "/anthropic/v1/messages", `{"model":"%","max_tokens":4096,"messages":[{"role":"user","content":"Hi"}]}`, "message_stop"},
	{"gemini", "/gemini/v1beta/models/%:generateContent", "/gemini/v1beta/models/%:streamGenerateContent?alt=sse", `{"contents":[` + geminiUser + `]}`, `"finishReason"`},
	{"responses", "/openai/v1/responses", "/openai/v1/responses", `{"model":"%","input":"Hi"}`, "response.completed"},
	{"converse", "/bedrock/model/%/converse", "/bedrock/model/%/converse-stream", `{"messages":[` + converseUser + `]}`, `"latencyMs"`},
}

// ask sends a request for a model to one of the ends.
func (c *client) ask(i int, model string, stream bool) (reply, error) {
	c.t.Helper()
	path, body := ends[i].path, ends[i].body
	if stream {
		if path = ends[i].stream; path == ends[i].path {
			body = strings.Replace(body, "{", `{"stream":true,`, 1)
		}
	}
	return c.do(http.MethodPost, strings.ReplaceAll(path, "%", model), strings.ReplaceAll(body, "%", model))
}

func TestFaultsBeforeAnAnswer(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for i, end := range ends {
		for model, want := range map[string]struct {
			status int
			text   string
		}{
			"sim-e400": {400, "script"}, "sim-e401": {401, ""}, "sim-e402": {402, ""}, "sim-e403": {403, ""}, "sim-e404": {404, ""},
			"sim-e413": {413, ""}, "sim-e429-ra7": {429, ""}, "sim-e500": {500, ""}, "sim-e503": {503, ""}, "sim-e529": {529, ""},
			"sim-quota": {429, ""}, "sim-ctx": {400, ""}, "sim-html": {502, "<html>"}, "nonesuch": {404, "nonesuch"},
		} {
			if end.name == "converse" && model == "nonesuch" {
				want.status, want.text = 400, "identifier is invalid"
			}
			for _, stream := range []bool{false, true} {
				got, err := c.ask(i, model, stream)
				if err != nil || got.status != want.status || !strings.Contains(got.body, want.text) {
					t.Errorf("%s, %s: got %+v, %v; want %d with %q", end.name, model, got, err, want.status, want.text)
				}
				if after := got.header.Get("Retry-After"); (after == "7") != strings.HasSuffix(model, "ra7") {
					t.Errorf("%s, %s: got Retry-After %q", end.name, model, after)
				}
			}
		}
	}
}

func TestErrorBodiesAreTheVendors(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, test := range []struct {
		end         int
		model, want string
	}{
		{0, "sim-quota", `"type":"insufficient_quota","param":null,"code":"insufficient_quota"`},
		{0, "sim-ctx", `"code":"context_length_exceeded"`},
		{0, "sim-e429", `"code":"rate_limit_exceeded"`},
		{1, "sim-quota", `"error_code":"enforced_spend_limit_reached"`},
		{1, "sim-ctx", `prompt is too long`},
		{1, "sim-e529", `"type":"overloaded_error"`},
		{2, "sim-quota", `PerDay`},
		{2, "sim-ctx", `input token count`},
		{2, "sim-e429-ra7", `"retryDelay":"7s"`},
		{2, "sim-e503", `"status":"UNAVAILABLE"`},
		{3, "sim-e500", `"type":"server_error"`},
	} {
		if got, err := c.ask(test.end, test.model, false); err != nil || !strings.Contains(got.body, test.want) {
			t.Errorf("%s, %s: got %s, %v; want %s", ends[test.end].name, test.model, got.body, err, test.want)
		}
	}
	for path, want := range map[string]string{
		"/openrouter/api/v1/chat/completions": `{"error":{"code":402,`, "/deepseek/chat/completions": `Insufficient Balance`,
	} {
		if got := c.post(path, strings.ReplaceAll(ends[0].body, "%", "sim-quota")); got.status != http.StatusPaymentRequired || !strings.HasPrefix(got.body, `{"error":{`) || !strings.Contains(got.body, want) {
			t.Errorf("%s: got %d %s, want 402 with %s", path, got.status, got.body, want)
		}
	}
}

func TestFaultsInsideAStream(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for i, end := range ends {
		whole, err := c.ask(i, "sim-n6", true)
		if err != nil || whole.err != nil || !strings.Contains(whole.body, end.terminator) {
			t.Fatalf("%s: got %+v, %v; want a whole stream", end.name, whole, err)
		}
		for model, want := range map[string]struct {
			breaks bool
			text   string
		}{
			"sim-n6-cut3": {true, ""}, "sim-n6-cut99": {true, ""}, "sim-n6-cut0": {true, ""},
			"sim-n6-end3": {false, ""}, "sim-n6-end99": {false, ""},
			"sim-n6-err3": {false, `error`}, "sim-e529-n6-err3": {false, `verloaded`}, "sim-err0": {false, `error`},
		} {
			got, err := c.ask(i, model, true)
			if err != nil || got.status != http.StatusOK || (got.err != nil) != want.breaks || !strings.Contains(got.body, want.text) || strings.Contains(got.body, end.terminator) {
				t.Errorf("%s, %s: got %+v, %v; want a break %v, %q and no %s", end.name, model, got, err, want.breaks, want.text, end.terminator)
			}
		}
		if got, err := c.ask(i, "sim-n6-bad3", true); err != nil || !strings.Contains(got.body, "no JSON") || !strings.Contains(got.body, end.terminator) {
			t.Errorf("%s: got %+v, %v; want a malformed chunk", end.name, got, err)
		}
		if got, err := c.ask(i, "sim-wholestream", true); err != nil || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %+v, %v; want a whole answer", end.name, got, err)
		}
	}
}

// What holds no answer looks like one at first: it comes under 200.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for i, end := range ends {
		for model, want := range map[string]string{"sim-odd": `"version":"1.7.2"`, "sim-site": "<title>Welcome</title>", "sim-none": ""} {
			for _, stream := range []bool{false, true} {
				got, err := c.ask(i, model, stream)
				if err != nil || got.err != nil || got.status != http.StatusOK || !strings.Contains(got.body, want) || strings.Contains(got.body, `"text":"`) {
					t.Errorf("%s, %s, stream %v: got %+v, %v", end.name, model, stream, got, err)
				}
			}
		}
	}
	for _, i := range []int{0, 2} {
		if got, err := c.ask(i, "sim-none", false); err != nil || strings.Contains(got.body, `"role"`) {
			t.Errorf("%s: got %s, %v; want no choice", ends[i].name, got.body, err)
		}
	}
}

func TestFaultsInsideAWholeAnswer(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for i, end := range ends {
		for _, model := range []string{"sim-cut1", "sim-end1"} {
			if got, err := c.ask(i, model, false); err != nil || got.err == nil {
				t.Errorf("%s, %s: got %+v, %v; want a broken body", end.name, model, got, err)
			}
		}
		var v any
		if got, err := c.ask(i, "sim-err1", false); err != nil || got.status != http.StatusOK || !strings.Contains(got.body, `error`) {
			t.Errorf("%s: got %+v, %v; want an error in a 200", end.name, got, err)
		} else {
			read(t, got.body, &v)
		}
		if got, err := c.ask(i, "sim-reset", false); err == nil {
			t.Errorf("%s: got %+v, want a reset connection", end.name, got)
		}
	}
}

func TestUsageCanBeMissing(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for i, end := range ends {
		for _, stream := range []bool{false, true} {
			got, err := c.ask(i, "sim-nousage", stream)
			if err != nil || strings.Contains(got.body, "okens\":") && !strings.Contains(got.body, `"max_output_tokens":null`) || strings.Contains(got.body, "promptTokenCount") {
				t.Errorf("%s, stream %v: got %s, %v; want no usage", end.name, stream, got.body, err)
			}
		}
	}
}

func TestHangAndStallEndWithTheClient(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for model, headers := range map[string]bool{"sim-hang": false, "sim-stall": true, "sim-n4-stall2": true, "sim-crawl": true} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server.URL+ends[0].path, strings.NewReader(strings.Replace(strings.ReplaceAll(ends[0].body, "%", model), "{", `{"stream":true,`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = c.header
		resp, err := http.DefaultClient.Do(r)
		if (err == nil) != headers {
			t.Errorf("%s: got error %v, want headers: %v", model, err, headers)
		}
		if err == nil {
			var buf [1 << 16]byte
			for err == nil {
				_, err = resp.Body.Read(buf[:])
			}
			if ctx.Err() == nil {
				t.Errorf("%s: the stream ended with %v before the client left", model, err)
			}
			_ = resp.Body.Close()
		}
		cancel()
	}
}

func TestHugeLineIsBounded(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	got, err := c.ask(0, "sim-huge", true)
	if err != nil || len(got.body) < maxHuge || len(got.body) > maxHuge+1<<20 || strings.Contains(got.body, "\n") {
		t.Errorf("got %d bytes, %v", len(got.body), err)
	}
}

func TestScriptQueuesFaults(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	order := func(body string, want int) {
		t.Helper()
		if got := c.post("/sim/script", body); got.status != want {
			t.Errorf("%s: got %d %s, want %d", body, got.status, got.body, want)
		}
	}
	statuses := func(model string, want ...int) {
		t.Helper()
		for n, status := range want {
			if got, err := c.ask(0, model, false); err != nil || got.status != status {
				t.Errorf("request %d of %s: got %d, %v; want %d", n, model, got.status, err, status)
			}
		}
	}
	order(`{"model":"gpt-4o","faults":["e500","e429-ra3","ok"],"then":"ok"}`, http.StatusNoContent)
	statuses("gpt-4o-mini", 200)
	statuses("gpt-4o", 500, 429, 200, 200)
	order(`{"model":"gpt-4o","faults":["ok"],"then":"e503"}`, http.StatusNoContent)
	statuses("gpt-4o", 200, 503, 503)
	order(`{"model":"gpt-4o"}`, http.StatusNoContent)
	statuses("gpt-4o", 200)
	if err := c.sim.Script("sim", []string{"html"}, ""); err != nil {
		t.Error(err)
	}
	statuses("sim", 502, 200)
	order(`{"model":"sim","faults":["nonsense"]}`, http.StatusBadRequest)
	order(`{"faults":["e500"]}`, http.StatusBadRequest)
	order(`{"model":"sim","fault":["e500"]}`, http.StatusBadRequest)
}
