package sim

import (
	"net/http"
	"slices"
	"strings"
)

// responsesHistory checks the input items of a request in their order.
type responsesHistory struct {
	x      *exchange
	p      *prompt
	stored bool

	calls   map[string]node // by call_id
	results map[string]bool
	thought bool // a reasoning item came before, in this step
}

// read checks a conversation that went on from an earlier one.
func (h *responsesHistory) read(earlier []any, input node) {
	h.calls, h.results = map[string]node{}, map[string]bool{}
	if input.isText() {
		input.v = []any{map[string]any{"role": "user", "content": input.text()}}
	}
	list := input.items()
	if input.has() && len(list) == 0 {
		input.fail("empty_array", "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	var before []node
	for _, v := range earlier {
		before = append(before, node{c: input.c, at: input.at, v: v})
	}
	list = slices.Concat(before, list)
	for _, item := range list {
		h.p.history = append(h.p.history, item.v)
	}
	for i, item := range list {
		kind := "message"
		if item.field("type").has() || !item.field("role").has() {
			kind = item.field("type").need().text()
		}
		h.item(item, kind)
		if strings.HasSuffix(kind, "_output") || item.field("role").v == "user" {
			h.thought = false // the next step has reasoning of its own
		}
		followed := i+1 < len(list)
		if kind == "reasoning" && (!followed || list[i+1].field("role").v == "user") && item.field("id").has() {
			item.fail("", "Item '%s' of type 'reasoning' was provided without its required following item.", item.field("id").text())
		}
		if output := strings.HasSuffix(kind, "_call_output"); output && (!followed || !strings.HasSuffix(kindOf(list[i+1]), "_call_output")) {
			h.p.rounds++
		}
	}
	for _, id := range h.open() {
		input.fail("", "No tool output found for function call %s.", id)
	}
}

// kindOf is the type of an item as it is written.
func kindOf(item node) string {
	kind, _ := item.field("type").v.(string)
	return kind
}

// open lists the calls without a result.
func (h *responsesHistory) open() []string {
	var ids []string
	for id := range h.calls {
		if !h.results[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

var itemStatus = oneOf("in_progress", "completed", "incomplete")

func (h *responsesHistory) item(n node, kind string) {
	switch kind {
	case "message":
		h.message(n)
	case "function_call":
		n.obey(fields{"type": nil, "id": anyText, "call_id": longest(64), "name": anyText, "arguments": anyText, "status": itemStatus, "namespace": anyText})
		h.call(n, "fc")
		h.p.read(n.field("arguments").need().text())
	case "custom_tool_call":
		n.obey(fields{"type": nil, "id": anyText, "call_id": longest(64), "name": anyText, "input": anyText, "status": itemStatus, "namespace": anyText})
		h.call(n, "ctc")
		h.p.read(n.field("input").need().text())
	case "function_call_output", "custom_tool_call_output":
		n.obey(fields{"type": nil, "id": anyText, "call_id": longest(64), "output": nil, "status": itemStatus})
		h.result(n, strings.TrimSuffix(kind, "_output"))
	case "reasoning":
		h.reasoning(n)
	case "item_reference":
		n.fail("", "Item with id '%s' not found.", n.field("id").need().text())
	default:
		n.field("type").among("message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning", "item_reference",
			"web_search_call", "file_search_call", "computer_call", "computer_call_output", "image_generation_call", "code_interpreter_call",
			"local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output",
			"mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call", "compaction", "tool_search_call", "tool_search_output")
	}
}

func (h *responsesHistory) message(n node) {
	role := n.field("role").need().among("user", "assistant", "system", "developer")
	known := fields{"type": nil, "role": nil, "content": nil}
	if role == "assistant" {
		known["id"], known["status"], known["phase"] = anyText, itemStatus, anyText
		prefixed(n.field("id"), "msg")
	} else {
		known["status"] = itemStatus
	}
	n.obey(known)
	content := n.field("content").need()
	if content.isText() {
		h.p.read(content.text())
		return
	}
	allowed := []string{"input_text", "input_image", "input_file"}
	if role == "assistant" {
		allowed = []string{"output_text", "refusal"}
	}
	for _, part := range content.items() {
		h.part(part, allowed)
	}
}

// prefixed checks the id of an item.
func prefixed(n node, prefix string) {
	if id := n.text(); n.has() && !strings.HasPrefix(id, prefix) {
		n.fail("invalid_value", "Invalid '%s': '%s'. Expected an ID that begins with '%s'.", n.at, id, prefix)
	}
}

func (h *responsesHistory) call(n node, prefix string) {
	prefixed(n.field("id"), prefix)
	id := n.field("call_id").need().text()
	if _, twice := h.calls[id]; twice {
		n.fail("", "Duplicate call_id '%s' in 'input'.", id)
	}
	h.calls[id] = n
	h.p.read(n.field("name").need().match(toolName))
	// Those who imitate the API don't miss what they have no record of.
	if item := n.field("id"); !h.x.family.lenient && item.has() && !h.thought && h.x.thought(h.x.model, strings.TrimPrefix(item.text(), prefix+"_")) {
		n.fail("", "Item '%s' of type '%s' was provided without its required 'reasoning' item.", item.text(), kindOf(n))
	}
}

func (h *responsesHistory) result(n node, kind string) {
	id := n.field("call_id").need().text()
	call, ok := h.calls[id]
	switch {
	case !ok || kindOf(call) != kind:
		n.c.refuse(refuse("input", "", "No tool call found for function call output with call_id %s.", id))
	case h.results[id]:
		n.c.refuse(refuse("input", "", "Duplicate function call output with call_id %s.", id))
	}
	h.results[id] = true
	output := n.field("output").need()
	if output.isText() {
		h.p.read(output.text())
		return
	}
	for _, part := range output.items() {
		h.part(part, []string{"input_text", "input_image", "input_file"})
	}
}

// reasoning checks that encrypted reasoning is what this model wrote.
func (h *responsesHistory) reasoning(n node) {
	n.obey(fields{"type": nil, "id": anyText, "summary": anyList, "content": anyList, "encrypted_content": anyText, "status": itemStatus})
	h.thought = true
	prefixed(n.field("id"), "rs")
	for _, part := range n.field("summary").need().items() {
		part.obey(fields{"type": oneOf("summary_text"), "text": anyText})
		h.p.read(part.field("text").need().text())
	}
	if blob := n.field("encrypted_content"); blob.has() {
		if _, ok := h.x.sealed(h.x.model, strings.TrimPrefix(blob.text(), encryptedPrefix)); !ok {
			n.fail("invalid_encrypted_content", "The encrypted content %.12s... could not be verified. Reason: Encrypted content could not be decrypted or parsed.", blob.text())
		}
		return
	}
	if !h.stored {
		n.c.refuse(&failure{
			status: http.StatusNotFound, kind: notFound, param: "input",
			message: "Item with id '" + n.field("id").text() + "' not found. Items are not persisted when `store` is set to false. " +
				"Try again with `store` set to true, or remove this item from your input.",
		})
	}
}

func (h *responsesHistory) part(n node, allowed []string) {
	switch n.field("type").need().among(allowed...) {
	case "input_text":
		n.obey(fields{"type": nil, "text": anyText, "prompt_cache_breakpoint": nil})
		h.p.read(n.field("text").need().text())
	case "output_text":
		n.obey(fields{"type": nil, "text": anyText, "annotations": anyList, "logprobs": anyList})
		h.p.read(n.field("text").need().text())
	case "refusal":
		n.obey(fields{"type": nil, "refusal": anyText})
		h.p.read(n.field("refusal").need().text())
	case "input_image":
		n.obey(fields{"type": nil, "image_url": anyText, "file_id": anyText, "detail": oneOf("auto", "low", "high", "original"), "prompt_cache_breakpoint": nil})
		if !n.field("file_id").has() {
			h.p.see(pictureURL(n.field("image_url")))
		}
	case "input_file":
		n.obey(fields{"type": nil, "file_id": anyText, "file_data": anyText, "file_url": anyText, "filename": anyText, "detail": anyText, "prompt_cache_breakpoint": nil})
		h.p.see(n.field("file_data").text())
		if !n.field("file_id").has() && !n.field("file_url").has() {
			n.field("file_data").need()
		}
	}
}
