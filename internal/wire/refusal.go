package wire

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxRaw bounds what is kept of a provider's refusal, maxSaid what is shown of it.
const (
	maxRaw  = 4 << 10
	maxSaid = 500
)

// Kept is what an error keeps of a provider's body: a copy of its beginning.
func Kept(body []byte) []byte { return bytes.Clone(body[:min(len(body), maxRaw)]) }

// Clip cuts what a provider said to a length that people read.
func Clip(s string) string {
	if len(s) > maxSaid {
		s = s[:maxSaid] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// markup is what people don't read of an HTML page, whose end may be cut off.
var markup = regexp.MustCompile(`(?is)<(script|style)\b.*?(</(script|style)>|$)|<[a-z!?/][^>]*(>|$)`)

// PageText is what a body that is none of the format's says to people: its
// beginning on one line, without tags. A proxy's error page is such a body.
func PageText(body []byte) string {
	s := string(body[:min(len(body), maxRaw)])
	return Clip(strings.Join(strings.Fields(markup.ReplaceAllString(s, " ")), " "))
}

// PlainMessage tells of a refusal whose body is none of the format's.
func PlainMessage(status int, body []byte) string {
	s := PageText(body)
	if s == "" {
		return fmt.Sprintf("the provider answered status %d without saying why", status)
	}
	return fmt.Sprintf("the provider answered status %d: %s", status, s)
}

// MaxRetryAfter is the longest wait that is believed: a key that is tried again
// too early costs one refusal, one that is never tried again is lost.
const MaxRetryAfter = 24 * time.Hour

// RetryAfter reads how long the headers of a refusal ask to wait: in
// milliseconds, else in seconds, else until when; 0 when they don't.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if d := waitOf(h.Get("Retry-After-Ms"), time.Millisecond); d > 0 {
		return d
	}
	if d := waitOf(v, time.Second); d > 0 {
		return d
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(0, at.Sub(now)), MaxRetryAfter)
	}
	return 0
}

func waitOf(v string, unit time.Duration) time.Duration {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f > 0) { // NaN too
		return 0
	}
	return time.Duration(min(f*float64(unit), float64(MaxRetryAfter)))
}
