package quota_test

import (
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/quota"
)

// BenchmarkState is what a plan asks of each candidate that is free.
func BenchmarkState(b *testing.B) {
	q := &catalog.Quota{RequestsPerDay: 1000, TokensPerMinute: 100_000, Counting: catalog.Counting{Day: "America/Los_Angeles"}}
	tr := quota.New(time.Now)
	spend(tr, q, 10, 100)
	b.ReportAllocs()
	for b.Loop() {
		tr.State(here, q, 1000)
	}
}
