package sim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// fault is what goes wrong with an answer.
type fault int

const (
	faultless    fault = iota
	faultStatus        // an error of script.status
	faultQuota         // nothing left to spend
	faultContext       // the prompt is too long
	faultHang          // nothing, not even headers
	faultStall         // silence after script.after pieces
	faultReset         // a connection reset before the headers
	faultCut           // a connection reset after script.after pieces
	faultEnd           // an orderly end after script.after pieces, nothing finished
	faultError         // an error inside the stream after script.after pieces
	faultBad           // a malformed piece after script.after pieces
	faultHTML          // a web page of a broken proxy
	faultHuge          // one line that doesn't end
	faultWhole         // a whole answer where a stream was asked for
	faultRegion        // the model isn't in the region
	faultSite          // a web page for all that is asked
	faultCrawl         // signs of life, and no word
	faultOdd           // JSON of another shape
)

// Bounds of what a name can ask for.
const (
	maxPieces  = 200_000
	maxSize    = 1 << 16
	maxText    = 32 << 20
	maxLatency = 10 * time.Minute
	maxGap     = time.Minute
	maxCalls   = 32
)

// script is what a model does.
type script struct {
	base      string // the model that is played: what stands before "sim"
	recording string // what is played back instead

	latency time.Duration // before the first byte
	gap     time.Duration // between pieces
	pieces  int           // of text
	size    int           // bytes of a piece

	think    bool // reasons, and wants its reasoning back
	tools    int  // turns that end in calls before one ends in text
	parallel int  // calls a turn
	each     bool // calls go round the declared tools
	noArgs   bool // calls without arguments
	badArgs  bool // calls whose arguments break off
	mix      bool // text before the calls
	json     bool // answers an object
	prose    bool // answers text, whatever form is asked for
	refuse   bool
	length   bool // ends at the limit of output
	stop     bool // ends at the first stop sequence
	empty    bool // says nothing
	none     bool // holds no answer
	noUsage  bool // doesn't count
	finer    int  // per cent of the tokens that a prompt would have elsewhere
	noFinish bool // doesn't say that it ends in calls
	cached   int  // per cent of the prompt that were read from the cache
	written  int  // per cent of the prompt that were written to it

	fault      fault
	list       listFault
	after      int // pieces before the fault
	status     int // of faultStatus
	retryAfter int // seconds
	daily      int // requests a day; 0: as many as are asked
}

// Token is one word of a scripted model name.
type Token struct {
	Word    string `json:"word"` // N stands for a number
	Meaning string `json:"meaning"`
}

// word is a Token with its effect on a script.
type word struct {
	name    string
	numeric bool
	meaning string
	apply   func(s *script, n int)
}

