package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
)

// BadRequest refuses a request for what stands in one of its fields; param may
// be "" where it is the whole body.
func BadRequest(param, message string) *llm.Error {
	return &llm.Error{Kind: llm.KindBadRequest, Status: 400, Param: param, Message: message}
}

// BadField refuses a field that couldn't be read and names it, as deep as the
// problem stands. A refusal among the causes of err is returned as it is.
func BadField(name string, err error) *llm.Error {
	var e *llm.Error
	if errors.As(err, &e) {
		return e
	}
	var se *json.SemanticError
	if !errors.As(err, &se) {
		return BadRequest(name, name+": "+err.Error())
	}
	at := name + strings.ReplaceAll(string(se.JSONPointer), "/", ".")
	// "Invalid syntax" is what the decoder says of 1.5 for an integer: the JSON is good.
	if se.Err != nil && !errors.Is(se.Err, strconv.ErrSyntax) {
		return BadRequest(at, at+": "+se.Err.Error())
	}
	return BadRequest(at, fmt.Sprintf("%s: a JSON %s does not fit here", at, se.JSONKind))
}
