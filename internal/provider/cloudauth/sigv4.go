package cloudauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/oidostudio/oido/internal/llm"
)

// signature signs requests with an AWS access key.
type signature struct {
	signer          *v4.Signer
	key             aws.Credentials
	service, region string
	now             func() time.Time
}

func newSignature(o Options) *signature {
	return &signature{
		signer: v4.NewSigner(),
		key: aws.Credentials{
			AccessKeyID: o.Setting["access_key_id"], SecretAccessKey: o.Setting["secret_access_key"], SessionToken: o.Setting["session_token"],
		},
		service: o.Scope, region: o.Setting["region"], now: o.Now,
	}
}

// Authorize signs method, address, header and body.
func (s *signature) Authorize(ctx context.Context, r *http.Request, body []byte) error {
	sum := sha256.Sum256(body)
	if err := s.signer.SignHTTP(ctx, s.key, r, hex.EncodeToString(sum[:]), s.service, s.region, s.now()); err != nil {
		return llm.Errorf(llm.KindAuth, "the request can't be signed: %w", err)
	}
	return nil
}

// Renew has nothing to renew: a signature is new each time.
func (*signature) Renew(*http.Request) bool { return false }

// Secrets are none: a signature is of no use to anybody else.
func (*signature) Secrets() []string { return nil }

// maxSkew is how far AWS lets a clock be off.
const maxSkew = 5 * time.Minute

// skewWords are how AWS refuses the time of a signature.
var skewWords = regexp.MustCompile(`(?i)RequestTimeTooSkewed|RequestExpired|Signature (has )?expired|Signature not yet current|not yet valid`)

// signatureWords are how it refuses a signature.
var signatureWords = regexp.MustCompile(`(?i)SignatureDoesNotMatch|InvalidSignature|signature we calculated does not match`)

// Explain tells a clock that is off from a key that is wrong.
func (s *signature) Explain(status int, h http.Header, body []byte) *llm.Error {
	if status != http.StatusBadRequest && status != http.StatusUnauthorized && status != http.StatusForbidden {
		return nil
	}
	said := h.Get("X-Amzn-Errortype") + " " + string(body)
	skewed := skewWords.MatchString(said)
	if !skewed && !signatureWords.MatchString(said) {
		return nil
	}
	e := &llm.Error{Kind: llm.KindAuth, Status: status}
	theirs, err := http.ParseTime(h.Get("Date"))
	off := s.now().Sub(theirs).Round(time.Second)
	switch {
	case err == nil && off >= maxSkew:
		e.Message = "AWS refuses the signature because the clock of this machine is " + off.String() + " ahead: set it, best by NTP"
	case err == nil && off <= -maxSkew:
		e.Message = "AWS refuses the signature because the clock of this machine is " + (-off).String() + " behind: set it, best by NTP"
	case skewed:
		e.Message = "AWS refuses the time of the signature: the clock of this machine is off: set it, best by NTP"
	default:
		e.Message = "AWS refuses the signature: secret_access_key doesn't belong to access_key_id, or region is wrong"
	}
	return e
}
