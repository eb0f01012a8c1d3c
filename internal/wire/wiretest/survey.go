package wiretest

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Surveyed is the survey of a request that was decoded: what a walk through its
// body must come to. beside says that in its format what a user says and the
// results before it were one message.
func Surveyed(q *llm.Request, beside bool) wire.Survey {
	s := wire.Survey{Tools: len(q.Tools) > 0, Schema: q.Output.Kind == llm.OutputSchema}
	if q.MaxOutput != nil {
		s.MaxOutput = *q.MaxOutput
	}
	var last llm.Role
	calls := map[string]int{}
	for _, m := range q.Messages {
		look(&s, m.Parts)
		switch {
		case m.Role == llm.RoleSystem || m.Role == llm.RoleDeveloper:
			s.System = append(s.System, textsOf(m)...)
			continue
		case len(m.Parts) == 0:
			continue
		case m.Role == llm.RoleAssistant:
			if last != m.Role {
				s.Turns++
				s.Steps++
			}
			s.Aside = nil
		case m.Role == llm.RoleTool:
			if last != m.Role {
				s.Turns++
				s.ToolFailed = false
			}
			for _, p := range m.Parts {
				if r, ok := p.(llm.ToolResult); ok && r.IsError {
					s.ToolFailed = true
				}
			}
		case beside && last == llm.RoleTool:
			s.Aside = textsOf(m)
			continue
		default:
			s.Turns++
			s.UserTurns++
			s.Steps, s.ToolCalls, s.Repeats, s.ToolFailed, s.Aside, s.Media = 0, 0, 0, false, nil, false
			clear(calls)
			for _, p := range m.Parts {
				if _, is := p.(llm.Media); is {
					s.Media = true
				}
			}
			if said := textsOf(m); said != nil {
				s.User = said
			}
		}
		last = m.Role
		for _, p := range m.Parts {
			if c, ok := p.(llm.ToolCall); ok && m.Role == llm.RoleAssistant {
				s.ToolCalls++
				s.Repeats = max(s.Repeats, calls[c.Name+"\n"+c.Arguments])
				calls[c.Name+"\n"+c.Arguments]++
			}
		}
	}
	s.EndsInUser, s.EndsInTool = last == llm.RoleUser, last == llm.RoleTool
	return s
}

func textsOf(m llm.Message) (out []string) {
	for _, p := range m.Parts {
		if t, ok := p.(llm.Text); ok && t.Text != "" {
			out = append(out, t.Text)
		}
	}
	return out
}

// look looks for media, in tools' results too.
func look(s *wire.Survey, parts []llm.Part) {
	for _, p := range parts {
		switch p := p.(type) {
		case llm.ToolResult:
			look(s, p.Parts)
		case llm.Media:
			switch p.Kind {
			case llm.MediaImage, llm.MediaVideo:
				s.Image = true
			case llm.MediaAudio:
				s.Audio = true
			case llm.MediaDocument:
				s.PDF = s.PDF || p.Text == "" && !strings.HasPrefix(p.MIME, "text/")
			}
		}
	}
}

// SurveyAlike fails the test where a survey of a body refuses what is decoded, or
// misses what that shows. It may see more: what no other format has a word for.
// Where names are not exact, a decoder takes spellings that no client writes.
func SurveyAlike(t *testing.T, f wire.Format, raw wire.RawRequest, exact bool) {
	t.Helper()
	surveyor, ok := f.(wire.Surveyor)
	if !ok {
		t.Fatalf("%s surveys nothing", f.Name())
	}
	got, err := surveyor.Survey(raw.Body)
	if e := llm.AsError(err); err != nil && (e.Kind != llm.KindBadRequest || e.Message == "") {
		t.Fatalf("%#v is no refusal", err)
	}
	q, bad := f.Decode(raw)
	if bad != nil {
		return
	}
	if err != nil {
		t.Fatalf("it is decoded, and refused: %v", err)
	}
	want := Surveyed(q, false)
	if exact && (want.Image && !got.Image || want.PDF && !got.PDF || want.Audio && !got.Audio || want.Schema && !got.Schema || want.Tools && !got.Tools ||
		want.MaxOutput > 0 && want.MaxOutput != got.MaxOutput) {
		t.Fatalf("decoded, it shows %+v, surveyed %+v", want, got)
	}
	if len(got.User) > 16 || len(got.Aside) > 16 || len(got.System) > 8 || got.UserTurns > got.Turns ||
		got.Steps > got.Turns || got.EndsInUser && got.EndsInTool || got.Repeats > 0 && got.Repeats >= got.ToolCalls {
		t.Fatalf("%+v", got)
	}
}
