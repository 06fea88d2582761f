package middleware

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

const (
	handOverEN = "A person answers from here on."
	emotionEN  = "An artificial intelligence system is used here to recognise your emotions."
	// laterAsk holds the notice already.
	laterAsk = `{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"` + noticeEN + `\n\nHello."},{"role":"user","content":"more"}]}`
)

// fakeClock is a clock that a test turns.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *fakeClock { return &fakeClock{now: time.Unix(1795392000, 0)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A partner asks one handler as one session.
type partner struct {
	t       *testing.T
	h       http.Handler
	session string
}

func (p partner) ask(path, body string) *httptest.ResponseRecorder {
	p.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if p.session != "" {
		r.AddCookie(&http.Cookie{Name: "chat", Value: p.session})
		r.Header.Set("X-Chat", p.session)
	}
	rec := httptest.NewRecorder()
	p.h.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		p.t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	return rec
}

// noticed reports whether the text, not only the field, has the notice.
func noticed(rec *httptest.ResponseRecorder) bool {
	return bytes.Contains(rec.Body.Bytes(), []byte(noticeEN+`\n\n`))
}

func handler(t *testing.T, o Options, h http.HandlerFunc) http.Handler {
	t.Helper()
	mw, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return mw(h)
}

func TestCadences(t *testing.T) {
	const ask = "Are you human?"
	type step struct {
		wait time.Duration
		path string
		said string
		want bool
	}
	for _, c := range []struct {
		name     string
		cadence  Cadence
		audience disclose.Audience
		session  string
		steps    []step
	}{
		{"first", CadenceFirst, "", "s", []step{{0, "", "", false}, {1000 * time.Hour, "", ask, false}}},
		{"always", CadenceAlways, "", "", []step{{0, "", "", true}, {0, "", "", true}}},
		{"3h", Cadence3h, "", "s", []step{{0, "", "", true}, {3*time.Hour - 1, "", "", false}, {1, "", "", true}, {time.Minute, "", "", false}}},
		{"3h/no-session", Cadence3h, "", "", []step{{0, "", "", true}, {0, "", "", true}}},
		{"7d", Cadence7d, "", "s", []step{{0, "", "", true}, {6 * 24 * time.Hour, "", "", false}, {6 * 24 * time.Hour, "", "", false}, {7 * 24 * time.Hour, "", "", true}, {0, "", "", false}}},
		{"7d/no-session", Cadence7d, "", "", []step{{0, "", "", true}}},
		{"on-demand", CadenceOnDemand, "", "", []step{{0, "", "", false}, {0, "", ask, true}, {0, "?ai-disclosure", "", true}, {0, "?ai-disclosure=1&x=2", "", true}, {0, "?not=ai-disclosure", "", false}, {0, "", "Bist du ein Mensch?", true}}},
		{"minors", CadenceFirst, disclose.AudienceMinors, "s", []step{{0, "", "", true}, {time.Hour, "", "", false}, {2 * time.Hour, "", "", true}}},
		{"minors/always", CadenceAlways, disclose.AudienceMinors, "s", []step{{0, "", "", true}, {0, "", "", true}}},
		{"minors/no-session", CadenceFirst, disclose.AudienceMinors, "", []step{{0, "", "", true}, {0, "", "", true}}},
	} {
		for _, where := range []string{"cookie:chat", "header:X-Chat"} {
			t.Run(c.name+"/"+where, func(t *testing.T) {
				clock := newClock()
				o := testOptions(disclose.Strict)
				o.Disclose.Now, o.Disclose.Audience, o.Disclose.Notices = clock.Now, c.audience, map[string]string{"en": noticeEN}
				o.Notice = Notice{Cadence: c.cadence, Session: where}
				p := partner{t, handler(t, o, chat), c.session}
				for i, s := range c.steps {
					clock.pass(s.wait)
					body := laterAsk
					if s.said != "" {
						body = strings.Replace(laterAsk, `"more"`, `"`+s.said+`"`, 1)
					}
					if got := noticed(p.ask(chatPath+s.path, body)); got != s.want {
						t.Fatalf("step %d: notice %v, want %v", i, got, s.want)
					}
				}
				if !noticed(p.ask(chatPath, chatAsk)) {
					t.Fatal("no notice on a first turn")
				}
			})
		}
	}
}

