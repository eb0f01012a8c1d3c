package gateway

import "hash/maphash"

// recent remembers values of sessions, of which those that were used last stay.
//
// There are tens of thousands of them for as long as the process runs, and every
// collection of garbage looks at each pointer in them. So a session is its hash, and
// values hold no pointers, or few. They come in two generations: when the young one
// is full the old one is forgotten, and the young one is the old one from then on.
type recent[V any] struct {
	each       int // how many a generation holds
	seeds      [2]maphash.Seed
	young, old generation[V]
}

type generation[V any] struct {
	places map[digest]int32 // of values
	values []V
}

// digest tells what is remembered apart. Nobody outside of the process can find two
// names with the same one.
type digest [2]uint64

func newRecent[V any](each int) recent[V] {
	return recent[V]{
		each: each, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		young: generation[V]{places: map[digest]int32{}}, old: generation[V]{places: map[digest]int32{}},
	}
}

func (r *recent[V]) digest(names ...string) (d digest) {
	for i, seed := range r.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		for _, name := range names {
			maphash.WriteComparable(&h, len(name))
			_, _ = h.WriteString(name) // it never fails
		}
		d[i] = h.Sum64()
	}
	return d
}

func (r *recent[V]) get(d digest) (v V, ok bool) {
	if i, ok := r.young.places[d]; ok {
		return r.young.values[i], true
	}
	i, ok := r.old.places[d]
	if ok {
		v = r.old.values[i]
		r.put(d, v)
	}
	return v, ok
}

func (r *recent[V]) put(d digest, v V) {
	if i, ok := r.young.places[d]; ok {
		r.young.values[i] = v
		return
	}
	if len(r.young.values) == r.each {
		r.young, r.old = r.old, r.young
		r.young.forget()
	}
	r.young.places[d] = int32(len(r.young.values))
	r.young.values = append(r.young.values, v)
}

// forget lets go of everything.
func (r *recent[V]) forget() {
	r.young.forget()
	r.old.forget()
}

// forget empties a generation, and keeps its room.
func (g *generation[V]) forget() {
	clear(g.places)
	clear(g.values)
	g.values = g.values[:0]
}
