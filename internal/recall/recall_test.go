package recall_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/recall"
	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/writebehind"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var origin = llm.Origin{Provider: "anthropic", Model: "claude", Account: "k1"}

func blob(data string) *llm.Blob {
	return &llm.Blob{Kind: llm.BlobSignature, Data: data, Origin: origin}
}

var answer = []llm.Part{
	llm.Reasoning{Text: "first", Blob: blob("s1")},
	llm.Text{Text: "I'll look."},
	llm.ToolCall{ID: "c1", Name: "weather", Arguments: "{}", Blob: blob("s2")},
	llm.ToolCall{ID: "c2", Name: "time", Arguments: "{}"},
}

// stripped is the conversation as a client that loses reasoning sends it back.
func stripped() *llm.Request {
	return &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "weather?"}}},
		{Role: llm.RoleAssistant, Parts: []llm.Part{
			llm.Text{Text: "I'll look."},
			llm.ToolCall{ID: "c1", Name: "weather", Arguments: "{}"},
			llm.ToolCall{ID: "c2", Name: "time", Arguments: "{}"},
		}},
		{Role: llm.RoleTool, Parts: []llm.Part{llm.ToolResult{CallID: "c1"}, llm.ToolResult{CallID: "c2"}}},
	}}
}

func all(llm.Message) bool { return true }

// table is a store in memory.
type table struct {
	rows map[string][]byte
	err  error
}

func (s *table) Write(_ context.Context, rows []writebehind.Row) error {
	for _, r := range rows {
		s.rows[r.Org+r.Key] = r.Data
	}
	return s.err
}

func (s *table) Read(_ context.Context, org, key string, now time.Time) (*writebehind.Row, error) {
	if s.err != nil || s.rows[org+key] == nil {
		return nil, s.err
	}
	return &writebehind.Row{Data: s.rows[org+key], Expires: now.Add(time.Hour)}, nil
}

func (*table) Forget(context.Context, time.Time) (bool, error) { return false, nil }

func memory(t *testing.T, store writebehind.Table, bytes int) *recall.Memory {
	t.Helper()
	s, err := seal.New([]byte("a secret of some length"), "reasoning")
	if err != nil {
		t.Fatal(err)
	}
	return recall.New(recall.Options{Cache: writebehind.Options{Sealer: s, Table: store, Log: slog.New(slog.DiscardHandler), Bytes: bytes}})
}

func TestReasoningComesBackToItsMaker(t *testing.T) {
	t.Parallel()
	m := memory(t, nil, 0)
	defer m.Close()
	m.Keep("org", "ada", "weather?", answer)
	got, changed, err := m.Restore(t.Context(), "org", "ada", stripped(), origin, all)
	if err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if d := cmp.Diff(answer, got.Messages[1].Parts); d != "" {
		t.Error(d)
	}
}

// Some clients of Chat Completions send the readable reasoning back, which nobody
// signed.
func TestPlainTextDoesNotStandForWhatWasSigned(t *testing.T) {
	t.Parallel()
	m := memory(t, nil, 0)
	defer m.Close()
	m.Keep("org", "ada", "weather?", answer)
	spoken := func(text string) *llm.Request {
		req := stripped()
		plain := llm.Reasoning{Text: text, Blob: &llm.Blob{Kind: llm.BlobPlain}}
		req.Messages[1].Parts = append([]llm.Part{plain}, req.Messages[1].Parts...)
		return req
	}
	got, changed, err := m.Restore(t.Context(), "org", "ada", spoken("first"), origin, all)
	if err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if d := cmp.Diff(answer, got.Messages[1].Parts); d != "" {
		t.Error(d)
	}
	// Where the maker asks for plain text, the client's own is as good.
	unsigned := llm.Reasoning{Text: "first", Blob: &llm.Blob{Kind: llm.BlobPlain, Origin: origin}}
	m.Keep("org", "ada", "weather?", []llm.Part{unsigned, llm.ToolCall{ID: "c1"}, llm.ToolCall{ID: "c2"}})
	if _, changed, err := m.Restore(t.Context(), "org", "ada", spoken("first"), origin, all); changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
	if _, changed, err := m.Restore(t.Context(), "org", "ada", stripped(), origin, all); !changed || err != nil {
		t.Errorf("stripped: changed %v, %v", changed, err)
	}
}

