package wire

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Names that requests repeat, models above all, are kept so that reading one
// again costs no allocation.
const (
	maxInterned    = 512
	maxInternedLen = 128
)

var (
	interned   atomic.Pointer[map[string]string]
	internLock sync.Mutex
)

// Intern returns b as a string, the same one each time. What it keeps is bounded;
// a long text is simply copied.
func Intern(b []byte) string {
	known := interned.Load()
	if known != nil {
		if s, ok := (*known)[string(b)]; ok {
			return s
		}
	}
	s := string(b)
	if len(b) > maxInternedLen {
		return s
	}
	internLock.Lock()
	defer internLock.Unlock()
	next := map[string]string{}
	if known = interned.Load(); known != nil && len(*known) < maxInterned {
		next = maps.Clone(*known)
	}
	next[s] = s
	interned.Store(&next)
	return s
}
