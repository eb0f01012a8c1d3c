package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// answerDocument is what is looked at of an answer of the Responses API.
type answerDocument struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Status   string            `json:"status"`
	Previous *string           `json:"previous_response_id"`
	Store    bool              `json:"store"`
	Deleted  bool              `json:"deleted"`
	Metadata map[string]string `json:"metadata"`
	Output   jsontext.Value    `json:"output"`
	Usage    jsontext.Value    `json:"usage"`
	Data     []struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"data"`
	More  bool `json:"has_more"`
	Error *struct {
		Message string  `json:"message"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
	session string
	raw     []byte
}

// items reads what an answer holds.
func (a *answerDocument) items(t *testing.T) (text string, calls []responsesItem) {
	t.Helper()
	all, err := read[[]responsesItem](a.Output)
	if err != nil {
		t.Fatalf("%v: %s", err, a.raw)
	}
	for _, item := range all {
		if item.Type == "function_call" {
			calls = append(calls, item)
		}
		for _, p := range item.Content {
			text += p.Text
		}
	}
	return text, calls
}

// answers talks to the Responses API of a lab as one user.
type answers struct {
	*lab
	key string
}

func (l answers) call(t *testing.T, method, path string, body object) (status int, a answerDocument) {
	t.Helper()
	var doc []byte
	if body != nil {
		var err error
		if doc, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, l.url+"/v1/responses"+path, bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+l.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v after %s", method, path, err, raw)
	}
	if body["stream"] == true && resp.StatusCode == http.StatusOK {
		list := events(raw)
		last, err := read[struct {
			Response jsontext.Value `json:"response"`
		}](list[len(list)-1].data)
		if err != nil {
			t.Fatal(err)
		}
		raw = last.Response
	}
	if a, err = read[answerDocument](raw); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	a.raw, a.session = raw, resp.Header.Get("X-Oido-Session")
	return resp.StatusCode, a
}

// ask asks and is answered.
func (l answers) ask(t *testing.T, body object) answerDocument {
	t.Helper()
	status, a := l.call(t, http.MethodPost, "", body)
	if status != http.StatusOK || a.Status != "completed" || a.ID == "" {
		t.Fatalf("%v: %d %s", body["model"], status, a.raw)
	}
	return a
}

var weatherTools = list{object{"type": "function", "name": "weather", "strict": false, "parameters": object{"type": "object", "properties": object{"city": object{"type": "string"}}}}}

// TestConversationsGoOnByTheLastAnswersID has three turns with a tool at every
// kind of provider, with a new process for each. The last answer must be the one
// to the whole conversation: the simulated providers answer the same with the same.
func TestConversationsGoOnByTheLastAnswersID(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ada := answers{l, key}
	type talk struct {
		model   string
		stream  bool
		first   answerDocument
		second  answerDocument
		results list
	}
	var talks []*talk
	for _, u := range slices.Concat(upstreams, types) {
		for _, stream := range []bool{false, true} {
			for _, model := range []string{"sim-tools1-par2", u.thinker + "sim-think-tools1"} {
				talks = append(talks, &talk{model: u.name + "/" + model, stream: stream})
			}
		}
	}
	each := func(work func(t *testing.T, c *talk, say func(more object) answerDocument)) {
		t.Helper()
		t.Run("turn", func(t *testing.T) {
			for _, c := range talks {
				t.Run(fmt.Sprintf("%s, streamed %t", c.model, c.stream), func(t *testing.T) {
					t.Parallel()
					work(t, c, func(more object) answerDocument {
						body := object{"model": c.model, "stream": c.stream, "tools": weatherTools, "metadata": object{"turn": "of three"}}
						if strings.Contains(c.model, "think") {
							body["reasoning"] = object{"effort": "high", "summary": "auto"}
						}
						for name, v := range more {
							body[name] = v
						}
						return ada.ask(t, body)
					})
				})
			}
		})
		l.stop()
		l.up(t)
	}
	each(func(t *testing.T, c *talk, say func(object) answerDocument) {
		c.first = say(object{"instructions": "be brief", "input": "How is the weather?"})
		_, calls := c.first.items(t)
		if len(calls) == 0 || !c.first.Store {
			t.Fatalf("%s", c.first.raw)
		}
		for _, call := range calls {
			c.results = append(c.results, object{"type": "function_call_output", "call_id": call.CallID, "output": "sunny"})
		}
	})
	each(func(t *testing.T, c *talk, say func(object) answerDocument) {
		c.second = say(object{"previous_response_id": c.first.ID, "input": c.results})
		if text, calls := c.second.items(t); text == "" || len(calls) > 0 || c.second.session != c.first.session {
			t.Errorf("in session %s after %s: %s", c.second.session, c.first.session, c.second.raw)
		}
	})
	each(func(t *testing.T, c *talk, say func(object) answerDocument) {
		third := say(object{"previous_response_id": c.second.ID, "input": "And tomorrow?"})
		text, _ := third.items(t)
		if third.session != c.first.session {
			t.Errorf("in session %s, began in %s", third.session, c.first.session)
		}
		conversation := list{object{"role": "user", "content": "How is the weather?"}}
		for _, part := range []any{c.first.Output, c.results, c.second.Output} {
			switch part := part.(type) {
			case list:
				conversation = append(conversation, part...)
			case jsontext.Value:
				items, err := read[[]jsontext.Value](part)
				if err != nil {
					t.Fatal(err)
				}
				for _, item := range items {
					conversation = append(conversation, item)
				}
			}
		}
		whole := say(object{"store": false, "input": append(conversation, object{"role": "user", "content": "And tomorrow?"})})
		// Of a model that thinks the reasoning is a part of the question: as much of
		// it as the model wants back.
		if want, _ := whole.items(t); text == "" || text != want && !strings.Contains(c.model, "think") {
			t.Errorf("answered %q, to the whole conversation %q", text, want)
		}
		// What was answered can be read, as it was shown, until it is deleted.
		status, kept := ada.call(t, http.MethodGet, "/"+third.ID, nil)
		if status != http.StatusOK || string(kept.Output) != string(third.Output) || string(kept.Usage) != string(third.Usage) ||
			kept.Previous == nil || *kept.Previous != c.second.ID || kept.Metadata["turn"] != "of three" {
			t.Errorf("kept %d %s\nof %s", status, kept.raw, third.raw)
		}
		if status, a := ada.call(t, http.MethodGet, "/"+whole.ID, nil); status != http.StatusNotFound {
			t.Errorf("not to be stored, and yet %d %s", status, a.raw)
		}
	})
}
