package chat

import "strings"

// The marks that some models put around their reasoning in the text itself.
const (
	thinkOpens  = "<think>"
	thinkCloses = "</think>"
)

// inline splits reasoning that stands at the beginning of a text from the rest,
// piece by piece. The zero value is ready.
type inline struct {
	at   inlinePlace
	held string // what may be the beginning of a mark
}

type inlinePlace int

const (
	atStart  inlinePlace = iota // nothing but space came
	inside                      // between the marks
	atMargin                    // behind them: space before the text is left out
	outside                     // plain text from here on
)

// add takes the next piece of text and says what of it is reasoning and what is
// text.
func (k *inline) add(text string) (reasoning, rest string) {
	if k.at == outside {
		return "", text
	}
	text, k.held = k.held+text, ""
	if k.at == atStart {
		told := strings.TrimLeft(text, " \t\r\n")
		switch {
		case strings.HasPrefix(told, thinkOpens):
			k.at, text = inside, told[len(thinkOpens):]
		case strings.HasPrefix(thinkOpens, told):
			k.held = text
			return "", ""
		default:
			k.at = outside
			return "", text
		}
	}
	if k.at == inside {
		before, after, closed := strings.Cut(text, thinkCloses)
		if !closed {
			keep := begun(text, thinkCloses)
			k.held = text[len(text)-keep:]
			return text[:len(text)-keep], ""
		}
		k.at, reasoning, text = atMargin, before, after
	}
	if rest = strings.TrimLeft(text, " \t\r\n"); rest != "" {
		k.at = outside
	}
	return reasoning, rest
}

// end gives what was held back when no more comes.
func (k *inline) end() (reasoning, rest string) {
	held := k.held
	k.held = ""
	if k.at == inside {
		return held, ""
	}
	return "", held
}

// begun is how many bytes at the end of text are the beginning of a mark.
func begun(text, mark string) int {
	for n := min(len(text), len(mark)-1); n > 0; n-- {
		if strings.HasSuffix(text, mark[:n]) {
			return n
		}
	}
	return 0
}
