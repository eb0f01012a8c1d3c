package classify_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/router/classify"
)

func TestHowWordsStandToWhatWasDone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		user []string
		want classify.Stance
	}{
		{[]string{"No, that's the wrong table."}, classify.Corrects},
		{[]string{"That’s not what I asked for"}, classify.Corrects},
		{[]string{"Hmm, this still doesn't work: the test is red"}, classify.Corrects},
		{[]string{"<system-reminder>be kind</system-reminder>", "wrong file"}, classify.Corrects},
		{[]string{"Das stimmt nicht, es sind drei."}, classify.Corrects},
		{[]string{"不对，应该是三个"}, classify.Corrects},
		{[]string{"違います。三つです"}, classify.Corrects},
		{[]string{"Nobody answers my mails, what can I do?"}, classify.Begins},
		{[]string{"Notes of the meeting: list the owners."}, classify.Begins},
		{[]string{"Wrongful dismissal: what does the law say?"}, classify.Begins},
		{[]string{"Stillness in poetry"}, classify.Begins},
		{[]string{"Thanks! Now cancel my order 88."}, classify.Begins},
		{[]string{"yes, and also send me the invoice"}, classify.Begins},
		{[]string{"Yes, please!"}, classify.GoesOn},
		{[]string{"  continue…"}, classify.GoesOn},
		{[]string{"继续"}, classify.GoesOn},
		{[]string{"<system-reminder>only a reminder</system-reminder>"}, classify.GoesOn},
		{[]string{strings.Repeat("a long story ", 40) + "that's wrong"}, classify.Begins},
		{nil, classify.GoesOn},
		{[]string{"\xff\xfe"}, classify.Begins},
	} {
		if got := classify.StanceOf(c.user); got != c.want {
			t.Errorf("%q: %v, want %v", c.user, got, c.want)
		}
	}
}
