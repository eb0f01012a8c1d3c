package llm

import (
	"strconv"
	"strings"
)

// Usage is what an answer used, in tokens.
//
// Input is kept in four counters that do not overlap; vendors disagree on what
// contains what, so each wire format converts at its own edge (OpenAI's
// prompt_tokens includes the cached ones, Anthropic's input_tokens does not).
// Their sum is all input; Output is all output, reasoning included.
type Usage struct {
	Input        int64 // neither read from nor written to a cache
	CacheRead    int64
	CacheWrite   int64 // kept for minutes
	CacheWrite1h int64 // kept for an hour or more
	Output       int64

	// "Of which" counters: parts of the ones above, priced apart by some.
	ReasoningOfOutput int64
	AudioIn, AudioOut int64
	ImageIn           int64

	// PerRequest counts what is billed by the piece, e.g. "web_search".
	PerRequest map[string]int64
	// ProviderCost is what the provider says that it charged; nil when it
	// doesn't say.
	ProviderCost *NanoUSD
	ServiceTier  string
	Quality      Quality
}

// TotalInput is all input, cached included.
func (u Usage) TotalInput() int64 { return u.Input + u.CacheRead + u.CacheWrite + u.CacheWrite1h }

// Total is all input and all output.
func (u Usage) Total() int64 { return u.TotalInput() + u.Output }

// IsZero says that no token was counted.
func (u Usage) IsZero() bool { return u.Total() == 0 }

// Quality says how far a usage can be trusted.
type Quality uint8

// The qualities. The zero value is QualityUnknown: never to be read as zero use.
const (
	QualityUnknown   Quality = iota // nobody counted
	QualityEstimated                // we counted
	QualityExact                    // the provider said so
)

// String returns the word that the API uses: "unknown", "estimated", "exact".
func (q Quality) String() string {
	switch q {
	case QualityEstimated:
		return "estimated"
	case QualityExact:
		return "exact"
	}
	return "unknown"
}

// NanoUSD is an amount of money in billionths of a US dollar.
type NanoUSD int64

// String writes the amount in dollars with nine decimal places: "0.001500000".
func (n NanoUSD) String() string {
	v, sign := int64(n), ""
	if v < 0 {
		sign = "-"
	}
	whole, frac := v/1_000_000_000, v%1_000_000_000
	if whole < 0 {
		whole = -whole
	}
	if frac < 0 {
		frac = -frac
	}
	f := strconv.FormatInt(frac, 10)
	return sign + strconv.FormatInt(whole, 10) + "." + strings.Repeat("0", 9-len(f)) + f
}

// EstimateTokens guesses how many tokens a text is: four bytes a token for
// Latin script, somewhat more than one a character for scripts whose characters
// take three bytes and more.
func EstimateTokens(text string) int64 {
	var wide, narrow int64
	for _, r := range text {
		if r >= 0x2E80 {
			wide++
		} else {
			narrow++
		}
	}
	if wide+narrow == 0 {
		return 0
	}
	return wide + wide/4 + (narrow+3)/4
}