func TestSessionsDoNotMix(t *testing.T) {
	o := testOptions(disclose.Strict)
	o.Notice = Notice{Cadence: Cadence3h, Session: "cookie:chat"}
	h := handler(t, o, chat)
	if !noticed(partner{t, h, "a"}.ask(chatPath, laterAsk)) || !noticed(partner{t, h, "b"}.ask(chatPath, laterAsk)) || noticed(partner{t, h, "a"}.ask(chatPath, laterAsk)) {
		t.Fatal("one session's notice counts for another")
	}
	long := partner{t, h, strings.Repeat("x", maxSession+1)}
	for range 2 {
		if !noticed(long.ask(chatPath, laterAsk)) {
			t.Fatal("a value over the limit names a session")
		}
	}
}

// forgetful knows no session and keeps none; its errors have to lead to a
// notice, never to silence.
type forgetful struct{}

func (forgetful) Session(context.Context, disclose.SessionID) (disclose.Session, error) {
	return disclose.Session{Noticed: time.Unix(1<<40, 0)}, errors.New("down")
}
func (forgetful) PutSession(context.Context, disclose.SessionID, disclose.Session) error {
	return errors.New("down")
}

func TestAStoreThatFailsMeansANotice(t *testing.T) {
	o := testOptions(disclose.Strict)
	o.Notice = Notice{Cadence: Cadence7d, Session: "cookie:chat", Store: forgetful{}}
	p := partner{t, handler(t, o, chat), "s"}
	for range 2 {
		if !noticed(p.ask(chatPath, laterAsk)) {
			t.Fatal("no notice though nothing is known of the session")
		}
	}
}

func TestRecordsKeepTheSessions(t *testing.T) {
	o := testOptions(disclose.Strict)
	records := disclose.NewMemoryRecords(10)
	o.Disclose.Records = records
	_, o.Metrics = newTestMetrics(t) // which wraps the records
	o.Notice = Notice{Cadence: Cadence3h, Session: "cookie:chat"}
	c, err := newCore(o, false)
	if err != nil {
		t.Fatal(err)
	}
	if c.sessions != disclose.Sessions(records) {
		t.Fatalf("sessions are kept in %T", c.sessions)
	}
}

func TestNoticeCheck(t *testing.T) {
	for _, good := range []Notice{{}, {Session: "cookie:chat"}, {Session: "header:X-Session-Id", Cadence: Cadence3h}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []Notice{{Cadence: "weekly"}, {Session: "chat"}, {Session: "cookie:"}, {Session: "query:x"}, {Session: "header:a b"}, {Session: "header:a\nb"}, {Session: "cookie:a=b"}} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
		if _, err := New(Options{Notice: bad}); err == nil {
			t.Errorf("New accepts %+v", bad)
		}
	}
}