// words are the vocabulary of model names.
var words = []word{
	{"l", true, "milliseconds before the first byte", func(s *script, n int) { s.latency = min(millis(n), maxLatency) }},
	{"d", true, "milliseconds between chunks", func(s *script, n int) { s.gap = min(millis(n), maxGap) }},
	{"n", true, "chunks of text (8)", func(s *script, n int) { s.pieces = min(n, maxPieces) }},
	{"b", true, "bytes of a chunk (16)", func(s *script, n int) { s.size = min(max(n, 1), maxSize) }},
	{"think", false, "reasons; its signature must come back unaltered where the vendor asks for it", func(s *script, _ int) { s.think = true }},
	{"tools", true, "N turns end in a call of the first declared tool, then one in text", func(s *script, n int) { s.tools = n }},
	{"par", true, "N calls a turn", func(s *script, n int) { s.parallel = min(max(n, 1), maxCalls) }},
	{"each", false, "the calls of a turn go round the declared tools", func(s *script, _ int) { s.each = true }},
	{"noargs", false, "calls have no arguments", func(s *script, _ int) { s.noArgs = true }},
	{"badargs", false, "in Chat Completions and Responses: the arguments of calls break off", func(s *script, _ int) { s.badArgs = true }},
	{"mix", false, "text before the calls", func(s *script, _ int) { s.mix = true }},
	{"json", false, "answers an object that fits the schema asked for", func(s *script, _ int) { s.json = true }},
	{"prose", false, "answers text, whatever form is asked for", func(s *script, _ int) { s.prose = true }},
	{"refuse", false, "declines to answer", func(s *script, _ int) { s.refuse = true }},
	{"length", false, "ends at the limit of output", func(s *script, _ int) { s.length = true }},
	{"stop", false, "ends at the first stop sequence given", func(s *script, _ int) { s.stop = true }},
	{"empty", false, "says nothing", func(s *script, _ int) { s.empty = true }},
	{"none", false, "holds no answer: in Chat Completions and Gemini's an empty list, else an empty answer", func(s *script, _ int) { s.empty, s.none = true, true }},
	{"finer", true, "cuts prompts into N % of the tokens that others do", func(s *script, n int) { s.finer = min(n, 1000) }},
	{"cached", true, "N % of the prompt were read from the cache", func(s *script, n int) { s.cached = min(n, 100) }},
	{"written", true, "N % of the prompt were written to the cache", func(s *script, n int) { s.written = min(n, 100) }},
	{"nousage", false, "doesn't say what it used", func(s *script, _ int) { s.noUsage = true }},
	{"nofinish", false, "in Chat Completions: finishes calls without a reason, as xAI's do at times", func(s *script, _ int) { s.noFinish = true }},
	{"e", true, "fails with HTTP status N", func(s *script, n int) {
		if n >= 400 && n <= 599 {
			s.fault, s.status = faultStatus, n
		}
	}},
	{"ra", true, "Retry-After, seconds", func(s *script, n int) { s.retryAfter = n }},
	{"day", true, "N requests a day, then a refusal; told by the vendors that tell", func(s *script, n int) { s.daily = n }},
	{"quota", false, "fails: nothing left to spend", func(s *script, _ int) { s.fault = faultQuota }},
	{"ctx", false, "fails: the prompt is too long", func(s *script, _ int) { s.fault = faultContext }},
	{"hang", false, "sends no headers until the client leaves", func(s *script, _ int) { s.fault = faultHang }},
	{"stall", false, "sends headers, of a whole answer half, then nothing", func(s *script, _ int) { s.fault, s.after = faultStall, 0 }},
	{"stall", true, "falls silent after N chunks", func(s *script, n int) { s.fault, s.after = faultStall, n }},
	{"crawl", false, "sends headers, then comments or line ends until the client leaves", func(s *script, _ int) { s.fault, s.after = faultCrawl, 0 }},
	{"odd", false, "answers 200 with JSON of another shape", func(s *script, _ int) { s.fault = faultOdd }},
	{"reset", false, "resets the connection before the headers", func(s *script, _ int) { s.fault = faultReset }},
	{"cut", true, "resets the connection after N chunks", func(s *script, n int) { s.fault, s.after = faultCut, n }},
	{"end", true, "ends the stream in order after N chunks, unfinished", func(s *script, n int) { s.fault, s.after = faultEnd, n }},
	{"err", true, "sends an error inside the stream after N chunks; after e529, an overload", func(s *script, n int) { s.fault, s.after = faultError, n }},
	{"bad", true, "sends a malformed chunk after N chunks", func(s *script, n int) { s.fault, s.after = faultBad, n }},
	{"html", false, "answers 502 with a web page", func(s *script, _ int) { s.fault = faultHTML }},
	{"huge", false, "sends one line of 64 MiB", func(s *script, _ int) { s.fault = faultHuge }},
	{"noregion", false, "fails: the region doesn't have the model", func(s *script, _ int) { s.fault = faultRegion }},
	{"site", false, "answers with a web page, below /with/ whatever is asked", func(s *script, _ int) { s.fault = faultSite }},
	{"emptylist", false, "below /with/: lists no models", func(s *script, _ int) { s.list = listEmpty }},
	{"hugelist", false, "below /with/: lists models without end", func(s *script, _ int) { s.list = listHuge }},
	{"oddlist", false, "below /with/: what should be a list is something else", func(s *script, _ int) { s.list = listOdd }},
	{"wholestream", false, "answers a stream request with a whole answer", func(s *script, _ int) { s.fault = faultWhole }},
}

// inside is the failure that comes inside an answer.
func (s *script) inside() *failure {
	if s.status != 0 {
		return scripted(s.status)
	}
	return scripted(http.StatusInternalServerError)
}

// millis is n milliseconds, within what a duration can hold.
func millis(n int) time.Duration {
	return time.Duration(min(n, int(maxLatency/time.Millisecond))) * time.Millisecond
}

// parseName reads what a model's name asks for. Scripted says whether the name is
// a script: one that holds "sim", or plays a recording.
func parseName(name string) (s script, scripted bool) {
	s = script{base: name, pieces: 8, size: 16, parallel: 1, finer: 100}
	bare, _, _ := strings.Cut(name, ":") // a variant as in "vendor/sim:free"
	head, recording, plays := strings.Cut("-"+bare, "-rec-")
	if plays {
		s.recording = recording
	}
	base, rest, has := strings.Cut(strings.TrimPrefix(head, "-"), "sim")
	if !has {
		return s, plays
	}
	s.base = strings.TrimSuffix(base, "-")
	_, rest, _ = strings.Cut(rest, "-")
	s.add(rest)
	return s, true
}

// add applies words joined by dashes and returns those that it doesn't know.
func (s *script) add(list string) (unknown []string) {
	for token := range strings.SplitSeq(list, "-") {
		if token != "" && token != "ok" && !s.apply(token) {
			unknown = append(unknown, token)
		}
	}
	return unknown
}

// apply does what one word asks for.
func (s *script) apply(token string) bool {
	name := strings.TrimRight(token, "0123456789")
	number := token[len(name):]
	n, err := strconv.Atoi(number)
	if number != "" && err != nil {
		return false
	}
	for _, w := range words {
		if w.name == name && w.numeric == (number != "") {
			w.apply(s, n)
			return true
		}
	}
	return false
}

// Tokens are the words that a model's name may be made of after "sim".
func Tokens() []Token {
	list := make([]Token, 0, len(words)+1)
	for _, w := range words {
		if w.numeric {
			w.name += "N"
		}
		list = append(list, Token{w.name, w.meaning})
	}
	return append(list, Token{"rec-NAME", "plays the recording NAME; ends the list of words"})
}
