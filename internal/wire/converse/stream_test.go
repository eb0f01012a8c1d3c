package converse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

var here = llm.Origin{Provider: "aws", Model: "us.anthropic.some-model-v1:0", Account: "k1"}

// framed writes one frame by hand, as the encoding's reference draws it.
func framed(headers []string, payload string) []byte {
	var h []byte
	for i := 0; i+1 < len(headers); i += 2 {
		name, value := headers[i], headers[i+1]
		h = append(h, byte(len(name)))
		h = append(h, name...)
		h = append(h, 7)
		h = binary.BigEndian.AppendUint16(h, uint16(len(value)))
		h = append(h, value...)
	}
	return bytesOf(uint32(16+len(h)+len(payload)), uint32(len(h)), h, payload)
}

// bytesOf writes a frame with these lengths, true or not, and right checksums.
func bytesOf(size, headers uint32, h []byte, payload string) []byte {
	b := binary.BigEndian.AppendUint32(nil, size)
	b = binary.BigEndian.AppendUint32(b, headers)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, h...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func event1(name, payload string) []byte {
	return framed([]string{":event-type", name, ":content-type", "application/json", ":message-type", "event"}, payload)
}

func exception(name, payload string) []byte {
	return framed([]string{":exception-type", name, ":content-type", "application/json", ":message-type", "exception"}, payload)
}

func stream(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

var (
	begin    = event1("messageStart", `{"p":"abcd","role":"assistant"}`)
	hello    = event1("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abc"}`)
	halt     = event1("contentBlockStop", `{"contentBlockIndex":0,"p":"abcdefghij"}`)
	endTurn  = event1("messageStop", `{"p":"ab","stopReason":"end_turn"}`)
	metadata = event1("metadata", `{"metrics":{"latencyMs":500},"p":"ab","usage":{"inputTokens":7,"outputTokens":3,"totalTokens":10}}`)
)

var (
	told     = llm.UsageUpdate{Usage: llm.Usage{Input: 7, Output: 3, Quality: llm.QualityExact}}
	finished = llm.Finish{Reason: llm.FinishStop, Raw: "end_turn"}
)

// collected reads a stream to its end.
func collected(r io.Reader, t wire.Target) (events []llm.Event, err error) {
	for e, failed := range (Format{}).DecodeStream(r, t) {
		if failed != nil {
			err = failed
			continue
		}
		events = append(events, e)
	}
	return events, err
}

func TestStream(t *testing.T) {
	t.Parallel()
	names := &wire.ToolNames{}
	custom, answer, dotted := names.OutFreeText("patch"), names.Out(answerTool), names.Out("my.tool")
	signed := func(kind llm.BlobKind, data string) llm.Blob { return llm.Blob{Kind: kind, Data: data, Origin: here} }
	whole := func(middle ...llm.Event) []llm.Event {
		return append(append([]llm.Event{llm.Start{}}, middle...), told, finished)
	}
	calling := func(middle ...llm.Event) []llm.Event {
		return append(append([]llm.Event{llm.Start{}}, middle...), told, llm.Finish{Reason: llm.FinishToolCalls, Raw: "tool_use"})
	}
	toolUse := event1("messageStop", `{"stopReason":"tool_use"}`)
	begins := func(index, id, name string) []byte {
		return event1("contentBlockStart", `{"contentBlockIndex":`+index+`,"start":{"toolUse":{"toolUseId":"`+id+`","name":"`+name+`"}}}`)
	}
	piece := func(index, delta string) []byte {
		return event1("contentBlockDelta", `{"contentBlockIndex":`+index+`,"delta":`+delta+`}`)
	}
	stops := func(index string) []byte { return event1("contentBlockStop", `{"contentBlockIndex":`+index+`}`) }
	for _, c := range []struct {
		name string
		in   []byte
		t    wire.Target
		want []llm.Event
	}{
		{
			"text, whose block has no start",
			stream(begin, hello, piece("0", `{"text":" world"}`), halt, endTurn, metadata),
			wire.Target{},
			whole(llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "Hello"}, llm.TextDelta{Text: " world"}, llm.PartEnd{}),
		},
		{
			"events and fields that are newer than we are",
			stream(framed([]string{":event-type", "initial-response", ":message-type", "event"}, `{}`), begin, event1("ping", `not JSON`), hello, piece("0", `{"glow":{}}`), halt, endTurn, metadata),
			wire.Target{},
			whole(llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "Hello"}, llm.PartEnd{}),
		},
		{
			"two calls, one without input, under the client's names",
			stream(begin, begins("0", "t1", dotted), piece("0", `{"toolUse":{"input":"{\"a\":"}}`), piece("0", `{"toolUse":{"input":"1}"}}`), stops("0"), begins("1", "t2", "g"), stops("1"), toolUse, metadata),
			wire.Target{Names: names},
			calling(
				llm.PartStart{Part: llm.ToolCall{ID: "t1", Name: "my.tool"}}, llm.ArgumentsDelta{Arguments: `{"a":`}, llm.ArgumentsDelta{Arguments: `1}`}, llm.PartEnd{},
				llm.PartStart{Index: 1, Part: llm.ToolCall{ID: "t2", Name: "g"}}, llm.ArgumentsDelta{Index: 1, Arguments: `{}`}, llm.PartEnd{Index: 1},
			),
		},
		{
			"a call of a free-text tool",
			stream(begin, begins("0", "t1", custom), piece("0", `{"toolUse":{"input":"{\"input\":\"a"}}`), piece("0", `{"toolUse":{"input":"\\nb\"}"}}`), stops("0"), toolUse, metadata),
			wire.Target{Names: names},
			calling(llm.PartStart{Part: llm.ToolCall{ID: "t1", Name: "patch", Custom: true}}, llm.ArgumentsDelta{Arguments: "a\nb"}, llm.PartEnd{}),
		},
		{
			"a call that stands for the answer",
			stream(begin, begins("0", "t1", answer), piece("0", `{"toolUse":{"input":"{\"a\":1}"}}`), stops("0"), toolUse, metadata),
			wire.Target{Names: names},
			[]llm.Event{llm.Start{}, llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: `{"a":1}`}, llm.PartEnd{}, told, llm.Finish{Reason: llm.FinishStop, Raw: "tool_use"}},
		},
		{
			"reasoning, its signature in pieces",
			stream(begin, piece("0", `{"reasoningContent":{"text":"Hm"}}`), piece("0", `{"reasoningContent":{"signature":"si"}}`), piece("0", `{"reasoningContent":{"signature":"gn"}}`), halt,
				piece("1", `{"text":"Hello"}`), stops("1"), endTurn, metadata),
			wire.Target{Origin: here},
			whole(
				llm.PartStart{Part: llm.Reasoning{}}, llm.ReasoningDelta{Text: "Hm"}, llm.BlobDelta{Blob: signed(llm.BlobSignature, "sign")}, llm.PartEnd{},
				llm.PartStart{Index: 1, Part: llm.Text{}}, llm.TextDelta{Index: 1, Text: "Hello"}, llm.PartEnd{Index: 1},
			),
		},
		{
			"redacted reasoning, in pieces of base64",
			stream(begin, piece("0", `{"reasoningContent":{"redactedContent":"YWI="}}`), piece("0", `{"reasoningContent":{"redactedContent":"Yw=="}}`), halt, endTurn, metadata),
			wire.Target{Origin: here},
			whole(llm.PartStart{Part: llm.Reasoning{Blob: &llm.Blob{Kind: llm.BlobRedacted, Data: "YWJj", Origin: here}}}, llm.PartEnd{}),
		},
		{
			"reasoning without a signature that must go back",
			stream(begin, piece("0", `{"reasoningContent":{"text":"Hm"}}`), halt, endTurn, metadata),
			wire.Target{Origin: here, Reasoning: wire.ReasoningStyle{Replay: "tools"}},
			whole(llm.PartStart{Part: llm.Reasoning{}}, llm.ReasoningDelta{Text: "Hm"}, llm.BlobDelta{Blob: signed(llm.BlobPlain, "")}, llm.PartEnd{}),
		},
		{
			"reasoning without a signature that nobody asks for",
			stream(begin, piece("0", `{"reasoningContent":{"text":"Hm"}}`), halt, endTurn, metadata),
			wire.Target{Origin: here},
			whole(llm.PartStart{Part: llm.Reasoning{}}, llm.ReasoningDelta{Text: "Hm"}, llm.PartEnd{}),
		},
		{
			"blocks that are left open",
			stream(begin, hello, begins("1", "t1", "f"), toolUse, metadata),
			wire.Target{},
			calling(
				llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "Hello"}, llm.PartStart{Index: 1, Part: llm.ToolCall{ID: "t1", Name: "f"}}, llm.PartEnd{},
				llm.ArgumentsDelta{Index: 1, Arguments: "{}"}, llm.PartEnd{Index: 1},
			),
		},
		{
			"usage before the end",
			stream(begin, hello, halt, metadata, endTurn),
			wire.Target{},
			whole(llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "Hello"}, llm.PartEnd{}),
		},
		{
			"no usage at all",
			stream(begin, hello, halt, endTurn),
			wire.Target{},
			[]llm.Event{llm.Start{}, llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "Hello"}, llm.PartEnd{}, finished},
		},
		{
			"usage that was cut off",
			stream(begin, hello, halt, endTurn, metadata[:len(metadata)-1]),
			wire.Target{},
			[]llm.Event{llm.Start{}, llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "Hello"}, llm.PartEnd{}, finished},
		},
		{
			"caches, a tier and a stop sequence",
			stream(begin, hello, halt,
				event1("messageStop", `{"stopReason":"stop_sequence","additionalModelResponseFields":{"delta":{"stop_sequence":"END"}}}`),
				event1("metadata", `{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":63,"cacheReadInputTokens":10,"cacheWriteInputTokens":50,"cacheDetails":[{"ttl":"1h","inputTokens":30},{"ttl":"5m","inputTokens":20}]},"serviceTier":{"type":"priority"}}`)),
			wire.Target{},
			[]llm.Event{
				llm.Start{},
				llm.PartStart{Part: llm.Text{}},
				llm.TextDelta{Text: "Hello"},
				llm.PartEnd{},
				llm.UsageUpdate{Usage: llm.Usage{Input: 1, CacheRead: 10, CacheWrite: 20, CacheWrite1h: 30, Output: 2, ServiceTier: "priority", Quality: llm.QualityExact}},
				llm.Finish{Reason: llm.FinishStopSequence, Raw: "stop_sequence", StopSequence: "END"},
			},
		},
		{
			"a tool that the vendor runs, kept as it came",
			stream(begin, event1("contentBlockStart", `{"contentBlockIndex":0,"start":{"toolResult":{"toolUseId":"s1"}}}`), piece("0", `{"toolResult":[{"text":"x"}]}`), piece("0", `{"toolResult":[]}`), halt, endTurn, metadata),
			wire.Target{},
			whole(llm.PartStart{Part: llm.Opaque{Format: llm.FormatConverse, Type: "toolResult", Raw: []byte(`{"start":{"toolResult":{"toolUseId":"s1"}},"deltas":[{"toolResult":[{"text":"x"}]},{"toolResult":[]}]}`)}}, llm.PartEnd{}),
		},
		{
			"citations",
			stream(begin, hello, piece("0", `{"citation":{"title":"T","source":"https://a.example/","sourceContent":[{"text":"q"}]}}`), halt, endTurn, metadata),
			wire.Target{},
			whole(
				llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "Hello"},
				llm.CitationDelta{Citation: llm.Citation{Title: "T", URL: "https://a.example/", Quote: "q", Format: llm.FormatConverse, Raw: []byte(`{"title":"T","source":"https://a.example/","sourceContent":[{"text":"q"}]}`)}}, llm.PartEnd{},
			),
		},
		{
			"text cut within a character",
			stream(begin, piece("0", `{"text":"a\ud83d"}`), halt, endTurn, metadata),
			wire.Target{},
			whole(llm.PartStart{Part: llm.Text{}}, llm.TextDelta{Text: "a\ufffd"}, llm.PartEnd{}),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{bytes.NewReader(c.in), iotest.OneByteReader(bytes.NewReader(c.in)), iotest.DataErrReader(bytes.NewReader(c.in))} {
				got, err := collected(r, c.t)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Fatal(d)
				}
			}
		})
	}
}