func TestHandOverBothWays(t *testing.T) {
	author := disclose.AuthorAI
	o := testOptions(disclose.Strict)
	o.Notice.Session = "cookie:chat"
	h := handler(t, o, func(w http.ResponseWriter, r *http.Request) {
		SetAuthor(r.Context(), author)
		chat(w, r)
	})
	p := partner{t, h, "s"}
	for i, s := range []struct {
		by               disclose.Author
		ask              string
		notice, handOver bool
	}{
		{disclose.AuthorHuman, chatAsk, false, false}, // no AI was there before
		{disclose.AuthorAI, laterAsk, true, false},    // it takes over
		{disclose.AuthorAI, laterAsk, false, false},
		{disclose.AuthorHuman, laterAsk, false, true},
		{disclose.AuthorHuman, laterAsk, false, false},
		{disclose.AuthorReviewed, laterAsk, false, false},
		{disclose.AuthorAI, laterAsk, true, false},
		{disclose.AuthorReviewed, laterAsk, false, false},
		{disclose.AuthorAI, laterAsk, false, false},
		{disclose.AuthorHuman, laterAsk, false, true},
	} {
		author = s.by
		rec := p.ask(chatPath, s.ask)
		body := rec.Body.String()
		if noticed(rec) != s.notice || strings.Contains(body, `"`+handOverEN+`\n\nHello."`) != s.handOver {
			t.Fatalf("step %d (%v): %s", i, s.by, body)
		}
		switch header := rec.Header().Get("AI-Disclosure"); s.by {
		case disclose.AuthorHuman:
			if header != "" || rec.Header().Get("Avow-Id") != "" || rec.Header().Get("Avow-Outcome") != "passed; reason=not_ai" || strings.Contains(body, "ai_disclosure") {
				t.Fatalf("step %d: %v %s", i, rec.Header(), body)
			}
			if !s.handOver && body != chatBody {
				t.Fatalf("step %d: a person's own text changed: %s", i, body)
			}
		case disclose.AuthorReviewed:
			if !strings.HasPrefix(header, "mode=ai-originated") || !strings.Contains(body, `"generated":true`) || strings.Contains(body, noticeEN) {
				t.Fatalf("step %d: %q %s", i, header, body)
			}
		default:
			if !strings.HasPrefix(header, "mode=machine-generated") {
				t.Fatalf("step %d: %q", i, header)
			}
		}
	}
}

func TestHandOverInStreamsAndText(t *testing.T) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write([]byte(chatBody))
	_ = zip.Close()
	for name, c := range map[string]struct{ contentType, body, want string }{
		"sse":     {"text/event-stream", event("Hel") + event("lo") + "data: [DONE]\n\n", event(handOverEN+`\n\nHel`) + event("lo") + "data: [DONE]\n\n"},
		"gzip":    {"application/json", packed.String(), strings.Replace(chatBody, "Hello.", handOverEN+`\n\nHello.`, 1)},
		"unknown": {"application/json", `{"other":1}`, `{"other":1}`},
		"frames":  {"application/vnd.amazon.eventstream", "frames", "frames"},
		"image":   {"image/png", "no picture", "no picture"},
	} {
		t.Run(name, func(t *testing.T) {
			author := disclose.AuthorAI
			o := testOptions(disclose.Strict)
			o.Notice.Session = "cookie:chat"
			h := handler(t, o, func(w http.ResponseWriter, r *http.Request) {
				SetAuthor(r.Context(), author)
				if author == disclose.AuthorAI {
					chat(w, r)
					return
				}
				if name == "gzip" {
					w.Header().Set("Content-Encoding", "gzip")
				}
				typed(c.contentType, c.body)(w, r)
			})
			p := partner{t, h, "s"}
			p.ask(chatPath, chatAsk)
			author = disclose.AuthorHuman
			rec := p.ask(chatPath, laterAsk)
			if got := rec.Body.String(); got != c.want || rec.Header().Get("AI-Disclosure") != "" {
				t.Fatalf("%v\n%s\nwant\n%s", rec.Header(), got, c.want)
			}
		})
	}
}

func TestRequireNotice(t *testing.T) {
	step := ""
	o := testOptions(disclose.Strict)
	o.Notice.Session = "header:X-Chat"
	h := handler(t, o, func(w http.ResponseWriter, r *http.Request) {
		if step == "before" {
			RequireNotice(r.Context())
		}
		chat(w, r)
		if step == "after" {
			RequireNotice(r.Context())
		}
	})
	p := partner{t, h, "s"}
	for i, s := range []struct {
		step string
		want bool
	}{{"", false}, {"before", true}, {"", false}, {"after", false}, {"", true}, {"", false}} {
		step = s.step
		if got := noticed(p.ask(chatPath, laterAsk)); got != s.want {
			t.Fatalf("step %d (%q): notice %v, want %v", i, s.step, got, s.want)
		}
	}
	SetAuthor(context.Background(), disclose.AuthorHuman) // outside a request: nothing
	RequireNotice(context.Background())
}

