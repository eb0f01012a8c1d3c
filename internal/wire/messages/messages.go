// Package messages is Anthropic's Messages API, as its clients and its servers
// speak it, in the versions 2023-06-01 and 2026-10-21.
//
// It promises that what it has no neutral word for (server tools and their
// results, unknown fields and blocks) survives a round trip verbatim, that the
// same request is always written as the same bytes, and that a stream keeps
// one block open at a time, whatever order its events come in. A request is
// repaired where the API would refuse it: turns alternate, every call has its
// result at the head of the next turn, and no block is empty. It leaves to
// others to count tokens and to choose the beta header.
//
// Two things travel in the names of tools (see [wire.ToolNames]) because the
// format has no word for them: that a tool takes free text, and that a tool
// stands for a JSON schema which the answer must keep.
package messages

import (
	"net/http"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Format is the Messages format. The zero value is ready.
type Format struct{}

var (
	_ wire.Format = Format{}
	_ wire.Lister = Format{}
)

// Name returns llm.FormatMessages.
func (Format) Name() llm.Format { return llm.FormatMessages }

const (
	path           = "/messages"
	versionHeader  = "Anthropic-Version"
	defaultVersion = "2023-06-01"
	// strictVersion is the first version without sampling parameters, without
	// documents in the assistant's turns and without citations in the user's
	// (docs, 2026-11-20). Versions are dates, so they compare as text.
	strictVersion = "2026-10-21"
)

// headerOf is the header that goes with a version; "" is the default one.
func headerOf(version string) http.Header {
	if version == "" {
		version = defaultVersion
	}
	return http.Header{versionHeader: {version}}
}
