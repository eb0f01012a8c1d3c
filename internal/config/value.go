package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// masked is what stands for a secret wherever one would be printed.
const masked = "***"

// Secret is a text that must not be seen: formatted, logged or marshalled it
// is "***" (or empty when it is empty). Only [Secret.Reveal] gives it away.
type Secret string

// Reveal returns the text itself. Call it only where it is sent or hashed.
func (s Secret) Reveal() string { return string(s) }

// String masks the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// Format masks the secret under every verb; without it %d and %#v would print
// the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue masks the secret in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the secret in YAML, JSON and every other text form.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(text []byte) error { *s = Secret(text); return nil }

// SecretURL is a URL whose user information or query may hold a password, such
// as a database's. Printed, logged or marshalled, these are masked.
type SecretURL string

// Reveal returns the URL itself, password included.
func (u SecretURL) Reveal() string { return string(u) }

// String returns the URL with its password and its query values masked; what
// is no URL is masked whole, unless it is a single word such as "sqlite".
func (u SecretURL) String() string {
	if !strings.ContainsAny(string(u), ":/@?=") {
		return string(u)
	}
	p, err := url.Parse(string(u))
	if err != nil || p.Host == "" {
		return masked
	}
	out := p.Scheme + "://"
	if p.User != nil {
		out += url.User(p.User.Username()).String()
		if _, has := p.User.Password(); has {
			out += ":" + masked
		}
		out += "@"
	}
	out += p.Host + p.EscapedPath()
	if p.RawQuery != "" {
		out += "?" + masked
	}
	return out
}

// Format masks the URL under every verb.
func (u SecretURL) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(u.String())) }

// LogValue masks the URL in logs.
func (u SecretURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText masks the URL in every text form.
func (u SecretURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText takes the text as it is; the loader checks it.
func (u *SecretURL) UnmarshalText(text []byte) error { *u = SecretURL(text); return nil }

// Bytes is a size in bytes, written as a whole number with an optional unit:
// "32MiB", "500KB", "1048576". KiB, MiB and GiB are powers of 1024; KB, MB and
// GB of 1000.
type Bytes int64

var byteUnits = []struct {
	name string
	size int64
}{
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"GB", 1e9},
	{"MB", 1e6},
	{"KB", 1e3},
	{"B", 1},
}

// UnmarshalText reads a size as described at [Bytes].
func (b *Bytes) UnmarshalText(text []byte) error {
	s, unit := strings.TrimSpace(string(text)), int64(1)
	for _, u := range byteUnits {
		if len(s) > len(u.name) && strings.EqualFold(s[len(s)-len(u.name):], u.name) {
			s, unit = strings.TrimSpace(s[:len(s)-len(u.name)]), u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return errors.New("is not a size: write a whole number and a unit, like 32MiB")
	}
	*b = Bytes(n * unit)
	return nil
}

// MarshalText writes the size in its largest binary unit without a remainder.
func (b Bytes) MarshalText() ([]byte, error) {
	for _, u := range byteUnits[:3] {
		if b != 0 && int64(b)%u.size == 0 {
			return fmt.Appendf(nil, "%d%s", int64(b)/u.size, u.name), nil
		}
	}
	return strconv.AppendInt(nil, int64(b), 10), nil
}

// NanoUSD is an amount of money in billionths of a US dollar. Prices are
// NanoUSD per 1,000,000 tokens. In text it is a decimal number of dollars with
// at most nine places, read exactly: "0.15" is 150,000,000.
type NanoUSD int64

const maxDollars = 1_000_000_000

// UnmarshalText reads a decimal number of dollars.
func (n *NanoUSD) UnmarshalText(text []byte) error {
	v, err := parseDecimal(string(text), 9, maxDollars)
	if err != nil {
		return fmt.Errorf("is not an amount in US dollars: %w", err)
	}
	*n = NanoUSD(v)
	return nil
}

// MarshalText writes the amount as a decimal number of dollars, exactly.
func (n NanoUSD) MarshalText() ([]byte, error) { return formatDecimal(int64(n), 9), nil }

// Fraction is a number from 0 to 1 in millionths, written as a decimal
// ("0.15") or a percentage ("15%").
type Fraction int64

// UnmarshalText reads a decimal or a percentage.
func (f *Fraction) UnmarshalText(text []byte) error {
	s, percent := strings.CutSuffix(strings.TrimSpace(string(text)), "%")
	places, most := 6, int64(1)
	if percent {
		places, most = 4, 100
	}
	v, err := parseDecimal(s, places, most)
	if err != nil {
		return fmt.Errorf("is not a number from 0 to 1: %w", err)
	}
	*f = Fraction(v)
	return nil
}

// MarshalText writes the fraction as a decimal.
func (f Fraction) MarshalText() ([]byte, error) { return formatDecimal(int64(f), 6), nil }

// parseDecimal reads an unsigned decimal with at most places digits after the
// point and at most the value most, as an integer scaled by 10^places.
func parseDecimal(s string, places int, most int64) (int64, error) {
	whole, frac, point := strings.Cut(s, ".")
	digits := func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	}
	switch {
	case strings.HasPrefix(s, "-"):
		return 0, errors.New("it can't be negative")
	case whole == "" || !digits(whole) || !digits(frac) || point && frac == "":
		return 0, errors.New("write plain decimal digits, like 0.15")
	case len(frac) > places:
		return 0, fmt.Errorf("at most %d digits after the point", places)
	case len(whole) > 12:
		return 0, fmt.Errorf("at most %d", most)
	}
	v, err := strconv.ParseInt(whole+frac+strings.Repeat("0", places-len(frac)), 10, 64)
	limit := most
	for range places {
		limit *= 10
	}
	if err != nil || v > limit {
		return 0, fmt.Errorf("at most %d", most)
	}
	return v, nil
}

func formatDecimal(v int64, places int) []byte {
	s := fmt.Sprintf("%0*d", places+1, v)
	return []byte(strings.TrimSuffix(strings.TrimRight(s[:len(s)-places]+"."+s[len(s)-places:], "0"), "."))
}

// Switch is on or off, also read from true and false.
type Switch bool

// UnmarshalText reads on, off, true or false.
func (s *Switch) UnmarshalText(text []byte) error {
	b, err := parseBool(string(text))
	if err != nil {
		return errors.New("is neither on nor off")
	}
	*s = Switch(b)
	return nil
}

// MarshalText writes on or off.
func (s Switch) MarshalText() ([]byte, error) {
	if s {
		return []byte("on"), nil
	}
	return []byte("off"), nil
}

// parseBool reads the words for yes and no that YAML 1.1 and 1.2 know.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "on", "yes":
		return true, nil
	case "false", "off", "no":
		return false, nil
	}
	return false, errors.New("is neither true nor false")
}

