package sim

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strings"
)

// bedrockFormat is Anthropic's format as Bedrock answers it: errors are AWS's.
type bedrockFormat struct{ messagesFormat }

// amazonErrors are the types of AWS's errors.
var amazonErrors = map[kind]string{
	invalid: "ValidationException", tooLong: "ValidationException", unauthenticated: "UnrecognizedClientException", forbidden: "AccessDeniedException", unpaid: "AccessDeniedException",
	notFound: "ResourceNotFoundException", rateLimited: "ThrottlingException", outOfQuota: "ThrottlingException", broken: "InternalServerException", overloaded: "ServiceUnavailableException", tooLarge: "ValidationException",
}

// typeOf names the type of an error, which stands in a header.
func (bedrockFormat) typeOf(f *failure) string {
	if f.kind == unauthenticated && strings.HasSuffix(f.code, "Exception") {
		return f.code
	}
	return amazonErrors[f.kind]
}

func (b bedrockFormat) refusal(x *exchange, f *failure) []byte {
	text := f.message
	switch f.kind {
	case unauthenticated:
		if text == "" {
			text = "The security token included in the request is invalid."
		}
	case tooLong, unpaid, outOfQuota:
		text = b.explain(f).Message
	}
	return encode(map[string]string{"message": text})
}

func (bedrockFormat) headers(x *exchange, h http.Header) { h.Set("X-Amzn-Requestid", x.newID(32)) }

// framed packs the events of a stream into AWS's frames.
type framed struct {
	http.ResponseWriter
	streams bool
	rest    []byte
}

func (w *framed) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *framed) WriteHeader(status int) {
	h := w.Header()
	if w.streams = strings.HasPrefix(h.Get("Content-Type"), "text/event-stream"); w.streams {
		h.Set("Content-Type", "application/vnd.amazon.eventstream")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write takes whole events, and what begins as none as it is.
func (w *framed) Write(p []byte) (int, error) {
	if !w.streams {
		return w.ResponseWriter.Write(p)
	}
	w.rest = append(w.rest, p...)
	for {
		event, rest, whole := bytes.Cut(w.rest, []byte("\n\n"))
		if !whole {
			return len(p), nil
		}
		w.rest = rest
		name, data := "", []byte(nil)
		for line := range bytes.Lines(event) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if text, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
				name = string(text)
			} else if text, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				data = text
			}
		}
		if _, err := w.ResponseWriter.Write(frameOf(name, data)); err != nil {
			return 0, err
		}
	}
}

// frameOf is one frame: an event of the model's stream, or the exception that an
// error event stands for.
func frameOf(name string, data []byte) []byte {
	if name == "error" {
		kind := "internalServerException"
		for typ, name := range map[string]string{"overloaded_error": "serviceUnavailableException", "rate_limit_error": "throttlingException", "authentication_error": "expiredTokenException"} {
			if bytes.Contains(data, []byte(typ)) {
				kind = name
			}
		}
		return packed([][2]string{{":exception-type", kind}, {":content-type", "application/json"}, {":message-type", "exception"}}, []byte(`{"message":"The stream broke off."}`))
	}
	payload := encode(struct {
		Bytes []byte `json:"bytes"`
		Pad   string `json:"p"`
	}{data, "abcdefgh"})
	return packed([][2]string{{":event-type", "chunk"}, {":content-type", "application/json"}, {":message-type", "event"}}, payload)
}

// packed writes a frame of application/vnd.amazon.eventstream.
func packed(headers [][2]string, payload []byte) []byte {
	var head []byte
	for _, h := range headers {
		head = append(append(head, byte(len(h[0]))), h[0]...)
		const isText = 7
		head = append(binary.BigEndian.AppendUint16(append(head, isText), uint16(len(h[1]))), h[1]...)
	}
	const around = 4 + 4 + 4 + 4
	out := binary.BigEndian.AppendUint32(nil, uint32(around+len(head)+len(payload)))
	out = binary.BigEndian.AppendUint32(out, uint32(len(head)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, head...), payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}
