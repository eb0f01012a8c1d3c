package dispatch_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

func TestTimeouts(t *testing.T) {
	limits := provider.Timeout{Connect: 7 * time.Second, FirstByte: 20 * time.Second, Idle: 30 * time.Second, Total: 5 * time.Minute}
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, c := range []struct {
		name    string
		body    string
		handler http.HandlerFunc
		dial    func(ctx context.Context, network, address string) (net.Conn, error)
		asks    time.Duration    // the client's own limit
		work    provider.Timeout // the workload's
		after   time.Duration
		status  dispatch.Status
		says    string
	}{
		{name: "no connection", body: asked, dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, after: 7 * time.Second, status: dispatch.StatusError, says: "cannot reach"},
		{name: "no first byte", body: asked, handler: silent, after: 20 * time.Second, status: dispatch.StatusError, says: "no answer within 20s"},
		{name: "no first byte of a stream", body: streamed, handler: silent, after: 20 * time.Second, status: dispatch.StatusError, says: "no answer within 20s"},
		{name: "half an answer", body: asked, handler: func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(answered[:40]))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, after: 30 * time.Second, status: dispatch.StatusError, says: "stood still for 30s"},
		{name: "a refusal without end", body: asked, handler: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(`{"error":`))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, after: 30 * time.Second, status: dispatch.StatusError, says: "stood still for 30s"},
		{name: "a stream that never begins", body: streamed, handler: func(w http.ResponseWriter, r *http.Request) {
			say(w, began)
			<-r.Context().Done()
		}, after: 20 * time.Second, status: dispatch.StatusError, says: "no answer within 20s"},
		{name: "a stream that stops", body: streamed, handler: func(w http.ResponseWriter, r *http.Request) {
			say(w, began, 19*time.Second, word, 29*time.Second, word)
			<-r.Context().Done()
		}, after: 78 * time.Second, status: dispatch.StatusCut, says: "stood still for 30s"},
		{name: "a stream without end", body: streamed, handler: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				say(w, word, time.Second)
			}
		}, after: 5 * time.Minute, status: dispatch.StatusCut, says: "no whole answer within 5m0s"},
		{name: "comments without end", body: streamed, handler: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				say(w, ": wait\n\n", time.Second)
			}
		}, after: 20 * time.Second, status: dispatch.StatusError, says: "no answer within 20s"},
		{name: "a whole answer of line ends", body: asked, handler: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("\n"))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		}, after: 20 * time.Second, status: dispatch.StatusError, says: "no answer within 20s"},
		{name: "the client's own limit", body: asked, handler: silent, asks: 3 * time.Second, after: 3 * time.Second, status: dispatch.StatusError, says: "no whole answer within 3s"},
		{name: "a workload's limit of connecting", body: asked, work: provider.Timeout{Connect: 2 * time.Second}, dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, after: 2 * time.Second, status: dispatch.StatusError, says: "cannot reach"},
		{name: "a workload's longer limit of connecting", body: asked, work: provider.Timeout{Connect: 9 * time.Second}, dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, after: 9 * time.Second, status: dispatch.StatusError, says: "cannot reach"},
		{name: "a workload's limit of the first byte", body: streamed, handler: silent, work: provider.Timeout{FirstByte: 4 * time.Second}, after: 4 * time.Second, status: dispatch.StatusError, says: "no answer within 4s"},
		{name: "a workload's longer limit of the first byte", body: asked, handler: silent, work: provider.Timeout{FirstByte: time.Minute}, after: time.Minute, status: dispatch.StatusError, says: "no answer within 1m0s"},
		{name: "a workload's limit of silence", body: streamed, work: provider.Timeout{Idle: 3 * time.Second}, handler: func(w http.ResponseWriter, r *http.Request) {
			say(w, began, 2*time.Second, word, 2*time.Second, word)
			<-r.Context().Done()
		}, after: 7 * time.Second, status: dispatch.StatusCut, says: "stood still for 3s"},
		{name: "a workload's total beyond the account's", body: streamed, work: provider.Timeout{Total: 10 * time.Minute}, handler: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				say(w, word, time.Second)
			}
		}, after: 10 * time.Minute, status: dispatch.StatusCut, says: "no whole answer within 10m0s"},
		{name: "a client's limit beyond the account's", body: asked, handler: silent, asks: time.Hour, after: 20 * time.Second, status: dispatch.StatusError, says: "no answer within 20s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, rigOptions{timeout: limits, dial: c.dial}, c.handler)
				call := r.call(llm.FormatChat, c.body)
				call.Timeout, call.Limits = c.asks, c.work
				o, _ := r.run(t.Context(), call)
				if took := time.Since(r.out.start); took != c.after {
					t.Errorf("ended after %s, want %s", took, c.after)
				}
				if o.Status != c.status || o.Err == nil || !strings.Contains(o.Err.Message, c.says) {
					t.Errorf("%s: %v", o.Status, o.Err)
				}
				if c.says != "cannot reach" && (o.Err == nil || o.Err.Kind != llm.KindTimeout) {
					t.Errorf("%+v", o.Err)
				}
				if d := cmp.Diff([]string{"open 0", "done 0 " + string(c.status)}, r.events); d != "" {
					t.Error(d)
				}
				ends := strings.Contains(r.out.text(), `"error"`)
				if want := len(r.out.commits) > 0; ends != want {
					t.Errorf("committed %v, and the client was told of the error: %v\n%s", want, ends, r.out.text())
				}
			})
		})
	}
}

