package gemini

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oidostudio/oido/internal/llm"
)

// grounding says which sources a text rests on.
type grounding struct {
	Chunks   []source  `json:"groundingChunks,omitzero"`
	Supports []support `json:"groundingSupports,omitzero"`
}

type source struct {
	Web       *page `json:"web,omitzero"`
	Retrieved *page `json:"retrievedContext,omitzero"`
}

type page struct {
	URI   string `json:"uri,omitzero"`
	Title string `json:"title,omitzero"`
	Text  string `json:"text,omitzero"`
}

type support struct {
	Segment segment `json:"segment"`
	Chunks  []whole `json:"groundingChunkIndices,omitzero"`
}

// segment is a piece of a text; its offsets count bytes.
type segment struct {
	Part  whole  `json:"partIndex,omitzero"`
	Start whole  `json:"startIndex,omitzero"`
	End   whole  `json:"endIndex,omitzero"`
	Text  string `json:"text,omitzero"`
}

// maxCitations bounds what a grounding is turned into, maxQuoted how long a segment
// is whose text is repeated beside its offsets: each may span the whole answer.
const (
	maxCitations = 1000
	maxQuoted    = 4 << 10
)

// citations turns a grounding of a text into citations. Segments that lie outside
// the text cite it as a whole.
func (g *grounding) citations(text string) (out []llm.Citation) {
	for _, s := range g.Supports {
		if len(out) == maxCitations {
			break
		}
		if !slices.ContainsFunc(s.Chunks, g.has) {
			continue
		}
		start, end := 0, 0
		if g := s.Segment; g.Start >= 0 && g.Start <= g.End && int64(g.End) <= int64(len(text)) {
			start = utf8.RuneCountInString(text[:g.Start])
			end = start + utf8.RuneCountInString(text[g.Start:g.End])
		}
		for _, i := range s.Chunks {
			if !g.has(i) || len(out) == maxCitations {
				continue
			}
			p := g.Chunks[i].Web
			if p == nil {
				p = g.Chunks[i].Retrieved
			}
			if p != nil {
				out = append(out, llm.Citation{Start: start, End: end, URL: p.URI, Title: p.Title, Quote: p.Text})
			}
		}
	}
	return out
}

// has says whether there is a source of this number.
func (g *grounding) has(i whole) bool { return i >= 0 && int64(i) < int64(len(g.Chunks)) }

// citedText is a text with its citations and its place among the parts.
type citedText struct {
	part  int
	text  string
	cites []llm.Citation
}

// groundingOf writes citations; nil when there are none.
func groundingOf(texts []citedText) *grounding {
	g := &grounding{}
	known := map[page]int{}
	for _, t := range texts {
		for _, c := range t.cites {
			if c.URL == "" && c.Title == "" || len(g.Supports) == maxCitations {
				continue
			}
			p := page{URI: c.URL, Title: c.Title}
			at, there := known[p]
			if !there {
				at = len(g.Chunks)
				known[p] = at
				g.Chunks = append(g.Chunks, source{Web: &p})
			}
			s := segmentOf(t.text, c)
			s.Part = whole(t.part)
			g.Supports = append(g.Supports, support{Segment: s, Chunks: []whole{whole(at)}})
		}
	}
	if len(g.Chunks) == 0 {
		return nil
	}
	return g
}

// segmentOf finds the bytes that a citation's characters are.
func segmentOf(text string, c llm.Citation) segment {
	if c.Start < 0 || c.End <= c.Start {
		return segment{End: whole(len(text)), Text: quoted(text)}
	}
	start, end, n := len(text), len(text), 0
	for i := range text {
		if n == c.Start {
			start = i
		}
		if n == c.End {
			end = i
			break
		}
		n++
	}
	return segment{Start: whole(start), End: whole(end), Text: quoted(text[start:end])}
}

func quoted(s string) string {
	if len(s) > maxQuoted {
		return ""
	}
	return strings.Clone(s)
}
