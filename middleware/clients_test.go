package middleware

import (
	"fmt"
	"image"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
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

// version is the marked picture with a little noise, different for every seed.
func version(t *testing.T, seed uint64) []byte {
	t.Helper()
	img, err := pixels.Decode(marked(t), pixels.PNG)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pixels.EncodePNG(attack.Noise(2, seed)(img))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestNearDuplicates: of a picture twenty versions get an answer within a day,
// whoever asks; the same bytes, other pictures and verifiers do not count.
func TestNearDuplicates(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits = VerifyLimits{PerMinute: -1, PerGroup: 5} })
	for i := range 5 {
		from := fmt.Sprintf("192.0.2.%d", i)
		a.report(a.verify(version(t, uint64(i)), "From", from))
		a.report(a.verify(version(t, uint64(i)), "From", from))
	}
	w := a.verify(version(t, 99), "From", "198.51.100.1")
	wantProblem(t, w, http.StatusTooManyRequests, "near_duplicates")
	if w.Header().Get("Retry-After") != "86400" {
		t.Errorf("Retry-After %s", w.Header().Get("Retry-After"))
	}
	wantProblem(t, a.do("POST", "/avow/v1/matches/byContent", strings.NewReader(string(version(t, 98)))), http.StatusTooManyRequests, "near_duplicates")
	a.report(a.verify(version(t, 0)))
	a.report(a.verify(version(t, 97), "Authorization", "Bearer "+verifierToken))
	other, err := pixels.EncodePNG(corpus.Made(512, 512, 8))
	if err != nil {
		t.Fatal(err)
	}
	a.report(a.verify(other))
	a.at = a.at.Add(24 * time.Hour)
	a.report(a.verify(version(t, 99)))
}

// TestNearDuplicatesOfTexts: as of pictures; case, invisible characters and
// punctuation make no other text.
func TestNearDuplicatesOfTexts(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits = VerifyLimits{PerMinute: -1, PerGroup: 4} })
	story := strings.Repeat("The lighthouse keeper counted ships until the fog had swallowed the last of them. Then he lit the lamp. ", 4)
	versions := []string{story, strings.ToUpper(story), strings.ReplaceAll(story, "lighthouse", "light\u200bhouse"), strings.ReplaceAll(story, ".", " -")}
	for _, v := range versions {
		a.report(a.verify([]byte(v), "Content-Type", "text/plain"))
	}
	wantProblem(t, a.verify([]byte(story+"."), "Content-Type", "text/plain"), http.StatusTooManyRequests, "near_duplicates")
	a.report(a.verify([]byte(story), "Content-Type", "text/plain"))
	a.report(a.verify([]byte("Another text, about the price of bread in a small town by the river."), "Content-Type", "text/plain"))
	for i := range 10 {
		a.report(a.verify([]byte(fmt.Sprintf("word%d", i)), "Content-Type", "text/plain"))
	}
}

// TestLooksAlike: what a picture goes through on its way keeps it in its group;
// other pictures have groups of their own.
func TestLooksAlike(t *testing.T) {
	g := newGroups(1)
	keys := g.keysAt(time.Now())
	pictures := map[string]image.Image{}
	for seed := range uint64(6) {
		pictures[fmt.Sprint(seed)] = corpus.Made(300, 200+int(seed)*20, seed)
	}
	distance := func(a, b image.Image) int {
		x, y := keys.look(lowOf(a)), keys.look(lowOf(b))
		n := 0
		for d := x ^ y; d != 0; d &= d - 1 {
			n++
		}
		return n
	}
	for name, img := range pictures {
		for edit, f := range map[string]attack.Func{"noise": attack.Noise(4, 1), "jpeg": attack.JPEG(40), "half": attack.Resize(0.5, 0.5), "blur": attack.Blur(2), "gamma": attack.Gamma(1.1)} {
			if d := distance(img, f(img)); d > groupBits {
				t.Errorf("%s, %s: %d bits differ", name, edit, d)
			}
		}
		for other, b := range pictures {
			if d := distance(img, b); other != name && d <= groupBits {
				t.Errorf("%s and %s: %d bits differ", name, other, d)
			}
		}
	}
	for _, odd := range []image.Image{image.NewNRGBA(image.Rect(-7, -7, -6, -6)), image.NewGray(image.Rect(0, 0, 1, 9)), image.NewRGBA(image.Rectangle{})} {
		keys.look(lowOf(odd))
	}
}

// TestGroupsAreBounded: what is remembered is no more than maxGroups.
func TestGroupsAreBounded(t *testing.T) {
	g, now := newGroups(1), time.Now()
	g.keysAt(now)
	for i := range maxGroups + 5 {
		hash := uint64(i+1) * 0x9E3779B97F4A7C15 // far apart
		if err := g.admit(ofPicture, hash, hash, now); err != nil && i < 3 {
			t.Fatal(err)
		}
	}
	if len(g.ring) > maxGroups {
		t.Errorf("%d groups", len(g.ring))
	}
	g.keysAt(now.Add(secretLife))
	if len(g.ring) != 0 {
		t.Errorf("%d groups a day later", len(g.ring))
	}
}
