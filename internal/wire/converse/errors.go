package converse

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// kinds maps the names of exceptions to kinds, in lower case and without
// "exception" at their end: streams write them otherwise than headers do. The
// sources are the API reference's errors of both operations, the user guide's
// page on error codes, and the common errors of AWS.
var kinds = map[string]llm.Kind{
	"throttling": llm.KindRateLimit, "toomanyrequests": llm.KindRateLimit, "requestlimitexceeded": llm.KindRateLimit,
	"servicequotaexceeded": llm.KindQuota,
	"modelnotready":        llm.KindOverloaded, "serviceunavailable": llm.KindOverloaded, "slowdown": llm.KindOverloaded,
	"internalserver": llm.KindUpstream, "internalfailure": llm.KindUpstream, "internalservererror": llm.KindUpstream,
	"modelerror": llm.KindUpstream, "modelstreamerror": llm.KindUpstream, "conflict": llm.KindUpstream,
	"modeltimeout": llm.KindTimeout, "requesttimeout": llm.KindTimeout,
	"validation": llm.KindBadRequest, "validationerror": llm.KindBadRequest, "serialization": llm.KindBadRequest,
	"malformedquerystring": llm.KindBadRequest, "invalidaction": llm.KindBadRequest,
	"resourcenotfound": llm.KindNotFound, "unknownoperation": llm.KindNotFound,
	"accessdenied": llm.KindPermission, "notauthorized": llm.KindPermission, "optinrequired": llm.KindPermission,
	"ftuformnotfilled": llm.KindPermission, "mpagreementbeingcreated": llm.KindPermission,
	"unrecognizedclient": llm.KindAuth, "invalidclienttokenid": llm.KindAuth, "invalidsignature": llm.KindAuth,
	"signaturedoesnotmatch": llm.KindAuth, "incompletesignature": llm.KindAuth, "expiredtoken": llm.KindAuth,
	"requestexpired": llm.KindAuth, "missingauthenticationtoken": llm.KindAuth, "missingauthentication": llm.KindAuth,
	"requestentitytoolarge": llm.KindTooLarge, "contentlengthexceeded": llm.KindTooLarge,
}

// Messages are for people and change; what can't be told by the type is looked
// for in the wordings seen in issue trackers until 2026-11.
var (
	contextWords = regexp.MustCompile("(?i)(input|prompt) is too long|exceeds? (the )?(model'?s? )?(maximum )?context|context (length|limit|window)|" +
		"too many (input )?tokens|maximum (number of )?input tokens|input tokens? .*exceed|exceeds the maximum number of tokens")
	modelWords = regexp.MustCompile(`(?i)model identifier is invalid|on-demand throughput isn.?t supported|doesn.?t support on-demand|` +
		`model.*(end of its life|end-of-life)|doesn.?t support the model|model version.*(not found|isn.?t supported)`)
	dailyWords     = regexp.MustCompile(`(?i)per day|daily`)
	filterWords    = regexp.MustCompile(`(?i)content filter|content policy|usage policy|blocked by .*polic`)
	keyWords       = regexp.MustCompile(`(?i)api key|security token|authentication failed|bearer token|signature`)
	reasoningWords = regexp.MustCompile("(?i)(signature.*(thinking|reasoning)|(thinking|reasoning).*signature)|expected `?'?(redacted_)?thinking|" +
		"thinking`?'? (or `?'?redacted_thinking`?'? )?blocks?.*(modified|removed|must)|must start with a thinking block")
)

// DecodeError reads a refusal.
func (Format) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	e := errorOf(h.Get("X-Amzn-Errortype"), body)
	e.Status = status
	if e.Message == "" {
		e.Message = wire.PlainMessage(status, body)
	}
	if kind, ok := kindByType(e.Type); ok {
		e.Kind = kind
	} else {
		e.Kind = wire.KindOf(status)
	}
	refine(e)
	e.RetryAfter = wire.RetryAfter(h, time.Now())
	return e
}

// errorInside reads an error that came with a good status: an exception of a
// stream, whose type stands beside it, or a body that is no answer.
func errorInside(typ string, body []byte) *llm.Error {
	e := errorOf(typ, body)
	e.Kind = llm.KindUpstream
	if kind, ok := kindByType(e.Type); ok {
		e.Kind = kind
	}
	if e.Message == "" {
		e.Message = "the provider reports an error without saying which"
		if e.Type != "" {
			e.Message = "the provider reports " + e.Type
		}
	}
	refine(e)
	return e
}

// errorOf reads what an error says. Its type stands in a header, with an address
// behind it, or in the body, with a name space before it.
func errorOf(typ string, body []byte) *llm.Error {
	e := &llm.Error{Raw: wire.Kept(body)}
	body = scan.Sound(body)
	for _, name := range []string{"message", "Message", "originalMessage", "errorMessage"} {
		if s := scan.Text(scan.Member(body, name)); s != "" && !strings.Contains(e.Message, s) {
			e.Message = strings.TrimPrefix(e.Message+": "+s, ": ")
		}
	}
	e.Message = wire.Clip(e.Message)
	for _, inner := range [][]byte{scan.Member(body, "__type"), scan.Member(body, "code"), scan.Member(scan.Member(body, "Output"), "__type"), scan.Member(scan.Member(body, "output"), "__type")} {
		if typ == "" {
			typ = scan.Text(inner)
		}
	}
	typ, _, _ = strings.Cut(typ, ":")
	if i := strings.LastIndexByte(typ, '#'); i >= 0 {
		typ = typ[i+1:]
	}
	e.Type = strings.TrimSpace(wire.Clip(typ))
	return e
}

// isRefusal says whether a body is an error though it came with a good status.
func isRefusal(body []byte) bool {
	for _, name := range []string{"message", "Message", "__type", "Output"} {
		if scan.Member(body, name) != nil {
			return true
		}
	}
	return scan.Member(scan.Member(body, "output"), "__type") != nil
}

func kindByType(typ string) (llm.Kind, bool) {
	kind, ok := kinds[strings.TrimSuffix(strings.ToLower(typ), "exception")]
	return kind, ok
}

// refine tells apart what bears one type: a ValidationException stands for a
// prompt that is too long and for a model that is gone, a ThrottlingException for
// a day's allowance too.
func refine(e *llm.Error) {
	m := e.Message
	switch e.Kind {
	case llm.KindBadRequest, llm.KindTooLarge, llm.KindUpstream:
		switch {
		case reasoningWords.MatchString(m):
			e.Kind = llm.KindReasoning
		case contextWords.MatchString(m):
			e.Kind = llm.KindContextLength
		case modelWords.MatchString(m):
			e.Kind = llm.KindNotFound
		case filterWords.MatchString(m):
			e.Kind = llm.KindContentFilter
		}
	case llm.KindRateLimit:
		if dailyWords.MatchString(m) {
			e.Kind = llm.KindQuota
		}
	case llm.KindPermission:
		if keyWords.MatchString(m) {
			e.Kind = llm.KindAuth
		}
	}
}
