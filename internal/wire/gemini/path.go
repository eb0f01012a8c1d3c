package gemini

import (
	"net/url"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

const (
	generate = "generateContent"
	stream   = "streamGenerateContent"
)

// fromPath reads the model and the action out of a path, "/v1beta/models/M:action".
// The model may hold slashes and colons; the action stands after the last colon.
// Some clients leave out "models/" before a name that holds a slash.
func fromPath(path string) (model, action string, err error) {
	rest, ok := strings.CutPrefix(path, "/v1beta/")
	if !ok {
		_, rest, ok = strings.Cut(path, "/models/")
	}
	if !ok {
		return "", "", wire.BadRequest("model", "the path "+path+" names no model: use /v1beta/models/{model}:"+generate)
	}
	colon := strings.LastIndexByte(rest, ':')
	if colon < 0 {
		return "", "", wire.BadRequest("model", "the path "+path+" names no action: use /v1beta/models/{model}:"+generate)
	}
	model, action = bareModel(rest[:colon]), rest[colon+1:]
	if model == "" {
		return "", "", wire.BadRequest("model", "model is missing: name the model to use in the path")
	}
	return model, action, nil
}

// bareModel is a model's name without the collection that the vendor writes
// before it.
func bareModel(name string) string { return strings.TrimPrefix(name, "models/") }

// toPath is the path of an action. Slashes inside the name are escaped: the name
// is one segment.
func toPath(model, action string) string {
	return "/models/" + url.PathEscape(bareModel(model)) + ":" + action
}

var sseQuery = url.Values{"alt": {"sse"}}

// arrayField marks a request whose streamed answer is to be one JSON array, since
// its query had no alt=sse. The name can't come from a client's body by accident
// and is written into none.
const arrayField = "\x00alt"

func wantsArray(q *llm.Request) bool {
	if q == nil {
		return false
	}
	for _, f := range q.Extra {
		if f.Format == llm.FormatGemini && f.Name == arrayField {
			return true
		}
	}
	return false
}

// camel turns a snake_case name into the camelCase one.
func camel(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	var b strings.Builder
	up := false
	for _, r := range name {
		switch {
		case r == '_':
			up = b.Len() > 0
		case up && r >= 'a' && r <= 'z':
			b.WriteRune(r - 'a' + 'A')
			up = false
		default:
			b.WriteRune(r)
			up = false
		}
	}
	return b.String()
}
