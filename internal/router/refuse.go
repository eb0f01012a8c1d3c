package router

import (
	"fmt"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
)

// LeadsNowhere is what is said of a chain that nobody wrote and that has no model.
const LeadsNowhere = "leads to no model: no model that it may use has a tier and a known price, without which none is chosen unasked; connect a provider, or name models for it in the configuration"

// refusal says why no model can serve, each on a line.
func (p *planner) refusal() error {
	e := &llm.Error{Kind: llm.KindUnavailable, Param: "model"}
	reasons := map[Reason]int{}
	for _, x := range p.d.Excluded {
		reasons[x.Reason]++
	}
	all := len(p.d.Excluded) - reasons[ReasonReplaced] // of what replaces it, it is said beside
	switch {
	case all == 0 && p.route != nil && p.route.byPrice:
		e.Message = fmt.Sprintf("%q %s", p.f.Model, LeadsNowhere)
		return e
	case all == 0:
		e.Message = fmt.Sprintf("%q leads to no model: connect a provider, or name models for it in the configuration", p.f.Model)
		return e
	case reasons[ReasonPretend] > 0: // without it there would be one
	case reasons[ReasonContext] == all:
		e.Kind = llm.KindContextLength
	case reasons[ReasonKey] == all:
		e.Kind = llm.KindPermission
	case reasons[ReasonUnknown]+reasons[ReasonGone]+reasons[ReasonEnded] == all:
		e.Kind, e.Code = llm.KindNotFound, "model_not_found"
	default:
		e.Kind = llm.KindBadRequest
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no model can answer this request for %q:", p.f.Model)
	for _, x := range p.d.Excluded {
		fmt.Fprintf(&b, "\n- %s: %s", x.Name, x)
	}
	e.Message = b.String()
	return e
}
