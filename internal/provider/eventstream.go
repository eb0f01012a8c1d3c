package provider

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// inEventstream names AWS's frames in profiles.
const inEventstream = "eventstream"

// unpack takes the frames off a streamed answer, so that what is left is the
// format's own stream.
func (ep *endpoint) unpack(resp *http.Response) {
	if ep.shape.Stream != inEventstream || resp.StatusCode/100 != 2 ||
		!strings.HasPrefix(resp.Header.Get("Content-Type"), "application/vnd.amazon.eventstream") {
		return
	}
	resp.Body = &unpacked{in: resp.Body, decoder: eventstream.NewDecoder()}
	resp.Header.Set("Content-Type", "text/event-stream")
	resp.ContentLength = -1
}

// maxFrame bounds one frame, as AWS does.
const maxFrame = 24 << 20

// unpacked reads frames that each hold one event of Anthropic's stream, and gives
// them as server-sent events.
type unpacked struct {
	in      io.ReadCloser
	decoder *eventstream.Decoder
	payload []byte
	out     bytes.Buffer
	err     error
}

// Read gives the events.
func (u *unpacked) Read(p []byte) (int, error) {
	for u.out.Len() == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.err = u.next()
	}
	return u.out.Read(p)
}

// Close closes the answer.
func (u *unpacked) Close() error { return u.in.Close() }

// next reads one frame.
func (u *unpacked) next() error {
	m, err := u.decoder.Decode(&io.LimitedReader{R: u.in, N: maxFrame}, u.payload[:0])
	switch {
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	case err != nil:
		return fmt.Errorf("read a frame of the stream: %w", err)
	}
	u.payload = m.Payload
	if kind := headerOf(m, ":message-type"); kind != "event" {
		return u.exception(m)
	}
	var chunk struct {
		Bytes []byte `json:"bytes"`
	}
	if err := json.Unmarshal(m.Payload, &chunk); err != nil {
		return llm.Errorf(llm.KindUpstream, "a frame of the stream can't be read: %w", err)
	}
	var event struct {
		Type string `json:"type"`
	}
	if len(chunk.Bytes) == 0 {
		return nil // a kind of frame that says nothing to this format
	}
	if err := scan.Read(chunk.Bytes, &event); err != nil {
		return llm.Errorf(llm.KindUpstream, "an event of the stream can't be read: %w", err)
	}
	u.write(event.Type, chunk.Bytes)
	return nil
}

func (u *unpacked) write(name string, data []byte) {
	u.out.WriteString("event: ")
	u.out.WriteString(strings.Map(line, name))
	u.out.WriteString("\ndata: ")
	for piece := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r == '\n' || r == '\r' }) {
		u.out.Write(piece) // JSON's strings hold neither: these stand between its values
	}
	u.out.WriteString("\n\n")
}

// line leaves out what would end a line.
func line(r rune) rune {
	if r == '\n' || r == '\r' {
		return -1
	}
	return r
}

// exceptions are the errors that end a stream, in the format's words.
var exceptions = map[string]string{
	"throttlingException": "rate_limit_error", "validationException": "invalid_request_error", "serviceUnavailableException": "overloaded_error",
	"expiredTokenException": "authentication_error", "accessDeniedException": "permission_error",
	"modelTimeoutException": "timeout_error", "modelStreamErrorException": "api_error", "internalServerException": "api_error",
}

// exception writes an error frame as the format's error event.
func (u *unpacked) exception(m eventstream.Message) error {
	name := headerOf(m, ":exception-type")
	if name == "" {
		name = headerOf(m, ":error-code")
	}
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(m.Payload, &said) != nil || said.Message == "" {
		said.Message = "the stream ended with " + name
	}
	typ, known := exceptions[name]
	if !known {
		typ = "api_error"
	}
	type inner struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	data, err := json.Marshal(struct {
		Type  string `json:"type"`
		Error inner  `json:"error"`
	}{"error", inner{typ, strings.ToValidUTF8(said.Message, "")}})
	if err != nil {
		return fmt.Errorf("write the stream's error: %w", err)
	}
	u.write("error", data)
	return nil
}

func headerOf(m eventstream.Message, name string) string {
	v := m.Headers.Get(name)
	if v == nil {
		return ""
	}
	return v.String()
}
