package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The upstream answers at once what was made beforehand, in four formats. A
// model named n200-d20 streams 200 chunks 20 ms apart.

type script struct {
	chunks int
	status int // of a failure; 0: it answers
	delay  time.Duration
}

func scriptOf(text string) script {
	s := script{chunks: 1}
	at := strings.Index(text, "bench-")
	if at < 0 {
		return s
	}
	for _, f := range strings.FieldsFunc(text[at+6:min(len(text), at+40)], func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		n, err := strconv.Atoi(f[1:])
		if err != nil {
			break
		}
		switch f[0] {
		case 'e':
			s.status = n
		case 'n':
			s.chunks = n
		case 'd':
			s.delay = time.Duration(n) * time.Millisecond
		}
	}
	return s
}

// dialect is one format's answer: whole, and as pieces of a stream.
type dialect struct{ whole, head, chunk, tail string }

const words = "some words of an answer, "

var dialects = map[string]dialect{
	"chat": {
		whole: `{"id":"c1","object":"chat.completion","created":1770933892,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat(words, 40) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":200,"total_tokens":210}}`,
		head:  `data: {"id":"c1","object":"chat.completion.chunk","created":1770933892,"model":"bench","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n",
		chunk: `data: {"id":"c1","object":"chat.completion.chunk","created":1770933892,"model":"bench","system_fingerprint":"fp_de604bd877","choices":[{"index":0,"delta":{"content":"` + words + `"},"logprobs":null,"finish_reason":null}]}` + "\n\n",
		tail:  `data: {"id":"c1","object":"chat.completion.chunk","created":1770933892,"model":"bench","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" + `data: {"id":"c1","object":"chat.completion.chunk","created":1770933892,"model":"bench","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":200,"total_tokens":210}}` + "\n\ndata: [DONE]\n\n",
	},
	"messages": {
		whole: `{"id":"m1","type":"message","role":"assistant","model":"bench","content":[{"type":"text","text":"` + strings.Repeat(words, 40) + `"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":200}}`,
		head:  "event: message_start\n" + `data: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"bench","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}}` + "\n\nevent: content_block_start\n" + `data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n",
		chunk: "event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + words + `"}}` + "\n\n",
		tail:  "event: content_block_stop\n" + `data: {"type":"content_block_stop","index":0}` + "\n\nevent: message_delta\n" + `data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":10,"output_tokens":200}}` + "\n\nevent: message_stop\n" + `data: {"type":"message_stop"}` + "\n\n",
	},
	"gemini": {
		whole: `{"candidates":[{"content":{"parts":[{"text":"` + strings.Repeat(words, 40) + `"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":200,"totalTokenCount":210},"modelVersion":"bench","responseId":"g1"}`,
		chunk: `data: {"candidates":[{"content":{"parts":[{"text":"` + words + `"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":30},"modelVersion":"bench","responseId":"g1"}` + "\n\n",
		tail:  `data: {"candidates":[{"content":{"parts":[{"text":"."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":200,"totalTokenCount":210},"modelVersion":"bench","responseId":"g1"}` + "\n\n",
	},
	"responses": {
		whole: `{"id":"r1","object":"response","created_at":1770933892,"status":"completed","model":"bench","output":[{"id":"msg1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"` + strings.Repeat(words, 40) + `","annotations":[]}]}],"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":0},"output_tokens":200,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":210}}`,
		head: named("response.created", `"sequence_number":0,"response":{"id":"r1","object":"response","created_at":1770933892,"status":"in_progress","model":"bench","output":[]}`) +
			named("response.output_item.added", `"sequence_number":1,"output_index":0,"item":{"id":"msg1","type":"message","role":"assistant","status":"in_progress","content":[]}`) +
			named("response.content_part.added", `"sequence_number":2,"output_index":0,"content_index":0,"item_id":"msg1","part":{"type":"output_text","text":"","annotations":[]}`),
		chunk: named("response.output_text.delta", `"sequence_number":3,"output_index":0,"content_index":0,"item_id":"msg1","delta":"`+words+`"`),
		tail: named("response.output_text.done", `"sequence_number":4,"output_index":0,"content_index":0,"item_id":"msg1","text":"x"`) +
			named("response.content_part.done", `"sequence_number":5,"output_index":0,"content_index":0,"item_id":"msg1","part":{"type":"output_text","text":"x","annotations":[]}`) +
			named("response.output_item.done", `"sequence_number":6,"output_index":0,"item":{"id":"msg1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"x","annotations":[]}]}`) +
			named("response.completed", `"sequence_number":7,"response":{"id":"r1","object":"response","created_at":1770933892,"status":"completed","model":"bench","output":[{"id":"msg1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"x","annotations":[]}]}],"usage":{"input_tokens":10,"output_tokens":200,"total_tokens":210}}`),
	},
}

func named(event, fields string) string {
	return "event: " + event + "\ndata: {\"type\":\"" + event + "\"," + fields + "}\n\n"
}

func dialectOf(path string) string {
	switch {
	case strings.HasSuffix(path, "/chat/completions"):
		return "chat"
	case strings.HasSuffix(path, "/messages"):
		return "messages"
	case strings.HasSuffix(path, "/responses"):
		return "responses"
	}
	return "gemini"
}

func serveUpstream(addr string) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.URL.Path, "v1beta") {
			fmt.Fprint(w, `{"models":[{"name":"models/bench","supportedGenerationMethods":["generateContent"]}]}`)
			return
		}
		fmt.Fprint(w, `{"object":"list","data":[{"id":"bench","object":"model","created":1,"owned_by":"bench"}],"has_more":false}`)
	})
	serveLists(mux)
	mux.HandleFunc("POST /", answer)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, mux)) //nolint:gosec // a loopback stand-in for a provider
}

func answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	d := dialects[dialectOf(r.URL.Path)]
	stream := strings.Contains(r.URL.Path, ":stream") || bytes.Contains(body, []byte(`"stream":true`))
	s := scriptOf(r.URL.Path + string(body[:min(len(body), 4096)]))
	if s.status != 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(s.status)
		io.WriteString(w, `{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}`) //nolint:errcheck // the client's loss
		return
	}
	if !stream {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(d.whole)))
		io.WriteString(w, d.whole) //nolint:errcheck // the client's loss
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	ctl := http.NewResponseController(w)
	send := func(text string) bool {
		_, err := io.WriteString(w, text)
		return err == nil && ctl.Flush() == nil
	}
	if d.head != "" && !send(d.head) {
		return
	}
	tick := time.NewTicker(max(s.delay, time.Microsecond))
	defer tick.Stop()
	for range s.chunks {
		if s.delay > 0 {
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
		if !send(d.chunk) {
			return
		}
	}
	send(d.tail)
}

// serveProxy is the least a gateway in Go can cost: it reads the request in
// whole, since any gateway that may try twice must, and copies the rest.
func serveProxy(addr, upstream string) {
	target, err := url.Parse(upstream)
	if err != nil {
		log.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2048, IdleConnTimeout: 90 * time.Second},
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // loopback only
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		proxy.ServeHTTP(w, r)
	})))
}
