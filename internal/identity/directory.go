package identity

import (
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Caller is who sends a request, as its key says.
type Caller struct {
	KeyID, KeyName  string
	Org, User       string
	Role            Role
	Agent, Workload string
	agents, models  []string
}

// MayClaimAgent says whether the caller's requests may name this agent.
func (c Caller) MayClaimAgent(name string) bool {
	return len(c.agents) == 0 || slices.Contains(c.agents, name)
}

// MayUseModel says whether the caller may use this model, written
// provider/model-id.
func (c Caller) MayUseModel(name string) bool {
	if len(c.models) == 0 {
		return true
	}
	return slices.ContainsFunc(c.models, func(pattern string) bool {
		beginning, open := strings.CutSuffix(pattern, "*")
		return name == pattern || open && strings.HasPrefix(name, beginning)
	})
}

// Directory finds the caller behind a key. Its zero value knows nobody. It may
// be used by many goroutines at once; a lookup sees all of a change or nothing
// of it.
type Directory struct {
	current atomic.Pointer[map[Hash]Caller]

	mu     sync.Mutex // protects following fields, and orders the changes of current
	file   []Key
	stored []Key
}

// Lookup returns who presents this key; false: nobody does.
func (d *Directory) Lookup(presented string) (Caller, bool) {
	callers := d.current.Load()
	if callers == nil || len(presented) < MinKey || len(presented) > MaxKey {
		return Caller{}, false
	}
	// Hashing from the stack keeps long keys from costing an allocation. That
	// the time of a map lookup tells something of the hash is of no use to who
	// doesn't have the text.
	var buf [MaxKey]byte
	c, ok := (*callers)[sha256.Sum256(buf[:copy(buf[:], presented)])]
	return c, ok
}

// Len is the number of keys that are good.
func (d *Directory) Len() int {
	if callers := d.current.Load(); callers != nil {
		return len(*callers)
	}
	return 0
}

// SetFile replaces the keys of the file. It returns the stored keys that they
// now hide.
func (d *Directory) SetFile(keys []Key) (hidden []Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.file = slices.Clone(keys)
	return d.publish()
}

// SetStored replaces the keys of the store. It returns those that are hidden
// by the file's. Revoked keys may be among them.
func (d *Directory) SetStored(keys []Key) (hidden []Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stored = slices.Clone(keys)
	return d.publish()
}

// publish makes the snapshot that lookups read. Called with mu held.
func (d *Directory) publish() (hidden []Key) {
	callers := make(map[Hash]Caller, len(d.file)+len(d.stored))
	for _, k := range slices.Concat(d.file, d.stored) {
		if !k.Revoked.IsZero() {
			continue
		}
		if _, taken := callers[k.Hash]; taken {
			hidden = append(hidden, k)
			continue
		}
		callers[k.Hash] = Caller{
			KeyID: k.ID, KeyName: k.Name, Org: k.Org, User: k.User, Role: k.Role, Agent: k.Agent, Workload: k.Workload,
			agents: slices.Clone(k.Agents), models: slices.Clone(k.Models),
		}
	}
	d.current.Store(&callers)
	return hidden
}
