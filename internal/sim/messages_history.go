package sim

import (
	"encoding/base64"
	"slices"
	"strings"
)

// messagesHistory checks the messages of a request in their order.
type messagesHistory struct {
	x     *exchange
	p     *prompt
	wants thinking
	marks int // blocks with cache_control

	seen map[string]bool // ids of calls
	open []string        // those that the next message must answer
}

// message is a run of messages of one role, which the API takes as one.
type message struct {
	role   string
	first  node
	blocks []node // a string counts as one
}

func (h *messagesHistory) system(n node) {
	if n.isText() {
		h.p.read(n.text())
		return
	}
	for _, b := range n.items() {
		b.field("type").need().among("text")
		h.block(b, []string{"text"})
	}
}

func (h *messagesHistory) read(messages node) {
	h.seen = map[string]bool{}
	list := messages.items()
	if messages.has() && len(list) == 0 {
		messages.fail("", "messages: at least one message is required")
	}
	if len(list) > 100_000 {
		messages.fail("", "messages: Too many messages: %d > 100000 maximum", len(list))
	}
	merged := h.merge(list)
	for i, m := range merged {
		switch m.role {
		case "user":
			h.user(m)
		case "assistant":
			h.assistant(m, i == len(merged)-1)
		}
	}
	h.thought(merged)
}

// merge joins neighbours of one role.
func (h *messagesHistory) merge(list []node) []message {
	var merged []message
	for i, n := range list {
		n.obey(fields{"role": nil, "content": nil})
		role := n.field("role").need().text()
		if role == "system" && claudeMidSystem.MatchString(h.x.script.base) {
			h.system(n.field("content").need())
			continue
		}
		if role == "system" {
			n.fail("", "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \"system\" as an input message role.")
		}
		n.field("role").among("user", "assistant")
		if len(merged) == 0 && role != "user" {
			n.fail("", "messages: first message must use the \"user\" role")
		}
		content := n.field("content").need()
		last := i == len(list)-1
		if empty := content.isText() && content.text() == "" || !content.isText() && len(content.items()) == 0; empty && (!last || role != "assistant") {
			n.fail("", "%s: all messages must have non-empty content except for the optional final assistant message", n.at)
		}
		m := message{role: role, first: n}
		if content.isText() {
			m.blocks = []node{content}
		} else {
			m.blocks = content.items()
		}
		if k := len(merged) - 1; k >= 0 && merged[k].role == role {
			merged[k].blocks = append(merged[k].blocks, m.blocks...)
			continue
		}
		merged = append(merged, m)
	}
	return merged
}

// user reads a user turn. Results of tools come first in it, all of them.
func (h *messagesHistory) user(m message) {
	waiting := h.open
	h.open = nil
	leading, answered := true, map[string]bool{}
	for _, b := range m.blocks {
		if b.isText() {
			leading = false
			h.text(b, b.text())
			continue
		}
		kind := b.field("type").need().text()
		if kind != "tool_result" {
			leading = false
			h.block(b, []string{"text", "image", "document", "search_result", "tool_result", "container_upload"})
			continue
		}
		h.block(b, []string{"tool_result"})
		id := b.field("tool_use_id").text()
		switch {
		case answered[id]:
			b.fail("", "%s: each tool_use must have a single result. Found multiple `tool_result` blocks with id: %s", b.at, id)
		case !slices.Contains(waiting, id):
			b.fail("", "%s: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", b.at, id)
		case leading:
			answered[id] = true
		}
	}
	h.settle(m.first, waiting, answered)
	if len(waiting) > 0 {
		h.p.rounds++
	}
}

func (h *messagesHistory) settle(n node, waiting []string, answered map[string]bool) {
	missing := slices.DeleteFunc(slices.Clone(waiting), func(id string) bool { return answered[id] })
	if len(missing) > 0 {
		n.fail("", "%s: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
			n.at, strings.Join(missing, ", "))
	}
}

func (h *messagesHistory) assistant(m message, last bool) {
	for _, b := range m.blocks {
		if b.isText() {
			h.text(b, b.text())
			continue
		}
		h.block(b, []string{"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result", "document", "container_upload"})
		if id := b.field("id"); b.field("type").v == "tool_use" {
			if h.seen[id.text()] {
				b.fail("", "messages: `tool_use` ids must be unique")
			}
			h.seen[id.text()] = true
			h.open = append(h.open, id.text())
		}
	}
	if !last {
		return
	}
	h.settle(m.first, h.open, nil)
	if claudeNewest.MatchString(h.x.script.base) {
		m.first.fail("", "This model does not support assistant message prefill. The conversation must end with a user message.")
	}
	if end := lastText(m.blocks); end != strings.TrimRight(end, " \t\r\n") {
		m.first.fail("", "messages: final assistant content cannot end with trailing whitespace")
	}
}

func lastText(blocks []node) string {
	if len(blocks) == 0 {
		return ""
	}
	b := blocks[len(blocks)-1]
	if !b.isText() {
		b = b.field("text")
	}
	if !b.isText() {
		return ""
	}
	return b.text()
}

// thought refuses a request that continues a turn of calls without the reasoning
// that led to them: what the turn began with, and what this model's last calls did.
func (h *messagesHistory) thought(list []message) {
	n := len(list)
	if h.wants == thinkingOff || n < 2 || list[n-1].role != "user" {
		return
	}
	h.thoughtful(list[n-2], func(id string) bool { return h.x.thought(h.x.model, strings.TrimPrefix(id, messagesCallPrefix)) })
	from := n - 1
	for from > 0 && (list[from].role == "assistant" || opens(list[from], "tool_result")) {
		from--
	}
	if from+1 < n && h.wants == thinkingTight {
		h.thoughtful(list[from+1], func(string) bool { return true })
	}
}

