package wire

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// ToolID fits a tool call id into a shape. It is a pure function, so the same id
// is mapped alike in every later turn and prompt caches keep matching; an id
// that fits already is returned as it is.
func ToolID(id string, shape IDShape) string {
	if FitsID(id, shape) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	digest := hex.EncodeToString(sum[:])
	if shape == ShapeMistral {
		return digest[:9]
	}
	return "call_" + digest[:32]
}

// InventedID names the n-th call of an answer that its server left unnamed. No two
// calls share a name, of one answer or of several: clients keep what they ran by it.
func InventedID(answer string, choice, n int) string {
	if answer == "" {
		answer = rand.Text()
	}
	return ToolID(fmt.Sprintf("unnamed call %d of choice %d in the answer %s", n, choice, answer), ShapeAnthropic)
}

// FitsID says whether an id has a shape, so that it may be sent as it is.
func FitsID(id string, shape IDShape) bool {
	if shape == ShapeAny {
		return true
	}
	if shape == ShapeMistral {
		return len(id) == 9 && strings.IndexFunc(id, notAlphanumeric) < 0
	}
	longest := 64
	if shape == ShapeChat {
		longest = 40
	}
	if id == "" || len(id) > longest {
		return false
	}
	return shape == ShapeChat || shape == ShapeResponses || strings.IndexFunc(id, notNameChar) < 0
}

// maxToolName is the longest name that every vendor takes.
const maxToolName = 64

// ToolNames maps tool names to ones that every vendor takes
// (^[A-Za-z_][A-Za-z0-9_-]{0,63}$) and back. The mapping of a name depends on
// that name alone, so it is stable over turns. The zero value is ready; a nil one
// forgets the way back.
type ToolNames struct {
	// Own says that the client speaks the provider's format itself: names go as they
	// are, as they do in the requests that pass whole.
	Own  bool
	back map[string]string
}

// Passes says whether names go as they are.
func (n *ToolNames) Passes() bool { return n != nil && n.Own }

// Out gives the name to send and remembers where it came from.
func (n *ToolNames) Out(name string) string {
	if n.Passes() {
		return name
	}
	return n.out(name)
}

func (n *ToolNames) out(name string) string {
	sent := portableName(name)
	if n != nil && sent != name {
		if n.back == nil {
			n.back = map[string]string{}
		}
		n.back[sent] = name
	}
	return sent
}

// Back gives the client's name for one that was sent.
func (n *ToolNames) Back(sent string) string {
	if n == nil {
		return sent
	}
	if name, ok := n.back[sent]; ok {
		return name
	}
	return sent
}

func portableName(name string) string {
	if name != "" && len(name) <= maxToolName && strings.IndexFunc(name, notNameChar) < 0 && !startsOdd(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	clean := strings.Map(func(r rune) rune {
		if notNameChar(r) {
			return '_'
		}
		return r
	}, name)
	if startsOdd(clean) {
		clean = "_" + clean
	}
	if len(clean) > maxToolName-9 {
		clean = clean[:maxToolName-9]
	}
	return clean + "_" + hex.EncodeToString(sum[:4])
}

func startsOdd(name string) bool {
	return name == "" || name[0] == '-' || (name[0] >= '0' && name[0] <= '9')
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

func notNameChar(r rune) bool { return r != '_' && r != '-' && notAlphanumeric(r) }
