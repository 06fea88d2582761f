package fetch

import "net/netip"

// notPublic are the IPv4 ranges that no server of the public Internet has: the
// IANA Special-Purpose Address Registry (RFC 6890), multicast, and one address
// that a cloud answers on inside itself.
var notPublic = prefixes(
	"0.0.0.0/8",        // this network, RFC 791; Linux takes 0.0.0.0 for loopback
	"10.0.0.0/8",       // private, RFC 1918
	"100.64.0.0/10",    // carrier-grade NAT, RFC 6598
	"127.0.0.0/8",      // loopback, RFC 1122
	"168.63.129.16/32", // the host of an Azure machine
	"169.254.0.0/16",   // link-local, RFC 3927; clouds keep their metadata there
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // IETF protocols, RFC 6890; Oracle's metadata
	"192.0.2.0/24",     // documentation, RFC 5737
	"192.88.99.0/24",   // relays of 6to4, RFC 7526
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarking, RFC 2544
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast, RFC 5771
	"240.0.0.0/4",      // reserved, RFC 1112; broadcast
)

// global is all of IPv6 that has been given to the public Internet (RFC 4291,
// section 2.4). Loopback, unique local, link-local, site-local, multicast,
// IPv4-compatible and discard addresses lie outside.
var global = netip.MustParsePrefix("2000::/3")

// notPublic6 are the parts of it that are something else.
var notPublic6 = prefixes(
	"2001::/23",     // IETF protocols, RFC 2928: Teredo, benchmarking, ORCHID
	"2001:db8::/32", // documentation, RFC 3849
	"3fff::/20",     // documentation, RFC 9637
)

// IPv6 addresses that stand for an IPv4 address.
var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052; 64:ff9b:1::/48 (RFC 8215) is for local use, and refused
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3056
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// Public reports whether a server of the public Internet can have the address.
// IPv6 addresses that stand for an IPv4 address (v4-mapped, NAT64, 6to4, ISATAP)
// are as public as that one; Teredo and IPv4-compatible addresses, and those with
// a zone, never are.
func Public(ip netip.Addr) bool {
	if !ip.IsValid() || ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	if ip.Is4() {
		return !inAny(ip, notPublic)
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return publicV4(b[12:16])
	case !global.Contains(ip) || inAny(ip, notPublic6):
		return false
	case sixToFour.Contains(ip):
		return publicV4(b[2:6])
	case b[8]&^0x03 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP, RFC 5214 section 6.1
		return publicV4(b[12:16])
	}
	return true
}

func publicV4(b []byte) bool { return !inAny(netip.AddrFrom4([4]byte(b)), notPublic) }

func inAny(ip netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
