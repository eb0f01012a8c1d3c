package gateway_test

import (
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/health"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// Where all that is well can't do what is asked, what can and rests is asked.
func TestWhatRestsIsAskedWhereTheOthersCant(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.Dispatcher.Health = health.New(func() time.Time { return p.now })
	st := *p.State()
	st.Routes = router.NewRoutes(router.Policy{Aliases: map[string][]string{"vectors": {"disk/m", "quick/m"}}}, st.View(), p.now)
	p.Swap(&st)
	raw := wire.RawRequest{Method: "POST", Path: "/v1/embeddings", Body: []byte(`{"model":"vectors","input":"hi"}`)}
	peeked, err := chat.Format{}.PeekEmbed(raw)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() *gateway.Exchange {
		x, err := p.Embed(t.Context(), gateway.Call{Format: chat.Format{}, Raw: raw, Peeked: peeked, Caller: acme})
		if x == nil {
			t.Fatalf("nobody was asked: %v", err)
		}
		return x
	}
	if x := ask(); x.Provider != "quick" {
		t.Errorf("%+v", x)
	}
	for _, key := range []string{"quick-1", "quick-2"} {
		p.Dispatcher.Health.Ended(health.Place{Account: "quick", Key: provider.HintOf(key), Model: "m"}, health.Result{Kind: llm.KindRateLimit, RetryAfter: time.Minute})
	}
	if x := ask(); x.Provider != "quick" {
		t.Errorf("%+v", x)
	}
}
