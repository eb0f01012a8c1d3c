package wire

import (
	"bytes"
	"hash/maphash"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

// What is kept of texts, in bytes of their JSON.
const (
	userTexts, userBytes     = 16, 16 << 10
	systemTexts, systemBytes = 8, 2 << 10
	// fewBytes are too few to be worth a text.
	fewBytes = 64
)

// Surveying makes a [Survey] of a conversation that is told message by message:
// first what a message holds, then End with its role. What is known of the request
// besides is set in Found. The bytes that it is told must stay as they are until
// Done. The zero value is ready.
type Surveying struct {
	Found Survey

	message struct {
		texts           rawTexts
		first           [systemTexts][]byte
		holds, media    bool
		results, failed bool
	}
	last   llm.Role // who has spoken last
	system rawTexts
	user   rawTexts
	aside  rawTexts
	calls  []uint64
	room   [64]uint64 // for calls, as long as it is enough
}

// rawTexts are texts as they stand in JSON, the last of them.
type rawTexts struct {
	list [userTexts][]byte
	n    int
}

func (t *rawTexts) add(raw []byte) {
	t.list[t.n%userTexts] = raw
	t.n++
}

// Part says that the message holds a part, of whatever kind.
func (s *Surveying) Part() { s.message.holds = true }

// Text is a text of the message, as the JSON string that it is. What is none, or
// empty, is passed over.
func (s *Surveying) Text(raw []byte) {
	if len(raw) <= len(`""`) || raw[0] != '"' {
		return
	}
	if n := s.message.texts.n; n < systemTexts {
		s.message.first[n] = raw
	}
	s.message.texts.add(raw)
	s.message.holds = true
}

// Media is a medium of the message, or of a tool's result in it.
func (s *Surveying) Media(kind llm.MediaKind, mime []byte) {
	s.message.media, s.message.holds = true, true
	switch kind {
	case llm.MediaImage, llm.MediaVideo:
		s.Found.Image = true
	case llm.MediaAudio:
		s.Found.Audio = true
	case llm.MediaDocument:
		s.Found.PDF = s.Found.PDF || !bytes.HasPrefix(mime, []byte("text"))
	}
}

var callSeed = maphash.MakeSeed()

// Call is the model's call of a tool that the client runs. Its arguments are
// compared byte by byte.
func (s *Surveying) Call(name, arguments []byte) {
	if s.calls == nil {
		s.calls = s.room[:0]
	}
	s.message.holds = true
	s.calls = append(s.calls, 31*maphash.Bytes(callSeed, name)+maphash.Bytes(callSeed, arguments))
}

// Result is what a tool gave back; failed where the format marks it so.
func (s *Surveying) Result(failed bool) {
	s.message.results = true
	s.message.failed = s.message.failed || failed
}

// End ends a message. One of an unknown role is none, and so is one of the user's
// or the model's that holds nothing.
func (s *Surveying) End(role llm.Role) {
	m := &s.message
	switch role {
	case llm.RoleSystem, llm.RoleDeveloper:
		for i := 0; i < min(m.texts.n, systemTexts) && s.system.n < systemTexts; i++ {
			s.system.add(m.first[i])
		}
	case llm.RoleAssistant:
		if m.holds {
			s.spoke()
		}
	case llm.RoleTool:
		m.texts.n = 0
		s.results()
	case llm.RoleUser:
		if m.results {
			s.results()
		} else if m.holds {
			s.own()
		}
	}
	m.texts.n, m.holds, m.media, m.results, m.failed = 0, false, false, false, false
}

// spoke ends a message of the model's.
func (s *Surveying) spoke() {
	if s.last != llm.RoleAssistant {
		s.Found.Turns++
		s.Found.Steps++
	}
	s.last, s.aside.n = llm.RoleAssistant, 0
}

// results ends a message of tools' results, with what stands beside them.
func (s *Surveying) results() {
	if s.last != llm.RoleTool {
		s.Found.Turns++
		s.Found.ToolFailed = false
	}
	s.last = llm.RoleTool
	s.Found.ToolFailed = s.Found.ToolFailed || s.message.failed
	if s.message.texts.n > 0 {
		s.aside = s.message.texts
	}
}

// own ends a message of the user's own: a task begins.
func (s *Surveying) own() {
	f := &s.Found
	f.Turns++
	f.UserTurns++
	f.Steps, f.ToolFailed, f.Media = 0, false, s.message.media
	s.last, s.aside.n, s.calls = llm.RoleUser, 0, s.calls[:0]
	if s.message.texts.n > 0 {
		s.user = s.message.texts
	}
}

// Done is the survey of all that was told.
func (s *Surveying) Done() Survey {
	f := s.Found
	f.EndsInUser, f.EndsInTool = s.last == llm.RoleUser, s.last == llm.RoleTool
	f.ToolCalls = len(s.calls)
	slices.Sort(s.calls)
	alike := 0
	for i := 1; i < len(s.calls); i++ {
		if s.calls[i] != s.calls[i-1] {
			alike = 0
			continue
		}
		alike++
		f.Repeats = max(f.Repeats, alike)
	}
	for i := range s.system.n {
		f.System = append(f.System, beginning(s.system.list[i]))
	}
	f.User, f.Aside = s.user.read(), s.aside.read()
	return f
}

// read takes the texts from their last on, as far as there is room for them.
func (t *rawTexts) read() []string {
	var out []string
	room := userBytes
	for i := t.n - 1; i >= max(0, t.n-userTexts) && room > fewBytes; i-- {
		raw := t.list[i%userTexts]
		out = append(out, ends(raw, room))
		room -= len(raw)
	}
	slices.Reverse(out)
	return out
}

// beginning reads the beginning of a system text.
func beginning(raw []byte) string {
	if len(raw) <= systemBytes {
		return unquoted(raw)
	}
	inner := raw[1 : len(raw)-1]
	return piece(inner[:nextCharacter(inner, systemBytes-longest)])
}

// ends reads a text, of a longer one than there is room for its two ends.
func ends(raw []byte, room int) string {
	if len(raw) <= room {
		return unquoted(raw)
	}
	inner := raw[1 : len(raw)-1]
	half := room / 2
	return piece(inner[:nextCharacter(inner, half-longest)]) + "\n" + piece(inner[nextCharacter(inner, len(inner)-half):])
}

// longest is how many bytes of JSON one character takes at most, and a line break.
const longest = len(`\ud83d\ude00`) + 1

// nextCharacter is where in the inside of a JSON string a character begins, from
// i on.
func nextCharacter(b []byte, i int) int {
	const escape, unicode = len(`\n`), len(`\u0000`)
	at := max(i, 0)
	for from := max(at-unicode+1, 0); from < min(i, len(b)); from++ {
		if b[from] != '\\' {
			continue
		}
		before := from
		for before > 0 && b[before-1] == '\\' {
			before--
		}
		if (from-before)%2 == 1 {
			continue // it is itself escaped
		}
		n := escape
		if from+1 < len(b) && b[from+1] == 'u' {
			n = unicode
		}
		at = max(at, from+n)
		from += n - 1
	}
	if at+3 < len(b) && b[at] == '\\' && b[at+1] == 'u' && b[at+2]|0x20 == 'd' && b[at+3]|0x20 >= 'c' {
		at += unicode // the second half of a surrogate pair
	}
	for at < len(b) && !utf8.RuneStart(b[at]) {
		at++
	}
	return min(at, len(b))
}

// piece reads a part of the inside of a JSON string.
func piece(inner []byte) string {
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	raw := make([]byte, 0, len(inner)+len(`""`))
	return unquoted(append(append(append(raw, '"'), inner...), '"'))
}

// unquoted reads a JSON string.
func unquoted(raw []byte) string {
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "" // a body that was walked holds only strings that are good
	}
	return string(text)
}
