package llm

// MaxAnswer is how much an answer may say, in bytes: a hundred times what any
// model writes at once. Several formats must hold all that was said until an
// answer's end, so what never ends would take all memory.
const MaxAnswer = 64 << 20

// Bounded ends a stream that says more than MaxAnswer with an *Error of
// KindUpstream.
func Bounded(s Stream) Stream {
	return func(yield func(Event, error) bool) {
		said := 0
		for e, err := range s {
			if said += sizeOf(e); said > MaxAnswer {
				yield(nil, Errorf(KindUpstream, "the answer is larger than %d MiB", MaxAnswer>>20))
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// fixed is about what a part or a token takes beside its text.
const fixed = 128

// sizeOf is about how much of an answer an event brings.
func sizeOf(e Event) int {
	switch e := e.(type) {
	case TextDelta:
		return len(e.Text) + sizeOfTokens(e.Logprobs)
	case ReasoningDelta:
		return len(e.Text)
	case ArgumentsDelta:
		return len(e.Arguments)
	case BlobDelta:
		return len(e.Blob.Data)
	case CitationDelta:
		return fixed + len(e.Citation.Raw) + len(e.Citation.URL) + len(e.Citation.Title) + len(e.Citation.Quote)
	case PartStart:
		return fixed + sizeOfPart(e.Part)
	}
	return 0
}

func sizeOfTokens(list []TokenLogprob) (n int) {
	for _, l := range list {
		n += fixed * (1 + len(l.Top))
	}
	return n
}

func sizeOfPart(p Part) int {
	switch p := p.(type) {
	case Text:
		return len(p.Text) + sizeOfTokens(p.Logprobs)
	case Refusal:
		return len(p.Text)
	case Reasoning:
		return len(p.Text)
	case ToolCall:
		return len(p.Arguments)
	case Media:
		return len(p.Data) + len(p.Text)
	case Opaque:
		return len(p.Raw)
	}
	return 0
}
