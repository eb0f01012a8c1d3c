package responses

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// outEvent is an event of a stream, whichever it is: absent fields are left out.
type outEvent struct {
	Type            string       `json:"type"`
	Sequence        int          `json:"sequence_number"`
	Response        *outResponse `json:"response,omitzero"`
	ItemID          string       `json:"item_id,omitzero"`
	OutputIndex     *int         `json:"output_index,omitzero"`
	ContentIndex    *int         `json:"content_index,omitzero"`
	SummaryIndex    *int         `json:"summary_index,omitzero"`
	AnnotationIndex *int         `json:"annotation_index,omitzero"`
	Item            any          `json:"item,omitzero"`
	Part            any          `json:"part,omitzero"`
	Annotation      any          `json:"annotation,omitzero"`
	Delta           *string      `json:"delta,omitzero"`
	Text            *string      `json:"text,omitzero"`
	Refusal         *string      `json:"refusal,omitzero"`
	Name            string       `json:"name,omitzero"`
	Arguments       *string      `json:"arguments,omitzero"`
	Input           *string      `json:"input,omitzero"`
	Logprobs        []outLogprob `json:"logprobs,omitzero"`
}

// outErrorEvent is the event of an error; its fields are there though null.
type outErrorEvent struct {
	Type     string  `json:"type"`
	Code     *string `json:"code"`
	Message  string  `json:"message"`
	Param    *string `json:"param"`
	Sequence int     `json:"sequence_number"`
}

// stream writes one streamed answer. Items may interleave, as the format allows
// by output_index; within a message the parts have indexes of their own.
type stream struct {
	w    io.Writer
	c    wire.Caller
	buf  []byte
	seq  int
	resp outResponse

	begun, ended bool
	parts        map[int]*openPart // by the neutral index
	items        []*openItem
	finish       llm.Finish
	finished     bool
	usage        llm.Usage
	tier         string
	err          error
}

// openItem is an item of the output, open until its parts have ended and, for a
// message, nothing can be added to it any more.
type openItem struct {
	index   int
	out     outItem
	raw     jsontext.Value // of an item kept verbatim
	parts   int            // still open
	message bool
	closed  bool
}

// openPart is a neutral part on its way into an item.
type openPart struct {
	item    *openItem
	part    llm.Part // as far as it has come, without its text
	content int      // which part of the message
	shown   bool     // a summary part has been added
	notes   []any
	probs   []outLogprob
	text    strings.Builder
	delta   wire.Pieces // an event of its text, made when it is first needed
}

// NewStream starts a streamed answer.
func (Format) NewStream(w io.Writer, c wire.Caller) wire.StreamEncoder {
	return &stream{w: w, c: c, resp: echo(c), parts: map[int]*openPart{}}
}

// Ping writes a comment.
func (s *stream) Ping() error {
	s.buf = sse.AppendComment(s.buf, "ping")
	return s.flush()
}

// Write adds an event. Other choices than the first have no place in the format.
func (s *stream) Write(e llm.Event) error {
	if s.ended {
		return nil
	}
	switch e := e.(type) {
	case llm.Start:
		s.begin(e)
	case llm.UsageUpdate:
		s.usage = e.Usage
	case llm.Finish:
		if e.Choice == 0 {
			s.finish, s.finished = e, true
			s.settle()
		}
	case llm.PartStart:
		if e.Choice == 0 {
			s.start(e.Index, e.Part)
		}
	case llm.PartEnd:
		if p := s.part(e.Choice, e.Index); p != nil {
			delete(s.parts, e.Index)
			s.endPart(p)
		}
	case llm.TextDelta:
		if p := s.part(e.Choice, e.Index); p != nil {
			s.textDelta(p, e.Text, e.Logprobs)
		}
	case llm.ReasoningDelta:
		if p := s.part(e.Choice, e.Index); p != nil {
			s.reasoningDelta(p, e.Text)
		}
	case llm.ArgumentsDelta:
		if p := s.part(e.Choice, e.Index); p != nil {
			s.argumentsDelta(p, e.Arguments)
		}
	case llm.BlobDelta:
		if p := s.part(e.Choice, e.Index); p != nil {
			p.part = llm.WithBlob(p.part, e.Blob)
		}
	case llm.CitationDelta:
		if p := s.part(e.Choice, e.Index); p != nil {
			s.citation(p, e.Citation)
		}
	}
	return s.flush()
}

// Fail ends the stream: with the error event, on which the SDKs raise, and with
// the failed answer, which agents look at. Of a forwarded answer nothing is known
// here that could be shown beside the error.
func (s *stream) Fail(e *llm.Error) error {
	if s.ended {
		return nil
	}
	if s.seq = max(s.seq, s.c.Passed); s.c.Passed == 0 {
		s.open()
	}
	s.ended = true
	_, out := wire.ShowOpenAI(e, codes)
	s.append(outErrorEvent{Type: "error", Code: out.Code, Message: out.Message, Param: out.Param, Sequence: s.seq}, "error")
	if s.c.Passed > 0 {
		return s.flush()
	}
	code := "server_error"
	if out.Code != nil {
		code = *out.Code
	}
	s.resp.Status, s.resp.Error, s.resp.Usage = "failed", &outFailure{code, out.Message}, shownUsage(s.usage)
	s.terminate("response.failed")
	return s.flush()
}

// Close ends a good stream.
func (s *stream) Close() error {
	if s.ended {
		return nil
	}
	s.open()
	for _, i := range slices.Sorted(maps.Keys(s.parts)) {
		s.endPart(s.parts[i])
		delete(s.parts, i)
	}
	s.settle()
	s.ended = true
	s.resp.end(s.finish, s.refused(), s.usage, s.tier)
	s.terminate("response." + s.resp.Status)
	return s.flush()
}

// terminate writes the event after which nothing follows. Items that a failure
// cut are no part of the answer.
func (s *stream) terminate(name string) {
	s.resp.Output = []any{}
	for _, it := range s.items {
		if it.closed {
			s.resp.Output = append(s.resp.Output, it.value())
		}
	}
	r := s.resp
	s.emit(outEvent{Type: name, Response: &r})
}

func (s *stream) refused() bool {
	for _, it := range s.items {
		for _, c := range it.out.Content {
			if _, ok := c.(outRefusal); ok {
				return true
			}
		}
	}
	return false
}

// begin opens the answer; what is told before is told by the first event.
func (s *stream) begin(e llm.Start) {
	if s.begun {
		return
	}
	s.begun = true
	s.tier = e.ServiceTier
	s.resp.begin(e, s.c)
	r := s.resp
	s.emit(outEvent{Type: "response.created", Response: &r})
	s.emit(outEvent{Type: "response.in_progress", Response: &r})
}

func (s *stream) open() { s.begin(llm.Start{}) }

func (s *stream) part(choice, index int) *openPart {
	if choice != 0 {
		return nil
	}
	return s.parts[index]
}

// emit numbers an event and adds it to what is written next.
func (s *stream) emit(e outEvent) {
	e.Sequence = s.seq
	s.append(e, e.Type)
}

func (s *stream) append(e any, name string) {
	data, err := json.Marshal(e, exact)
	if err != nil {
		s.err = errors.Join(s.err, llm.Errorf(llm.KindUpstream, "event %s can't be written: %w", name, err))
		return
	}
	s.seq++
	s.buf = sse.AppendEvent(s.buf, name, data)
}

// flush writes the events that came of one call in one piece.
func (s *stream) flush() error {
	if s.err != nil {
		return s.err
	}
	if len(s.buf) == 0 {
		return nil
	}
	_, err := s.w.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}
