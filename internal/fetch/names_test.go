package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// newNames is a resolver that asks a name server in this process. Each name has
// the IPv4 addresses of its list, one set per question, the last for ever.
func newNames(list map[string][]string) *net.Resolver {
	n := &names{list: list}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go n.serve(there)
		return here, nil
	}}
}

// noResolver fails the test when it is asked.
func noResolver(t *testing.T) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("a name server was asked")
		return nil, errors.New("asked")
	}}
}

type names struct {
	mu   sync.Mutex
	list map[string][]string
}

// serve answers questions over a stream, each with its length in front (RFC 1035,
// section 4.2.2).
func (n *names) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		question := make([]byte, int(size[0])<<8|int(size[1]))
		if _, err := io.ReadFull(c, question); err != nil {
			return
		}
		answer := n.answer(question)
		if _, err := c.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...)); err != nil {
			return
		}
	}
}

func (n *names) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Response, m.Additionals = true, nil
	q := m.Questions[0]
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.list[strings.TrimSuffix(q.Name.String(), ".")]
	if known == nil {
		m.RCode = dnsmessage.RCodeNameError
	}
	if q.Type == dnsmessage.TypeA && known != nil {
		for _, ip := range strings.Fields(n.next(q.Name.String())) {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(ip).As4()},
			})
		}
	}
	out, _ := m.Pack()
	return out
}

// next is the set of addresses for this question; n is locked.
func (n *names) next(name string) string {
	name = strings.TrimSuffix(name, ".")
	sets := n.list[name]
	if len(sets) > 1 {
		n.list[name] = sets[1:]
	}
	return sets[0]
}

// TestRebinding: a name that is public when it is looked at and loopback when it
// is connected to. The server that stands for a public one redirects to its own
// name, which has another address by then.
func TestRebinding(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	asked := 0
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path == "/again" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "public")
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	defer func() { _ = s.Close(); <-done }()
	host := func(name string) string { return "http://" + name + ":" + strings.Split(l.Addr().String(), ":")[1] }
	standIn := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	for _, x := range []struct {
		what, path string
		sets       []string
		want       error
		asked      int
	}{
		{"stays public", "/again", []string{"127.0.0.1"}, nil, 2},
		{"loopback at once", "/", []string{"127.0.0.2"}, ErrForbidden, 0},
		{"metadata", "/", []string{"169.254.169.254"}, ErrForbidden, 0},
		{"loopback after a redirect", "/again", []string{"127.0.0.1", "127.0.0.2"}, ErrForbidden, 1},
		{"both in one answer", "/", []string{"127.0.0.2 127.0.0.1"}, nil, 1},
		{"only inside in one answer", "/", []string{"127.0.0.2 10.0.0.1 0.0.0.0"}, ErrForbidden, 0},
	} {
		c := New(Options{AllowHTTP: true})
		c.standIn = func(a netip.AddrPort) bool { return a == standIn }
		c.resolver = newNames(map[string][]string{"rebind.example": x.sets})
		c.connect()
		asked = 0
		if _, err := readAll(t, c, host("rebind.example")+x.path); !errors.Is(err, x.want) || asked != x.asked {
			t.Errorf("%s: %v after %d questions, want %v after %d", x.what, err, asked, x.want, x.asked)
		}
	}
}
