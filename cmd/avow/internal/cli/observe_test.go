package cli

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/avowai/avow/cmd/avow/internal/config"
)

// ofTheContract are the names that dashboards hold on to.
var ofTheContract = []string{
	"avow_responses_total", "avow_skipped_total", "avow_marks_total", "avow_notices_total", "avow_overhead_seconds",
	"avow_first_byte_delay_seconds", "avow_image_queue_depth", "avow_held_bytes", "avow_inflight_streams",
	"avow_verifications_total", "avow_ledger_writes_total", "avow_key_expiry_timestamp_seconds", "avow_build_info",
}

// busyProxy is a proxy, in process, that has answered with a chat, a picture and a
// page that it does not know, and has been asked about two files.
func busyProxy(t *testing.T) *service {
	t.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/chat/completions"):
			_, _ = io.WriteString(w, `{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."}}]}`)
		case strings.HasSuffix(r.URL.Path, "/generations"):
			_, _ = fmt.Fprintf(w, `{"created":1,"data":[{"b64_json":%q}]}`, base64.StdEncoding.EncodeToString(picture(256)))
		default:
			_, _ = io.WriteString(w, "not JSON")
		}
	}))
	t.Cleanup(up.Close)
	a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}, logFormat: "text", logLevel: "error", data: filepath.Join(t.TempDir(), "data")}
	c := config.Default()
	c.Upstream, c.Provider = up.URL, "Example GmbH"
	s, err := a.newService(c, slog.New(slog.DiscardHandler), "proxy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.observing.stop()
		a.closeLedger(s.ledger)
	})
	const json = "application/json"
	traceparent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, path := range []string{"/v1/chat/completions", "/v1/images/generations", "/v1/messages"} {
		w := send(s.public, "POST", path, `{"messages":[{"role":"user","content":"hi"}]}`, "Content-Type", json, "Traceparent", traceparent)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	send(s.public, "POST", "/avow/v1/verify", "Hello.", "Content-Type", "text/plain")
	send(s.public, "POST", "/avow/v1/verify", "", "Content-Type", "multipart/form-data")
	return s
}

// TestScrape: what a real run gives to Prometheus, as text and in its binary form.
func TestScrape(t *testing.T) {
	s := busyProxy(t)
	text := scrape(t, s, "text/plain")
	checkFamilies(t, decode(t, text, expfmt.NewFormat(expfmt.TypeTextPlain)))
	binary := scrape(t, s, "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	families := decode(t, binary, expfmt.NewFormat(expfmt.TypeProtoDelim))
	checkFamilies(t, families)
	for _, name := range []string{"avow_overhead_seconds", "avow_first_byte_delay_seconds"} {
		h := families[name].GetMetric()[0].GetHistogram()
		if h.GetSchema() == 0 && len(h.GetPositiveSpan()) == 0 || len(h.GetBucket()) == 0 {
			t.Errorf("%s is not both native and classic: %v", name, h)
		}
	}
}

func scrape(t *testing.T, s *service, accept string) []byte {
	t.Helper()
	w := send(s.admin, "GET", "/metrics", "", "Accept", accept)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func decode(t *testing.T, body []byte, f expfmt.Format) map[string]*dto.MetricFamily {
	t.Helper()
	out := map[string]*dto.MetricFamily{}
	for d := expfmt.NewDecoder(bytes.NewReader(body), f); ; {
		var m dto.MetricFamily
		err := d.Decode(&m)
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if !model.UTF8Validation.IsValidMetricName(m.GetName()) {
			t.Errorf("name %q", m.GetName())
		}
		out[m.GetName()] = &m
	}
}

// checkFamilies: every name of the contract is there, and of avow's nothing that
// docs/metrics.md does not have; with the type that it says, a help, and base units.
func checkFamilies(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	documented := documentedMetrics(t)
	for _, name := range ofTheContract {
		if families[name] == nil {
			t.Errorf("%s is not exposed", name)
		}
	}
	for name, f := range families {
		if !strings.HasPrefix(name, "avow_") {
			continue
		}
		kind := strings.ToLower(f.GetType().String())
		if documented[name] != kind {
			t.Errorf("%s is a %s; docs/metrics.md says %q", name, kind, documented[name])
		}
		if f.GetHelp() == "" || strings.HasSuffix(name, "_total") != (kind == "counter") ||
			kind == "histogram" && !strings.HasSuffix(name, "_seconds") {
			t.Errorf("%s, a %s, is not named as it should be, or has no help: %q", name, kind, f.GetHelp())
		}
	}
	for name := range documented { // a reload has not happened in every build's service
		if families[name] == nil && !strings.HasPrefix(name, "avow_config_") && name != "avow_feedback_total" {
			t.Errorf("%s is documented and not exposed", name)
		}
	}
}

var metricRow = regexp.MustCompile("(?m)^\\| `(avow_[a-z_]+)` \\| ([a-z]+) \\|")

// documentedMetrics are the types of docs/metrics.md, by name.
func documentedMetrics(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range metricRow.FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = m[2]
	}
	return out
}

var (
	openSample   = regexp.MustCompile(`^[a-z_][a-z0-9_]*(\{[^{}]*\})? \S+( \S+)?( # \{trace_id="[0-9a-f]{32}"\} \S+( \S+)?)?$`)
	openExemplar = regexp.MustCompile(`^(avow_[a-z_]+)_bucket\{.*\} \S+ # \{trace_id="0af7651916cd43dd8448eb211c80319c"\} `)
)

// TestScrapeOpenMetrics: the same as OpenMetrics, with the trace that a measurement
// is an example of.
func TestScrapeOpenMetrics(t *testing.T) {
	body := string(scrape(t, busyProxy(t), "application/openmetrics-text; version=1.0.0"))
	if !strings.HasSuffix(body, "\n# EOF\n") {
		t.Errorf("does not end with # EOF: %q", body[len(body)-40:])
	}
	types := map[string]string{}
	var exemplars []string
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if f := strings.Fields(line); len(f) == 4 && f[1] == "TYPE" {
			types[f[2]] = f[3]
		}
		if !strings.HasPrefix(line, "#") && !openSample.MatchString(line) {
			t.Errorf("sample %q", line)
		}
		if m := openExemplar.FindStringSubmatch(line); m != nil && !slices.Contains(exemplars, m[1]) {
			exemplars = append(exemplars, m[1])
		}
	}
	if want := []string{"avow_first_byte_delay_seconds", "avow_overhead_seconds"}; !slices.Equal(exemplars, want) {
		t.Errorf("exemplars on %q, want %q", exemplars, want)
	}
	for _, name := range ofTheContract {
		if types[strings.TrimSuffix(name, "_total")] == "" {
			t.Errorf("%s has no type", name)
		}
	}
}

func TestMaxStreams(t *testing.T) {
	for files, want := range map[uint64]int{0: 0, 100: 1, 1024: 384, 20_000: 9872, 1 << 20: 524_160, ^uint64(0): 0} {
		if got := maxStreams(files); got != want {
			t.Errorf("%d open files: %d, want %d", files, got, want)
		}
	}
}
