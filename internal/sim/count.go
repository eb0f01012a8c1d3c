package sim

// count answers how many tokens a prompt has, without asking the model.
func (x *exchange) count() {
	x.counting = true
	c := &checker{voice: x.format.voice(), lenient: x.family.lenient}
	root := c.parse(x.body)
	if x.model == "" {
		x.model = root.field("model").need().text()
	}
	if c.failure == nil {
		c.failure = x.pick()
	}
	if c.failure != nil {
		x.fail(c.failure)
		return
	}
	p := x.format.read(x, root)
	if c.failure != nil {
		x.fail(c.failure)
		return
	}
	p.model, p.script = x.model, x.script
	if !x.wait(x.script.latency) || x.spoil(p) {
		return
	}
	n := p.tokens()
	switch x.format.(type) {
	case geminiFormat:
		x.json(map[string]any{"totalTokens": n, "cachedContentTokenCount": n * x.script.cached / 100})
	case responsesFormat:
		x.json(map[string]any{"object": "response.input_tokens", "input_tokens": n})
	default:
		x.json(map[string]any{"input_tokens": n})
	}
}