func TestStreamsThatBreak(t *testing.T) {
	t.Parallel()
	flipped := func(at int) []byte {
		b := bytes.Clone(hello)
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name string
		in   []byte
		kind llm.Kind
		typ  string
		say  string
	}{
		{"nothing", nil, llm.KindTruncated, "", "ended before the answer did"},
		{"an end between frames", stream(begin, hello), llm.KindTruncated, "", "ended before the answer did"},
		{"a cut prelude", stream(begin, hello[:5]), llm.KindTruncated, "", "within a frame"},
		{"a cut payload", stream(begin, hello[:len(hello)-9]), llm.KindTruncated, "", "within a frame"},
		{"a cut checksum", stream(begin, hello[:len(hello)-1]), llm.KindTruncated, "", "within a frame"},
		{"lengths that were changed", stream(begin, flipped(3)), llm.KindUpstream, "", "checksum"},
		{"a prelude checksum that was changed", stream(begin, flipped(9)), llm.KindUpstream, "", "checksum"},
		{"a header that was changed", stream(begin, flipped(20)), llm.KindUpstream, "", "checksum"},
		{"a payload that was changed", stream(begin, flipped(len(hello)-10)), llm.KindUpstream, "", "checksum"},
		{"a checksum that was changed", stream(begin, flipped(len(hello)-1)), llm.KindUpstream, "", "checksum"},
		{"a frame larger than any", bytesOf(1<<31, 0, nil, ""), llm.KindUpstream, "", "larger than"},
		{"more headers than any", bytesOf(1<<20, 1<<19, nil, ""), llm.KindUpstream, "", "larger than"},
		{"a length below the least", bytesOf(12, 0, nil, ""), llm.KindUpstream, "", "can't hold"},
		{"a length of zero", bytesOf(0, 0, nil, ""), llm.KindUpstream, "", "can't hold"},
		{"headers beyond the frame", bytesOf(20, 200, nil, "1234"), llm.KindUpstream, "", "can't hold"},
		{"a header of no known type", bytesOf(16+4, 4, []byte{1, 'a', 99, 0}, ""), llm.KindUpstream, "", "decoded"},
		{"a header that ends early", bytesOf(16+4, 4, []byte{1, 'a', 7, 0}, ""), llm.KindUpstream, "", "decoded"},
		{"text and no frames", []byte("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>"), llm.KindUpstream, "", "checksum"},
		{"a known event that is no JSON", stream(begin, event1("contentBlockDelta", `{"delta":`)), llm.KindUpstream, "", "contentBlockDelta"},
		{"a block after the end", stream(begin, endTurn, hello), llm.KindUpstream, "", "after the end"},
		{"throttled", stream(begin, exception("throttlingException", `{"message":"Too many requests"}`)), llm.KindRateLimit, "throttlingException", "Too many requests"},
		{"no capacity", exception("serviceUnavailableException", `{"message":"try later"}`), llm.KindOverloaded, "serviceUnavailableException", "try later"},
		{"their fault", stream(begin, hello, exception("internalServerException", `{}`)), llm.KindUpstream, "internalServerException", "internalServerException"},
		{"the model's fault", stream(begin, hello, exception("modelStreamErrorException", `{"message":"broken","originalStatusCode":500,"originalMessage":"oops"}`)), llm.KindUpstream, "modelStreamErrorException", "oops"},
		{"too long a prompt", exception("validationException", `{"message":"The model returned the following errors: Input is too long for requested model."}`), llm.KindContextLength, "validationException", "too long"},
		{"an exception after the end", stream(begin, hello, halt, endTurn, exception("internalServerException", `{"message":"x"}`)), llm.KindUpstream, "internalServerException", "x"},
		{
			"an error without a model for it", framed([]string{":message-type", "error", ":error-code", "ModelTimeoutException", ":error-message", "it took too long"}, ""),
			llm.KindTimeout, "ModelTimeoutException", "it took too long",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := collected(bytes.NewReader(c.in), wire.Target{})
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Type != c.typ || !strings.Contains(e.Error(), c.say) {
				t.Fatalf("got %#v", err)
			}
		})
	}
}

