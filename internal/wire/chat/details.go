package chat

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/wire/scan"
)

// detailList joins the pieces of OpenRouter's reasoning_details that a stream
// brings: pieces of one block have the same type and index, and their texts add
// up. (openrouter.ai/docs, "Reasoning tokens")
type detailList struct {
	list []map[string]jsontext.Value
	size int
}

// maxDetails bounds what is kept for replay, in bytes.
const maxDetails = 4 << 20

func (d *detailList) add(v jsontext.Value) {
	var pieces []map[string]jsontext.Value
	if d.size += len(v); d.size > maxDetails || json.Unmarshal(v, &pieces) != nil {
		return
	}
	for _, p := range pieces {
		if n := len(d.list); n > 0 && sameBlock(d.list[n-1], p) {
			merge(d.list[n-1], p)
			continue
		}
		d.list = append(d.list, p)
	}
}

func sameBlock(a, b map[string]jsontext.Value) bool {
	return string(a["type"]) == string(b["type"]) && string(a["index"]) == string(b["index"]) && len(b["index"]) > 0
}

func merge(into, piece map[string]jsontext.Value) {
	for name, v := range piece {
		switch name {
		case "text", "summary", "data":
			if into[name].Kind() == '"' && v.Kind() == '"' {
				var a, b string
				if json.Unmarshal(into[name], &a) == nil && json.Unmarshal(v, &b) == nil {
					into[name] = scan.Quote(a + b)
				}
				continue
			}
		}
		if v.Kind() != 'n' {
			into[name] = v
		}
	}
}

// take returns what has been joined, "" when there was nothing or too much.
func (d *detailList) take() string {
	if len(d.list) == 0 || d.size > maxDetails {
		return ""
	}
	b, err := json.Marshal(d.list, json.Deterministic(true))
	d.list = nil
	if err != nil {
		return ""
	}
	return string(b)
}
