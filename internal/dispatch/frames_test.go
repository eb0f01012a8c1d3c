package dispatch_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
)

// framed is one frame of a stream of Bedrock's.
func framed(t *testing.T, kind, name, payload string) string {
	t.Helper()
	var m eventstream.Message
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
	m.Payload = []byte(payload)
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A format that no client speaks is called all the same: its streams are known by
// its own type, its answers by the id beside them, and how they break is told.
func TestAFormatThatNoClientSpeaks(t *testing.T) {
	t.Parallel()
	const id, whole = "b1946ac9-2492-4d3b-9a0b-000000000001", `{"output":{"message":{"role":"assistant","content":[{"text":"hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}`
	event := func(name, payload string) string { return framed(t, "event", name, payload) }
	said := event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"hello"}}`)
	start, done := event("messageStart", `{"role":"assistant"}`), event("messageStop", `{"stopReason":"end_turn"}`)+event("metadata", `{"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}`)
	for name, c := range map[string]struct {
		typ    string
		pieces []any
		client string
		status dispatch.Status
		kind   llm.Kind
	}{
		"a stream":                     {"application/vnd.amazon.eventstream", []any{start, said, 20 * time.Second, done}, streamed, dispatch.StatusOK, ""},
		"a whole answer for a stream":  {"application/json", []any{whole}, streamed, dispatch.StatusOK, ""},
		"a whole answer":               {"application/json", []any{whole}, asked, dispatch.StatusOK, ""},
		"a stream that ends early":     {"application/vnd.amazon.eventstream", []any{start, said}, streamed, dispatch.StatusCut, llm.KindTruncated},
		"a frame that is cut":          {"application/vnd.amazon.eventstream", []any{start, said, done[:40]}, streamed, dispatch.StatusCut, llm.KindTruncated},
		"a frame that is altered":      {"application/vnd.amazon.eventstream", []any{start, said, strings.Replace(said, "hello", "jello", 1)}, streamed, dispatch.StatusCut, llm.KindUpstream},
		"an exception":                 {"application/vnd.amazon.eventstream", []any{start, said, framed(t, "exception", "throttlingException", `{"message":"slowly"}`)}, streamed, dispatch.StatusCut, llm.KindRateLimit},
		"an exception before any word": {"application/vnd.amazon.eventstream", []any{start, framed(t, "exception", "modelStreamErrorException", `{"message":"no"}`)}, streamed, dispatch.StatusError, llm.KindUpstream},
	} {
		bubble(t, func(t *testing.T) {
			path := ""
			r := newRig(t, rigOptions{typ: "bedrock", options: map[string]string{"region": "us-east-1"}}, func(w http.ResponseWriter, q *http.Request) {
				path = q.URL.EscapedPath()
				w.Header().Set("X-Amzn-Requestid", id)
				w.Header().Set("Content-Type", c.typ)
				_ = http.NewResponseController(w).Flush() // a client that left shows in the test's end
				for _, p := range c.pieces {
					if d, ok := p.(time.Duration); ok {
						time.Sleep(d)
					} else if _, err := w.Write([]byte(p.(string))); err == nil {
						_ = http.NewResponseController(w).Flush()
					}
				}
			})
			o := r.runAs("amazon.nova-lite-v1:0", r.call(llm.FormatChat, c.client))
			want := "/model/amazon.nova-lite-v1%3A0/converse"
			if c.client == streamed {
				want += "-stream"
			}
			last := o.Last()
			if path != want || o.Status != c.status || last.Format != llm.FormatConverse || last.Forwarded || (o.Err == nil) != (c.kind == "") || o.Err != nil && o.Err.Kind != c.kind {
				t.Fatalf("%s: %s %s %v", name, path, o.Status, o.Err)
			}
			if c.status == dispatch.StatusError {
				return
			}
			text := string(o.Body) + r.out.text()
			if !strings.Contains(text, "hello") || !strings.Contains(text, `"id":"chatcmpl-`+id+`"`) || strings.Contains(text, "jello") {
				t.Errorf("%s: %s", name, text)
			}
			if u := last.Metered.Usage; c.status == dispatch.StatusOK && (u.Input != 3 || u.Output != 2 || u.Quality != llm.QualityExact) {
				t.Errorf("%s: %+v", name, u)
			}
			if len(c.pieces) > 3 && !strings.Contains(text, ": ping") {
				t.Errorf("%s: a silence isn't bridged: %s", name, text)
			}
		})
	}
}
