package sim

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"math"
	"strconv"
)

// Bounds of embeddings, as the vendors have them.
const (
	plainLength  = 8 // of a vector, where none is asked for: enough to tell texts apart
	longestText  = 8192
	mostInputs   = 2048 // of OpenAI
	mostRequests = 100  // of Google
)

// embedInput is one text, or the tokens of one, in a vendor's words.
type embedInput struct {
	text string
	size int // tokens
	dims int // 0: not said
}

// vector is what stands for an input: the same for the same text and model.
func (x *exchange) vector(in embedInput) []float32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(x.model + "\x00" + in.text)) // a hash takes everything
	w := writer{state: h.Sum64()}
	n := in.dims
	if n == 0 {
		n = plainLength
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(w.next(2001)-1000) / 1000
	}
	return v
}

// embedding does what asking for embeddings has in common: read checks the request
// and answer writes the answer.
func (x *exchange) embedding(read func(root node) []embedInput, answer func([]embedInput) any) {
	x.embeds = true
	c := &checker{voice: x.voice(), lenient: x.family.lenient && x.family.embeds.fields == nil}
	root := c.parse(x.body)
	if x.model == "" {
		x.model = root.field("model").need().text()
	}
	if c.failure == nil {
		c.failure = x.pick()
	}
	var inputs []embedInput
	if c.failure == nil {
		inputs = read(root)
	}
	if c.failure != nil {
		x.fail(c.failure)
		return
	}
	if !x.wait(x.script.latency) || x.spoil(&prompt{}) {
		return
	}
	x.format.headers(x, x.w.Header())
	if x.script.fault == faultError {
		x.send("application/json", x.format.refusal(x, x.script.inside()))
		return
	}
	x.send("application/json", encode(answer(inputs)))
}

// embedOpenAI answers POST /embeddings.
func (x *exchange) embedOpenAI() {
	packed, ways := false, &x.family.embeds
	x.embedding(func(root node) []embedInput {
		if ways.fields == nil {
			root.obey(openAIEmbed)
		} else {
			root.obey(ways.fields)
		}
		packed = root.field("encoding_format").text() == "base64"
		if purpose := root.field("input_type"); ways.asks != nil && ways.asks.MatchString(x.model) && !purpose.has() {
			purpose.fail("", "'input_type' parameter is required for asymmetric models")
		}
		inputs := ways.inputs(root.field("input").need())
		for i := range inputs {
			inputs[i].dims = root.field(cmp.Or(ways.length, "dimensions")).integer()
		}
		return inputs
	}, func(inputs []embedInput) any {
		data, used := make([]any, len(inputs)), 0
		for i, in := range inputs {
			var v any = x.vector(in)
			if packed {
				v = pack(x.vector(in))
			}
			data[i], used = map[string]any{"object": "embedding", "index": i, "embedding": v}, used+in.size
		}
		body := map[string]any{"object": "list", "data": data, "model": x.model}
		if !x.script.noUsage && !ways.silent {
			usage := map[string]any{"prompt_tokens": used, "total_tokens": used}
			if x.family.costs {
				usage["cost"] = float64(used) / 1e6
			}
			body["usage"] = usage
		}
		return body
	})
}

