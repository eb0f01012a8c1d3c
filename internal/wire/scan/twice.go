package scan

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// members are those of an object that is open.
type members struct {
	starts []int          // where each begins
	last   map[string]int // the number of the last one of a name
}

// span is what stands from one offset to another.
type span struct{ from, to int }

// lastOfName leaves out every member that another one of its name follows in the
// same object. The text is valid but for those, and written without spaces.
func lastOfName(text []byte) []byte {
	d := jsontext.NewDecoder(bytes.NewBuffer(text), Lenient)
	var open []members // by depth; an array's is empty
	var out []span     // what is left out; each ends where the next member begins
	for {
		kind, n := d.StackIndex(d.StackDepth())
		isName := kind == '{' && n%2 == 0
		start := int(d.InputOffset())
		if n > 0 {
			start++ // the comma
		}
		t, err := d.ReadToken()
		if err != nil {
			break
		}
		switch {
		case t.Kind() == '{' || t.Kind() == '[':
			open = append(open, members{})
		case t.Kind() == '}' || t.Kind() == ']':
			open = open[:len(open)-1]
		case isName:
			m, name := &open[len(open)-1], t.String()
			m.starts = append(m.starts, start)
			if before, twice := m.last[name]; twice {
				out = append(out, span{m.starts[before], m.starts[before+1]})
			}
			if m.last == nil {
				m.last = map[string]int{}
			}
			m.last[name] = len(m.starts) - 1
		}
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var kept []byte
	at := 0
	for _, s := range out {
		if s.from >= at {
			kept = append(kept, text[at:s.from]...)
		}
		at = max(at, s.to)
	}
	return append(kept, text[at:]...)
}
