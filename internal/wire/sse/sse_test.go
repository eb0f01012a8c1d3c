package sse_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/wire/sse"
)

type event struct {
	Name, Data string
	Comment    bool
}

func readAll(t interface{ Fatal(...any) }, r io.Reader) (events []event, raw string) {
	reader := sse.NewReader(r)
	defer reader.Close()
	for {
		ev, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return events, raw
		}
		if err != nil {
			t.Fatal(err)
		}
		raw += string(ev.Raw)
		events = append(events, event{string(ev.Name), string(ev.Data), ev.Comment})
	}
}

func TestReaderTakesWhatIsSentInPractice(t *testing.T) {
	t.Parallel()
	comment := event{Comment: true}
	for _, c := range []struct {
		name, in string
		want     []event
	}{
		{"nothing", "", nil},
		{"data with a space", "data: a\n\n", []event{{Data: "a"}}},
		{"data without a space", "data:a\n\n", []event{{Data: "a"}}},
		{"only one space goes", "data:  a\n\n", []event{{Data: " a"}}},
		{"a name", "event: ping\ndata: {}\n\n", []event{{"ping", "{}", false}}},
		{"several lines", "data: a\ndata:\ndata: b\n\n", []event{{Data: "a\n\nb"}}},
		{"CRLF", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", []event{{"x", "a", false}, {Data: "b"}}},
		{"CR", "data: a\r\rdata: b\r\r", []event{{Data: "a"}, {Data: "b"}}},
		{"a comment", ": keep-alive\n\ndata: a\n\n", []event{comment, {Data: "a"}}},
		{"a comment in an event", ": x\ndata: a\n\n", []event{{Data: "a"}}},
		{"stray blank lines", "\n\ndata: a\n\n", []event{comment, comment, {Data: "a"}}},
		{"unknown fields", "id: 1\nretry: 5\ndata: a\n\n", []event{{Data: "a"}}},
		{"a byte order mark", "\xef\xbb\xbfdata: a\n\n", []event{{Data: "a"}}},
		{"no blank line at the end", "data: a\n\ndata: b", []event{{Data: "a"}, {Data: "b"}}},
		{"a field without a colon", "data\n\n", []event{{}}},
	} {
		for how, r := range map[string]io.Reader{"at once": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in))} {
			got, raw := readAll(t, r)
			if d := cmp.Diff(c.want, got); d != "" && (how != "byte by byte" || c.name != "CRLF") {
				t.Errorf("%s, %s: %s", c.name, how, d)
			}
			if raw != c.in {
				t.Errorf("%s, %s: raw is %q", c.name, how, raw)
			}
		}
	}
}

// However a stream is cut into reads, its bytes and what it says stay the same.
func TestReaderDoesNotDependOnHowBytesCome(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"data: a", "data:", "event: e", ": c", "\n", "\r\n", "\r", "x", "\n\n", "é"})).Draw(t, "stream"), "")
		cuts := rapid.SliceOfN(rapid.IntRange(1, 7), 1, 10).Draw(t, "cuts")
		whole, raw := readAll(t, strings.NewReader(in))
		if raw != in {
			t.Fatalf("raw is %q, not %q", raw, in)
		}
		pieces, raw := readAll(t, &cutter{[]byte(in), cuts, 0})
		if raw != in {
			t.Fatalf("in pieces: raw is %q, not %q", raw, in)
		}
		if d := cmp.Diff(fields(whole), fields(pieces)); d != "" {
			t.Fatal(d)
		}
	})
}

func fields(events []event) (out []event) {
	for _, e := range events {
		if !e.Comment {
			out = append(out, e)
		}
	}
	return out
}

type cutter struct {
	rest []byte
	cuts []int
	i    int
}

func (c *cutter) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := min(c.cuts[c.i%len(c.cuts)], len(p), len(c.rest))
	c.i++
	copy(p, c.rest[:n])
	c.rest = c.rest[n:]
	return n, nil
}

func TestReaderRefusesEndlessLines(t *testing.T) {
	t.Parallel()
	r := sse.NewReader(io.LimitReader(forever{}, 2*sse.MaxEvent))
	defer r.Close()
	if _, err := r.Next(); !errors.Is(err, sse.ErrTooLong) {
		t.Errorf("%v, want ErrTooLong", err)
	}
	if _, err := r.Next(); !errors.Is(err, sse.ErrTooLong) {
		t.Errorf("the second time: %v, want ErrTooLong", err)
	}
}

