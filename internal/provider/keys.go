package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"io"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider/cloudauth"
)

// Key is one of an account's keys, ready to be sent.
type Key struct {
	// Hint names the key without telling it: the first eight hex digits of its
	// SHA-256. "" for an account without keys.
	Hint  string
	index int
	value string // with the auth prefix
	// auth proves an identity in the place of value; nil: value is the key.
	auth cloudauth.Authorizer
}

// HintOf is the hint of a key.
func HintOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:4])
}

// keyPool hands out the keys in turn, past those that rest or are refused.
type keyPool struct {
	now   func() time.Time
	hints []string // of the keys, in order

	mu    sync.Mutex // protects following fields
	next  int
	keys  []Key
	until []time.Time // zero: usable; else when the key may be tried again
}

// refusedRest is how long a key that the provider refused is left alone before
// it is tried again: the operator may have repaired the account meanwhile.
const refusedRest = 5 * time.Minute

// maxRest is the longest that a key rests, whatever a provider asks for.
const maxRest = time.Hour

func newKeyPool(secrets []string, prefix string, now func() time.Time) *keyPool {
	p := &keyPool{now: now}
	for _, s := range secrets {
		p.add(s, Key{value: prefix + s})
	}
	if len(p.keys) == 0 {
		p.keys, p.hints = []Key{{}}, []string{""}
	}
	p.until = make([]time.Time, len(p.keys))
	return p
}

// add takes in a key that is named by a text.
func (p *keyPool) add(name string, k Key) {
	k.Hint = HintOf(name)
	if len(p.keys) == 1 && p.keys[0] == (Key{}) {
		p.keys, p.hints = p.keys[:0], nil
	}
	k.index = len(p.keys)
	p.keys, p.hints = append(p.keys, k), append(p.hints, k.Hint)
	p.until = make([]time.Time, len(p.keys))
}

// pick returns the next usable key that tried does not hold; for a conversation
// always the same one first. false: none is left.
func (p *keyPool) pick(tried []Key, conversation string) (Key, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := 0
	if conversation != "" && len(p.keys) > 1 {
		h := fnv.New32a()
		_, _ = io.WriteString(h, conversation) // a hash takes everything
		own = int(uint64(h.Sum32()) % uint64(len(p.keys)))
	}
	var now time.Time
	for n := range p.keys {
		i := (own + n) % len(p.keys)
		if conversation == "" {
			i = p.next
			p.next = (p.next + 1) % len(p.keys)
		}
		if !p.until[i].IsZero() {
			if now.IsZero() {
				now = p.now()
			}
			if now.Before(p.until[i]) {
				continue
			}
			p.until[i] = time.Time{}
		}
		if !holds(tried, i) {
			return p.keys[i], true
		}
	}
	return Key{}, false
}

// same returns the key of a hint, if it is usable and tried doesn't hold it.
func (p *keyPool) same(tried []Key, hint string) (Key, bool) {
	k, ok := p.named(hint)
	if !ok || holds(tried, k.index) {
		return Key{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.until[k.index]; !until.IsZero() && p.now().Before(until) {
		return Key{}, false
	}
	return k, true
}

// soonest returns the key whose rest ends first, of those that tried does not hold.
func (p *keyPool) soonest(tried []Key) (Key, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := -1
	for i := range p.keys {
		if !holds(tried, i) && (first < 0 || p.until[i].Before(p.until[first])) {
			first = i
		}
	}
	if first < 0 {
		return Key{}, false
	}
	return p.keys[first], true
}

// named returns the key of a hint.
func (p *keyPool) named(hint string) (Key, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.keys {
		if k.Hint == hint {
			return k, true
		}
	}
	return Key{}, false
}

// fetched are the secrets that identities among the keys have fetched.
func (p *keyPool) fetched() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.keys {
		if k.auth != nil {
			out = append(out, k.auth.Secrets()...)
		}
	}
	return out
}

// resting is how long it takes until the first key may be tried again.
func (p *keyPool) resting() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	first := p.until[0].Sub(now)
	for _, at := range p.until[1:] {
		first = min(first, at.Sub(now))
	}
	return max(first, 0)
}

func holds(keys []Key, index int) bool {
	for _, k := range keys {
		if k.index == index {
			return true
		}
	}
	return false
}

// rest puts a key aside after an error that is the key's own. Where it is the
// only key it is still handed out: an error from the provider says more than
// one of ours.
func (p *keyPool) rest(k Key, e *llm.Error) {
	var d time.Duration
	switch e.Kind {
	case llm.KindAuth, llm.KindQuota:
		d = refusedRest
	case llm.KindRateLimit:
		d = min(max(e.RetryAfter, time.Second), maxRest)
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.keys) > 1 {
		p.until[k.index] = p.now().Add(d)
	}
}