// A provider's timeout, which the gateway puts in the place of the bytes, keeps
// its kind.
func TestStreamKeepsTheReasonItBrokeFor(t *testing.T) {
	t.Parallel()
	slow := llm.Errorf(llm.KindTimeout, "no byte for a minute")
	_, err := collected(io.MultiReader(bytes.NewReader(begin), iotest.ErrReader(slow)), wire.Target{})
	if llm.AsError(err).Kind != llm.KindTimeout {
		t.Fatal(err)
	}
}

// A frame that announces much is not given room before its bytes are there. The
// test runs alone: it measures what the process allocates.
func TestAnnouncedSizeCostsNothing(t *testing.T) {
	short := bytesOf(maxFrame, 0, nil, "")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := collected(bytes.NewReader(short), wire.Target{})
	runtime.ReadMemStats(&after)
	if llm.AsError(err).Kind != llm.KindTruncated {
		t.Fatal(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Fatalf("%d bytes for a frame of which %d came", n, len(short))
	}
}

// A stream can be left at any event.
func TestStreamCanBeLeft(t *testing.T) {
	t.Parallel()
	in := stream(begin, hello, halt, endTurn, metadata)
	all, err := collected(bytes.NewReader(in), wire.Target{})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= len(all); n++ {
		seen := 0
		for range (Format{}).DecodeStream(bytes.NewReader(in), wire.Target{}) {
			if seen++; seen == n {
				break
			}
		}
		if seen != n {
			t.Fatalf("%d of %d", seen, n)
		}
	}
}

func TestManyOpenBlocksEndTheStream(t *testing.T) {
	t.Parallel()
	var in bytes.Buffer
	in.Write(begin)
	for i := range maxOpen + 1 {
		in.Write(event1("contentBlockDelta", `{"contentBlockIndex":`+strconv.Itoa(i)+`,"delta":{"text":"x"}}`))
	}
	_, err := collected(&in, wire.Target{})
	if err == nil || !strings.Contains(err.Error(), "blocks open") {
		t.Fatal(err)
	}
}
