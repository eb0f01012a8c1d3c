package chat

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/wire/scan"
)

// detailList joins the pieces of OpenRouter's reasoning_details that a stream
// brings: pieces of one block have the same type and index, and their texts add
// up. (openrouter.ai/docs, "Reasoning tokens")
type detailList struct {
	list []*detail
	size int
}

// detail is a block: its fields, and those of them that grow with every piece.
type detail struct {
	fields map[string]jsontext.Value
	said   map[string]*strings.Builder
}

// growing are the fields of a block whose pieces add up.
var growing = []string{"text", "summary", "data"}

// maxDetails bounds what is kept for replay, in bytes.
const maxDetails = 4 << 20

func (d *detailList) add(v jsontext.Value) {
	var pieces []map[string]jsontext.Value
	if d.size += len(v); d.size > maxDetails || json.Unmarshal(v, &pieces) != nil {
		return
	}
	for _, p := range pieces {
		if n := len(d.list); n == 0 || !d.list[n-1].goesOn(p) {
			d.list = append(d.list, &detail{map[string]jsontext.Value{}, map[string]*strings.Builder{}})
		}
		d.list[len(d.list)-1].add(p)
	}
}

// goesOn says whether a piece is one more of the block.
func (b *detail) goesOn(p map[string]jsontext.Value) bool {
	return string(b.fields["type"]) == string(p["type"]) && string(b.fields["index"]) == string(p["index"]) && len(p["index"]) > 0
}

func (b *detail) add(piece map[string]jsontext.Value) {
	for _, name := range growing {
		var s string
		if v := piece[name]; v.Kind() == '"' && json.Unmarshal(v, &s) == nil {
			if b.said[name] == nil {
				b.said[name] = &strings.Builder{}
			}
			b.said[name].WriteString(s)
		}
	}
	for name, v := range piece {
		if _, there := b.fields[name]; !there || v.Kind() != 'n' {
			b.fields[name] = v
		}
	}
}

// take returns what has been joined, "" when there was nothing or too much.
func (d *detailList) take() string {
	if len(d.list) == 0 || d.size > maxDetails {
		return ""
	}
	blocks := make([]map[string]jsontext.Value, 0, len(d.list))
	for _, b := range d.list {
		for name, s := range b.said {
			b.fields[name] = scan.Quote(s.String())
		}
		blocks = append(blocks, b.fields)
	}
	d.list = nil
	out, err := json.Marshal(blocks, json.Deterministic(true))
	if err != nil {
		return ""
	}
	return string(out)
}
