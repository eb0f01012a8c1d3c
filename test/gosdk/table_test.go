package gosdk

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long one question may take with all its rounds, and what it leaves
// behind to appear.
const patience = time.Minute

// question is what is asked where nothing else matters.
const question = "What is the weather in Paris?"

// ask is one question, and what may be called on the way to its answer.
type ask struct {
	model, user string
	provider    string // "": the upstream of the trial
	image       string // a PNG in base64
	tools       []tool
	schema      map[string]any
	max         int64 // 0: as the SDK does without
	stop        []string
	think       bool
	stream      bool
	heard       func(piece string) // takes the pieces of text as they come; never nil
}

// tool is a function that models may call.
type tool struct {
	name, description string
	schema            map[string]any
	run               func(args map[string]any) string
}

// call is a model's wish to have a tool run.
type call struct {
	id, name string
	args     map[string]any
}

// Why an answer ended.
const (
	stopped = "stop"
	calling = "calls"
	tooLong = "length"
	refused = "refusal"
)

// usage is what an SDK is told of tokens; input has what was cached in it, output
// what was reasoned.
type usage struct{ input, cached, output, reasoning int64 }

// round is one answer of a model.
type round struct {
	text, reasoning, finish string
	calls                   []call
	usage                   usage
}

// answer is the last round, with the reasoning and the calls of all.
type answer struct {
	round
	steps [][]call
}

// conversation is a question that is being answered.
type conversation interface {
	// next asks, and returns what the SDK made of the answer or the error that it
	// raised.
	next(ctx context.Context) (round, error)
	// give adds the results of the last round's calls, in their order.
	give(results []string)
}

// client is an SDK that has a key.
type client interface {
	begin(q ask) conversation
	// models returns the ids that it lists.
	models(ctx context.Context) ([]string, error)
}

// counter is a client whose SDK counts tokens.
type counter interface {
	count(ctx context.Context, model, text string) (int64, error)
}

// embedder is a client whose SDK has embeddings.
type embedder interface {
	embed(ctx context.Context, model string, dimensions int, texts ...string) ([][]float32, error)
}

// sdk is an SDK in one of the formats that it speaks.
type sdk struct {
	name, format string
	dial         func(base, key string) (client, error)
	// raised says what an error of the SDK's own type tells: its status, and the
	// kind that the format names beside it.
	raised func(err error) (status int, kind string, ok bool)
	kinds  map[string]string // what the format calls the kinds of faults
	// shows are the upstreams whose reasoning it shows; OpenAI's Chat Completions
	// show none, and their clients don't ask others for it.
	shows   []string
	without []string // the checks that its format has no words for
}

var sdks = []sdk{openaiChat, openaiResponses, anthropicMessages, googleGemini}

// run asks, runs the tools that the model calls until it answers in text, and
// returns that.
func run(ctx context.Context, c client, q ask) (answer, error) {
	talk := c.begin(q)
	var a answer
	for {
		r, err := talk.next(ctx)
		if err != nil {
			return answer{}, err
		}
		r.reasoning = a.reasoning + r.reasoning
		a.round = r
		if len(r.calls) == 0 {
			return a, nil
		}
		if r.finish != calling {
			return answer{}, fmt.Errorf("finished by %q after calls", r.finish)
		}
		a.steps = append(a.steps, r.calls)
		var results []string
		for _, called := range r.calls {
			at := slices.IndexFunc(q.tools, func(t tool) bool { return t.name == called.name })
			if at < 0 {
				return answer{}, fmt.Errorf("called %q, which isn't declared", called.name)
			}
			results = append(results, q.tools[at].run(called.args))
		}
		talk.give(results)
	}
}

// trial is one check of one SDK in front of one kind of provider.
type trial struct {
	*testing.T
	lab      *lab
	sdk      *sdk
	client   client
	upstream string
	stream   bool
}

// ask asks a model of the trial's upstream, where nothing else is said.
func (p *trial) ask(ctx context.Context, q ask) (answer, error) {
	if q.provider == "" {
		q.provider = p.upstream
	}
	q.model, q.stream = q.provider+"/"+q.model, p.stream
	if q.user == "" {
		q.user = question
	}
	if q.heard == nil {
		q.heard = func(string) {}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return run(ctx, p.client, q)
}

// must asks what must be answered.
func (p *trial) must(q ask) answer {
	p.Helper()
	a, err := p.ask(p.Context(), q)
	if err != nil {
		p.Fatalf("%s: %v", q.model, err)
	}
	return a
}

// ways are how answers are asked for.
type ways int

const (
	whole ways = 1 << iota
	streamed
)

func way(stream bool) ways {
	if stream {
		return streamed
	}
	return whole
}

// check is a case that every SDK passes in front of every kind of provider.
type check struct {
	name string
	ways ways
	body func(p *trial)
}

// expected are the names of the checks that must have run.
func expected(s *sdk) []string {
	either := []string{
		"text", "text and tools", "parallel tools and their results", "tool without arguments", "reasoning over a tool turn",
		"image", "structured output", "length", "stop", "refusal", "cached and reasoning tokens", "errors", "unknown model and key", "cut upstream",
	}
	names := slices.Concat(either, []string{"models and counts", "embeddings"})
	for _, name := range slices.Concat(either, []string{"error in mid-stream", "upstream that ends too early", "client leaves"}) {
		names = append(names, name+", streamed")
	}
	return slices.DeleteFunc(names, func(name string) bool {
		name, _, _ = strings.Cut(name, ",")
		return slices.Contains(s.without, name)
	})
}

// TestOfficialSDKs runs the table with each SDK in front of each kind of provider.
func TestOfficialSDKs(t *testing.T) {
	t.Parallel()
	for i := range sdks {
		t.Run(sdks[i].name, func(t *testing.T) {
			t.Parallel()
			runTable(t, &sdks[i])
		})
	}
}

func runTable(t *testing.T, s *sdk) {
	l := newLab(t)
	c, err := s.dial(l.url, key)
	if err != nil {
		t.Fatal(err)
	}
	ran := map[string]bool{}
	for _, upstream := range upstreams {
		for _, check := range table {
			for _, stream := range []bool{false, true} {
				name := check.name
				if stream {
					name += ", streamed"
				}
				if check.ways&way(stream) == 0 || slices.Contains(s.without, check.name) {
					continue
				}
				name = upstream + "/" + name
				t.Run(name, func(t *testing.T) {
					ran[name] = true
					check.body(&trial{T: t, lab: l, sdk: s, client: c, upstream: upstream, stream: stream})
				})
			}
		}
	}
	if strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		return // somebody wants only some
	}
	for _, upstream := range upstreams {
		for _, name := range expected(s) {
			if !ran[upstream+"/"+name] {
				t.Errorf("%s/%s did not run", upstream, name)
			}
			delete(ran, upstream+"/"+name)
		}
	}
	for name := range ran {
		t.Errorf("%s ran, and isn't expected", name)
	}
}
