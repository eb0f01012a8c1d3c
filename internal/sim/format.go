package sim

import (
	"cmp"
	"net/http"
	"strconv"
)

// format is a wire format as a server speaks it.
type format interface {
	// voice complains about requests.
	voice() voice
	// read checks a request and says what it asks for. What is wrong with it is
	// kept by the checker of root.
	read(x *exchange, root node) *prompt
	// whole writes an answer at once, stream piece by piece.
	whole(x *exchange, a *answer) []byte
	stream(x *exchange, a *answer)
	// refusal is the body of an error, broken the frame of one inside a stream.
	refusal(x *exchange, f *failure) []byte
	broken(o *outlet, f *failure) []byte
	// headers are those of any answer.
	headers(x *exchange, h http.Header)
	// frame puts a recorded event into the framing of a stream, and tail ends
	// one.
	frame(event []byte) []byte
	tail() []byte
	// idle is a sign of life in a stream that holds no word.
	idle() []byte
	// lists says whether an answer is a list of choices.
	lists() bool
	// plays says whether a recording of that name is in this format.
	plays(recording string) bool
}

// exchange is one request to a model and its answer.
type exchange struct {
	*Server
	family *family
	format format
	w      http.ResponseWriter
	r      *http.Request
	body   []byte
	model  string
	script script
	status int // 0 while nothing was answered

	embeds    bool // vectors are wanted
	counting  bool // only the tokens of the prompt are wanted
	streaming bool // the path asks for a stream

	left  int    // requests of the day, where the script has so many; less than none: one too many
	given string // words of the path, see Server.with
}

// fail answers with a failure.
func (x *exchange) fail(f *failure) {
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	x.format.headers(x, h)
	if f.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	if b, ok := x.format.(interface{ typeOf(*failure) string }); ok {
		h.Set("X-Amzn-Errortype", b.typeOf(f))
	}
	x.status = f.status
	x.w.WriteHeader(f.status)
	_, _ = x.w.Write(x.format.refusal(x, f))
}

// ask reads a request to a model and answers it.
func (x *exchange) ask() {
	c := &checker{voice: x.voice(), lenient: x.family.lenient}
	root := c.parse(x.body)
	if x.model == "" {
		x.model = root.field("model").need().text()
	}
	if c.failure != nil {
		x.fail(c.failure)
		return
	}
	if f := x.pick(); f != nil {
		x.fail(f)
		return
	}
	p := x.format.read(x, root)
	if c.failure != nil {
		x.fail(c.failure)
		return
	}
	p.model, p.script = x.model, x.script
	if f := x.daily(); f != nil {
		x.fail(f)
		return
	}
	if !x.wait(x.script.latency) || x.spoil(p) {
		return
	}
	x.format.headers(x, x.w.Header())
	if x.script.recording != "" {
		x.play(p)
		return
	}
	a := x.compose(p)
	if x.script.none && x.format.lists() {
		a.turns = nil
	}
	if x.family.costTicks && a.usage != nil {
		ticks := int64(a.usage.input+4*a.usage.output) * ticksPerMicro
		a.usage.ticks = &ticks
	}
	if p.stream && x.script.fault != faultWhole {
		x.format.stream(x, a)
		return
	}
	if x.script.fault == faultError {
		x.send("application/json", x.format.refusal(x, x.script.inside()))
		return
	}
	x.send("application/json", x.format.whole(x, a))
}

// voice is how the vendor complains in this format.
func (x *exchange) voice() voice {
	if _, chat := x.format.(chatFormat); chat && x.family.voice != nil {
		return x.family.voice
	}
	return x.format.voice()
}

// pick finds the script of the model asked for.
func (x *exchange) pick() *failure {
	s, scripted := parseName(x.model)
	m, served := x.serving(x.model)
	if !scripted && !served {
		return x.elsewhere()
	}
	if served {
		x.model = m.id
	}
	if !scripted && !x.counting && m.embeds != x.embeds {
		return &failure{
			status: http.StatusNotFound, kind: notFound, param: "model", code: "model_not_found",
			message: "The model `" + x.model + "` is not supported for what is asked of it.",
		}
	}
	if s.recording != "" && (!x.format.plays(s.recording) || !recorded(s.recording)) {
		return unknownModel(x.model)
	}
	if !x.counting {
		s.add(x.scripts.next(x.model))
		s.add(x.given)
	}
	x.script = s
	return nil
}

// spoil does the faults that come before an answer and says whether there was
// one.
func (x *exchange) spoil(p *prompt) bool {
	s := x.script
	var f *failure
	switch s.fault {
	case faultStatus:
		f = scripted(s.status)
	case faultQuota:
		f = &failure{status: cmp.Or(x.family.quotaStatus, http.StatusTooManyRequests), kind: outOfQuota, message: "You exceeded your current quota, please check your plan and billing details."}
	case faultContext:
		f = &failure{status: http.StatusBadRequest, kind: tooLong, message: "This model's maximum context length is 200000 tokens. However, you requested more."}
	case faultHang:
		x.hang()
		return true
	case faultReset:
		x.reset()
		return true
	case faultRegion:
		f = x.elsewhere()
	case faultHTML:
		x.page()
		return true
	case faultSite:
		x.site()
		return true
	case faultHuge:
		x.huge(p.stream)
		return true
	case faultOdd:
		x.odd(p.stream)
		return true
	default:
		return false
	}
	f.retryAfter = s.retryAfter
	x.fail(f)
	return true
}
