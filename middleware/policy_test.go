package middleware

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

func newTestMetrics(t testing.TB) (*prometheus.Registry, *Metrics) {
	t.Helper()
	reg := prometheus.NewRegistry()
	m, err := NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	return reg, m
}

func metricsText(t testing.TB, reg *prometheus.Registry) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// downRecords can keep nothing.
type downRecords struct{ disclose.Records }

func (downRecords) Put(context.Context, disclose.Record) error { return errors.New("down") }

// A scene brings about one row of the policy through the true handler.
type scene struct {
	path, ask string
	answer    http.HandlerFunc
	change    func(*Options)
	before    int // requests sent first
}

func typed(contentType, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		_, _ = io.WriteString(w, body)
	}
}

func pngOf(w, h int) string {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, w, h)))
	return b.String()
}

func withKey(t *testing.T) func(*Options) {
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.Disclose.Key = key }
}

func scenes(t *testing.T) map[disclose.Reason]scene {
	keyed := withKey(t)
	return map[disclose.Reason]scene{
		disclose.ReasonURLOnly:     {path: imagePath, ask: `{"prompt":"x","response_format":"url"}`, answer: typed("application/json", `{"created":1,"data":[{"url":"https://x/y.png"}]}`)},
		disclose.ReasonUpgrade:     {path: "/model/x", answer: typed("application/vnd.amazon.eventstream", "frames")},
		disclose.ReasonUndecodable: {path: "/i", answer: typed("image/png", "no picture"), change: keyed},
		disclose.ReasonTooLarge:    {path: chatPath, ask: chatAsk, answer: chat, change: func(o *Options) { o.Disclose.MaxHeld = 64 }},
		disclose.ReasonTooSmall:    {path: "/i", answer: typed("image/png", pngOf(8, 8)), change: keyed},
		disclose.ReasonUnknownShape: {path: chatPath, ask: chatAsk,
			answer: typed("application/json", `{"other":1}`)},
		disclose.ReasonPartialContent: {path: chatPath, ask: chatAsk, answer: typed("application/json", "{", "Content-Range", "bytes 0-0/9")},
		disclose.ReasonEncoded:        {path: chatPath, ask: chatAsk, answer: typed("application/json", "?", "Content-Encoding", "lzma")},
		disclose.ReasonTruncated:      {path: chatPath, ask: chatAsk},
		disclose.ReasonLedgerDown:     {path: chatPath, ask: chatAsk, answer: chat, change: func(o *Options) { o.Disclose.Records = downRecords{} }, before: 10_000},
	}
}

// notDriven are rows that no HTTP exchange alone brings about, each with where
// it is tested.
var notDriven = map[disclose.Reason]string{
	disclose.ReasonMarkerError:     "a panic inside package disclose, tested there",
	disclose.ReasonForeignManifest: "needs a signed file, tested in package disclose",
}

func TestPolicyMatrix(t *testing.T) {
	all := scenes(t)
	for _, reason := range disclose.Reasons() {
		row := disclose.Strict.On(reason) != disclose.Pass || disclose.Standard.On(reason) != disclose.Pass
		sc, ok := all[reason]
		if row && !ok && notDriven[reason] == "" {
			t.Errorf("row %s of the policy has no test", reason)
		}
		if !ok {
			continue
		}
		for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
			t.Run(profile.String()+"/"+string(reason), func(t *testing.T) { playScene(t, profile, reason, sc) })
		}
	}
}

