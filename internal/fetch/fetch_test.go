package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A victim is a server that must not be asked.
type victim struct {
	*httptest.Server
	asked atomic.Int32
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		v.asked.Add(1)
		_, _ = io.WriteString(w, "secret of the inside")
	}))
	t.Cleanup(v.Close)
	return v
}

// public starts a server on loopback, and a client for which that server alone
// stands for one of the public Internet.
func public(t *testing.T, o Options, h http.HandlerFunc) (*Client, string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	o.AllowHTTP = true
	c := New(o)
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	c.standIn = func(a netip.AddrPort) bool { return a == at }
	return c, s.URL
}

func readAll(t *testing.T, c *Client, at string) (string, error) {
	t.Helper()
	b, err := c.Get(t.Context(), at)
	if err != nil {
		return "", err
	}
	defer func() { _ = b.Close() }()
	data, err := io.ReadAll(b)
	return string(data), err
}

func TestGet(t *testing.T) {
	var got *http.Request
	c, at := public(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		got = r
		for name, value := range map[string]string{"Content-Type": "image/png", "AI-Disclosure": "mode=machine-generated",
			"Avow_Id": "9f3c52d07ab1e644", "Set-Cookie": "a=b", "Server": "x", "Link": strings.Repeat("l", 5000)} {
			w.Header()[name] = []string{value}
		}
		_, _ = io.WriteString(w, "picture")
	})
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // asked by nobody
	b, err := c.Get(t.Context(), at+"/a.png?x=1#part")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	data, err := io.ReadAll(b)
	if err != nil || string(data) != "picture" || b.ContentType != "image/png" || !strings.HasPrefix(b.FinalURL, at+"/a.png") {
		t.Errorf("%q, %v, %s, %s", data, err, b.ContentType, b.FinalURL)
	}
	if len(b.Header) != 3 || b.Header["Avow_id"] == nil || b.Header.Get("AI-Disclosure") == "" {
		t.Errorf("kept %v", b.Header)
	}
	want := http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}, "User-Agent": {DefaultUserAgent}, "Connection": {"close"}}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) || got.RequestURI != "/a.png?x=1" {
		t.Errorf("asked %s with %v, want %v", got.RequestURI, got.Header, want)
	}
}

func TestURLsThatAreNotAsked(t *testing.T) {
	c := New(Options{})
	c.resolver = noResolver(t)
	c.connect()
	for _, x := range []struct {
		url  string
		want error
	}{
		{"", ErrScheme},
		{"cat.png", ErrScheme},
		{"//example.org/a", ErrScheme},
		{"http://example.org/a", ErrScheme},
		{"file:///etc/passwd", ErrScheme},
		{"ftp://example.org/a", ErrScheme},
		{"gopher://127.0.0.1:6379/_INFO", ErrScheme},
		{"javascript:alert(1)", ErrScheme},
		{"unix:///run/docker.sock", ErrScheme},
		{"https:example.org", ErrURL},
		{"https://", ErrURL},
		{"https:///a", ErrURL},
		{"https://exa mple.org/", ErrURL},
		{"https://example.org/\r\nHost: inside", ErrURL},
		{"https://[::1", ErrURL},
		{"https://example.org/" + strings.Repeat("a", maxURL), ErrURL},
		{"https://user:pass@example.org/", ErrCredentials},
		{"https://example.org@127.0.0.1/", ErrCredentials},
		{"https://127.0.0.1/", ErrForbidden},
		{"https://127.0.0.1:443/", ErrForbidden},
		{"https://0.0.0.0/", ErrForbidden},
		{"https://[::]/", ErrForbidden},
		{"https://[::1]/", ErrForbidden},
		{"https://[::ffff:127.0.0.1]/", ErrForbidden},
		{"https://[fe80::1%25lo]/", ErrForbidden},
		{"https://[::1%25lo]/", ErrForbidden},
		{"https://169.254.169.254/latest/meta-data/", ErrForbidden},
		{"https://8.8.8.8:22/", ErrForbidden},
		{"https://8.8.8.8:80/", ErrForbidden},
		{"https://2130706433/", ErrForbidden},
		{"https://0x7f000001/", ErrForbidden},
		{"https://0x7F.1/", ErrForbidden},
		{"https://0177.0.0.1/", ErrForbidden},
		{"https://017700000001/", ErrForbidden},
		{"https://127.1/", ErrForbidden},
		{"https://127.0.0.1./", ErrForbidden},
		{"https://127.0.0.0x1/", ErrForbidden},
		{"https://1.2.3.4.5/", ErrForbidden},
		{"https://\u2460\u2461\u2466.0.0.1/", ErrForbidden}, // 127 in circles, which IDNA makes digits
		{"https://\uff11\uff12\uff17.0.0.1/", ErrForbidden}, // fullwidth
	} {
		if _, err := c.Get(t.Context(), x.url); !errors.Is(err, x.want) {
			t.Errorf("%.60q: %v, want %v", x.url, err, x.want)
		}
	}
}