func TestSilenceIsBridgedInTheClientsFormat(t *testing.T) {
	late := func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(25 * time.Second)
		say(w, began, word, finish, used, end)
	}
	for f, ping := range map[llm.Format]string{
		llm.FormatChat: ":", llm.FormatResponses: ":", llm.FormatMessages: "event: ping\n", llm.FormatGemini: "\n\n",
	} {
		t.Run(string(f), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				body := map[llm.Format]string{
					llm.FormatChat: streamed, llm.FormatGemini: streamed,
					llm.FormatMessages:  `{"model":"m","stream":true,"max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`,
					llm.FormatResponses: `{"model":"m","stream":true,"store":false,"input":"hi"}`,
				}[f]
				r := newRig(t, rigOptions{}, late)
				o, committed := r.run(t.Context(), r.call(f, body))
				if o.Status != dispatch.StatusOK || !committed {
					t.Fatalf("%s %v", o.Status, o.Err)
				}
				if d := cmp.Diff([]string{"10s early true attempt false"}, r.out.commits); d != "" {
					t.Error(d)
				}
				for i, at := range []time.Duration{10 * time.Second, 20 * time.Second} {
					p := r.out.flushed[i]
					if p.at != at || !strings.HasPrefix(p.text, ping) {
						t.Errorf("at %s: %q", p.at, p.text)
					}
				}
				if text := r.out.text(); !strings.Contains(text, "hello") || f == llm.FormatGemini && strings.Contains(text, ":\n") {
					t.Errorf("%s", text)
				}
			})
		})
	}
}

func TestPingsStopWhenSomethingIsSaid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, rigOptions{}, func(w http.ResponseWriter, _ *http.Request) {
			say(w, began, word, 8*time.Second, word, 8*time.Second, word, 11*time.Second, word, finish, used, end)
		})
		o, _ := r.run(t.Context(), r.call(llm.FormatChat, streamed))
		if o.Status != dispatch.StatusOK {
			t.Fatalf("%s %v", o.Status, o.Err)
		}
		if n := strings.Count("\n"+r.out.text(), "\n:"); n != 1 {
			t.Errorf("%d pings, want the one of the long pause:\n%s", n, r.out.text())
		}
		n := len(r.out.flushed)
		time.Sleep(time.Minute)
		if len(r.out.flushed) != n {
			t.Errorf("written after the end: %v", r.out.flushed[n:])
		}
	})
}
