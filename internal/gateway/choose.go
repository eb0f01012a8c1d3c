package gateway

import (
	"fmt"
	"time"

	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
)

// Choosable is the model that a session of an org can be told to stay on by a name:
// the first that the name stands for and the caller may use. The error is an
// *llm.Error: KindNotFound with the nearest names, KindPermission, or
// KindBadRequest where the name stands for no model that writes answers.
func (st *State) Choosable(name, org string, c identity.Caller, now time.Time) (router.Place, error) {
	res, err := st.Resolve(name, org, now)
	if e := llm.AsError(err); e != nil {
		if e.Kind == llm.KindNotBuilt {
			e = &llm.Error{Kind: llm.KindBadRequest, Param: "model", Message: fmt.Sprintf("%q is no model that a session can stay on: name one, like provider/model-id", name)}
		}
		return router.Place{}, e
	}
	writes := false
	for _, cand := range res.Candidates {
		if cand.Entry == nil {
			// One request may try what no list has; for all that follow it would be a
			// slip that is found late.
			pol := st.RoutesOf(org).Policy()
			pol.Complete = map[string]bool{cand.Account: true}
			_, err := router.Resolve(cand.Name(), pol, st.View(), now)
			return router.Place{}, err
		}
		if e := cand.Entry; len(e.Out) > 0 && !e.Generates() {
			continue
		}
		writes = true
		if c.MayUseModel(cand.Name()) {
			return router.Place{Account: cand.Account, Model: cand.Model}, nil
		}
	}
	if !writes {
		return router.Place{}, &llm.Error{Kind: llm.KindBadRequest, Param: "model", Message: fmt.Sprintf("%q writes no answers: name a model that does", name)}
	}
	return router.Place{}, &llm.Error{Kind: llm.KindPermission, Param: "model", Message: fmt.Sprintf("this key may not use %q", name)}
}
