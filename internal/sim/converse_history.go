package sim

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// converseHistory checks the conversation of a request in its order.
type converseHistory struct {
	x     *exchange
	p     *prompt
	wants thinking

	marks  int             // cache points
	names  map[string]bool // of documents
	seen   []string        // ids of calls
	open   []string        // those that the next message must answer
	called bool            // calls or results are among the blocks
}

// mark counts a cache point, which must stand behind something.
func (h *converseHistory) mark(n node, behind bool) {
	h.marks++
	n.field("cachePoint").field("type").need()
	if !behind {
		n.fail("", "The cachePoint at %s has nothing before it to cache.", n.at)
	}
}

func (h *converseHistory) system(n node) {
	for i, b := range n.items() {
		switch union(b, fields{"text": anyText, "cachePoint": converseCachePoint, "guardContent": anyObject}) {
		case "text":
			h.text(b.field("text"), "SystemContentBlock")
		case "cachePoint":
			h.mark(b, i > 0)
		}
	}
}

// text reads a text, which the API wants to say something.
func (h *converseHistory) text(n node, object string) {
	if strings.TrimSpace(n.text()) == "" {
		n.fail("", "The text field in the %s object at %s is blank. Add text to the text field, and try again.", object, strings.TrimSuffix(n.at, ".text"))
	}
	h.p.read(n.text())
}

