package catalog

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// Rate is a price in billionths of a US dollar per 1,000,000 tokens.
type Rate int64

// UnmarshalJSON reads a decimal number of dollars exactly, but for what binary
// floating point left of it: 0.049999999999999996 was written for 0.05.
func (r *Rate) UnmarshalJSON(b []byte) error {
	v, err := ParseRate(string(b))
	if err != nil {
		f, ferr := strconv.ParseFloat(string(b), 64)
		meant := strconv.FormatFloat(f, 'f', 9, 64)
		if near, nerr := strconv.ParseFloat(meant, 64); ferr != nil || nerr != nil || math.Abs(f-near) > noise*math.Abs(f) {
			return err
		}
		if v, err = ParseRate(meant); err != nil {
			return err
		}
	}
	*r = v
	return nil
}

// noise is how far, in proportion, a sum or product of floating-point numbers may
// be from what was meant.
const noise = 1e-14

// ParseRate reads dollars per 1,000,000 tokens, like "0.075". Digits below a
// billionth are refused rather than rounded away.
func ParseRate(s string) (Rate, error) {
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e < -20 || e > 20 {
			return 0, fmt.Errorf("price %q is not a number", s)
		}
		mantissa, exponent = s[:i], e
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	digits, scale := whole+frac, exponent+9-len(frac)
	for scale < 0 && strings.HasSuffix(digits, "0") {
		digits, scale = digits[:len(digits)-1], scale+1
	}
	if scale < 0 || scale > 18 || whole == "" {
		return 0, fmt.Errorf("price %q is not a number with at most nine decimal places", s)
	}
	v, err := strconv.ParseInt(digits+strings.Repeat("0", scale), 10, 64)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("price %q is not a price", s)
	}
	return Rate(v), nil
}

// Price is what a model costs; a nil rate is unknown.
type Price struct {
	Input        *Rate `json:"input"`
	Output       *Rate `json:"output"`
	CacheRead    *Rate `json:"cache_read"`
	CacheWrite   *Rate `json:"cache_write"`
	CacheWrite1h *Rate `json:"cache_write_1h"`
	Reasoning    *Rate `json:"reasoning"` // where it isn't Output's
	InputAudio   *Rate `json:"input_audio"`
	OutputAudio  *Rate `json:"output_audio"`
	// Tiers hold other rates for large inputs, smallest first.
	Tiers []PriceTier `json:"tiers"`
}

// PriceTier replaces rates when the whole input exceeds a size.
type PriceTier struct {
	Above int64 `json:"above_input_tokens"`
	Price
}

// PriceWindow replaces rates during some hours (UTC).
type PriceWindow struct {
	From string `json:"utc_from"` // HH:MM
	To   string `json:"utc_to"`
	Days string `json:"days"` // "mon-fri"; "" all
	Price
}

// FuturePrice replaces rates from a day on.
type FuturePrice struct {
	From string `json:"from"` // YYYY-MM-DD
	Price
}

func (w PriceWindow) holds(at time.Time) bool {
	at = at.UTC()
	if w.Days == "mon-fri" && (at.Weekday() == time.Saturday || at.Weekday() == time.Sunday) {
		return false
	}
	clock := at.Format("15:04")
	if w.From > w.To { // over midnight
		return clock >= w.From || clock < w.To
	}
	return clock >= w.From && clock < w.To
}

// with returns the price with those rates replaced that over gives.
func (p *Price) with(over Price) *Price {
	out := Price{}
	if p != nil {
		out = *p
	}
	for _, r := range []struct{ to, from **Rate }{
		{&out.Input, &over.Input},
		{&out.Output, &over.Output},
		{&out.CacheRead, &over.CacheRead},
		{&out.CacheWrite, &over.CacheWrite},
		{&out.CacheWrite1h, &over.CacheWrite1h},
		{&out.Reasoning, &over.Reasoning},
		{&out.InputAudio, &over.InputAudio},
		{&out.OutputAudio, &over.OutputAudio},
	} {
		if *r.from != nil {
			*r.to = *r.from
		}
	}
	if over.Tiers != nil {
		out.Tiers = over.Tiers
	}
	return &out
}

// Cost is what a usage costs: the exact sum of tokens times rates, rounded once,
// half to even. It is nil when a rate that the usage needs is unknown, or the
// usage itself is.
func (p *Price) Cost(u llm.Usage) *llm.NanoUSD {
	if u.Quality == llm.QualityUnknown {
		return nil
	}
	c, ok := p.cost(&u)
	if !ok {
		return nil
	}
	return &c
}

func (p *Price) cost(u *llm.Usage) (llm.NanoUSD, bool) {
	if p == nil {
		return 0, false
	}
	q := p
	for i := range p.Tiers {
		if u.TotalInput() > p.Tiers[i].Above {
			q = p.with(p.Tiers[i].Price)
		}
	}
	var s sum
	audioIn, audioOut := part(u.AudioIn, u.Input, q.InputAudio), part(u.AudioOut, u.Output, q.OutputAudio)
	reasoning := part(u.ReasoningOfOutput, u.Output-audioOut, q.Reasoning)
	ok := s.add(u.Input-audioIn, q.Input) && s.add(audioIn, q.InputAudio) &&
		s.add(u.CacheRead, q.CacheRead) && s.add(u.CacheWrite, q.CacheWrite) && s.add(u.CacheWrite1h, q.CacheWrite1h) &&
		s.add(u.Output-audioOut-reasoning, q.Output) && s.add(audioOut, q.OutputAudio) && s.add(reasoning, q.Reasoning)
	if !ok {
		return 0, false
	}
	return s.perMillion(), true
}

// part is how much of a whole is billed at a rate of its own.
func part(n, whole int64, rate *Rate) int64 {
	if rate == nil {
		return 0
	}
	return max(0, min(n, whole))
}

// sum adds products in 128 bits.
type sum struct{ hi, lo uint64 }

func (s *sum) add(tokens int64, rate *Rate) bool {
	if tokens <= 0 {
		return true
	}
	if rate == nil {
		return false
	}
	hi, lo := bits.Mul64(uint64(tokens), uint64(*rate))
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi, _ = bits.Add64(s.hi, hi, carry)
	return true
}

const million = 1_000_000

func (s *sum) perMillion() llm.NanoUSD {
	if s.hi >= million {
		return math.MaxInt64
	}
	quo, rem := bits.Div64(s.hi, s.lo, million)
	if rem > million/2 || rem == million/2 && quo&1 == 1 {
		quo++
	}
	if quo > math.MaxInt64 {
		return math.MaxInt64
	}
	return llm.NanoUSD(quo)
}