// SyncMode says when the ledger asks the disk to keep what was written: off
// (never: survives the death of the process), every so often, or always
// (survives loss of power). The zero value is off.
type SyncMode struct {
	Always bool
	Every  time.Duration
}

// UnmarshalText reads off, always or a duration like 1s.
func (m *SyncMode) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "off":
		*m = SyncMode{}
	case "always":
		*m = SyncMode{Always: true}
	default:
		d, err := parseDuration(s)
		if err != nil || d < time.Millisecond {
			return errors.New("is not off, always or a duration of at least 1ms, like 1s")
		}
		*m = SyncMode{Every: d}
	}
	return nil
}

// MarshalText writes the mode as it is read.
func (m SyncMode) MarshalText() ([]byte, error) {
	switch {
	case m.Always:
		return []byte("always"), nil
	case m.Every > 0:
		return []byte(formatDuration(m.Every)), nil
	}
	return []byte("off"), nil
}

// Network is an address range, written as a prefix (10.0.0.0/8) or as one
// address.
type Network struct{ netip.Prefix }

// UnmarshalText reads a prefix or an address.
func (n *Network) UnmarshalText(text []byte) error {
	if a, err := netip.ParseAddr(string(text)); err == nil && a.Zone() == "" {
		n.Prefix = netip.PrefixFrom(a, a.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return errors.New("is not an address or a range of addresses, like 10.0.0.0/8")
	}
	n.Prefix = p.Masked()
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("is not a duration: write a number and a unit, like 30s, 5m or 1h")
	}
	if d < 0 {
		return 0, errors.New("is negative")
	}
	return d, nil
}

// formatDuration is Duration.String without its trailing zeros: 5m, not 5m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Chain is an ordered list of models (or aliases), tried one after the other.
// In the file it is a list or a single name.
type Chain []string

// Format is a wire format that a provider speaks, and where.
type Format struct {
	// Name is chat, responses, messages, gemini or converse.
	Name string
	// URL is the base URL for this format; empty: the provider's.
	URL string
}

// Formats are the wire formats that a provider speaks, in the file's order:
// there a list of names or a map of names to base URLs.
type Formats []Format

// Entry is one named element of a section.
type Entry[T any] struct {
	Name  string
	Value T
}

// Named is a section of named elements, in the file's order.
type Named[T any] []Entry[T]

// Get returns the element of that name.
func (n Named[T]) Get(name string) (T, bool) {
	for _, e := range n {
		if e.Name == name {
			return e.Value, true
		}
	}
	var zero T
	return zero, false
}

// Names returns the elements' names in order.
func (n Named[T]) Names() []string {
	names := make([]string, 0, len(n))
	for _, e := range n {
		names = append(names, e.Name)
	}
	return slices.Clip(names)
}
