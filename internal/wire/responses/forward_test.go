package responses_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

const forwarded = ` {"model" : "a", "input":[{"role":"user","content":"h\u0069"}],  "reasoning":{"effort":"low", "summary":"auto"},"temperature":1,
 "stream":true,"prompt_cache_key":"k","user":"u","safety_identifier":"s","previous_response_id":"resp_1","max_output_tokens":7,"tools":[ {}],"x":{"y" :1}} `

func TestPeek(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       wire.Peeked
	}{
		{"everything", forwarded, wire.Peeked{Model: "a", Stream: true, Session: "k", EndUser: "s", PreviousResponse: "resp_1", MaxOutput: 7, HasTools: true}},
		{"older names", `{"model":"a","user":"u","session_id":"s","tools":[ ]}`, wire.Peeked{Model: "a", Session: "s", EndUser: "u"}},
		{"nulls", `{"model":"a","stream":null,"user":null,"tools":null,"max_output_tokens":null}`, wire.Peeked{Model: "a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := format.Peek(wire.RawRequest{Body: []byte(test.body)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("peeked (-want +got):\n%s", diff)
			}
		})
	}
	for body, param := range map[string]string{
		``: "", `[]`: "", `{"model":"a"`: "", `{"model":7}`: "model", `{"stream":"yes"}`: "stream", `{"a":1,"model":"x","model":"y"}`: "model",
	} {
		_, err := format.Peek(wire.RawRequest{Body: []byte(body)})
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 || e.Param != param {
			t.Errorf("%s: %+v", body, err)
		}
	}
}

func TestPeekAllocatesItsWordsOnly(t *testing.T) {
	raw := wire.RawRequest{Body: []byte(`{"model":"a","input":[{"role":"user","content":"hi"}],"stream":true}`)}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := format.Peek(raw); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestSplice(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		e    wire.Edits
		want string
	}{
		{"nothing", wire.Edits{Model: "a"}, forwarded},
		{"the model", wire.Edits{Model: "b\"c"}, ` {"model" : "b\"c", "input":[{"role":"user","content":"h\u0069"}],  "reasoning":{"effort":"low", "summary":"auto"},"temperature":1,
 "stream":true,"prompt_cache_key":"k","user":"u","safety_identifier":"s","previous_response_id":"resp_1","max_output_tokens":7,"tools":[ {}],"x":{"y" :1}} `},
		{
			"everything",
			wire.Edits{
				Messages: []byte(`[1]`), Drop: []string{"temperature", "reasoning.summary", "nothing.there", "x"},
				Rename: map[string]string{"max_output_tokens": "max_tokens"}, Set: map[string][]byte{"store": []byte("false"), "user": []byte(`"v"`)}, AskUsage: true,
			},
			` {"store":false,"model" : "a", "input":[1],  "reasoning":{"effort":"low"},"stream":true,"prompt_cache_key":"k","user":"v","safety_identifier":"s","previous_response_id":"resp_1","max_tokens":7,"tools":[ {}]} `,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			raw := wire.RawRequest{Body: []byte(forwarded)}
			p, err := format.Peek(raw)
			if err != nil {
				t.Fatal(err)
			}
			out, err := format.Splice(raw, p, test.e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(out.Body)); diff != "" || out.Path != "/responses" {
				t.Errorf("%s (-want +got):\n%s", out.Path, diff)
			}
		})
	}
}

// The conversation alone can be written anew: the instructions stay where the
// client wrote them, system text in the input stays in the input.
func TestEncodeConversation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, body, want string }{
		{"instructions", `{"model":"m","instructions":"s","input":"hi"}`, `[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}]`},
		{"system text", `{"model":"m","input":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]}`, `[{"type":"message","role":"system","content":[{"type":"input_text","text":"s"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}]`},
		{"going on", `{"model":"m","instructions":"s","previous_response_id":"resp_1"}`, `[]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := format.EncodeConversation(decode(t, test.body), wire.Target{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}
