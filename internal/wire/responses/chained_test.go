package responses_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func TestAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       wire.Asked
		items      string
	}{
		{"a text", `{"model":"m","input":"say \"hi\""}`, wire.Asked{}, `[{"type":"message","role":"user","content":[{"type":"input_text","text":"say \"hi\""}]}]`},
		{"items", `{"input":[ {"role":"user","content":"x"}],"previous_response_id":"resp_1"}`, wire.Asked{}, `[ {"role":"user","content":"x"}]`},
		{"nothing", `{"previous_response_id":"resp_1","input":null,"conversation":null}`, wire.Asked{}, `[]`},
		{"a conversation", `{"input":"x","conversation":"conv_1"}`, wire.Asked{Elsewhere: "conversation"}, `[{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}]`},
		{"a prompt", `{"prompt":{"id":"p"}}`, wire.Asked{Elsewhere: "prompt"}, `[]`},
		{"a reference", `{"input":[{"type":"item_reference","id":"msg_1"}]}`, wire.Asked{Elsewhere: "item_reference"}, `[{"type":"item_reference","id":"msg_1"}]`},
		{"a reference without its type", `{"input":[{"id":"msg_1"}]}`, wire.Asked{Elsewhere: "item_reference"}, `[{"id":"msg_1"}]`},
	} {
		got, err := format.Asked([]byte(c.body))
		c.want.Items = []byte(c.items)
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", c.name, err, d)
		}
	}
}

func TestAnswered(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]wire.Answered{
		`{"id":"r","status":"completed","output":[{"type":"x"}],"store":true}`: {ID: "r", Whole: true, Stored: true, Items: []byte(`[{"type":"x"}]`)},
		`{"id":"r","status":"incomplete"}`:                                     {ID: "r", Whole: true, Stored: true, Items: []byte(`[]`)},
		`{"id":"r","status":"failed","store":false,"output":null}`:             {ID: "r", Whole: true, Failed: true, Items: []byte(`[]`)},
		`{"id":"r","status":"queued"}`:                                         {ID: "r", Stored: true, Items: []byte(`[]`)},
	} {
		got, ok := format.Answered([]byte(body))
		if d := cmp.Diff(want, got); d != "" || !ok {
			t.Errorf("%s: %t %s", body, ok, d)
		}
	}
	for _, body := range []string{``, `null`, `{}`, `{"id":"r"`, `{"id":1}`, `[]`} {
		if a, ok := format.Answered([]byte(body)); ok {
			t.Errorf("%q is the answer %+v", body, a)
		}
	}
}

func TestFinal(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]string{
		`{"type":"response.completed","response":{"id":"r"}}`:         `{"id":"r"}`,
		`{"type":"response.incomplete","response": {"id":"r"} }`:      `{"id":"r"}`,
		`{"response":{"id":"r"},"type":"response.failed"}`:            `{"id":"r"}`,
		`{"type":"response.in_progress","response":{"id":"r"}}`:       ``,
		`{"type":"response.output_text.delta","delta":"r"}`:           ``,
		`{"type":"error","message":"x"}`:                              ``,
		`[DONE]`:                                                      ``,
		`{"type":"response.output_item.done","item":{"response":{}}}`: ``,
	} {
		if got := string(format.Final([]byte(event))); got != want {
			t.Errorf("%s: %q", event, got)
		}
	}
}

// A conversation that was asked and answered in parts is the one that is sent
// whole, but that its reasoning is known to be its maker's.
func TestAConversationInPartsIsTheWholeOne(t *testing.T) {
	t.Parallel()
	const (
		asked    = `{"role":"user","content":"weather?"}`
		answered = `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"E"},{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"I'll look.","annotations":[]}]},{"type":"function_call","id":"fc_1","call_id":"c","name":"weather","arguments":"{}","status":"completed"}`
		result   = `{"type":"function_call_output","call_id":"c","output":"sunny"}`
		rest     = `"instructions":"be brief","temperature":0.5}`
	)
	made := llm.Origin{Provider: "p", Model: "m", Account: "k"}
	var before []llm.Message
	for _, items := range []string{asked, answered} {
		messages, err := format.Messages([]byte("["+items+"]"), made)
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, messages...)
	}
	got, err := format.DecodeAfter(wire.RawRequest{Body: []byte(`{"model":"m","previous_response_id":"resp_1","input":[` + result + `],` + rest)}, before)
	if err != nil {
		t.Fatal(err)
	}
	want := decode(t, `{"model":"m","input":[`+asked+","+answered+","+result+`],`+rest)
	r, ok := want.Messages[2].Parts[0].(llm.Reasoning)
	if !ok {
		t.Fatalf("%+v", want.Messages)
	}
	r.Blob.Origin = made
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	if _, err := format.Messages([]byte(`[1]`), made); err == nil {
		t.Error("a number is an item")
	}
	for _, body := range []string{`{"model":"m","previous_response_id":"resp_1","conversation":"c"}`, `{"model":"m","input":1}`} {
		if _, err := format.DecodeAfter(wire.RawRequest{Body: []byte(body)}, before); llm.AsError(err) == nil || llm.AsError(err).Kind != llm.KindBadRequest {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestKeptAs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, previous, want string }{
		{`{"id":"r","store":false, "previous_response_id":null}`, "resp_0", `{"id":"r","store":true, "previous_response_id":"resp_0"}`},
		{`{"id":"r","store":true,"previous_response_id":null}`, "", `{"id":"r","store":true,"previous_response_id":null}`},
		{`{"id":"r"}`, "", `{"store":true,"id":"r"}`},
	} {
		if got, err := format.KeptAs([]byte(c.body), c.previous); string(got) != c.want || err != nil {
			t.Errorf("%s: %s %v", c.body, got, err)
		}
	}
}
