package catalog

import (
	"slices"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// Model is what is known of one model at one provider.
type Model struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Context   int      `json:"context"`    // tokens; 0 unknown
	MaxOutput int      `json:"max_output"` // tokens; 0 unknown
	In        []string `json:"in"`         // text, image, pdf, audio, video
	Out       []string `json:"out"`        // the same, and OutEmbedding, OutRanking
	Caps      Caps     `json:"caps"`
	Released  string   `json:"released"` // YYYY-MM-DD
	Price     *Price   `json:"price"`    // nil: unknown
	// Windows are hours of the day at another price; Future are announced ones.
	Windows   []PriceWindow `json:"price_windows"`
	Future    []FuturePrice `json:"price_future"`
	Free      string        `json:"free"` // "always", "tier", "trial"; "" paid or unknown
	Lifecycle *Lifecycle    `json:"lifecycle"`
	Tier      Tier          `json:"-"`
	// Status is what a source says of the model's life where no date is known:
	// "beta", "deprecated". Unverified names fields that were guessed. Both are
	// settled when the snapshot is read.
	Status     string   `json:"status"`
	Unverified []string `json:"unverified"`
}

// settle completes a model of the snapshot: its tier, what it gives where its
// sources take everything for text, and what is only guessed is not known.
func (m *Model) settle() {
	m.Tier = TierOf(m.ID)
	if out := outputOf(m.ID); out != "" {
		m.Out = []string{out}
	}
	if m.Lifecycle == nil && m.Status == "deprecated" {
		m.Lifecycle = &Lifecycle{State: m.Status}
	}
	for _, field := range m.Unverified {
		switch field {
		case "caps.tools":
			m.Caps.Tools = nil
		case "caps":
			m.Caps = Caps{}
		}
	}
}

// Caps are a model's abilities; nil is unknown.
type Caps struct {
	Tools            *bool `json:"tools"`
	Reasoning        *bool `json:"reasoning"`
	Attachments      *bool `json:"attachments"`
	StructuredOutput *bool `json:"structured_output"`
	Temperature      *bool `json:"temperature"`
}

// Takes says whether the model reads a kind of input; an unknown list takes all.
func (m *Model) Takes(kind string) bool { return len(m.In) == 0 || slices.Contains(m.In, kind) }

// Gives says whether the model makes a kind of output; an unknown list is text.
func (m *Model) Gives(kind string) bool {
	return len(m.Out) == 0 && kind == "text" || slices.Contains(m.Out, kind)
}

// Generates says whether the model answers text with text, as far as is known.
func (m *Model) Generates() bool { return m.Takes("text") && m.Gives("text") }

// PriceAt returns what the model costs at a point in time; nil: unknown.
func (m *Model) PriceAt(at time.Time) *Price {
	p := m.Price
	for _, f := range m.Future {
		if from, err := time.Parse(time.DateOnly, f.From); err == nil && !at.Before(from) {
			p = p.with(f.Price)
		}
	}
	for _, w := range m.Windows {
		if w.holds(at) {
			return p.with(w.Price)
		}
	}
	return p
}

// Estimate is what a request of so many tokens costs whose answer has so many, when
// nothing of it is cached; false when nobody knows.
func (m *Model) Estimate(input, output int64, at time.Time) (llm.NanoUSD, bool) {
	if m == nil {
		return 0, false
	}
	return m.PriceAt(at).cost(&llm.Usage{Input: input, Output: output})
}

// Cost is what a usage costs at this model; nil when a price that it needs is
// unknown.
func (m *Model) Cost(u llm.Usage, at time.Time) *llm.NanoUSD {
	if m == nil {
		return nil
	}
	return m.PriceAt(at).Cost(u)
}
