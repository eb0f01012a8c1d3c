package sse

import (
	"errors"
	"io"

	"github.com/oidostudio/oido/internal/llm"
)

// Broken is the failure of a stream that [Reader.Next] ended with err, io.EOF for
// one, before its answer did.
func Broken(err error) *llm.Error {
	var e *llm.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, io.EOF):
		return llm.Errorf(llm.KindTruncated, "the stream ended before the answer did")
	case errors.Is(err, ErrTooLong):
		return llm.Errorf(llm.KindUpstream, "the stream can't be read: %w", err)
	}
	return llm.Errorf(llm.KindTruncated, "the stream broke: %w", err)
}