type forever struct{}

func (forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestReaderTellsWhyReadingFailed(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	r := sse.NewReader(io.MultiReader(strings.NewReader("data: a\n\ndata: half"), iotest.ErrReader(broken)))
	defer r.Close()
	if ev, err := r.Next(); err != nil || string(ev.Data) != "a" {
		t.Fatalf("%q, %v", ev.Data, err)
	}
	if ev, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("half an event is delivered: %q, %v", ev.Data, err)
	}
}

func TestReaderDeliversWithoutWaitingForMore(t *testing.T) {
	t.Parallel()
	pr, pw := io.Pipe()
	defer pw.Close()
	r := sse.NewReader(pr)
	defer r.Close()
	for _, s := range []string{"data: a\n\n", "data: b\r\r", "data: c\r\n\r\n"} {
		go pw.Write([]byte(s)) // what isn't read fails the test below
		for {
			ev, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ev.Comment {
				break
			}
		}
	}
}

func TestWrittenEventsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := strings.ReplaceAll(rapid.String().Draw(t, "data"), "\r", "")
		stream := sse.AppendComment(sse.AppendEvent(nil, "n", []byte(data)), "ping")
		got, _ := readAll(t, bytes.NewReader(stream))
		if d := cmp.Diff([]event{{"n", data, false}, {Comment: true}}, got); d != "" {
			t.Fatal(d)
		}
	})
}

func steady() []byte {
	var b []byte
	for range 100 {
		b = sse.AppendEvent(b, "content_block_delta", []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"some words of an answer"}}`))
	}
	return b
}

type loop struct {
	data []byte
	at   int
}

func (l *loop) Read(p []byte) (int, error) {
	if l.at == len(l.data) {
		l.at = 0
	}
	n := copy(p, l.data[l.at:])
	l.at += n
	return n, nil
}

func TestASteadyStreamCostsNoAllocation(t *testing.T) {
	r := sse.NewReader(&loop{data: steady()})
	defer r.Close()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func BenchmarkReader(b *testing.B) {
	r := sse.NewReader(&loop{data: steady()})
	defer r.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// However a stream is cut, its bytes stay the same and its events say the same, and
// each of them can be written again.
func FuzzReader(f *testing.F) {
	f.Add([]byte("event: a\r\ndata: b\r\n\r\n: c\n\ndata: d"), uint8(3))
	f.Add(steady(), uint8(200))
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		whole, _ := readAll(t, bytes.NewReader(in))
		events, raw := readAll(t, &cutter{in, []int{int(cut) + 1}, 0})
		if raw != string(in) {
			t.Fatalf("raw is %q, not %q", raw, in)
		}
		if d := cmp.Diff(fields(whole), fields(events)); d != "" {
			t.Fatal(d)
		}
		var again []byte
		for _, e := range fields(whole) {
			again = sse.AppendEvent(again, e.Name, []byte(e.Data))
		}
		if read, _ := readAll(t, bytes.NewReader(again)); !cmp.Equal(fields(whole), read) {
			t.Fatalf("%+v became %+v", whole, read)
		}
	})
}

// dribble gives a few bytes at a time.
type dribble struct {
	rest []byte
	step int
}

func (d *dribble) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), d.step)], d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// What reading costs grows with the bytes alone: not with how many lines or
// reads they come in. With cost that grows as their square these take minutes.
func TestReadingIsLinear(t *testing.T) {
	t.Parallel()
	long := append(append([]byte("data: "), bytes.Repeat([]byte("a"), 8<<20)...), "\n\n"...)
	lines := append(bytes.Repeat([]byte("data:\r"), 2<<20), '\r')
	for name, c := range map[string]struct {
		in   []byte
		step int
	}{"a long line in small reads": {long, 64}, "lines that end in CR": {lines, 1 << 20}} {
		r := sse.NewReader(&dribble{c.in, c.step})
		ev, err := r.Next()
		if err != nil || len(ev.Raw) != len(c.in) {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(ev.Raw), err, len(c.in))
		}
		r.Close()
	}
}
