// Package converse is Amazon Bedrock's Converse API, as we speak it to providers:
// one request and answer shape for the models of many vendors. It is a client
// only; nobody's programs speak it to us.
//
// It promises that the same request is always written as the same bytes and in a
// form that the API takes: turns alternate and begin with the user's, every call
// has its result at the head of the next turn, no text is blank, every document
// stands beside text under a name of its own, and tools are declared wherever the
// conversation holds calls. What is one model's and not the API's stands below
// additionalModelRequestFields; which of it a model wants is data in
// [wire.Target], whose Reject, Rename and Set name fields by their dotted path
// ("inferenceConfig.topP", "additionalModelRequestFields.top_k"), or a kind of
// block ("cachePoint", "cachePoint.ttl", "toolResult.status",
// "toolConfig.tools.strict"). Control in [wire.ReasoningStyle] is "budget",
// "adaptive" or "toggle" for models with a thinking object, "object" for those
// with a reasoningConfig; "effort", and "" too, is the API's own field.
//
// Streams come as binary frames of [StreamType], each with two checksums; a frame
// is read whole and within a bound before it is believed. Signing, regions and
// endpoints are the provider's business.
//
// Sources: the API reference of Converse, ConverseStream and their shapes, the
// user guide's pages on tool use, prompt caching, structured output and error
// codes, and the types of aws-sdk-go-v2's service/bedrockruntime v1.63.12 (all as
// of 2026-11); for the frames, the reference of the event stream encoding. What
// stands only in issue trackers says so where it is used.
package converse

import (
	"net/http"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// StreamType is the content type of a streamed answer; a whole one, and a
// refusal, is application/json.
const StreamType = "application/vnd.amazon.eventstream"

// Format is the Converse format. The zero value is ready.
type Format struct{}

var _ interface {
	wire.Upstream
	wire.Streamer
	wire.Identifier
} = Format{}

// Name returns llm.FormatConverse.
func (Format) Name() llm.Format { return llm.FormatConverse }

// StreamType returns the content type by which an answer is known to be a stream.
func (Format) StreamType() string { return StreamType }

// AnswerID returns the id of an answer, which no body tells.
func (Format) AnswerID(h http.Header) string { return h.Get("X-Amzn-Requestid") }

// pathOf is where a model answers. Its id stands in one segment: ids hold colons,
// those of inference profiles and provisioned models slashes too.
func pathOf(t wire.Target) string {
	path := "/model/" + escaped(t.Model)
	if t.Stream {
		return path + "/converse-stream"
	}
	return path + "/converse"
}

// escaped is a text as a segment of a path, with everything escaped but what
// SigV4 calls unreserved: a signature counts the bytes as they are sent.
func escaped(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c == '-' || c == '.' || c == '_' || c == '~' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func headerOf(t wire.Target) http.Header {
	accept := "application/json"
	if t.Stream {
		accept = StreamType
	}
	return http.Header{"Accept": {accept}, "Content-Type": {"application/json"}}
}
