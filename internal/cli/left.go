package cli

import (
	"strconv"
	"strings"
	"time"
)

// shownLeft is how much is left of what is free of a model.
type shownLeft struct {
	RequestsPerMinute *int64     `json:"requests_per_minute"`
	RequestsPerDay    *int64     `json:"requests_per_day"`
	TokensPerMinute   *int64     `json:"tokens_per_minute"`
	TokensPerDay      *int64     `json:"tokens_per_day"`
	RequestsMinute    *int64     `json:"requests_left_this_minute"`
	RequestsDay       *int64     `json:"requests_left_today"`
	TokensMinute      *int64     `json:"tokens_left_this_minute"`
	TokensDay         *int64     `json:"tokens_left_today"`
	Resets            *time.Time `json:"resets_at"`
	Refused           bool       `json:"refused"`
	Shared            bool       `json:"shared"`
}

// today says what is left today, and of a minute where no more is known.
func (l *shownLeft) today() any {
	if l == nil {
		return cell{"no limit known", faint}
	}
	resets := ""
	if l.Resets != nil {
		resets = l.Resets.Local().Format("15:04")
	}
	if l.Refused {
		return cell{"used up until " + resets, yellow}
	}
	var out []string
	say := func(left, limit *int64, of string) {
		if left != nil && limit != nil {
			out = append(out, grouped(*left)+" of "+grouped(*limit)+" "+of)
		}
	}
	say(l.RequestsDay, l.RequestsPerDay, "requests")
	say(l.TokensDay, l.TokensPerDay, "tokens")
	if len(out) == 0 {
		say(l.RequestsMinute, l.RequestsPerMinute, "requests this minute")
		say(l.TokensMinute, l.TokensPerMinute, "tokens this minute")
	} else if resets != "" {
		out = append(out, "resets "+resets)
	}
	if len(out) == 0 {
		return cell{"no limit known", faint}
	}
	if l.Shared {
		out = append(out, "shared")
	}
	return strings.Join(out, ", ")
}

// grouped writes a number with a comma before each three digits.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
