package app

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/oidostudio/oido/internal/identity"
)

// ownHosts serves requests without a key in a header only under names of ours: see
// identity.HostAllowed.
func (s *Server) ownHosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !identity.HasKeyHeader(r.Header) && !identity.HostAllowed(localAddr(r), r.Host, s.cfg.Load().PublicURL) {
			s.say(w, http.StatusMisdirectedRequest, "this server is not known by that name: send an API key, ask for an address or localhost, or set public_url\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// localAddr is the address that a request's connection came in on; invalid when
// it has none, as with a Unix socket.
func localAddr(r *http.Request) netip.Addr {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return a.AddrPort().Addr()
	}
	return netip.Addr{}
}
