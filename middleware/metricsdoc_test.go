package middleware

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/avowai/avow/disclose"
)

var updateDocs = flag.Bool("update-docs", false, "write what docs/metrics.md says of the code anew")

const metricsDoc = "../docs/metrics.md"

// A listing is a Registerer that only notes what it is given.
type listing struct{ all []prometheus.Collector }

func (l *listing) Register(c prometheus.Collector) error { l.all = append(l.all, c); return nil }
func (l *listing) MustRegister(...prometheus.Collector)  {}
func (l *listing) Unregister(prometheus.Collector) bool  { return false }

// A documented is a metric as docs/metrics.md has it.
type documented struct {
	name, kind, help string
	labels           []string
}

var descText = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "([^"]*)", (?:unit: "[^"]*", )?constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}`)

func describe(t *testing.T, c prometheus.Collector) documented {
	t.Helper()
	ch := make(chan *prometheus.Desc, 1)
	c.Describe(ch)
	text := (<-ch).String()
	m := descText.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("cannot read %s", text)
	}
	d := documented{name: m[1], help: m[2], kind: "gauge"}
	switch c.(type) {
	case *prometheus.CounterVec, prometheus.Counter:
		d.kind = "counter"
	case *prometheus.HistogramVec, prometheus.Histogram:
		d.kind = "histogram"
	}
	if _, ok := c.(prometheus.Gauge); ok { // which has all that a Counter has
		d.kind = "gauge"
	}
	for pair := range strings.SplitSeq(m[3], ",") {
		if name, _, ok := strings.Cut(pair, "="); ok {
			d.labels = append(d.labels, name)
		}
	}
	if m[4] != "" {
		d.labels = append(d.labels, strings.Split(m[4], ",")...)
	}
	return d
}

func allMetrics(t *testing.T) (out []documented) {
	t.Helper()
	var l listing
	if _, err := NewMetrics(&l); err != nil {
		t.Fatal(err)
	}
	for _, c := range l.all {
		out = append(out, describe(t, c))
	}
	slices.SortFunc(out, func(a, b documented) int { return strings.Compare(a.name, b.name) })
	return out
}

// labelValues are the closed sets, by label; nil where the operator closes it.
func labelValues() map[string][]string {
	names := map[string][]string{
		"route": nil, "version": nil, "goversion": nil,
		"modality": {"image", "media", "none", "text"},
		"outcome":  {"marked", "degraded", "passed", "withheld", "aborted", "ok", "error", "success", "failure"},
		"stage":    {"decode", "embed", "encode", "fingerprint", "manifest", "metadata", "splice"},
		"shape":    {"auto", string(disclose.ShapeCustom), string(disclose.ShapeUnknown)},
		"verdict":  {string(disclose.Absent), string(disclose.Invalid), string(disclose.NotChecked), string(disclose.Present), string(disclose.Verified)},
	}
	add := func(label, value string) {
		if !slices.Contains(names[label], value) {
			names[label] = append(names[label], value)
		}
	}
	for _, s := range disclose.Shapes() {
		add("shape", string(s))
	}
	for _, r := range disclose.Reasons() {
		add("reason", string(r))
	}
	for _, c := range disclose.Carriers() {
		add("carrier", c.String())
	}
	add("carrier", disclose.CarrierVisibleLabel.String())
	for _, l := range disclose.Languages() {
		add("language", l.String())
	}
	for _, c := range disclose.RequestChanges() {
		add("change", string(c))
	}
	for _, k := range feedbackKinds {
		add("kind", string(k))
	}
	for _, p := range serviceProblems {
		add("problem", strings.TrimPrefix(p, problemBase))
	}
	for label := range names {
		slices.Sort(names[label])
	}
	return names
}

// serviceProblems are the types of problem that the verification service answers
// with.
var serviceProblems = func() []string {
	source, err := os.ReadFile("verifyproblem.go")
	if err != nil {
		panic(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(`problemBase \+ "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		out = append(out, m[1])
	}
	return out
}()

var operatorsSets = map[string]string{
	"route":     "the suffix of a known endpoint, the `path` of a declared route, or in Go the pattern of the handler or what `RouteName` says; after 200 names that are not configured, and without a name, `other`",
	"version":   "avow's version",
	"goversion": "Go's version",
}

func metricsTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | what it is |\n| --- | --- | --- | --- |\n")
	for _, m := range allMetrics(t) {
		var labels []string
		for _, l := range m.labels {
			labels = append(labels, "`"+l+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, strings.Join(labels, ", "), m.help)
	}
	return b.String()
}

func valuesTable() string {
	values := labelValues()
	var labels []string
	for l := range values {
		labels = append(labels, l)
	}
	slices.Sort(labels)
	var b strings.Builder
	b.WriteString("| label | values |\n| --- | --- |\n")
	for _, l := range labels {
		text := operatorsSets[l]
		if text == "" {
			text = "`" + strings.Join(values[l], "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", l, text)
	}
	return b.String()
}

// TestMetricsDocument: the tables of docs/metrics.md are those of the code.
func TestMetricsDocument(t *testing.T) {
	text, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for begin, table := range map[string]string{"<!-- metrics:": metricsTable(t), "<!-- values:": valuesTable()} {
		i := strings.Index(want, begin)
		if i < 0 {
			t.Fatalf("%s has no place for %s", metricsDoc, begin)
		}
		line := i + strings.IndexByte(want[i:], '\n') + 1
		end := line + strings.Index(want[line:], "<!-- end -->")
		want = want[:line] + table + want[end:]
	}
	if *updateDocs {
		if err := os.WriteFile(metricsDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Errorf("%s is not what the code says; go test ./middleware -run TestMetricsDocument -update-docs writes it anew", metricsDoc)
	}
}

// TestMetricsContract: the names and labels that the contract lists.
func TestMetricsContract(t *testing.T) {
	got := map[string]string{}
	for _, m := range allMetrics(t) {
		got[m.name] = m.kind + " " + strings.Join(m.labels, ",")
	}
	for name, want := range map[string]string{
		"avow_responses_total": "counter route,shape,modality,outcome", "avow_skipped_total": "counter reason",
		"avow_marks_total": "counter carrier,outcome", "avow_notices_total": "counter language",
		"avow_overhead_seconds": "histogram stage", "avow_first_byte_delay_seconds": "histogram ",
		"avow_image_queue_depth": "gauge ", "avow_held_bytes": "gauge ", "avow_inflight_streams": "gauge ",
		"avow_verifications_total": "counter modality,verdict", "avow_ledger_writes_total": "counter outcome",
		"avow_key_expiry_timestamp_seconds": "gauge ", "avow_build_info": "gauge goversion,version",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}
