package identity

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// HostAllowed says whether a request without a key in a header is served: on a
// loopback or private address of ours only under a Host that is local or the
// public URL's. Otherwise a page anywhere could have its own name resolve to
// that address (DNS rebinding) and use the server through a visitor's browser.
// On public addresses there is nothing that a page couldn't reach by itself.
//
// local is the address that the connection came in on, host the request's Host
// with or without a port, publicURL the configured one (may be empty). An
// invalid local address (as of a Unix socket) counts as private.
func HostAllowed(local netip.Addr, host, publicURL string) bool {
	if local.IsValid() && !isLocal(local) {
		return true
	}
	name := hostname(host)
	if name == "" {
		return false
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		// An address can't be made to resolve elsewhere.
		if isLocal(addr) {
			return true
		}
	} else if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true // RFC 6761 §6.3: never resolved by DNS
	}
	if publicURL == "" {
		return false
	}
	u, err := url.Parse(publicURL)
	return err == nil && u.Host != "" && hostname(u.Host) == name
}

// hostname is the host without port, brackets, final dot and upper case; ""
// when it is none.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// shared is the address space of carriers and overlay networks (RFC 6598): not
// reachable from the public internet.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// isLocal says whether an address is loopback, private or of the link.
func isLocal(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || shared.Contains(a)
}
