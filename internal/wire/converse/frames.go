package converse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"

	"github.com/oidostudio/oido/internal/llm"
)

const (
	preludeSize = 12 // two lengths and their checksum
	frameRest   = 4  // the checksum of all of it
	// maxFrame bounds a frame, as the encoding's reference does for a payload;
	// maxHeaders what stands before that, of which a handful of words are needed.
	maxFrame   = 16<<20 + maxHeaders
	maxHeaders = 16 << 10
	// firstRead is how much of a frame is made room for before any of it is there.
	firstRead = 64 << 10
)

// errEnd says that a stream ended where a frame may begin.
var errEnd = errors.New("the stream ended")

// frame is one message of a stream.
type frame struct {
	message string // what it is: "event", "exception", "error"
	name    string // the event's type, the exception's, or the error's code
	said    string // an error's message
	payload []byte // valid until the next one is read
}

// frames reads the messages of a stream. The vendor's decoder takes lengths as
// they come and may be told to read without end, so every frame is measured,
// checked against its first checksum and read whole before it sees it.
type frames struct {
	r       io.Reader
	decoder *eventstream.Decoder
	raw     bytes.Buffer
	payload []byte
}

func newFrames(r io.Reader) *frames {
	return &frames{r: r, decoder: eventstream.NewDecoder()}
}

// next reads one frame. The error is errEnd, or an *llm.Error: KindTruncated for
// a frame that is cut, KindUpstream for bytes that are none.
func (f *frames) next() (frame, error) {
	var prelude [preludeSize]byte
	if n, err := io.ReadFull(f.r, prelude[:]); err != nil {
		if n == 0 && errors.Is(err, io.EOF) {
			return frame{}, errEnd
		}
		return frame{}, cut(err)
	}
	size, headers := binary.BigEndian.Uint32(prelude[:]), binary.BigEndian.Uint32(prelude[4:])
	switch {
	case crc32.ChecksumIEEE(prelude[:8]) != binary.BigEndian.Uint32(prelude[8:]):
		return frame{}, unreadable(fmt.Errorf("the lengths of a frame don't fit their checksum: it begins with %.8q", prelude[:8]))
	case size > maxFrame, headers > maxHeaders:
		return frame{}, unreadable(fmt.Errorf("a frame of %d bytes with %d of headers is larger than %d and %d", size, headers, maxFrame, maxHeaders))
	case size < preludeSize+headers+frameRest:
		return frame{}, unreadable(fmt.Errorf("a frame of %d bytes can't hold %d of headers", size, headers))
	}
	f.raw.Reset()
	f.raw.Write(prelude[:])
	f.raw.Grow(min(int(size), firstRead))
	if _, err := io.CopyN(&f.raw, f.r, int64(size)-preludeSize); err != nil {
		return frame{}, cut(err)
	}
	m, err := f.decoder.Decode(&f.raw, f.payload[:0])
	if err != nil {
		return frame{}, unreadable(fmt.Errorf("a frame can't be decoded: %w", err))
	}
	if cap(m.Payload) > cap(f.payload) {
		f.payload = m.Payload
	}
	return read(m), nil
}

func read(m eventstream.Message) frame {
	word := func(name string) string {
		if v, ok := m.Headers.Get(name).(eventstream.StringValue); ok {
			return string(v)
		}
		return ""
	}
	out := frame{message: word(eventstreamapi.MessageTypeHeader), payload: m.Payload}
	switch out.message {
	case eventstreamapi.ExceptionMessageType:
		out.name = word(eventstreamapi.ExceptionTypeHeader)
	case eventstreamapi.ErrorMessageType:
		out.name, out.said = word(eventstreamapi.ErrorCodeHeader), word(eventstreamapi.ErrorMessageHeader)
	default:
		out.name = word(eventstreamapi.EventTypeHeader)
	}
	return out
}

// cut is the failure of a stream that ends within a frame. A failure that has a
// kind already, as a timeout has, keeps it.
func cut(err error) error {
	var e *llm.Error
	if errors.As(err, &e) {
		return e
	}
	return llm.Errorf(llm.KindTruncated, "the stream broke within a frame: %w", err)
}

func unreadable(err error) error {
	return llm.Errorf(llm.KindUpstream, "the provider's stream can't be read: %w", err)
}