func TestAnAuthorNamedTooLateChangesNothing(t *testing.T) {
	h := handler(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		SetAuthor(r.Context(), disclose.AuthorHuman)
		_, _ = w.Write([]byte(chatBody))
		SetAuthor(r.Context(), disclose.AuthorHuman)
	})
	rec := partner{t, h, ""}.ask(chatPath, chatAsk)
	if !noticed(rec) || rec.Header().Get("AI-Disclosure") == "" || rec.Header().Get("Avow-Outcome") != "marked" {
		t.Fatalf("%v %s", rec.Header(), rec.Body)
	}
}

func TestUpstreamNamesTheAuthor(t *testing.T) {
	for name, c := range map[string]struct {
		header []string
		want   string // of AI-Disclosure
	}{
		"human":    {[]string{"human"}, ""},
		"ai":       {[]string{"ai"}, "mode=machine-generated"},
		"reviewed": {[]string{"human-reviewed"}, "mode=ai-originated"},
		"unknown":  {[]string{"robot"}, "mode=machine-generated"},
		"twice":    {[]string{"human", "human"}, "mode=machine-generated"},
		"none":     {nil, "mode=machine-generated"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Avow-Author"); got != "" {
					t.Errorf("the client's %q reached the upstream", got)
				}
				w.Header()["Avow-Author"] = c.header
				chat(w, r)
			}))
			a := ask(t, "POST", srv.URL+chatPath, chatAsk, "Avow-Author", "human")
			wantStatus(t, a, 200)
			wantHeader(t, a, "Avow-Author", "")
			if got := a.Header.Get("AI-Disclosure"); (c.want == "") != (got == "") || !strings.HasPrefix(got, c.want) {
				t.Fatalf("AI-Disclosure = %q, want %q…", got, c.want)
			}
			if c.want == "" && string(a.body) != chatBody {
				t.Fatalf("body %s", a.body)
			}
		})
	}
}

func TestAuthorHeaderStaysInside(t *testing.T) {
	srv := proxyTo(t, testOptions(disclose.Strict), typed("text/plain", "x", "Avow-Author", "human"))
	a := ask(t, "GET", srv.URL+"/other", "")
	wantHeader(t, a, "Avow-Author", "")
	wantHeader(t, a, "AI-Disclosure", "")
}