// A stream that broke before the signature leaves thoughts that nobody takes.
func TestThoughtsWithoutSignatureAreNotKept(t *testing.T) {
	t.Parallel()
	store := &table{rows: map[string][]byte{}}
	m := memory(t, store, 0)
	m.Keep("org", "ada", "weather?", []llm.Part{llm.Reasoning{Text: "fir"}, llm.Text{Text: "I'll look."}, llm.ToolCall{ID: "c1"}, llm.ToolCall{ID: "c2"}})
	if _, changed, err := m.Restore(t.Context(), "org", "ada", stripped(), origin, all); changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
	m.Close()
	if len(store.rows) != 0 {
		t.Errorf("%d rows", len(store.rows))
	}
}

// TestTextAloneIsNotTheReasoning has a client send the readable reasoning back,
// which is all that its format has a place for: the seal is still missing, and
// what has none is as good as what was kept.
func TestTextAloneIsNotTheReasoning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		kind    llm.BlobKind
		changed bool
	}{
		{"sealed", llm.BlobSignature, true},
		{"without a seal", llm.BlobPlain, false},
	} {
		m := memory(t, nil, 0)
		defer m.Close()
		m.Keep("org", "ada", "weather?", []llm.Part{
			llm.Reasoning{Text: "first", Blob: &llm.Blob{Kind: c.kind, Data: "s", Origin: origin}},
			llm.ToolCall{ID: "c1", Name: "weather", Arguments: "{}"},
		})
		req := &llm.Request{Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{
			llm.Reasoning{Text: "first", Blob: &llm.Blob{Kind: llm.BlobPlain}},
			llm.ToolCall{ID: "c1", Name: "weather", Arguments: "{}"},
		}}}}
		got, changed, err := m.Restore(t.Context(), "org", "ada", req, origin, all)
		if err != nil || changed != c.changed {
			t.Fatalf("%s: %v, changed %t", c.name, err, changed)
		}
		want := llm.Reasoning{Text: "first", Blob: &llm.Blob{Kind: llm.BlobPlain}}
		if c.changed {
			want.Blob = &llm.Blob{Kind: c.kind, Data: "s", Origin: origin}
		}
		if diff := cmp.Diff(llm.Part(want), got.Messages[0].Parts[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// A client sends back what it was given, to whichever model it asks next.
func TestWhatAnotherMakerSealedIsLeftOut(t *testing.T) {
	t.Parallel()
	m := memory(t, nil, 0)
	defer m.Close()
	m.Keep("org", "ada", "weather?", answer)
	given := func() *llm.Request {
		req := stripped()
		for _, p := range answer {
			if c, ok := p.(llm.ToolCall); ok {
				c.ID += " in another form"
				p = c
			}
			req.Messages[1].Parts = append(req.Messages[1].Parts, p)
		}
		req.Messages[1].Parts = req.Messages[1].Parts[3:]
		return req
	}
	other := llm.Origin{Provider: "anthropic", Model: "other", Account: "k1"}
	got, changed, err := m.Restore(t.Context(), "org", "ada", given(), other, all)
	if err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	want := []llm.Part{
		llm.Text{Text: "I'll look."},
		llm.ToolCall{ID: "c1 in another form", Name: "weather", Arguments: "{}"},
		llm.ToolCall{ID: "c2 in another form", Name: "time", Arguments: "{}"},
	}
	if d := cmp.Diff(want, got.Messages[1].Parts); d != "" {
		t.Error(d)
	}
	for name, restore := range map[string]func() (*llm.Request, bool, error){
		"its maker": func() (*llm.Request, bool, error) {
			return m.Restore(t.Context(), "org", "ada", given(), origin, all)
		},
		"another user's": func() (*llm.Request, bool, error) {
			return m.Restore(t.Context(), "org", "bob", given(), other, all)
		},
	} {
		if _, changed, err := restore(); changed || err != nil {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
	}
	// In another format than its maker's, a client can't be taken at its word.
	req := given()
	for i, p := range req.Messages[1].Parts {
		req.Messages[1].Parts[i] = llm.WithoutBlob(p)
	}
	seal := llm.Reasoning{Text: "first", Blob: &llm.Blob{Kind: llm.BlobSignature, Data: "s1"}}
	req.Messages[1].Parts[0] = seal
	got, changed, err = m.Restore(t.Context(), "org", "ada", req, origin, all)
	if d := cmp.Diff(answer[0], got.Messages[1].Parts[0]); d != "" || changed || err != nil || seal.Blob.Origin != (llm.Origin{}) {
		t.Errorf("changed %v, %v: %s", changed, err, d)
	}
}

// Ids that servers count may stand for several answers.
func TestReasoningUnderAnIDOfAnotherAnswerStays(t *testing.T) {
	t.Parallel()
	m := memory(t, nil, 0)
	defer m.Close()
	says := func(text string, at llm.Origin) []llm.Part {
		return []llm.Part{llm.Reasoning{Text: text, Blob: &llm.Blob{Kind: llm.BlobPlain, Origin: at}}, llm.ToolCall{ID: "call_0"}}
	}
	m.Keep("org", "ada", "weather?", says("of another", llm.Origin{Provider: "other"}))
	for text, changes := range map[string]bool{"of another": true, "of its own": false} {
		req := &llm.Request{Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: says(text, llm.Origin{})}}}
		if _, changed, err := m.Restore(t.Context(), "org", "ada", req, origin, all); changed != changes || err != nil {
			t.Errorf("%s: changed %t, %v", text, changed, err)
		}
	}
}

func TestReasoningGoesToNobodyElse(t *testing.T) {
	t.Parallel()
	m := memory(t, nil, 0)
	defer m.Close()
	m.Keep("org", "ada", "weather?", answer)
	for name, restore := range map[string]func() (*llm.Request, bool, error){
		"another org": func() (*llm.Request, bool, error) {
			return m.Restore(t.Context(), "other", "ada", stripped(), origin, all)
		},
		"another user": func() (*llm.Request, bool, error) {
			return m.Restore(t.Context(), "org", "bob", stripped(), origin, all)
		},
		"another model": func() (*llm.Request, bool, error) {
			return m.Restore(t.Context(), "org", "ada", stripped(), llm.Origin{Provider: "anthropic", Model: "other", Account: "k1"}, all)
		},
		"another account": func() (*llm.Request, bool, error) {
			return m.Restore(t.Context(), "org", "ada", stripped(), llm.Origin{Provider: "anthropic", Model: "claude", Account: "k2"}, all)
		},
		"not asked for": func() (*llm.Request, bool, error) {
			return m.Restore(t.Context(), "org", "ada", stripped(), origin, func(llm.Message) bool { return false })
		},
	} {
		if _, changed, err := restore(); changed || err != nil {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
	}
}

func TestAnswersWithoutCallsAreFoundByTheirText(t *testing.T) {
	t.Parallel()
	m := memory(t, nil, 0)
	defer m.Close()
	m.Keep("org", "ada", "hi", []llm.Part{llm.Reasoning{Text: "t", Blob: blob("s")}, llm.Text{Text: "hello"}})
	req := &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "hi"}}},
		{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Text{Text: "hello"}}},
	}}
	if _, changed, err := m.Restore(t.Context(), "org", "ada", req, origin, all); !changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
	req.Messages[0].Parts = []llm.Part{llm.Text{Text: "something else"}}
	if _, changed, _ := m.Restore(t.Context(), "org", "ada", req, origin, all); changed {
		t.Error("an answer to another question is taken for it")
	}
}

