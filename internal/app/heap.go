package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapFloor is the size in bytes below which the heap isn't worth collecting: a
// gateway keeps little and makes much, so at Go's usual pace a busy one would
// collect a few megabytes dozens of times a second.
const heapFloor = 40 << 20

// KeepHeapFloor lets the heap grow to a small size before it is collected, and
// above that has it collected somewhat sooner than Go would: many open streams
// keep much, and what they make is little beside it. It follows every collection for as long as the
// process runs. GOGC and GOMEMLIMIT, where they are set, are left alone.
func KeepHeapFloor() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	afterEachCollection(pace(heapFloor))
}

// started is when what starting up needed is given back to the machine.
const started = time.Second

// GiveBackStart gives back what starting up needed and nothing needs any more, soon:
// where little happens that is long before the next collection.
func GiveBackStart() { time.AfterFunc(started, debug.FreeOSMemory) }

// afterEachCollection runs f now and after every collection, by an object that
// each of them finds dead.
func afterEachCollection(f func()) {
	f()
	runtime.AddCleanup(new([16]byte), func(struct{}) { afterEachCollection(f) }, struct{}{})
}

// usualPace is the GOGC of a heap that is above the floor; Go begins with its own.
const (
	usualPace = 45
	goPace    = 100
)

// pace returns what sets the collector's pace after a collection.
func pace(floor uint64) func() {
	read := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	now := goPace
	return func() {
		metrics.Read(read)
		for _, s := range read {
			if s.Value.Kind() != metrics.KindUint64 {
				return // a runtime that doesn't measure it
			}
		}
		live := read[0].Value.Uint64()
		want := percent(floor, live, live+read[1].Value.Uint64()+read[2].Value.Uint64())
		// Setting it stops the world for a moment, so small changes aren't.
		if want != now && (want == usualPace || want < now*3/4 || want > now*4/3) {
			now = want
			debug.SetGCPercent(want)
		}
	}
}

// percent is the pace at which a heap with so many live bytes is next collected
// at floor; roots is what Go counts the growth from.
func percent(floor, live, roots uint64) int {
	if live >= floor || roots == 0 {
		return usualPace
	}
	return int(max(usualPace, min(1000, (floor-live)*100/roots)))
}
