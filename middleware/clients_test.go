package middleware

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// TestRateOfAClient: ten at once, thirty a minute, and the header that says so.
func TestRateOfAClient(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits = VerifyLimits{PerGroup: -1} })
	question := []byte("Hello.")
	for i := range 10 {
		w := a.verify(question, "From", "192.0.2.1")
		a.report(w)
		if got, want := w.Header().Get("RateLimit"), fmt.Sprintf(`"questions";r=%d;t=%d`, 9-i, i/9*2); got != want || w.Header().Get("RateLimit-Policy") != `"questions";q=30;w=60` {
			t.Errorf("question %d: %s, want %s; %s", i, got, want, w.Header().Get("RateLimit-Policy"))
		}
	}
	w := a.verify(question, "From", "192.0.2.1")
	wantProblem(t, w, http.StatusTooManyRequests, "rate_limited")
	if w.Header().Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	a.report(a.verify(question, "From", "192.0.2.2"))
	if code := a.do("GET", bindingQuery(), nil, "From", "192.0.2.1").Code; code != http.StatusOK {
		t.Errorf("a lookup counts as a question: %d", code)
	}
	for range 50 {
		if code := a.do("GET", "/avow/v1/openapi.json", nil, "From", "192.0.2.1").Code; code != http.StatusOK {
			t.Fatalf("a document is limited: %d", code)
		}
	}
	a.at = a.at.Add(2 * time.Second)
	a.report(a.verify(question, "From", "192.0.2.1"))
	wantProblem(t, a.verify(question, "From", "192.0.2.1"), http.StatusTooManyRequests, "rate_limited")
	a.at = a.at.Add(time.Minute)
	for range 10 {
		a.report(a.verify(question, "From", "192.0.2.1"))
	}
}

// TestWhoIsOneClient: an address of IPv4, the first half of one of IPv6.
func TestWhoIsOneClient(t *testing.T) {
	now := time.Now()
	c := newClients(VerifyLimits{}.defaults())
	for name, pair := range map[string]struct {
		a, b string
		same bool
	}{
		"IPv4":        {"192.0.2.1", "192.0.2.2", false},
		"mapped":      {"192.0.2.1", "::ffff:192.0.2.1", true},
		"one network": {"2001:db8:1:2:3::4", "2001:db8:1:2:ffff::", true},
		"another":     {"2001:db8:1:2::", "2001:db8:1:3::", false},
		"zones":       {"fe80::1%a", "fe80::2%b", true},
	} {
		if got := c.find(netip.MustParseAddr(pair.a), now) == c.find(netip.MustParseAddr(pair.b), now); got != pair.same {
			t.Errorf("%s: one client %v", name, got)
		}
	}
	before := c.find(netip.MustParseAddr("192.0.2.1"), now)
	if c.find(netip.MustParseAddr("192.0.2.1"), now.Add(23*time.Hour)) != before {
		t.Error("a client is forgotten too soon")
	}
	if after := c.find(netip.MustParseAddr("192.0.2.1"), now.Add(24*time.Hour)); after == before || after.name == before.name {
		t.Error("a client is known by the same name the next day")
	}
	for i := range maxClients + 10 {
		c.find(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now.Add(25*time.Hour))
	}
	if len(c.by) != maxClients || c.order.Len() != maxClients {
		t.Errorf("%d clients are remembered", len(c.by))
	}
}

func TestClientBehindProxies(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for name, c := range map[string]struct {
		remote, forwarded, want string
	}{
		"no proxy":          {"192.0.2.1:1", "198.51.100.7", "192.0.2.1"},
		"one proxy":         {"10.0.0.1:1", "198.51.100.7", "198.51.100.7"},
		"two proxies":       {"10.0.0.1:1", "198.51.100.7, 10.1.1.1", "198.51.100.7"},
		"a lie before":      {"10.0.0.1:1", "203.0.113.9, 198.51.100.7", "198.51.100.7"},
		"nothing forwarded": {"10.0.0.1:1", "", "10.0.0.1"},
		"nonsense":          {"10.0.0.1:1", "198.51.100.7, unknown", "10.0.0.1"},
		"IPv6":              {"[2001:db8::1]:1", "2001:4860::1", "2001:4860::1"},
		"mapped proxy":      {"[::ffff:10.0.0.1]:1", "198.51.100.7", "198.51.100.7"},
		"only proxies":      {"10.0.0.1:1", "10.0.0.2", "10.0.0.2"},
		"no address":        {"@", "198.51.100.7", "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := clientAddr(r, trusted).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestQuestionsAtOnce: a client's sixth question in progress is refused, whether
// or not a verifier asks, and another client's is not.
func TestQuestionsAtOnce(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits = VerifyLimits{PerMinute: -1, PerGroup: -1} })
	addr := netip.MustParseAddr("192.0.2.1")
	var release []func()
	for range 5 {
		g := a.clients.enter(addr, questions, a.at)
		release = append(release, g.release)
	}
	wantProblem(t, a.verify([]byte("Hello."), "From", "192.0.2.1"), http.StatusTooManyRequests, "too_many_at_once")
	wantProblem(t, a.verify([]byte("Hello."), "From", "192.0.2.1", "Authorization", "Bearer "+verifierToken), http.StatusTooManyRequests, "too_many_at_once")
	a.report(a.verify([]byte("Hello."), "From", "192.0.2.2"))
	a.at = a.at.Add(25 * time.Hour) // the limits' keys change meanwhile
	release[0]()
	a.report(a.verify([]byte("Hello."), "From", "192.0.2.1"))
	for _, f := range release[1:] {
		f()
	}
}
