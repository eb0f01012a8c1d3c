package cloudauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider/cloudauth"
)

const (
	exampleKey    = "AKIDEXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	// exampleSession is the session token of AWS's test suite.
	exampleSession = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

var exampleTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

func signer(t *testing.T, service, session string, now time.Time) cloudauth.Authorizer {
	t.Helper()
	a, name, err := cloudauth.New(cloudauth.Options{
		Kind: cloudauth.SigV4, Scope: service, Now: func() time.Time { return now },
		Setting: map[string]string{"region": "us-east-1", "access_key_id": exampleKey, "secret_access_key": exampleSecret, "session_token": session},
	})
	if err != nil || a == nil || name != exampleKey {
		t.Fatal(a, name, err)
	}
	return a
}

// The cases are of AWS's Signature Version 4 test suite and, the one for iam, of
// its documentation.
func TestSignaturesAreThoseThatAWSPublishes(t *testing.T) {
	for _, c := range []struct {
		name, method, url, service, session string
		header                              http.Header
		body, signed, want                  string
	}{
		{"get-vanilla", "GET", "https://example.amazonaws.com/", "service", "", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"post-vanilla", "POST", "https://example.amazonaws.com/", "service", "", nil, "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"get-vanilla-query-order-key-case", "GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", "service", "", nil, "", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"post-header-key-sort", "POST", "https://example.amazonaws.com/", "service", "", http.Header{"My-Header1": {"value1"}}, "", "host;my-header1;x-amz-date", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
		{"post-sts-header-before", "POST", "https://example.amazonaws.com/", "service", exampleSession, nil, "", "host;x-amz-date;x-amz-security-token", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
		{"iam ListUsers", "GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", "iam", "", http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}, "", "content-type;host;x-amz-date", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.header {
			r.Header[k] = v
		}
		if err := signer(t, c.service, c.session, exampleTime).Authorize(t.Context(), r, []byte(c.body)); err != nil {
			t.Fatal(err)
		}
		want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/" + c.service + "/aws4_request, SignedHeaders=" + c.signed + ", Signature=" + c.want
		if got := r.Header.Get("Authorization"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
		if r.Header.Get("X-Amz-Security-Token") != c.session {
			t.Errorf("%s: the session token isn't sent", c.name)
		}
	}
}

func TestAClockThatIsOffIsNamed(t *testing.T) {
	a := signer(t, "bedrock", "", exampleTime)
	date := func(off time.Duration) string { return exampleTime.Add(off).Format(http.TimeFormat) }
	for _, c := range []struct {
		status          int
		typ, date, body string
		want            string // "": nothing to add
	}{
		{403, "InvalidSignatureException", date(7 * time.Minute), `{"message":"Signature expired: 20150830T123600Z is now earlier than 20150830T123800Z"}`, "7m0s behind"},
		{403, "InvalidSignatureException", date(-6 * time.Minute), `{"message":"Signature not yet current: 20150830T123600Z is still later than …"}`, "6m0s ahead"},
		{403, "SignatureDoesNotMatch", date(20 * time.Minute), `{}`, "20m0s behind"},
		{403, "RequestTimeTooSkewed", "", `{}`, "the clock of this machine is off"},
		{403, "InvalidSignatureException", date(time.Second), `{"message":"The request signature we calculated does not match the signature you provided."}`, "secret_access_key"},
		{403, "AccessDeniedException", date(time.Hour), `{"message":"You don't have access to the model with the specified model ID."}`, ""},
		{400, "ValidationException", date(0), `{"message":"Malformed input request"}`, ""},
		{500, "InternalServerException", date(time.Hour), `{"message":"Signature expired"}`, ""},
	} {
		e := a.Explain(c.status, http.Header{"X-Amzn-Errortype": {c.typ}, "Date": {c.date}}, []byte(c.body))
		switch {
		case c.want == "" && e != nil:
			t.Errorf("%+v: %v", c, e)
		case c.want != "" && (e == nil || e.Kind != llm.KindAuth || !strings.Contains(e.Message, c.want)):
			t.Errorf("%+v: %v", c, e)
		}
	}
}