// opens says whether a message begins with a block of one of the types.
func opens(m message, types ...string) bool {
	kind := "text"
	if len(m.blocks) > 0 && !m.blocks[0].isText() {
		kind = m.blocks[0].field("type").text()
	}
	return slices.Contains(types, kind)
}

// thoughtful refuses a message with calls that came after reasoning and lost it.
func (h *messagesHistory) thoughtful(m message, came func(id string) bool) {
	called := slices.ContainsFunc(m.blocks, func(b node) bool {
		return !b.isText() && b.field("type").v == "tool_use" && came(b.field("id").text())
	})
	if called && !opens(m, "thinking", "redacted_thinking") {
		at := m.blocks[0]
		kind := "text"
		if !at.isText() {
			kind = at.field("type").text()
		}
		at.fail("", "%s.type: Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, a final `assistant` message must start with a thinking block "+
			"(preceeding the lastmost set of `tool_use` and `tool_result` blocks).", at.at, kind)
	}
}

// blockFields are the members of each type of block, less type and
// cache_control.
var blockFields = map[string]fields{
	"text":                   {"text": anyText, "citations": anyList},
	"image":                  {"source": anyObject},
	"document":               {"source": anyObject, "title": anyText, "context": anyText, "citations": anyObject},
	"search_result":          {"source": anyText, "title": anyText, "content": anyList, "citations": anyObject},
	"tool_use":               {"id": nil, "name": nil, "input": anyObject, "caller": anyObject},
	"server_tool_use":        {"id": anyText, "name": anyText, "input": anyObject, "caller": anyObject},
	"web_search_tool_result": {"tool_use_id": anyText, "content": nil, "caller": anyObject},
	"tool_result":            {"tool_use_id": nil, "content": nil, "is_error": anyFlag},
	"thinking":               {"thinking": anyText, "signature": anyText},
	"redacted_thinking":      {"data": anyText},
	"container_upload":       {"file_id": anyText},
	"tool_reference":         {"tool_name": anyText},
}

// block reads a block of one of the types allowed.
func (h *messagesHistory) block(b node, allowed []string) {
	kind := b.field("type").need().among(allowed...)
	known := fields{"type": nil}
	for name, rule := range blockFields[kind] {
		known[name] = rule
	}
	if kind != "thinking" && kind != "redacted_thinking" {
		known["cache_control"] = cacheControl
	}
	b.obey(known)
	if b.field("cache_control").has() {
		h.marks++
	}
	switch kind {
	case "text":
		h.text(b, b.field("text").need().text())
	case "image":
		h.source(b.field("source").need(), []string{"base64", "url", "file"}, []string{"image/jpeg", "image/png", "image/gif", "image/webp"})
	case "document":
		h.source(b.field("source").need(), []string{"base64", "text", "url", "file", "content"}, []string{"application/pdf"})
	case "tool_use":
		b.field("id").need().match(anthropicID)
		h.p.read(b.field("name").need().match(anthropicTool))
		h.p.read(string(encode(b.field("input").need().v)))
	case "tool_result":
		b.field("tool_use_id").need().match(anthropicID)
		h.result(b.field("content"))
	case "thinking":
		h.signed(b)
	case "redacted_thinking":
		if _, ok := h.x.sealed(h.x.model, b.field("data").need().text()); !ok {
			b.fail("", "%s: Invalid `data` in `redacted_thinking` block", b.at)
		}
	}
}

// signed checks that reasoning is what this model wrote, to the byte.
func (h *messagesHistory) signed(b node) {
	shown := b.field("thinking").need().text()
	text, ok := h.x.sealed(h.x.model, b.field("signature").need().text())
	if !ok || shown != text && shown != "" { // display "omitted" sends none
		b.fail("", "%s: Invalid `signature` in `thinking` block", b.at)
	}
	h.p.read(shown)
}

func (h *messagesHistory) result(n node) {
	if !n.has() {
		return
	}
	if n.isText() {
		h.p.read(n.text())
		return
	}
	for _, b := range n.items() {
		h.block(b, []string{"text", "image", "document", "search_result", "tool_reference"})
	}
}

func (h *messagesHistory) text(n node, text string) {
	switch {
	case text == "":
		n.fail("", "messages: text content blocks must be non-empty")
	case strings.TrimSpace(text) == "":
		n.fail("", "messages: text content blocks must contain non-whitespace text")
	}
	h.p.read(text)
}

// source checks where an image or a document comes from.
func (h *messagesHistory) source(n node, kinds, media []string) {
	switch n.field("type").need().among(kinds...) {
	case "base64":
		n.obey(fields{"type": nil, "media_type": oneOf(media...), "data": anyText})
		n.field("media_type").need()
		data := n.field("data").need().text()
		if _, err := base64.StdEncoding.DecodeString(data); err != nil || data == "" {
			n.fail("", "%s.data: Invalid base64 data", n.at)
		}
		h.p.see(data)
	case "text":
		n.obey(fields{"type": nil, "media_type": oneOf("text/plain"), "data": anyText})
		h.p.read(n.field("data").need().text())
	case "url":
		n.obey(fields{"type": nil, "url": anyText})
		if url := n.field("url").need().text(); !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
			n.fail("", "%s.url: Only HTTPS URLs are supported.", n.at)
		}
		h.p.see(n.field("url").text())
	case "file":
		n.obey(fields{"type": nil, "file_id": anyText})
		h.p.see(n.field("file_id").need().text())
	case "content":
		n.obey(fields{"type": nil, "content": nil})
		h.result(n.field("content").need())
	}
}
