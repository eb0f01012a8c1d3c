package provider

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/wire"
)

// Limit is what is left of one allowance. The zero value says nothing.
type Limit struct {
	Known            bool
	Limit, Remaining int64
	Reset            time.Duration // until the allowance is whole again; 0 when not said
}

// Limits are the allowances that an answer's headers tell, whichever vendor's
// names they have.
type Limits struct{ Requests, Tokens, InputTokens, OutputTokens Limit }

// limitNames are the headers of an allowance, in the ways that vendors write them:
// what stands before and after its name. Those that name none are of requests.
var limitNames = []struct{ limit, remaining, reset string }{
	{"X-Ratelimit-Limit-%", "X-Ratelimit-Remaining-%", "X-Ratelimit-Reset-%"},
	{"Anthropic-Ratelimit-%-Limit", "Anthropic-Ratelimit-%-Remaining", "Anthropic-Ratelimit-%-Reset"},
	{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"}, // OpenRouter
}

// LimitsIn reads the limits that headers tell.
func LimitsIn(h http.Header, now time.Time) Limits {
	return Limits{
		Requests: limitIn(h, requests, now), Tokens: limitIn(h, "Tokens", now),
		InputTokens: limitIn(h, "Input-Tokens", now), OutputTokens: limitIn(h, "Output-Tokens", now),
	}
}

// requests name the allowance that is meant where none is named.
const requests = "Requests"

func limitIn(h http.Header, what string, now time.Time) Limit {
	for _, n := range limitNames {
		if what != requests && !strings.Contains(n.remaining, "%") {
			continue
		}
		left, err := strconv.ParseInt(h.Get(named(n.remaining, what)), 10, 64)
		if err != nil || left < 0 {
			continue // some vendors write -1 for what they don't count
		}
		l := Limit{Known: true, Remaining: left, Reset: untilReset(h.Get(named(n.reset, what)), now)}
		if most, err := strconv.ParseInt(h.Get(named(n.limit, what)), 10, 64); err == nil {
			l.Limit = most
		}
		return l
	}
	return Limit{}
}

func named(pattern, what string) string {
	for i := range len(pattern) {
		if pattern[i] == '%' {
			return pattern[:i] + what + pattern[i+1:]
		}
	}
	return pattern
}

// sinceEpoch is the least number that is a time in milliseconds: as seconds it would
// be tens of thousands of years.
const sinceEpoch = 1e12

// untilReset reads when an allowance is whole again: a duration ("6m0s"), plain
// seconds, or a time, in words or in milliseconds.
func untilReset(v string, now time.Time) time.Duration {
	d, err := time.ParseDuration(v)
	if err != nil {
		if f, err := strconv.ParseFloat(v, 64); err == nil && f > 0 && f < wire.MaxRetryAfter.Seconds() {
			d = time.Duration(f * float64(time.Second))
		} else if ms, err := strconv.ParseInt(v, 10, 64); err == nil && ms >= sinceEpoch {
			d = time.UnixMilli(ms).Sub(now)
		} else if at, err := time.Parse(time.RFC3339, v); err == nil {
			d = at.Sub(now)
		}
	}
	return min(max(d, 0), wire.MaxRetryAfter)
}

// Wait is how long to wait for the allowances that are used up; 0 when none is,
// or nobody says.
func (l Limits) Wait() (d time.Duration) {
	for _, one := range []Limit{l.Requests, l.Tokens, l.InputTokens, l.OutputTokens} {
		if one.Known && one.Remaining == 0 {
			d = max(d, one.Reset)
		}
	}
	return d
}
