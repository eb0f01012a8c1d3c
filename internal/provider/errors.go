package provider

import (
	"fmt"
	"net/http"
	"regexp"

	"github.com/oidostudio/oido/internal/llm"
)

// ErrorRule is a refusal in a vendor's own words.
type ErrorRule struct {
	// Status is the HTTP status that it comes with; 0 is any, and an error inside
	// an answer too.
	Status int `yaml:"status"`
	// Match is a regular expression over the error's code, type and message, each
	// on a line, whatever their case; "" matches all.
	Match  string   `yaml:"match"`
	Kind   llm.Kind `yaml:"kind"`
	Source string   `yaml:"source"`

	re *regexp.Regexp
}

func (r *ErrorRule) prepare() error {
	re, err := regexp.Compile("(?im)" + r.Match)
	if err != nil {
		return fmt.Errorf("errors: %w", err)
	}
	if r.Kind == "" || r.Match == "" && r.Status == 0 {
		return fmt.Errorf("errors: %q needs a kind, and a status or words", r.Match)
	}
	r.re = re
	return nil
}

// Judge settles what an error of this provider is: a format's reader has read it
// by the format's words, the vendor's own say more. h are the headers that it
// came with, nil inside an answer: where they don't say how long to wait, the
// limit that is used up does.
func (a *Account) Judge(e *llm.Error, h http.Header) *llm.Error {
	judged := *e
	for i := range a.Profile.Errors {
		r := &a.Profile.Errors[i]
		if (r.Status == 0 || r.Status == e.Status) && r.re.MatchString(e.Code+"\n"+e.Type+"\n"+e.Message) {
			judged.Kind = r.Kind
			break
		}
	}
	if judged.Kind == llm.KindRateLimit && judged.RetryAfter == 0 {
		judged.RetryAfter = LimitsIn(h, a.now()).Wait()
	}
	return &judged
}
