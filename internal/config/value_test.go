package config_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/config"
)

// Whatever is written as text reads back as the same value.
func TestValuesReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		usd := config.NanoUSD(rapid.Int64Range(0, 1_000_000_000_000_000_000).Draw(t, "usd"))
		part := config.Fraction(rapid.Int64Range(0, 1_000_000).Draw(t, "fraction"))
		size := config.Bytes(rapid.Int64Range(0, 1<<40).Draw(t, "bytes") << rapid.IntRange(0, 20).Draw(t, "shift"))
		mode := config.SyncMode{Every: time.Duration(rapid.Int64Range(1, 1e9).Draw(t, "ms")) * time.Millisecond}
		var usd2 config.NanoUSD
		var part2 config.Fraction
		var size2 config.Bytes
		var mode2 config.SyncMode
		back(t, usd, &usd2)
		back(t, part, &part2)
		back(t, size, &size2)
		back(t, mode, &mode2)
		if usd != usd2 || part != part2 || size != size2 || mode != mode2 {
			t.Fatalf("got %d %d %d %v, want %d %d %d %v", usd2, part2, size2, mode2, usd, part, size, mode)
		}
	})
}

func back(t *rapid.T, from interface{ MarshalText() ([]byte, error) }, to interface{ UnmarshalText([]byte) error }) {
	text, err := from.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if err := to.UnmarshalText(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func TestMoneyIsExact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want config.NanoUSD
		ok   bool
	}{
		{"0", 0, true},
		{"0.1", 100_000_000, true},
		{"0.000000001", 1, true},
		{"1000000000", 1_000_000_000_000_000_000, true},
		{"1000000000.000000001", 0, false},
		{"0.0000000001", 0, false},
		{"99999999999999999999", 0, false},
		{"1e3", 0, false},
		{"1.", 0, false},
		{".5", 0, false},
		{"+1", 0, false},
		{"1,5", 0, false},
		{"-0", 0, false},
		{"", 0, false},
		{"٣", 0, false},
	} {
		var got config.NanoUSD
		if err := got.UnmarshalText([]byte(tt.text)); (err == nil) != tt.ok || got != tt.want {
			t.Errorf("%q = %d, %v; want %d, ok %v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}