func TestEditsAndObserves(t *testing.T) {
	o := testOptions(disclose.Strict)
	reg, m := newTestMetrics(t)
	o.Metrics = m
	o.Routes = []Route{
		{Path: "/standard", Edit: EditStandard, Shape: disclose.ShapeOpenAIChat},
		{Path: "/substantial", Edit: EditSubstantial, Shape: disclose.ShapeOpenAIChat},
		{Path: "/emotion", Observes: disclose.NoticeEmotion, Shape: disclose.ShapeOpenAIChat},
	}
	var source disclose.DigitalSourceType
	records := disclose.NewMemoryRecords(10)
	o.Disclose.Records = records
	p := partner{t, handler(t, o, chat), ""}
	rec := p.ask("/standard", chatAsk)
	if rec.Body.String() != chatBody || rec.Header().Get("Avow-Outcome") != "passed; reason=exempt" || !strings.HasPrefix(rec.Header().Get("AI-Disclosure"), "mode=ai-modified") {
		t.Errorf("standard: %v %s", rec.Header(), rec.Body)
	}
	if !strings.Contains(metricsText(t, reg), `avow_skipped_total{reason="exempt"} 1`) {
		t.Error("standard editing is not counted")
	}
	rec = p.ask("/substantial", chatAsk)
	ids, err := disclose.ParseIDs(rec.Header().Get("Avow-Id"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := records.ByID(context.Background(), ids[0]); err == nil {
		source = r.Label.Source
	}
	if source != disclose.CompositeWithTrainedAlgorithmicMedia || !noticed(rec) {
		t.Errorf("substantial: source %q, %s", source, rec.Body)
	}
	rec = p.ask("/emotion", laterAsk)
	if noticed(rec) || !strings.Contains(rec.Body.String(), `"`+emotionEN+`\n\nHello."`) {
		t.Errorf("emotion: %s", rec.Body)
	}
	given := strings.Replace(laterAsk, noticeEN, noticeEN+`\n\n`+emotionEN, 1)
	if rec = p.ask("/emotion", given); strings.Contains(rec.Body.String(), emotionEN+`\n\n`) {
		t.Errorf("emotion, given before: %s", rec.Body)
	}
	for _, bad := range []Route{{Path: "/a", Edit: "light"}, {Path: "/a", Edit: EditStandard, Require: disclose.NewCarrierSet(disclose.CarrierNotice)},
		{Path: "/a", Observes: disclose.NoticeInteraction}, {Path: "/a", Observes: disclose.NoticeEmotion, Shape: disclose.ShapeImage},
		{Path: "/a", Exempt: &Exemption{Reason: " "}}} {
		if _, err := New(Options{Routes: []Route{bad}}); err == nil {
			t.Errorf("route %+v is accepted", bad)
		}
	}
}

func TestSessionsUnderRace(t *testing.T) {
	o := testOptions(disclose.Strict)
	o.Notice = Notice{Cadence: Cadence3h, Session: "cookie:chat"}
	h := handler(t, o, func(w http.ResponseWriter, r *http.Request) {
		go RequireNotice(r.Context())
		chat(w, r)
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				r := httptest.NewRequest("POST", chatPath, strings.NewReader(laterAsk))
				r.AddCookie(&http.Cookie{Name: "chat", Value: "s"})
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
	wg.Wait()
}

func BenchmarkTalk(b *testing.B) {
	o := testOptions(disclose.Strict)
	o.Notice = Notice{Cadence: Cadence3h, Session: "cookie:chat"}
	mw, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	h := mw(typed("application/json", longAnswer))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", chatPath, strings.NewReader(laterAsk))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", "chat=s")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func TestDecideByAuthorAndEdit(t *testing.T) {
	human := policy{shape: disclose.ShapeOpenAIChat, author: disclose.AuthorHuman, require: disclose.NewCarrierSet(disclose.CarrierNotice)}
	speaks, edits := human, policy{edit: EditStandard}
	speaks.speaks = true
	obeys := speaks
	obeys.proxy, obeys.obeyNoTransform = true, true
	const notAI, exempt = disclose.ReasonNotAI, disclose.ReasonExempt
	for _, c := range []struct {
		name   string
		status int
		h      http.Header
		p      policy
		want   action
		reason disclose.Reason
	}{
		{"human", 200, http.Header{"Content-Type": {"application/json"}}, human, actHuman, notAI},
		{"human error", 500, http.Header{}, human, actHuman, notAI},
		{"human 304", 304, http.Header{}, human, actBare, ""},
		{"human part", 206, http.Header{"Content-Type": {"text/plain"}}, speaks, actHuman, notAI},
		{"human frames", 200, http.Header{"Content-Type": {"application/vnd.amazon.eventstream"}}, speaks, actHuman, notAI},
		{"speaks", 200, http.Header{"Content-Type": {"application/json"}}, speaks, actHold, ""},
		{"speaks in a stream", 200, http.Header{"Content-Type": {"text/event-stream"}}, speaks, actStream, ""},
		{"speaks, image", 200, http.Header{"Content-Type": {"image/png"}}, speaks, actHuman, notAI},
		{"speaks, range", 200, http.Header{"Content-Type": {"application/json"}, "Content-Range": {"bytes 0-1/2"}}, speaks, actHuman, notAI},
		{"speaks, coding", 200, http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"lzma"}}, speaks, actHuman, notAI},
		{"speaks, no-transform", 200, http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-transform"}}, obeys, actHuman, notAI},
		{"edits", 200, http.Header{"Content-Type": {"application/json"}}, edits, actHeader, exempt},
		{"edits, part", 206, http.Header{"Content-Type": {"image/png"}}, edits, actHeader, exempt},
		{"edits, error", 500, http.Header{}, edits, actHeader, disclose.ReasonErrorStatus},
	} {
		if got := decide("POST", c.status, c.h, c.p); got.action != c.want || got.reason != c.reason {
			t.Errorf("%s: %s %q, want %s %q", c.name, got.action, got.reason, c.want, c.reason)
		}
	}
}