func playScene(t *testing.T, profile disclose.Profile, reason disclose.Reason, sc scene) {
	o := testOptions(profile)
	if sc.change != nil {
		sc.change(&o)
	}
	reg, m := newTestMetrics(t)
	o.Metrics = m
	var h http.Handler
	if sc.answer == nil {
		h = proxyURL(t, o, rawUpstream(t, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"+chatBody[:90])).Config.Handler
	} else {
		mw, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		h = mw(sc.answer)
	}
	for range sc.before {
		req := httptest.NewRequest("POST", sc.path, strings.NewReader(sc.ask))
		h.ServeHTTP(httptest.NewRecorder(), req)
	}
	a := ask(t, "POST", serve(t, h).URL+sc.path, sc.ask)
	switch action := profile.On(reason); action {
	case disclose.Withhold:
		want := map[disclose.Reason]int{disclose.ReasonUpgrade: 501, disclose.ReasonLedgerDown: 503}[reason]
		if want == 0 {
			want = 502
		}
		wantStatus(t, a, want)
		wantHeader(t, a, "Content-Type", "application/problem+json")
		if !strings.Contains(string(a.body), problemBase+string(reason)) {
			t.Fatalf("problem does not name %s: %s", reason, a.body)
		}
	default:
		wantStatus(t, a, 200)
		got := a.Header.Get("Avow-Outcome")
		if action == disclose.Pass && got != "passed; reason="+string(reason) || action == disclose.Degrade && !strings.HasPrefix(got, "degraded; missing=") {
			t.Fatalf("Avow-Outcome = %q for %s", got, action)
		}
		if a.Header.Get("AI-Disclosure") == "" {
			t.Fatal("left without any mark")
		}
	}
	uncounted := `avow_skipped_total{reason="` + string(reason) + `"} 0`
	for range 200 { // the client has its answer before the handler returns and counts
		if !strings.Contains(metricsText(t, reg), uncounted) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s was not counted", reason)
}

func TestMetricsLint(t *testing.T) {
	reg, m := newTestMetrics(t)
	m.outcome(matched{name: "r", shape: disclose.ShapeOpenAIChat}, "text", disclose.Result{Outcome: disclose.OutcomeMarked,
		Marks: []disclose.Mark{{Carrier: disclose.CarrierField}}, Notice: true})
	m.verified("image", disclose.Absent)
	m.overhead.WithLabelValues("splice").Observe(1e-6)
	m.ledgerWrites.WithLabelValues("ok").Inc()
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) != 0 {
		t.Fatalf("%v %v", problems, err)
	}
	text := metricsText(t, reg)
	for _, name := range []string{"responses_total", "skipped_total", "marks_total", "notices_total", "overhead_seconds", "first_byte_delay_seconds",
		"image_queue_depth", "held_bytes", "inflight_streams", "verifications_total", "ledger_writes_total", "key_expiry_timestamp_seconds", "build_info"} {
		if !strings.Contains(text, "# TYPE avow_"+name+" ") {
			t.Errorf("avow_%s is missing", name)
		}
	}
}

func TestRandomPathsAddNoSeries(t *testing.T) {
	o := testOptions(disclose.Standard)
	reg, m := newTestMetrics(t)
	o.Metrics = m
	mw, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := mw(typed("text/plain", "x"))
	hit := func(method, path string) {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}
	hit("GET", "/warm")
	before, err := testutil.GatherAndCount(reg)
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		id := newRequestID()
		hit("X"+id[:3], "/"+id)
	}
	if after, err := testutil.GatherAndCount(reg); err != nil || after != before {
		t.Fatalf("%d series, then %d (%v)", before, after, err)
	}
}

// title writes an ASCII word with a capital.
func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

func spellings() []string {
	var all []string
	for _, name := range []string{"ai-disclosure", "avow-id", "avow-outcome", "avow-author"} {
		parts := strings.SplitN(name, "-", 2)
		for _, sep := range []string{"-", "_"} {
			for _, join := range [][2]string{{parts[0], parts[1]}, {strings.ToUpper(parts[0]), strings.ToUpper(parts[1])},
				{title(parts[0]), title(parts[1])}, {strings.ToUpper(parts[0]), parts[1]},
				{parts[0], strings.ToUpper(parts[1])}, {title(parts[0]), parts[1]}, {parts[0], title(parts[1])}} {
				all = append(all, join[0]+sep+join[1])
			}
		}
	}
	return all
}

func TestOwnHeadersAreRemovedInEverySpelling(t *testing.T) {
	if len(spellings()) < 40 {
		t.Fatalf("%d spellings, want 40", len(spellings()))
	}
	for _, name := range spellings() {
		t.Run(name, func(t *testing.T) {
			reply := "HTTP/1.1 103 Early Hints\r\n" + name + ": spoof\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + name +
				": spoof\r\nConnection: " + name + "\r\nTransfer-Encoding: chunked\r\nTrailer: " + name + ", X-T\r\n\r\n" +
				"1\r\n{\r\n0\r\n" + name + ": spoof\r\nX-T: 1\r\n\r\n"
			a := ask(t, "POST", proxyURL(t, testOptions(disclose.Strict), rawUpstream(t, reply)).URL+chatPath, chatAsk)
			wantStatus(t, a, 200)
			for _, h := range []http.Header{a.Header, a.Trailer} {
				for k, v := range h {
					if strings.Contains(strings.Join(v, ","), "spoof") {
						t.Errorf("%s: %q survived", k, v)
					}
				}
			}
			srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				for _, h := range []http.Header{r.Header, r.Trailer} {
					for k := range h {
						if disclose.OwnHeader(k) {
							t.Errorf("request: %s survived", k)
						}
					}
				}
				chat(w, r)
			}))
			req, _ := http.NewRequest("POST", srv.URL+chatPath, io.NopCloser(strings.NewReader(chatAsk)))
			req.Header = http.Header{name: {"spoof"}, "Connection": {name}, "Content-Type": {"application/json"}}
			req.Trailer = http.Header{http.CanonicalHeaderKey(name): {"spoof"}, "X-T": {"1"}}
			resp, err := testClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		})
	}
}

func TestImageAnswerIsMarkedInsideTheJSON(t *testing.T) {
	o := testOptions(disclose.Strict)
	withKey(t)(&o)
	body := `{"created":1,"data":[{"b64_json":"` + base64.StdEncoding.EncodeToString([]byte(pngOf(300, 300))) + `"}]}`
	a := ask(t, "POST", wrap(t, o, typed("application/json", body)).URL+imagePath, `{"prompt":"x"}`)
	wantStatus(t, a, 200)
	if string(a.body) == body || !bytes.Contains(a.body, []byte("ai_disclosure")) {
		t.Fatalf("outcome %q, body %.200s", a.Header.Get("Avow-Outcome"), a.body)
	}
}
