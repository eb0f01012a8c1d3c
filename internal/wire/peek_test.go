package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/messages"
	"github.com/oidostudio/oido/internal/wire/responses"
)

// requests are bodies of about 50 KB: a conversation of many turns in each format.
func requests() map[string]struct {
	format wire.Format
	raw    wire.RawRequest
} {
	list := func(turn string) string {
		one := fmt.Sprintf(turn, strings.Repeat("some words of a conversation, ", 33))
		return strings.Repeat(one+",", 48) + one
	}
	type request = struct {
		format wire.Format
		raw    wire.RawRequest
	}
	return map[string]request{
		"chat":      {chat.Format{}, wire.RawRequest{Body: []byte(`{"model":"openai/gpt-5.4","stream":true,"stream_options":{"include_usage":true},"messages":[` + list(`{"role":"user","content":"%s"}`) + `]}`)}},
		"messages":  {messages.Format{}, wire.RawRequest{Body: []byte(`{"model":"anthropic/claude-sonnet-4-5","max_tokens":100,"stream":true,"messages":[` + list(`{"role":"user","content":[{"type":"text","text":"%s"}]}`) + `]}`)}},
		"gemini":    {gemini.Format{}, wire.RawRequest{Path: "/v1beta/models/gemini/gemini-3-pro:streamGenerateContent", Body: []byte(`{"contents":[` + list(`{"role":"user","parts":[{"text":"%s"}]}`) + `],"generationConfig":{"temperature":1}}`)}},
		"responses": {responses.Format{}, wire.RawRequest{Body: []byte(`{"model":"openai/gpt-5.4","stream":true,"input":[` + list(`{"role":"user","content":[{"type":"input_text","text":"%s"}]}`) + `]}`)}},
	}
}

func TestPeekingCostsNoAllocation(t *testing.T) {
	for name, q := range requests() {
		if n := testing.AllocsPerRun(200, func() {
			if p, err := q.format.Peek(q.raw); err != nil || p.Model == "" || !p.Stream {
				t.Fatal(p, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkPeek50KB(b *testing.B) {
	for name, q := range requests() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(q.raw.Body)))
			for b.Loop() {
				if _, err := q.format.Peek(q.raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