func (h *converseHistory) read(messages node) {
	list := messages.items()
	if messages.has() && len(list) == 0 {
		messages.fail("", "A conversation must have at least one message. Provide a user message and try again.")
	}
	last := "assistant"
	for i, m := range list {
		m.obey(fields{"role": nil, "content": anyList})
		role := m.field("role").need().among("user", "assistant")
		switch {
		case i == 0 && role != "user":
			m.fail("", "A conversation must start with a user message. Try again with a conversation that starts with a user message.")
		case role == last:
			m.fail("", "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
		}
		last = role
		content := m.field("content").need()
		blocks := content.items()
		if content.has() && len(blocks) == 0 {
			content.fail("", "The content field in the Message object at %s is empty. Add a ContentBlock object to the content field and try again.", m.at)
		}
		if role == "user" {
			h.user(content, blocks)
		} else {
			h.assistant(content, blocks, i == len(list)-1)
		}
	}
	h.thought(list)
}

// converseBlocks are the kinds of a block, by who may say them.
var converseBlocks = map[string]fields{
	"user": {
		"text": anyText, "image": anyObject, "document": anyObject, "video": anyObject, "audio": anyObject, "toolResult": anyObject,
		"cachePoint": converseCachePoint, "guardContent": anyObject, "searchResult": anyObject,
	},
	"assistant": {"text": anyText, "toolUse": anyObject, "reasoningContent": anyObject, "cachePoint": converseCachePoint, "citationsContent": anyObject},
}

// user reads a user's message, which begins with the results that are owed.
func (h *converseHistory) user(content node, blocks []node) {
	owed := h.open
	h.open = nil
	var answered []string
	images, documents, texts := 0, 0, 0
	for i, b := range blocks {
		switch union(b, converseBlocks["user"]) {
		case "text":
			texts++
			h.text(b.field("text"), "ContentBlock")
		case "cachePoint":
			h.mark(b, i > 0)
		case "toolResult":
			answered = append(answered, h.result(b.field("toolResult")))
		case "document":
			documents++
			h.media(b)
		case "image":
			images++
			h.media(b)
		default:
			h.media(b)
		}
	}
	switch {
	case documents > 0 && texts == 0:
		content.fail("", "The Message object at %s holds a document and no text. Add a text block, and try again.", content.at)
	case documents > 5 || images > 20:
		content.fail("", "The Message object at %s holds more than 20 images or 5 documents.", content.at)
	case len(answered) > len(owed):
		content.fail("", "The number of toolResult blocks at %s exceeds the number of toolUse blocks of previous turn.", content.at)
	}
	var missing []string
	for _, id := range owed {
		if !slices.Contains(answered, id) {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		content.fail("", "Expected toolResult blocks at %s for the following Ids: %s", content.at, strings.Join(missing, ", "))
	}
	for i, id := range answered {
		if !slices.Contains(owed, id) || slices.Contains(answered[:i], id) {
			content.fail("", "The toolResult blocks at %s contain duplicate or unknown Ids: %s", content.at, id)
		}
	}
	if len(owed) > 0 {
		h.p.rounds++
	}
}

// assistant reads a message of the model's. Of its calls those count that stand
// together at its end.
func (h *converseHistory) assistant(content node, blocks []node, last bool) {
	var text string
	for i, b := range blocks {
		kind := union(b, converseBlocks["assistant"])
		if kind != "toolUse" && kind != "cachePoint" {
			h.open = nil
		}
		switch kind {
		case "text":
			text = b.field("text").text()
			h.text(b.field("text"), "ContentBlock")
		case "cachePoint":
			h.mark(b, i > 0)
		case "reasoningContent":
			h.reasoning(b.field("reasoningContent"))
		case "toolUse":
			h.open = append(h.open, h.call(b.field("toolUse")))
		}
	}
	switch {
	case !last:
	case len(h.open) > 0:
		content.fail("", "Expected toolResult blocks for the following Ids: %s", strings.Join(h.open, ", "))
	case claudeNewest.MatchString(h.x.script.base):
		content.fail("", "The model returned the following errors: This model does not support assistant message prefill. The conversation must end with a user message.")
	case text != strings.TrimRight(text, " \t\r\n"):
		content.fail("", "The model returned the following errors: messages: final assistant content cannot end with trailing whitespace")
	}
}

var amazonID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func (h *converseHistory) call(n node) (id string) {
	h.called = true
	n.obey(fields{"toolUseId": nil, "name": nil, "input": anyObject, "type": oneOf("server_tool_use")})
	id = n.field("toolUseId").need().match(amazonID)
	if slices.Contains(h.seen, id) {
		n.fail("", "The toolUse blocks contain duplicate Ids: %s", id)
	}
	h.seen = append(h.seen, id)
	h.p.read(n.field("name").need().match(amazonTool))
	h.p.read(string(encode(n.field("input").need().v)))
	return id
}

func (h *converseHistory) result(n node) (id string) {
	h.called = true
	n.obey(fields{"toolUseId": nil, "content": anyList, "status": oneOf("success", "error"), "type": anyText})
	content := n.field("content").need()
	if len(content.items()) == 0 {
		content.fail("", "The content field in the ToolResultBlock object at %s is empty.", n.at)
	}
	for _, b := range content.items() {
		kinds := fields{"text": anyText, "json": anyObject, "image": anyObject, "document": anyObject, "video": anyObject, "searchResult": anyObject}
		switch union(b, kinds) {
		case "text":
			h.text(b.field("text"), "ToolResultContentBlock")
		case "json":
			h.p.read(string(encode(b.field("json").v)))
		default:
			h.media(b)
		}
	}
	return n.field("toolUseId").need().match(amazonID)
}

// reasoning checks that reasoning is what this model wrote, to the byte. Models
// other than Claude take none back.
func (h *converseHistory) reasoning(n node) {
	if !bedrockClaude.MatchString(h.x.script.base) {
		unsupported(n)
		return
	}
	if union(n, fields{"reasoningText": shape(fields{"text": anyText, "signature": anyText}), "redactedContent": anyText}) != "reasoningText" {
		if _, ok := h.x.sealed(h.x.model, n.field("redactedContent").text()); !ok {
			n.fail("", "The model returned the following errors: %s: Invalid `data` in `redacted_thinking` block", n.at)
		}
		return
	}
	shown := n.field("reasoningText").field("text").need().text()
	text, ok := h.x.sealed(h.x.model, n.field("reasoningText").field("signature").need().text())
	if !ok || shown != text && shown != "" {
		n.fail("", "The model returned the following errors: %s: Invalid `signature` in `thinking` block", n.at)
	}
	h.p.read(shown)
}

// thought refuses a request that goes on with a turn of calls without the
// reasoning that led to them: what the turn began with, and what this model's last
// calls did.
func (h *converseHistory) thought(list []node) {
	n := len(list)
	if h.wants == thinkingOff || n < 2 || list[n-1].field("role").v != "user" {
		return
	}
	h.thoughtful(list[n-2], func(id string) bool { return h.x.thought(h.x.model, strings.TrimPrefix(id, converseCallPrefix)) })
	from := n - 1
	for from > 0 && (list[from].field("role").v == "assistant" || begins(list[from], "toolResult")) {
		from--
	}
	if from+1 < n && h.wants == thinkingTight {
		h.thoughtful(list[from+1], func(string) bool { return true })
	}
}

// begins says whether a message begins with a block of that sort.
func begins(n node, sort string) bool {
	blocks := n.field("content").items()
	return len(blocks) > 0 && blocks[0].field(sort).has()
}

// thoughtful refuses a message with calls that came after reasoning and lost it.
func (h *converseHistory) thoughtful(n node, came func(id string) bool) {
	for _, b := range n.field("content").items() {
		if id := b.field("toolUse").field("toolUseId").text(); id != "" && came(id) && !begins(n, "reasoningContent") {
			b.fail("", "The model returned the following errors: %s: Expected `thinking` or `redacted_thinking`, but found something else. When `thinking` is enabled, a final `assistant` message must start with a thinking block.", b.at)
		}
	}
}

// mediaFormats are the formats of each kind of media.
var mediaFormats = map[string][]string{
	"image":    {"png", "jpeg", "gif", "webp"},
	"document": {"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"},
	"video":    {"mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"},
	"audio":    {"mp3", "wav", "opus", "aac", "flac", "ogg", "mp4", "m4a", "webm", "pcm", "mka"},
}

var documentName = regexp.MustCompile(`^[A-Za-z0-9\-()\[\]]+( [A-Za-z0-9\-()\[\]]+)*$`)

// media reads a block of another kind than text.
func (h *converseHistory) media(b node) {
	for kind, formats := range mediaFormats {
		n := b.field(kind)
		if !n.has() {
			continue
		}
		known := fields{"format": oneOf(formats...), "source": nil}
		if kind == "document" {
			known["name"], known["context"], known["citations"] = nil, anyText, shape(fields{"enabled": anyFlag})
			name := n.field("name").need().match(documentName)
			if len(name) > 200 || h.names[name] {
				n.fail("", "The document at %s has a name that is too long or another document's.", n.at)
			}
			h.names[name] = true
		} else {
			n.field("format").need()
		}
		n.obey(known)
		source := n.field("source").need()
		from := union(source, fields{"bytes": anyText, "s3Location": shape(fields{"uri": anyText, "bucketOwner": anyText}), "text": anyText, "content": anyList})
		if from == "bytes" {
			data := source.field("bytes").text()
			if _, err := base64.StdEncoding.DecodeString(data); err != nil || data == "" {
				source.fail("SerializationException", "The blob at %s is not in base64.", source.at)
			}
			h.p.see(data)
			return
		}
		h.p.see(string(encode(source.v)))
	}
}