func TestReasoningSurvivesARestartSealed(t *testing.T) {
	t.Parallel()
	store := &table{rows: map[string][]byte{}}
	m := memory(t, store, 0)
	m.Keep("org", "ada", "weather?", answer)
	m.Close()
	for _, data := range store.rows {
		if len(data) == 0 || bytes.Contains(data, []byte("first")) {
			t.Error("not sealed")
		}
	}
	again := memory(t, store, 0)
	defer again.Close()
	if _, changed, err := again.Restore(t.Context(), "org", "ada", stripped(), origin, all); !changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
	store.err = errors.New("database is gone")
	req := stripped()
	req.Messages[1].Parts[1] = llm.ToolCall{ID: "never seen"}
	if _, _, err := again.Restore(t.Context(), "org", "ada", req, origin, all); err == nil {
		t.Error("a table that can't be read is taken for an empty one")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	m := memory(t, nil, 4096)
	defer m.Close()
	for i := range 100 {
		m.Keep("org", "ada", string(rune('a'+i)), answer[:2])
	}
	req := &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "a"}}},
		{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Text{Text: "I'll look."}}},
	}}
	if _, changed, _ := m.Restore(t.Context(), "org", "ada", req, origin, all); changed {
		t.Error("the oldest answer is still there")
	}
}

// stuck is a table behind a lock that is never let go.
type stuck struct{ stored atomic.Int64 }

