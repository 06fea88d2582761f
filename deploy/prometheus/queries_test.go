// Package deploy checks the dashboard, the rules and the alerts against the metrics
// that avow has. It is a module of its own, so that Prometheus's parser stays out of
// avow's.
package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

var metricRow = regexp.MustCompile("(?m)^\\| `(avow_[a-z_]+)` \\| ([a-z]+) \\| ([^|]*)\\|")

// ofPrometheus are the labels that a scrape adds.
var ofPrometheus = []string{"job", "instance"}

// metrics are the labels of every series, as docs/metrics.md has them, which a test
// of avow holds to the code.
func metrics(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{"up": {}}
	for _, m := range metricRow.FindAllStringSubmatch(string(text), -1) {
		var names []string
		for _, l := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(m[3], -1) {
			names = append(names, l[1])
		}
		if m[2] == "histogram" {
			out[m[1]+"_bucket"] = append(names, "le")
			out[m[1]+"_sum"], out[m[1]+"_count"] = names, names
			continue
		}
		out[m[1]] = names
	}
	if len(out) < 15 {
		t.Fatalf("docs/metrics.md lists %d metrics", len(out))
	}
	return out
}

// values are the closed sets of labels, from the same document.
func values(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- values:")
	out := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| (`.*`) \\|$").FindAllStringSubmatch(table, -1) {
		for _, v := range strings.Fields(m[2]) {
			out[m[1]] = append(out[m[1]], strings.Trim(v, "`"))
		}
	}
	return out
}

// check parses one query and looks for what is not there.
func check(t *testing.T, where, query string, known, closed map[string][]string) {
	t.Helper()
	expr, err := parse(query)
	if err != nil {
		t.Errorf("%s: %v\n%s", where, err, query)
		return
	}
	var all []string // labels that any series of the query has
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		have, ok := known[v.Name]
		if !ok {
			t.Errorf("%s: there is no metric %s", where, v.Name)
			return nil
		}
		all = append(all, have...)
		for _, m := range v.LabelMatchers {
			if m.Name == "__name__" || slices.Contains(ofPrometheus, m.Name) {
				continue
			}
			if !slices.Contains(have, m.Name) {
				t.Errorf("%s: %s has no label %s", where, v.Name, m.Name)
			}
			if set := closed[m.Name]; set != nil && !slices.ContainsFunc(set, m.Matches) {
				t.Errorf("%s: no value of %s matches %s", where, m.Name, m)
			}
		}
		return nil
	})
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		var by []string
		switch n := n.(type) {
		case *parser.AggregateExpr:
			by = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				by = n.VectorMatching.MatchingLabels
			}
		}
		for _, l := range by {
			if !slices.Contains(ofPrometheus, l) && !slices.Contains(all, l) {
				t.Errorf("%s: nothing in it has a label %s", where, l)
			}
		}
		return nil
	})
}

type rule struct {
	Record, Alert, Expr, For string
	Labels                   map[string]string
	Annotations              map[string]string
}

func rules(t *testing.T, file string) (out []rule) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	for _, g := range f.Groups {
		out = append(out, g.Rules...)
	}
	if len(out) == 0 {
		t.Fatalf("%s has no rules", file)
	}
	return out
}

// known are the metrics and what the recording rules make of them.
func knownSeries(t *testing.T) map[string][]string {
	t.Helper()
	all := metrics(t)
	closed := values(t)
	for _, r := range rules(t, "rules.yaml") {
		check(t, r.Record, r.Expr, all, closed)
		expr, err := parse(r.Expr)
		if err != nil {
			continue
		}
		var by []string
		parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
			if a, ok := n.(*parser.AggregateExpr); ok && by == nil {
				by = slices.DeleteFunc(slices.Clone(a.Grouping), func(l string) bool { return l == "le" })
			}
			return nil
		})
		all[r.Record] = by
	}
	return all
}

// TestRules: rules and alerts ask for what there is; every alert says what it means
// and names a section of the runbook.
func TestRules(t *testing.T) {
	known, closed := knownSeries(t), values(t)
	runbook, err := os.ReadFile(filepath.Join("..", "..", "docs", "runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(runbook), -1) {
		sections[strings.ToLower(m[1])] = true
	}
	tests, err := os.ReadFile("tests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules(t, "alerts.yaml") {
		check(t, r.Alert, r.Expr, known, closed)
		if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s has no severity, summary or description", r.Alert)
		}
		if _, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "#"); !sections[anchor] {
			t.Errorf("%s: the runbook has no section %q", r.Alert, anchor)
		}
		for _, what := range []string{" is raised", " stays quiet"} {
			if !strings.Contains(string(tests), `"`+r.Alert+what+`"`) {
				t.Errorf("tests.yaml has no test that %s%s", r.Alert, what)
			}
		}
	}
}

func parse(query string) (parser.Expr, error) {
	return parser.NewParser(parser.Options{}).ParseExpr(query)
}

var (
	labelValues = regexp.MustCompile(`^label_values\((.*), ([a-z]+)\)$`)
	grafanaVars = strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*", "$route", ".*")
)

type panel struct {
	Title      string
	Type       string
	Datasource struct{ UID string }
	Targets    []struct {
		Expr       string
		Datasource struct{ UID string }
	}
	GridPos struct{ X, Y, W, H int }
}

// TestDashboard: every query parses and asks for metrics, labels and values that
// there are; no panel lies over another or has a data source of its own; and what
// avow counts is shown.
func TestDashboard(t *testing.T) {
	known, closed := metrics(t), values(t)
	text, err := os.ReadFile(filepath.Join("..", "grafana", "avow.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels     []panel
		Templating struct {
			List []struct {
				Name, Type, Definition string
			}
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, v := range d.Templating.List {
		switch m := labelValues.FindStringSubmatch(v.Definition); {
		case v.Name == "datasource" && v.Type == "datasource":
		case m == nil:
			t.Errorf("variable %s: %s", v.Name, v.Definition)
		default:
			check(t, "variable "+v.Name, "count by ("+m[2]+") ("+grafanaVars.Replace(m[1])+")", known, closed)
		}
	}
	for i, p := range d.Panels {
		for _, q := range d.Panels[:i] {
			a, b := p.GridPos, q.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%s lies over %s", p.Title, q.Title)
			}
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("%s has no query, or a data source of its own", p.Title)
		}
		for _, q := range p.Targets {
			if q.Datasource.UID != "${datasource}" {
				t.Errorf("%s: data source %s", p.Title, q.Datasource.UID)
			}
			check(t, p.Title, grafanaVars.Replace(q.Expr), known, closed)
		}
	}
	for name := range known {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if name != "up" && !strings.Contains(string(text), base) {
			t.Errorf("no panel shows %s", base)
		}
	}
}