func TestRedirects(t *testing.T) {
	inside := newVictim(t)
	c, at := public(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Referer") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("a hop was told where it came from: %v", r.Header)
		}
		switch r.URL.Path {
		case "/end":
			_, _ = io.WriteString(w, "end")
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/3", "/2", "/1":
			n := r.URL.Path[1] - '0'
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, map[byte]string{3: "/2", 2: "/1", 1: "/end"}[n], http.StatusMovedPermanently)
		case "/4":
			http.Redirect(w, r, "/3", http.StatusTemporaryRedirect)
		default:
			w.Header().Set("Location", r.URL.Query().Get("to"))
			w.WriteHeader(http.StatusFound)
		}
	})
	for _, x := range []struct {
		path string
		want error
	}{
		{"/3", nil},
		{"/4", ErrRedirects},
		{"/loop", ErrRedirects},
		{"/to?to=" + url.QueryEscape(inside.URL), ErrForbidden},
		{"/to?to=" + url.QueryEscape("http://127.0.0.1/"), ErrForbidden},
		{"/to?to=" + url.QueryEscape("//0.0.0.0/"), ErrForbidden},
		{"/to?to=" + url.QueryEscape("http://169.254.169.254/latest/meta-data/"), ErrForbidden},
		{"/to?to=" + url.QueryEscape("http://[::ffff:169.254.169.254]/"), ErrForbidden},
		{"/to?to=" + url.QueryEscape("http://2852039166/"), ErrForbidden},
		{"/to?to=" + url.QueryEscape("file:///etc/passwd"), ErrScheme},
		{"/to?to=" + url.QueryEscape("http://a:b@example.org/"), ErrCredentials},
		{"/to?to=" + url.QueryEscape("http://[::1"), ErrURL},
		{"/to?to=" + strings.Repeat("a", maxURL+1), ErrURL},
		{"/to?to=", ErrStatus},
	} {
		text, err := readAll(t, c, at+x.path)
		if x.want == nil && (err != nil || text != "end") || x.want != nil && !errors.Is(err, x.want) {
			t.Errorf("%s: %q, %v, want %v", x.path, text, err, x.want)
		}
	}
	if n := inside.asked.Load(); n != 0 {
		t.Errorf("the server inside was asked %d times", n)
	}
	c.o.MaxRedirects = -1
	if _, err := readAll(t, c, at+"/1"); !errors.Is(err, ErrRedirects) {
		t.Errorf("no redirects allowed: %v", err)
	}
	c.o.AllowHTTP = false
	if _, err := readAll(t, c, at+"/end"); !errors.Is(err, ErrScheme) {
		t.Errorf("http: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	c, at := public(t, Options{MaxBytes: 100}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/announced" {
			w.Header().Set("Content-Length", "101")
		}
		n := 101
		if r.URL.Path == "/fits" {
			n = 100
		}
		for range n {
			_, _ = w.Write([]byte("x"))
			w.(http.Flusher).Flush()
		}
	})
	if text, err := readAll(t, c, at+"/fits"); err != nil || len(text) != 100 {
		t.Errorf("100 bytes: %d, %v", len(text), err)
	}
	if text, err := readAll(t, c, at+"/streamed"); !errors.Is(err, ErrTooLarge) || len(text) != 100 {
		t.Errorf("101 bytes: %d, %v", len(text), err)
	}
	if _, err := c.Get(t.Context(), at+"/announced"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("101 bytes announced: %v", err)
	}
}

// TestSlow: neither the answer nor its body is waited for beyond the limit.
func TestSlow(t *testing.T) {
	c, at := public(t, Options{Timeout: 30 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	for _, path := range []string{"/body", "/header"} {
		if _, err := readAll(t, c, at+path); !errors.Is(err, ErrTimeout) {
			t.Errorf("%s: %v, want ErrTimeout", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(ctx, at); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAnswersThatAreNotTheFile(t *testing.T) {
	c, at := public(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
		case "/part":
			w.WriteHeader(http.StatusPartialContent)
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		case "/header":
			w.Header().Set("X", strings.Repeat("x", maxHeader+1))
		case "/cut":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "12345")
		}
	})
	for path, want := range map[string]error{"/gzip": ErrEncoded, "/part": ErrStatus, "/missing": ErrStatus, "/header": ErrUnreachable, "/cut": ErrUnreachable} {
		if _, err := readAll(t, c, at+path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

// TestErrorsTellNothing: a closed port, a server that speaks no TLS and a name
// that does not exist look alike.
func TestErrorsTellNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	open := newVictim(t)
	c := New(Options{AllowHTTP: true, AnyPort: true})
	c.standIn = func(netip.AddrPort) bool { return true }
	c.resolver = newNames(map[string][]string{})
	c.connect()
	for _, at := range []string{"http://" + closed, "https://" + closed, strings.Replace(open.URL, "http:", "https:", 1), "https://nowhere.example/"} {
		if _, err := c.Get(t.Context(), at); err == nil || err.Error() != ErrUnreachable.Error() {
			t.Errorf("%s: %v, want %v and no more", at, err, ErrUnreachable)
		}
	}
	c.standIn = nil
	for _, at := range []string{"http://" + closed, open.URL} {
		if _, err := c.Get(t.Context(), at); err == nil || err.Error() != ErrForbidden.Error() {
			t.Errorf("%s: %v, want %v and no more", at, err, ErrForbidden)
		}
	}
	if open.asked.Load() != 0 {
		t.Error("the server inside was asked")
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "over TLS") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	c := New(Options{})
	c.standIn = func(netip.AddrPort) bool { return true }
	if _, err := readAll(t, c, s.URL); !errors.Is(err, ErrUnreachable) {
		t.Errorf("an unknown certificate: %v", err)
	}
	c.roots = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c.connect()
	if text, err := readAll(t, c, s.URL); err != nil || text != "over TLS" {
		t.Errorf("%q, %v", text, err)
	}
	s.TLS.MaxVersion = 0x0302 // TLS 1.1
	if _, err := readAll(t, c, s.URL); !errors.Is(err, ErrUnreachable) {
		t.Errorf("TLS 1.1: %v", err)
	}
}

func TestAllowPrivate(t *testing.T) {
	own := newVictim(t)
	r, _, err := New(Options{AllowPrivate: true}).Open(t.Context(), own.URL)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if cerr := r.Close(); err != nil || cerr != nil || string(data) != "secret of the inside" {
		t.Errorf("%q, %v, %v", data, err, cerr)
	}
}