func (s *stuck) Write(ctx context.Context, rows []writebehind.Row) error {
	for _, r := range rows {
		s.stored.Add(int64(len(r.Data)))
	}
	<-ctx.Done()
	return ctx.Err()
}

func (*stuck) Read(ctx context.Context, _, _ string, _ time.Time) (*writebehind.Row, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (*stuck) Forget(context.Context, time.Time) (bool, error) { return false, nil }

func TestNobodyWaitsForAStuckTable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memory(t, &stuck{}, 0)
		for i := range 3000 {
			m.Keep("org", "ada", fmt.Sprint(i), answer[:2])
		}
		start := time.Now()
		if _, _, err := m.Restore(t.Context(), "org", "bob", stripped(), origin, all); err == nil {
			t.Error("a table that doesn't answer is taken for an empty one")
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("a request waited for %s", d)
		}
		start = time.Now()
		m.Close()
		if d := time.Since(start); d > 15*time.Second {
			t.Errorf("the end waited for %s", d)
		}
		m.Keep("org", "ada", "after the end", answer[:2])
	})
}

// unread is a table that takes everything and gives nothing.
type unread struct{ table }

func (*unread) Read(context.Context, string, string, time.Time) (*writebehind.Row, error) {
	return nil, errors.New("it was read")
}

// A model that wants no reasoning back is spared another's, as far as the memory
// knows it, and waits for no table.
func TestAnothersReasoningIsLeftOutForModelsThatWantNone(t *testing.T) {
	t.Parallel()
	m := memory(t, &unread{table{rows: map[string][]byte{}}}, 0)
	defer m.Close()
	m.Keep("org", "ada", "weather?", answer)
	back := func(text string) *llm.Request {
		req := stripped()
		said := llm.Reasoning{Text: text, Blob: &llm.Blob{Kind: llm.BlobPlain}}
		req.Messages[1].Parts = append([]llm.Part{said}, req.Messages[1].Parts...)
		return req
	}
	unknown := back("first")
	for i, p := range unknown.Messages[1].Parts {
		if c, ok := p.(llm.ToolCall); ok {
			c.ID += " of nobody"
			unknown.Messages[1].Parts[i] = c
		}
	}
	other := llm.Origin{Provider: "chat", Model: "m"}
	for _, c := range []struct {
		name    string
		req     *llm.Request
		at      llm.Origin
		changed bool
	}{
		{"another's", back("first"), other, true},
		{"another text under the same calls", back("second"), other, false},
		{"the model's own", back("first"), origin, false},
		{"of calls that nobody knows", unknown, other, false},
		{"none", stripped(), origin, false},
	} {
		got, changed, err := m.Restore(t.Context(), "org", "ada", c.req, c.at, nil)
		if err != nil || changed != c.changed {
			t.Errorf("%s: changed %t, %v", c.name, changed, err)
		}
		want := c.req
		if c.changed {
			want = stripped()
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// slow is an empty table that takes its time to say so.
type slow struct{ stuck }

func (*slow) Read(ctx context.Context, _, _ string, _ time.Time) (*writebehind.Row, error) {
	select {
	case <-time.After(1500 * time.Millisecond):
		return nil, nil //nolint:nilnil // absent is a good answer
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// However long a conversation is, a slow database holds a request up once.
func TestALongConversationIsNotWaitedForMessageByMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memory(t, &slow{}, 0)
		defer m.Close()
		long := &llm.Request{}
		for i := range 100 {
			long.Messages = append(long.Messages, llm.Message{Role: llm.RoleAssistant, Parts: []llm.Part{llm.ToolCall{ID: fmt.Sprint(i)}}})
		}
		start := time.Now()
		if _, _, err := m.Restore(t.Context(), "org", "ada", long, origin, all); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("a request waited for %s", took)
		}
		if _, changed, err := m.Restore(t.Context(), "org", "ada", stripped(), origin, all); changed || err != nil {
			t.Errorf("a short one: changed %t, %v", changed, err)
		}
	})
}

func TestWhatWaitsForTheTableIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 1 << 20
		table := &stuck{}
		m := memory(t, table, limit)
		long := []llm.Part{llm.Reasoning{Text: strings.Repeat("x", 100_000), Blob: blob("s")}}
		for i := range 100 {
			m.Keep("org", "ada", fmt.Sprint(i), long)
			synctest.Wait()
		}
		m.Close()
		if n := table.stored.Load(); n == 0 || n > 2*limit {
			t.Errorf("%d bytes were on their way to the table", n)
		}
	})
}
