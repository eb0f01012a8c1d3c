package provider

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
)

// Discreet returns a failure of a connection in words without addresses: what
// the operator's network looks like is none of a client's business. The failure
// itself is its cause.
func Discreet(err error) error {
	var (
		name  *net.DNSError
		cert  *tls.CertificateVerificationError
		errno syscall.Errno
		op    *net.OpError
		slow  net.Error
	)
	switch {
	case errors.Is(err, ErrNotPublic):
		return discreet{ErrNotPublic.Error(), err}
	case errors.As(err, &name):
		return discreet{"its name can't be resolved", err}
	case errors.As(err, &cert):
		return discreet{"its certificate is not trusted", err}
	case errors.As(err, &errno):
		return discreet{errno.Error(), err}
	case errors.As(err, &slow) && slow.Timeout():
		return discreet{"it took too long", err}
	case errors.As(err, &op):
		return discreet{"the connection failed", err}
	}
	return err
}

type discreet struct {
	text  string
	cause error
}

func (d discreet) Error() string { return d.text }
func (d discreet) Unwrap() error { return d.cause }
