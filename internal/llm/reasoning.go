package llm

import "slices"

// ReasoningConfig says how much a model may think before it answers. Formats
// have a level, a budget, or both; EffortOf and BudgetOf convert where a target
// has only the other.
type ReasoningConfig struct {
	Mode   ReasoningMode
	Effort Effort // "" when not said
	Budget *int   // tokens; -1 leaves it to the model
	// Summary asks for readable reasoning: "auto", "concise", "detailed";
	// "omitted" asks for none; "" when not said.
	Summary string
}

// ReasoningMode says whether the client turned reasoning on or off.
type ReasoningMode uint8

// The modes. ReasoningDefault leaves it to the model.
const (
	ReasoningDefault  ReasoningMode = iota
	ReasoningOff                    // asked not to think
	ReasoningOn                     // asked to think, by level or budget
	ReasoningAdaptive               // the model decides how much (Anthropic's "adaptive")
)

// Effort is a level of reasoning.
type Effort string

// The levels, weakest first. A model takes a subset; its profile maps the rest.
const (
	EffortNone    Effort = "none"
	EffortMinimal Effort = "minimal"
	EffortLow     Effort = "low"
	EffortMedium  Effort = "medium"
	EffortHigh    Effort = "high"
	EffortXHigh   Effort = "xhigh"
	EffortMax     Effort = "max"
)

// Efforts are all levels, weakest first.
var Efforts = []Effort{EffortNone, EffortMinimal, EffortLow, EffortMedium, EffortHigh, EffortXHigh, EffortMax}

// NearestEffort moves a level to the closest one of those that a model takes,
// weakest first; the weaker one where two are as near. A model that names none
// takes all. A level that is not in Efforts is newer than we are and taken for
// the strongest.
func NearestEffort(e Effort, takes []Effort) Effort {
	if len(takes) == 0 || slices.Contains(takes, e) {
		return e
	}
	want := slices.Index(Efforts, e)
	if want < 0 {
		want = len(Efforts)
	}
	best, distance := takes[0], len(Efforts)+1
	for _, c := range takes {
		i := slices.Index(Efforts, c)
		if d := max(want-i, i-want); i >= 0 && d < distance {
			best, distance = c, d
		}
	}
	return best
}

// effortShare is the share of the output cap that a level stands for, in
// percent. Source: OpenRouter's published ratios.
var effortShare = []struct {
	effort Effort
	share  int
}{
	{EffortMinimal, 10}, {EffortLow, 20}, {EffortMedium, 50}, {EffortHigh, 80}, {EffortXHigh, 95}, {EffortMax, 95},
}

// MinBudget is the smallest reasoning budget that Anthropic accepts.
const MinBudget = 1024

// BudgetOf gives the token budget that stands for an effort under an output cap
// of maxOutput tokens: at least MinBudget, 0 for EffortNone or an unknown level.
func BudgetOf(e Effort, maxOutput int) int {
	for _, s := range effortShare {
		if s.effort == e {
			return max(MinBudget, maxOutput*s.share/100)
		}
	}
	return 0
}

// EffortOf gives the weakest effort whose share of maxOutput covers the budget.
// A budget of 0 is EffortNone; -1 (up to the model) is EffortMedium.
func EffortOf(budget, maxOutput int) Effort {
	switch {
	case budget == 0:
		return EffortNone
	case budget < 0:
		return EffortMedium
	case maxOutput <= 0:
		maxOutput = 32_000
	}
	for _, s := range effortShare {
		if budget <= max(MinBudget, maxOutput*s.share/100) {
			return s.effort
		}
	}
	return EffortHigh
}

// Origin says where reasoning was made. A blob is only ever sent back to the
// very origin that made it.
type Origin struct {
	Provider string // the configured account's name
	Model    string // as the provider writes it
	Account  string // which of the account's keys, as a short hash; "" when it has one
}

// Blob is reasoning in a form that only its maker can read: a signature, an
// encrypted text. It is opaque, kept byte for byte, and bound to its Origin.
type Blob struct {
	Kind   BlobKind
	Data   string
	Origin Origin
}

// BlobKind says which vendor field a blob came from, so that it goes back into
// the same one.
type BlobKind string

// The kinds of blob.
const (
	BlobSignature BlobKind = "signature"         // Anthropic thinking.signature
	BlobRedacted  BlobKind = "redacted"          // Anthropic redacted_thinking.data
	BlobEncrypted BlobKind = "encrypted"         // Responses reasoning.encrypted_content
	BlobThought   BlobKind = "thought_signature" // Gemini part.thoughtSignature
	BlobDetails   BlobKind = "details"           // OpenRouter reasoning_details, the JSON array
	BlobPlain     BlobKind = "plain"             // unsigned reasoning text that must be replayed (DeepSeek's reasoning_content)
)
