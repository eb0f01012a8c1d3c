package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/idempotency"
	"github.com/oidostudio/oido/internal/llm"
)

// maxIdempotencyKey is the longest key in bytes, as elsewhere.
const maxIdempotencyKey = 255

// claim begins a request that came with an idempotency key. A nil claim says that
// it has been answered: by the answer that it had before, or by a refusal.
func (s *Inference) claim(r *request, call *gateway.Call, keys []string) *idempotency.Claim {
	if len(keys) != 1 || keys[0] == "" || len(keys[0]) > maxIdempotencyKey {
		s.refuse(r, &llm.Error{
			Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Param: idempotencyKey,
			Message: idempotencyKey + ": send one key of 1 to " + strconv.Itoa(maxIdempotencyKey) + " bytes, a new one for each request that is meant",
		})
		return nil
	}
	c, again, err := s.Repeats.Begin(r.Context(), idempotency.Request{
		Org: r.caller.Org, Caller: r.caller.KeyID, User: call.User(), Key: keys[0], Path: r.URL.Path, Body: call.Raw.Body,
	})
	switch {
	case errors.Is(err, idempotency.ErrRunning):
		s.refuse(r, &llm.Error{
			Kind: llm.KindConflict, Status: http.StatusConflict, Code: "idempotency_key_in_use", Param: idempotencyKey, RetryAfter: time.Second,
			Message: "a request with this " + idempotencyKey + " is still being answered: send it again when that has ended",
		})
	case err != nil:
		s.refuse(r, &llm.Error{
			Kind: llm.KindBadRequest, Status: http.StatusUnprocessableEntity, Code: "idempotency_key_reused", Param: idempotencyKey,
			Message: "this " + idempotencyKey + " was used for a request with another body or path: use a new one for each request that is meant",
		})
	case again != nil:
		s.again(r, again)
	}
	return c
}

const idempotencyKey = "Idempotency-Key"

// again gives an answer that was given before.
func (s *Inference) again(r *request, a *idempotency.Answer) {
	h := r.Header2()
	for name, value := range a.Header {
		h[name] = []string{value}
	}
	h["Idempotent-Replayed"] = []string{"true"}
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "answered again", slog.String("request", r.id), slog.String("turn", a.Header["X-Oido-Turn"]))
	s.send(r, a.Body)
}

// keep keeps the answer whose head has been written into the header.
func keep(r *request, c *idempotency.Claim, body []byte) {
	if c == nil {
		return
	}
	a := idempotency.Answer{Header: map[string]string{}, Body: body}
	for name, values := range r.Header2() {
		if strings.HasPrefix(name, "X-Oido-") {
			a.Header[name] = values[0]
		}
	}
	c.Finish(a)
}
