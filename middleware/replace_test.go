package middleware

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// reloadable makes a proxy in the place of another; done closes its connections.
func reloadable(t *testing.T, o Options, upstream string, before http.Handler) (h http.Handler, done func()) {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	o.Previous = before
	h, err = NewProxy(target, o)
	if err != nil {
		t.Fatal(err)
	}
	return h, h.(*proxy).CloseIdleConnections
}

func TestNewProxyTakesThePlaceOfAnother(t *testing.T) {
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	upstream := serve(t, http.HandlerFunc(chat))
	detector, err := disclose.NewDetector(disclose.DetectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(disclose.Strict)
	o.Disclose.Key = key
	o.Notice = Notice{Cadence: Cadence3h, Session: "header:X-Chat"}
	o.Verify = &VerifyOptions{Detector: detector, Limits: VerifyLimits{PerMinute: 1, Burst: 2}}
	first, done := reloadable(t, o, upstream.URL, nil)
	defer done()
	noticed := func(h http.Handler) bool {
		return strings.Contains(partner{t, h, "one"}.ask(chatPath, laterAsk).Body.String(), `"content":"`+noticeEN)
	}
	question := func(h http.Handler) int {
		r := httptest.NewRequest("POST", "/avow/v1/verify", strings.NewReader("hello"))
		r.Header.Set("Content-Type", "text/plain")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if !noticed(first) || noticed(first) {
		t.Fatal("the notice is not given once to a session")
	}
	if got := question(first); got != http.StatusOK {
		t.Fatalf("question: %d", got)
	}
	second, _ := reloadable(t, o, upstream.URL, first)
	if noticed(second) {
		t.Error("the sessions of the first are forgotten")
	}
	if got := [2]int{question(second), question(second)}; got != [2]int{200, 429} {
		t.Errorf("questions answered with %v: what a client asked before does not count", got)
	}
	if first.(*proxy).transport != second.(*proxy).transport {
		t.Error("connections to the upstream are not taken over")
	}
	o.Verify.Limits.PerMinute = -1
	o.Upstream.FirstByte = 1 << 40
	third, close3 := reloadable(t, o, upstream.URL, second)
	defer close3()
	if got := question(third); got != http.StatusOK {
		t.Errorf("without a limit: %d", got)
	}
	if third.(*proxy).transport == second.(*proxy).transport {
		t.Error("another time limit needs a transport of its own")
	}
	o.Previous = http.NotFoundHandler()
	if _, err := NewProxy(&url.URL{Scheme: "http", Host: "x"}, o); err == nil {
		t.Error("somebody else's handler was taken over from")
	}
}

// TestRoutesHaveProfilesAndCadences: what one route does, the others do not.
func TestRoutesHaveProfilesAndCadences(t *testing.T) {
	strict, standard, always, first := disclose.Strict, disclose.Standard, CadenceAlways, CadenceFirst
	for name, c := range map[string]struct {
		global  disclose.Profile
		route   *disclose.Profile
		code    int // of an image given by its address
		outcome string
	}{
		"strict":         {disclose.Strict, nil, 502, "withheld"},
		"standard":       {disclose.Standard, nil, 200, "passed; reason=url_only"},
		"loosened":       {disclose.Strict, &standard, 200, "passed; reason=url_only"},
		"tightened":      {disclose.Standard, &strict, 502, "withheld"},
		"the same again": {disclose.Strict, &strict, 502, "withheld"},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(c.global)
			o.Routes = []Route{{Path: imagePath, Profile: c.route}}
			srv := proxyTo(t, o, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"created":1,"data":[{"url":"https://example.org/a.png"}]}`)
			}))
			a := ask(t, "POST", srv.URL+imagePath, `{"prompt":"x"}`)
			if got := a.Header.Get("Avow-Outcome"); a.StatusCode != c.code || got != c.outcome {
				t.Errorf("%d, outcome %q; want %d, %q", a.StatusCode, got, c.code, c.outcome)
			}
		})
	}
	o := testOptions(disclose.Strict)
	o.Notice.Cadence = CadenceAlways
	o.Routes = []Route{{Path: "/a" + chatPath, Cadence: &first}, {Path: "/b" + chatPath, Cadence: &always}}
	srv := proxyTo(t, o, http.HandlerFunc(chat))
	for path, want := range map[string]bool{"/a": false, "/b": true, "": true} {
		if got := strings.Contains(string(ask(t, "POST", srv.URL+path+chatPath, laterAsk).body), `"content":"`+noticeEN); got != want {
			t.Errorf("%s: notice on a later turn %v, want %v", path, got, want)
		}
	}
	bad := Cadence("weekly")
	o.Routes = []Route{{Path: "/a", Cadence: &bad}}
	if _, err := New(o); err == nil {
		t.Error("a cadence that does not exist was accepted")
	}
}

func TestPrintedOptionsHoldNoKey(t *testing.T) {
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	detector, err := disclose.NewDetector(disclose.DetectorOptions{Keys: []disclose.VerifyKey{{Key: key}}})
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(disclose.Strict)
	o.Disclose.Key = key
	o.Verify = &VerifyOptions{Detector: detector, ReportKey: ReportKey(key)}
	h, done := reloadable(t, o, "http://127.0.0.1:1", nil)
	defer done()
	o.Previous = h
	secret := strings.TrimPrefix(key.Secret(), "avow-key-1")[:64]
	seed := ReportKey(key).Seed()
	for _, v := range []any{o, &o, *o.Verify, o.Verify, o.Disclose, h, h.(*proxy).verify} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			text := fmt.Sprintf(verb, v)
			for _, canary := range []string{secret, fmt.Sprint(seed[:8])[1:], fmt.Sprintf("%x", seed), strings.Trim(fmt.Sprintf("%#v", seed[:8]), "[]byte{}")} {
				if strings.Contains(text, canary) {
					t.Errorf("%s of %T prints a key", verb, v)
				}
			}
		}
	}
}

// TestOtherLimitsHoldForThoseWhoAreKnown: also for what they have asked before.
func TestOtherLimitsHoldForThoseWhoAreKnown(t *testing.T) {
	now, addr := time.Unix(1795392000, 0), netip.MustParseAddr("192.0.2.1")
	c := newClients(VerifyLimits{PerMinute: 6, Burst: 3}.defaults())
	asks := func(n int) (answered int) {
		for range n {
			if g := c.enter(addr, questions, now); g.ok {
				g.release()
				answered++
			}
		}
		return answered
	}
	if got := asks(4); got != 3 {
		t.Fatalf("%d answers, want the burst of 3", got)
	}
	c.relimit(VerifyLimits{PerMinute: 600, Burst: 5}.defaults(), now)
	if got := asks(1); got != 0 {
		t.Error("a change of limits makes up for what was asked")
	}
	now = now.Add(time.Second) // ten more
	if got := asks(6); got != 5 {
		t.Errorf("%d answers under the new limits, want the burst of 5", got)
	}
}
