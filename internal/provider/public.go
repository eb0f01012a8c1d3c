package provider

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// ErrNotPublic says that an account may not reach the address that its name
// stands for.
var ErrNotPublic = errors.New("its address is not a public one, which only an operator may connect")

// reserved are blocks that no server of the public lies in, beside those that
// netip names: shared and test networks, and such as hide another address.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
}

// onlyPublic looks at the address that is about to be dialled, so that a name
// which resolves to another one later is no way around it.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrNotPublic
	}
	ip := at.Addr().Unmap().WithZone("")
	inside := slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
	if inside || !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return ErrNotPublic
	}
	return nil
}
