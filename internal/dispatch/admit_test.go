package dispatch_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
)

// A candidate that isn't admitted is passed over, and asked all the same where
// nobody else could be.
func TestCandidatesThatAreNotAdmitted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var asked []string
		r := newRig(t, rigOptions{}, func(w http.ResponseWriter, req *http.Request) {
			b := make([]byte, 200)
			n, _ := req.Body.Read(b)
			name := "first"
			if strings.Contains(string(b[:n]), "second") {
				name = "second"
			}
			asked = append(asked, name)
			_, _ = fmt.Fprintf(w, `{"id":"a","object":"chat.completion","created":1,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`, name)
		})
		no := func() bool { return false }
		run := func(cands ...dispatch.Candidate) *dispatch.Outcome {
			asked = nil
			for i := range cands {
				cands[i].Account = r.account
			}
			o, _ := r.d.Run(context.Background(), r.call(llm.FormatChat, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`), cands, r, &output{})
			return o
		}
		if o := run(dispatch.Candidate{Model: "first", Admit: no}, dispatch.Candidate{Model: "second"}); o.Status != dispatch.StatusOK || strings.Join(asked, " ") != "second" || len(o.Attempts) != 1 {
			t.Errorf("%v asked, %+v", asked, o.Err)
		}
		if o := run(dispatch.Candidate{Model: "first", Admit: func() bool { return true }}, dispatch.Candidate{Model: "second"}); o.Status != dispatch.StatusOK || strings.Join(asked, " ") != "first" {
			t.Errorf("%v asked, %+v", asked, o.Err)
		}
		if o := run(dispatch.Candidate{Model: "first", Admit: no}); o.Status != dispatch.StatusOK || strings.Join(asked, " ") != "first" {
			t.Errorf("%v asked, %+v", asked, o.Err)
		}
	})
}
