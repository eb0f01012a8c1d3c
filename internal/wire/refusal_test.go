package wire_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/oidostudio/oido/internal/wire"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		ms, other string
		want      time.Duration
	}{
		{"1500", "", 1500 * time.Millisecond},
		{"1500", "30", 1500 * time.Millisecond},
		{"0", "30", 30 * time.Second},
		{"soon", "30", 30 * time.Second},
		{"", "2.5", 2500 * time.Millisecond},
		{"", now.Add(time.Minute).Format(http.TimeFormat), time.Minute},
		{"", now.Add(-time.Minute).Format(http.TimeFormat), 0},
		{"", now.Add(48 * time.Hour).Format(http.TimeFormat), wire.MaxRetryAfter},
		{"", "-3", 0},
		{"", "NaN", 0},
		{"", "1e300", wire.MaxRetryAfter},
		{"1e300", "", wire.MaxRetryAfter},
		{"", "soon", 0},
	} {
		h := http.Header{"Retry-After-Ms": {test.ms}, "Retry-After": {test.other}}
		if got := wire.RetryAfter(h, now); got != test.want {
			t.Errorf("%q, %q: %v, want %v", test.ms, test.other, got, test.want)
		}
	}
}

func TestPageText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ body, want string }{
		{"<html>\n<head><style>p { color: red }</style></head><body class=x>\n<h1>502</h1><!-- c --><p>Bad  Gateway</p></html>", "502 Bad Gateway"},
		{"<script>if (a < b) {", ""},
		{"down<di", "down"},
		{"1 < 2", "1 < 2"},
		{"upstream \xff reset", "upstream  reset"},
		{"", ""},
	} {
		if got := wire.PageText([]byte(test.body)); got != test.want {
			t.Errorf("%q became %q, want %q", test.body, got, test.want)
		}
	}
	long := wire.PageText([]byte(strings.Repeat("é", 1<<16)))
	if len(long) > 600 || !strings.HasSuffix(long, "…") || !utf8.ValidString(long) {
		t.Errorf("%d bytes: %q", len(long), long)
	}
}
