package converse

import "slices"

// maxMarks is how many cache points the API takes in one request.
const maxMarks = 4

// marks settles what is said of blocks and not of fields: cache points, as many
// as the API takes, and what else the target refuses in them.
func (e *encoding) marks() error {
	if a := e.req.Cache.Auto; a != nil && len(e.turns) > 0 {
		last := &e.turns[len(e.turns)-1]
		if last.Role == roleUser {
			last.Content = append(last.Content, &block{CachePoint: pointOf(a)})
		}
	}
	none := slices.Contains(e.t.Reject, "cachePoint")
	var points []*cachePoint
	behind := true // nothing stands before, or a cache point
	keep := func(p *cachePoint) bool {
		if p == nil {
			behind = false
			return true
		}
		if behind || none {
			if none {
				e.drop("cachePoint", "the model doesn't take cachePoint")
			}
			return false
		}
		behind = true
		points = append(points, p)
		return true
	}
	e.filter(keep)
	if over := len(points) - maxMarks; over > 0 {
		// The first holds the most lasting prefix, the last ones the longest.
		spared := points[1 : 1+over]
		e.filter(func(p *cachePoint) bool { return p == nil || !slices.Contains(spared, p) })
		e.drop("cache_control", "the API takes at most %d cache points", maxMarks)
	}
	if slices.Contains(e.t.Reject, "cachePoint.ttl") {
		for _, p := range points {
			if p.TTL != "" {
				e.drop("cachePoint.ttl", "the model doesn't take cachePoint.ttl")
				p.TTL = ""
			}
		}
	}
	if slices.Contains(e.t.Reject, "toolResult.status") {
		e.unstate()
	}
	return nil
}

// filter keeps the tools and blocks for which keep says so, in the order in which
// they are a prefix: tools, system text, conversation. It is asked for the cache
// point that each one is, nil for all others.
func (e *encoding) filter(keep func(*cachePoint) bool) {
	e.tools = slices.DeleteFunc(e.tools, func(t *tool) bool { return !keep(t.CachePoint) })
	blocks := func(list []*block) []*block {
		return slices.DeleteFunc(list, func(b *block) bool { return !keep(b.CachePoint) })
	}
	e.system = blocks(e.system)
	for i, t := range e.turns {
		e.turns[i].Content = blocks(t.Content)
	}
}

// unstate leaves out that a result is an error, for models that don't take it.
func (e *encoding) unstate() {
	for _, t := range e.turns {
		for _, b := range t.Content {
			if r := b.ToolResult; r != nil && r.Status != "" {
				r.Status = ""
				r.Content = append([]*block{textBlock("The tool failed:")}, r.Content...)
				e.drop("toolResult.status", "the model doesn't take toolResult.status")
			}
		}
	}
}
