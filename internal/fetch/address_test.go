package fetch

import (
	"net/netip"
	"testing"
)

// addresses are hosts and whether a server of the public Internet can be there.
var addresses = []struct {
	ip     string
	public bool
	what   string
}{
	{"0.0.0.0", false, "this host; reached loopback in an image proxy, CVE-2025-24354"},
	{"0.0.0.1", false, "this network"},
	{"0.255.255.255", false, "this network's end"},
	{"1.0.0.0", true, "just behind it"},
	{"10.0.0.1", false, "private"},
	{"10.255.255.255", false, "private"},
	{"11.0.0.1", true, "behind private"},
	{"100.63.255.255", true, "before CGNAT"},
	{"100.64.0.1", false, "CGNAT"},
	{"100.100.100.200", false, "a cloud's metadata in CGNAT"},
	{"100.127.255.255", false, "CGNAT's end"},
	{"100.128.0.1", true, "behind CGNAT"},
	{"127.0.0.1", false, "loopback"},
	{"127.255.255.254", false, "loopback"},
	{"128.0.0.1", true, "behind loopback"},
	{"168.63.129.16", false, "the host of a cloud machine"},
	{"168.63.129.17", true, "its neighbour"},
	{"169.254.0.1", false, "link-local"},
	{"169.254.169.254", false, "metadata"},
	{"169.254.170.2", false, "a container's credentials"},
	{"169.255.0.1", true, "behind link-local"},
	{"172.15.255.255", true, "before private"},
	{"172.16.0.1", false, "private"},
	{"172.31.255.255", false, "private"},
	{"172.32.0.1", true, "behind private"},
	{"192.0.0.192", false, "IETF protocols, a cloud's metadata"},
	{"192.0.2.1", false, "documentation"},
	{"192.88.99.1", false, "6to4 relay"},
	{"192.168.0.1", false, "private"},
	{"192.169.0.1", true, "behind private"},
	{"198.17.255.255", true, "before benchmarking"},
	{"198.18.0.1", false, "benchmarking"},
	{"198.19.255.255", false, "benchmarking"},
	{"198.51.100.7", false, "documentation"},
	{"203.0.113.7", false, "documentation"},
	{"224.0.0.1", false, "multicast"},
	{"239.255.255.255", false, "multicast"},
	{"240.0.0.1", false, "reserved"},
	{"255.255.255.255", false, "broadcast"},
	{"8.8.8.8", true, "a public server"},
	{"93.184.216.34", true, "a public server"},
	{"::", false, "unspecified"},
	{"::1", false, "loopback"},
	{"::ffff:127.0.0.1", false, "v4-mapped loopback"},
	{"::ffff:10.0.0.1", false, "v4-mapped private"},
	{"::ffff:a9fe:a9fe", false, "v4-mapped metadata"},
	{"::ffff:0.0.0.0", false, "v4-mapped this host"},
	{"::ffff:8.8.8.8", true, "v4-mapped public"},
	{"::127.0.0.1", false, "v4-compatible loopback"},
	{"::8.8.8.8", false, "v4-compatible, which nobody uses"},
	{"64:ff9b::7f00:1", false, "NAT64 of loopback"},
	{"64:ff9b::a9fe:a9fe", false, "NAT64 of metadata"},
	{"64:ff9b::808:808", true, "NAT64 of a public server"},
	{"64:ff9b:1::808:808", false, "NAT64 for local use"},
	{"100::1", false, "discard"},
	{"2001::1", false, "Teredo"},
	{"2001:0:4136:e378:8000:63bf:3fff:fdd2", false, "Teredo"},
	{"2001:2::1", false, "benchmarking"},
	{"2001:10::1", false, "ORCHID"},
	{"2001:db8::1", false, "documentation"},
	{"3fff::1", false, "documentation"},
	{"2002:7f00:1::", false, "6to4 of loopback"},
	{"2002:a9fe:a9fe::1", false, "6to4 of metadata"},
	{"2002:c0a8:1::1", false, "6to4 of private"},
	{"2002:808:808::1", true, "6to4 of a public server"},
	{"2606:4700::5efe:7f00:1", false, "ISATAP of loopback"},
	{"2606:4700::200:5efe:10.0.0.1", false, "ISATAP of private"},
	{"2606:4700::200:5efe:8.8.8.8", true, "ISATAP of a public server"},
	{"fe80::5efe:8.8.8.8", false, "ISATAP on the link"},
	{"5f00::1", false, "segment routing"},
	{"fc00::1", false, "unique local"},
	{"fd00:ec2::254", false, "metadata"},
	{"fdff::1", false, "unique local"},
	{"fe80::1", false, "link-local"},
	{"fe80::1%eth0", false, "with a zone"},
	{"2606:4700::1111%eth0", false, "a public one with a zone"},
	{"fec0::1", false, "site-local"},
	{"ff02::1", false, "multicast"},
	{"2606:4700:4700::1111", true, "a public server"},
	{"2a00:1450:4001::200e", true, "a public server"},
}

func TestPublic(t *testing.T) {
	if len(addresses) < 60 {
		t.Fatalf("%d addresses", len(addresses))
	}
	for _, a := range addresses {
		if got := Public(netip.MustParseAddr(a.ip)); got != a.public {
			t.Errorf("Public(%s) = %v, want %v: %s", a.ip, got, a.public, a.what)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

// TestControl: the same table where a socket is about to connect.
func TestControl(t *testing.T) {
	c := New(Options{})
	for _, a := range addresses {
		at := netip.AddrPortFrom(netip.MustParseAddr(a.ip), 443).String()
		if err := c.control(t.Context(), "tcp", at, nil); (err == nil) != a.public {
			t.Errorf("%s: %v, want public %v: %s", at, err, a.public, a.what)
		}
	}
	for _, at := range []string{"8.8.8.8:80", "8.8.8.8:22", "8.8.8.8:8443", "nonsense", "", "/run/docker.sock"} {
		if err := c.control(t.Context(), "tcp", at, nil); err == nil {
			t.Errorf("%q was let through", at)
		}
	}
	for at, o := range map[string]Options{
		"8.8.8.8:80":     {AllowHTTP: true},
		"8.8.8.8:8443":   {AnyPort: true},
		"127.0.0.1:8080": {AllowPrivate: true},
	} {
		if err := New(o).control(t.Context(), "tcp", at, nil); err != nil {
			t.Errorf("%s with %+v: %v", at, o, err)
		}
	}
}

// FuzzPublic: whatever form an address has, what it stands for decides.
func FuzzPublic(f *testing.F) {
	for _, a := range addresses {
		ip := netip.MustParseAddr(a.ip).As16()
		f.Add(ip[:])
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ip, ok := netip.AddrFromSlice(raw)
		if !ok || !Public(ip) {
			return
		}
		if ip.IsLoopback() || ip.IsPrivate() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() {
			t.Errorf("%s is called public", ip)
		}
		if ip.Is4In6() && !Public(ip.Unmap()) {
			t.Errorf("%s is called public, %s is not", ip, ip.Unmap())
		}
	})
}
