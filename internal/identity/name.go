package identity

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Other stands for names that come after the day's bound of new ones.
const Other = "~other"

const (
	maxName = 128
	// NewNamesPerDay is how many new names of a kind an org may bring in a day.
	NewNamesPerDay = 10_000
	// rememberedNames is after how many names of an org and kind the older
	// half of them begins to be forgotten. A forgotten name counts as new.
	rememberedNames = 5 * NewNamesPerDay
)

// CheckName says why a name that a client sent (of an agent, a workload, a
// session, a purpose, a user) can't be taken: it must be 1 to 128 bytes of
// printable text without spaces at its ends. The error is fit for the client.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > maxName:
		return fmt.Errorf("the name has %d bytes: at most %d", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("the name holds characters that can't be printed")
	case strings.TrimSpace(name) != name:
		return errors.New("the name begins or ends with a space")
	}
	return nil
}

// Names bounds how many new names clients can bring in, so that what is kept
// per name (roll-ups, labels) stays bounded: [NewNamesPerDay] for each org and
// kind of name, then [Other] until the next day in UTC. It remembers names as
// hashes, at most 100,000 an org and kind; after a restart all are new.
type Names struct {
	now    func() time.Time
	perDay int
	seed   maphash.Seed

	mu   sync.Mutex // protects following fields
	sets map[nameSet]*seenNames
}

type nameSet struct{ org, kind string }

// seenNames are two generations of hashes: when the young one is full, it
// becomes the old one, and the old one is forgotten.
type seenNames struct {
	young, old map[uint64]struct{}
	day        int64 // days since 1970 in UTC
	fresh      int   // new names on that day
}

// NewNames makes a bound of perDay new names that reads the time from now.
func NewNames(now func() time.Time, perDay int) *Names {
	return &Names{now: now, perDay: perDay, seed: maphash.MakeSeed(), sets: map[nameSet]*seenNames{}}
}

// Admit returns the name under which to account: the name itself, or [Other].
// kind is what the name is of, like "agent"; org must be that of a known key,
// since there is no bound on orgs. An empty name stays empty.
func (n *Names) Admit(org, kind, name string) string {
	if name == "" || name == Other {
		return name
	}
	h := maphash.String(n.seed, name)
	n.mu.Lock()
	defer n.mu.Unlock()
	set := n.sets[nameSet{org, kind}]
	if set == nil {
		set = &seenNames{young: map[uint64]struct{}{}}
		n.sets[nameSet{org, kind}] = set
	}
	if _, ok := set.young[h]; ok {
		return name
	}
	_, known := set.old[h]
	if !known {
		if day := n.now().Unix() / 86400; day != set.day {
			set.day, set.fresh = day, 0
		}
		if set.fresh >= n.perDay {
			return Other
		}
		set.fresh++
	}
	if len(set.young) >= rememberedNames {
		set.old, set.young = set.young, make(map[uint64]struct{}, rememberedNames/4)
	}
	set.young[h] = struct{}{}
	return name
}
