package provider_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
)

// A body's room is used again as soon as the provider says that it was sent. No
// request may then read it: here it is overwritten at once, while providers answer
// before they have read, hang up, and clients leave.
func TestBodiesAreSentBeforeTheirRoomIsUsedAgain(t *testing.T) {
	t.Parallel()
	var read, early atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("do") {
		case "refuse":
			early.Add(1)
			http.Error(w, "{}", http.StatusBadRequest)
			return
		case "hang up":
			panic(http.ErrAbortHandler)
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client left
		}
		if size, _ := strconv.Atoi(r.URL.Query().Get("size")); len(b) != size || bytes.Count(b, b[:1]) != size || string(b[:1]) != r.URL.Query().Get("of") {
			t.Errorf("%d bytes that begin with %.20q, want %d of %q", len(b), b, size, r.URL.Query().Get("of"))
		}
		read.Add(1)
	}))
	defer srv.Close()
	profile, err := provider.ProfileAt("openai", srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	a, err := provider.NewAccount(provider.Options{Name: "up", Profile: profile, BaseURL: srv.URL, Keys: []string{"key-one"}, Formats: map[llm.Format]string{llm.FormatChat: ""}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var lent, back atomic.Int64
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			key, _ := a.Pick(nil, "")
			for i := range 40 {
				size, of := 20_000+997*((worker*40+i)%100), string(rune('a'+(worker+i)%26))
				body := bytes.Repeat([]byte(of), size)
				do := []string{"read", "refuse", "read", "hang up", "leave"}[(worker+i)%5]
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				if do == "leave" {
					time.AfterFunc(time.Duration(i%7)*100*time.Microsecond, cancel)
				}
				lent.Add(1)
				resp, err := a.Send(ctx, llm.FormatChat, wire.Outbound{
					Path: "/chat/completions", Body: body, Model: "m",
					Query: map[string][]string{"do": {do}, "of": {of}, "size": {fmt.Sprint(size)}},
					Sent: func() {
						back.Add(1)
						for i := range body {
							body[i] = '#'
						}
					},
				}, nil, key)
				if err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				cancel()
			}
		})
	}
	all.Wait()
	a.Close()
	for end := time.Now().Add(5 * time.Second); back.Load() < lent.Load() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if lent.Load() != back.Load() || read.Load() < 200 || early.Load() < 100 {
		t.Errorf("%d rooms lent, %d came back; %d bodies read, %d refused early", lent.Load(), back.Load(), read.Load(), early.Load())
	}
}
