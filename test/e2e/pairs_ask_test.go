package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// ask is a request in no format.
type ask struct {
	model   string
	stream  bool
	system  string
	said    []said
	tools   []tool
	choice  string // "none", "any", or the tool to be called
	single  bool   // one call at most
	sampled bool   // temperature and top_p are set
	schema  object
	stops   []string
	limit   int
	reasons bool
	quiet   bool // a stream that tells its usage only when asked isn't asked
}

// said is one turn of a conversation: the user's words, the model's answer, or
// what the calls of that answer brought.
type said struct {
	text    string
	media   []media
	answer  *reply
	strip   bool // the answer goes back as text and calls alone
	results []result
}

type (
	object = map[string]any
	list   = []any
)

// media is an image or a file: its bytes, or where they are.
type media struct{ kind, base64, url string }

// at is where the media is found, if only in the URL itself.
func (m media) at() string {
	if m.url != "" {
		return m.url
	}
	return "data:" + m.kind + ";base64," + m.base64
}

type tool struct {
	name   string
	schema object
}

type call struct{ id, name, arguments string }

type result struct {
	id, name, text string
	media          []media
}

// usage counts tokens: cached and written are of the input, reasoning is of the
// output. A format that has no word for what was written to the cache says -1.
type usage struct{ input, cached, written, output, reasoning int64 }

// finish is why an answer ended, in no format.
type finish string

const (
	finishStop    finish = "stop"
	finishLength  finish = "length"
	finishTools   finish = "tools"
	finishRefused finish = "refused"
)

// reply is an answer in no format.
type reply struct {
	model                    string // that answered
	text, refusal, reasoning string
	calls                    []call
	finish                   finish
	stop                     string // the sequence that ended it, where the format tells
	usage                    *usage
	ended                    bool // the format's own end of a stream came
	fault                    *fault
	native                   list // how a client of the format sends the answer back
}

// fault is an error as its format tells it.
type fault struct {
	kind, message string
	status        int // told in the body; 0 where it isn't
}

// dialect is a wire format as a client speaks it.
type dialect struct {
	name    string
	request func(ask) (path string, body object)
	whole   func(doc []byte) (*reply, error)
	stream  func(events []event) (*reply, error)
	refused func(doc []byte) (*fault, error)
	kinds   map[int]string // what a fault of an HTTP status is called
}

// dialects is the one list of the formats that clients speak, named as the
// providers of a lab are.
var dialects = []dialect{chatDialect, messagesDialect, responsesDialect, geminiDialect}

// event is one server-sent event.
type event struct {
	name string
	data []byte
}

// events reads the frames of a stream. A comment isn't one.
func events(body []byte) (list []event) {
	for frame := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n\n") {
		var e event
		for line := range strings.Lines(frame) {
			line = strings.TrimSuffix(line, "\n")
			if name, ok := strings.CutPrefix(line, "event: "); ok {
				e.name = name
			} else if data, ok := strings.CutPrefix(line, "data: "); ok {
				e.data = append(e.data, data...)
			}
		}
		if e.data != nil {
			list = append(list, e)
		}
	}
	return list
}

// read decodes what it knows of a document.
func read[T any](doc []byte) (v T, err error) {
	if err = json.Unmarshal(doc, &v); err != nil {
		err = fmt.Errorf("%w in %s", err, doc)
	}
	return v, err
}

// exchange is a request and what came back, before it is understood.
type exchange struct {
	status int
	header http.Header
	body   []byte
	broken error // while the body was read
}

// send makes a request.
func (l *lab) send(t *testing.T, d *dialect, a ask, header http.Header) exchange {
	t.Helper()
	path, body := d.request(a)
	doc, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+path, bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	x := exchange{status: resp.StatusCode, header: resp.Header}
	x.body, x.broken = io.ReadAll(resp.Body)
	return x
}

// understand reads an answer with status 200. A stream that ends in order must
// end as its format requires.
func (d *dialect) understand(x exchange, stream bool) (*reply, error) {
	switch {
	case x.status != http.StatusOK:
		return nil, fmt.Errorf("status %d", x.status)
	case !stream:
		return d.whole(x.body)
	}
	if kind := x.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return nil, errors.New("content type " + kind)
	}
	r, err := d.stream(events(x.body))
	if err == nil && x.broken == nil && r.fault == nil && !r.ended {
		err = errors.New("the stream ended in order, but not as its format requires")
	}
	return r, err
}

// joined puts the pieces of calls together, by their place in the answer.
type joined struct {
	places []int
	calls  []call
}

func (j *joined) at(place int) *call {
	i := slices.Index(j.places, place)
	if i < 0 {
		i = len(j.places)
		j.places, j.calls = append(j.places, place), append(j.calls, call{})
	}
	return &j.calls[i]
}