// pack writes a vector as bytes in base64.
func pack(v []float32) string {
	var b []byte
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// inputs reads a text, a list of texts, tokens, or a list of those.
func (w *embedWays) inputs(n node) []embedInput {
	if n.isText() {
		return []embedInput{plainText(n)}
	}
	items, most := n.items(), cmp.Or(w.most, mostInputs)
	switch {
	case n.has() && len(items) == 0, len(items) > most:
		n.fail("", "Invalid '%s': an array of 1 to %d items is expected, but %d were given.", n.at, most, len(items))
		return nil
	case w.texts:
		inputs := make([]embedInput, len(items))
		for i, item := range items {
			inputs[i] = plainText(item.need())
		}
		return inputs
	case len(items) > 0 && !items[0].isText() && jsonType(items[0].v) != "array":
		return []embedInput{openAITokens(n)}
	}
	inputs := make([]embedInput, len(items))
	for i, item := range items {
		if jsonType(item.v) == "array" {
			inputs[i] = openAITokens(item)
		} else {
			inputs[i] = plainText(item.need())
		}
	}
	return inputs
}

func plainText(n node) embedInput {
	in := embedInput{text: n.text()}
	if in.size = tokens(len(in.text)); in.size == 0 || in.size > longestText {
		n.fail("", "Invalid '%s': input of %d tokens, 1 to %d are expected.", n.at, in.size, longestText)
	}
	return in
}

func openAITokens(n node) embedInput {
	var in embedInput
	for _, item := range n.items() {
		if item.need().integer() < 0 {
			item.fail("invalid_value", "Invalid '%s': a token is expected.", item.at)
		}
		in.text += strconv.Itoa(item.integer()) + " "
		in.size++
	}
	if in.size == 0 || in.size > longestText {
		n.fail("", "Invalid '%s': input of %d tokens, 1 to %d are expected.", n.at, in.size, longestText)
	}
	return in
}

// tasks are what Google's embeddings may be for.
var tasks = []string{
	"TASK_TYPE_UNSPECIFIED", "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING",
	"QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY",
}

// embedGemini answers models/NAME:embedContent.
func (x *exchange) embedGemini() {
	x.embedding(func(root node) []embedInput {
		return []embedInput{x.geminiInput(root)}
	}, func(inputs []embedInput) any {
		return x.geminiUsed(inputs, map[string]any{"embedding": map[string]any{"values": x.vector(inputs[0])}})
	})
}

// embedGeminiBatch answers models/NAME:batchEmbedContents.
func (x *exchange) embedGeminiBatch() {
	x.embedding(func(root node) []embedInput {
		root.obey(fields{"requests": anyList})
		list := root.field("requests")
		var inputs []embedInput
		for _, r := range list.items() {
			r.field("model").need()
			inputs = append(inputs, x.geminiInput(r))
		}
		if n := len(inputs); n == 0 || n > mostRequests {
			list.fail("", "* BatchEmbedContentsRequest.requests: at most %d requests can be in one batch, and at least one", mostRequests)
		}
		return inputs
	}, func(inputs []embedInput) any {
		list := make([]any, len(inputs))
		for i, in := range inputs {
			list[i] = map[string]any{"values": x.vector(in)}
		}
		return x.geminiUsed(inputs, map[string]any{"embeddings": list})
	})
}

// geminiUsed adds what was used, unless the script is silent about it.
func (x *exchange) geminiUsed(inputs []embedInput, body map[string]any) any {
	used := 0
	for _, in := range inputs {
		used += in.size
	}
	if !x.script.noUsage {
		body["usageMetadata"] = map[string]any{"promptTokenCount": used}
	}
	return body
}

func (x *exchange) geminiInput(n node) embedInput {
	n.obey(fields{
		"model": anyText, "content": shape(fields{"parts": anyList, "role": anyText}), "title": anyText,
		"taskType": oneOf(tasks...), "outputDimensionality": count(1, math.MaxInt32),
	})
	if m := n.field("model"); m.has() && m.text() != "models/"+x.model {
		m.fail("", "* %s: the model must be the one of the path, models/%s", m.at, x.model)
	}
	x.titled(n, n.field("taskType"))
	in := geminiText(n.field("content"))
	in.dims = n.field("outputDimensionality").integer()
	return in
}

// titled refuses a title of what is no document.
func (x *exchange) titled(n, task node) {
	if n.field("title").has() && task.text() != "RETRIEVAL_DOCUMENT" {
		n.fail("", "title is only applicable when task_type is RETRIEVAL_DOCUMENT")
	}
}

// geminiText is the text of a content.
func geminiText(n node) (in embedInput) {
	for _, part := range n.need().field("parts").need().items() {
		part.obey(fields{"text": anyText})
		in.text += part.field("text").need().text()
	}
	if in.size = tokens(len(in.text)); in.size == 0 {
		n.fail("", "* EmbedContentRequest.content contains an empty Part.")
	}
	return in
}
