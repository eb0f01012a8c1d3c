package ledger

import (
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// Status is how a turn or an attempt ended.
type Status string

// The ends. StatusInterrupted is given at a restart to what was still open.
const (
	StatusOK          Status = "ok"
	StatusError       Status = "error"
	StatusCut         Status = "cut"
	StatusCanceled    Status = "canceled"
	StatusInterrupted Status = "interrupted"
)

// Turn is one turn with its attempts.
type Turn struct {
	ID, Org, User, Key string
	EndUser            string
	Agent              string
	Session            string
	SessionSource      string
	Workload           string
	Class              string
	Purpose            string
	RequestedModel     string
	Format             string
	Stream             bool
	Started            time.Time
	// InputEstimate is the prompt's size in tokens as guessed before it was sent.
	InputEstimate int64
	// Decision is the routing decision in at most 512 bytes.
	Decision []byte

	// What is known when it ended.
	Status     Status
	FirstToken time.Duration // 0: none came
	Duration   time.Duration
	Attempts   []Attempt
}

// Attempt is one request to one provider.
type Attempt struct {
	Number      int
	Provider    string
	Model       string
	ServedModel string // what the provider says that it ran
	KeyHint     string
	Format      string
	Started     time.Time
	FirstToken  time.Duration
	Duration    time.Duration
	Status      Status
	ErrorKind   string
	ErrorStatus int
	ErrorText   string
	Finish      string
	// Downgrades names what translation had to leave out, separated by ", ".
	Downgrades string
	Usage      llm.Usage
	Cost       *llm.NanoUSD // nil: unknown
}

// Answered is the attempt that answered, or the last one that failed; nil for a
// turn without attempts.
func (t *Turn) Answered() *Attempt {
	if len(t.Attempts) == 0 {
		return nil
	}
	return &t.Attempts[len(t.Attempts)-1]
}

// Usage is the sum over the attempts. Its quality is the worst of those that
// used anything.
func (t *Turn) Usage() llm.Usage {
	var sum llm.Usage
	sum.Quality = llm.QualityExact
	for _, a := range t.Attempts {
		u := a.Usage
		sum.Input += u.Input
		sum.CacheRead += u.CacheRead
		sum.CacheWrite += u.CacheWrite
		sum.CacheWrite1h += u.CacheWrite1h
		sum.Output += u.Output
		sum.ReasoningOfOutput += u.ReasoningOfOutput
		sum.Quality = min(sum.Quality, u.Quality)
	}
	if len(t.Attempts) == 0 {
		sum.Quality = llm.QualityUnknown
	}
	return sum
}

// Cost is the sum over the attempts: the known part, and whether it is all.
func (t *Turn) Cost() (known llm.NanoUSD, all bool) {
	all = len(t.Attempts) > 0
	for _, a := range t.Attempts {
		if a.Cost == nil {
			all = false
			continue
		}
		known += *a.Cost
	}
	return known, all
}
