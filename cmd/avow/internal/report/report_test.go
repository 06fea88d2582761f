package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/avowai/avow/cmd/avow/internal/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

var day = time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)

// inputs are configurations and what belongs to them: the defaults, one that is
// set up with care, one with all that can be switched off.
func inputs(t *testing.T) map[string]Input {
	t.Helper()
	read := func(name string) config.Config {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return c
	}
	end := day.AddDate(1, 0, 0)
	return map[string]Input{
		"default": {Config: config.Default(), Date: day, Version: "v1.0.0", Signer: Signer{Kind: "none"}},
		"strict": {Config: read("strict.yaml"), Date: day, Version: "v1.0.0", File: "strict.yaml", SHA256: strings.Repeat("ab", 32),
			Keys: []Key{{"k-00000001", "verify", nil}, {"k-00000002", "active", &end}}, Signer: Signer{"own", "Example GmbH", &end}},
		"off": {Config: read("off.yaml"), Date: day, Version: "v1.0.0", File: "off.yaml", SHA256: strings.Repeat("cd", 32),
			Keys: []Key{{"k-00000003", "revoked", nil}}, Signer: Signer{Kind: "none"}},
	}
}

func render(t *testing.T, in Input, format string) []byte {
	t.Helper()
	r, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := r.Write(&buf, format); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestGolden(t *testing.T) {
	for name, in := range inputs(t) {
		for _, format := range Formats {
			if format == "html" && name != "strict" || format == "json" && name != "default" {
				continue // one of each tells what a format does
			}
			got, file := render(t, in, format), filepath.Join("testdata", name+"."+format)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s differs (%v); look at what changed with go test -update and git diff", file, err)
			}
		}
	}
}

// ids are all rows that the report has to have: N1 to N14 and so on.
func ids() (out []string) {
	for _, g := range []struct {
		letter string
		n      int
	}{{"N", 14}, {"M", 14}, {"D", 8}, {"V", 8}, {"E", 3}} {
		for i := range g.n {
			out = append(out, fmt.Sprint(g.letter, i+1))
		}
	}
	return out
}

func TestEveryRowOnce(t *testing.T) {
	for name, in := range inputs(t) {
		r, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		counted := 0
		for i, g := range r.Groups {
			if len(g.Rows) != len(groups[i].rules) {
				t.Errorf("%s: %d rows, %d rules", g.Name, len(g.Rows), len(groups[i].rules))
			}
			for _, row := range g.Rows {
				got = append(got, row.ID)
				if !slices.Contains(Statuses(), row.Status) || len(row.Does) == 0 || len(row.Left) == 0 || row.Asks == "" || row.Source == "" {
					t.Errorf("%s: %s is not whole: %+v", name, row.ID, row)
				}
				for _, s := range append(append(slices.Clone(row.Does), row.Left...), row.Asks) {
					if !strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
						t.Errorf("%s: %s: no sentence: %q", name, row.ID, s)
					}
				}
				for _, e := range row.Evidence {
					if strings.Contains(e, publicPath) {
						t.Errorf("%s: %s: %q", name, row.ID, e)
					}
				}
			}
		}
		for _, n := range r.Counts {
			counted += n
		}
		if !slices.Equal(got, ids()) || counted != len(got) {
			t.Errorf("%s: rows %v, counted %d, want %v", name, got, counted, ids())
		}
	}
}

// TestStatuses: what a configuration switches changes the rows that speak of it.
func TestStatuses(t *testing.T) {
	byID := map[string]map[string]Status{}
	for name, in := range inputs(t) {
		r, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		byID[name] = map[string]Status{}
		for _, g := range r.Groups {
			for _, row := range g.Rows {
				byID[name][row.ID] = row.Status
			}
		}
	}
	for _, c := range []struct {
		id                   string
		def, strict, without Status
	}{
		{"N1", Covered, Covered, Off},
		{"N5", Off, Covered, Off},
		{"N7", Off, Partly, Off},
		{"N10", Off, Covered, Off},
		{"N12", Operator, Covered, Operator},
		{"M1", Covered, Partly, Off},
		{"M2", Partly, Partly, Off},
		{"M3", Partly, Covered, Off},
		{"M4", Covered, Covered, Off},
		{"M5", Covered, Covered, Off},
		{"M13", Covered, Covered, Partly},
		{"D1", Covered, Covered, Partly},
		{"D4", Partly, Partly, Off},
		{"D5", Partly, Covered, Off},
		{"V1", Operator, Covered, Operator},
		{"V3", Off, Covered, Off},
		{"V8", Covered, Covered, Off},
		{"E2", Covered, Covered, Off},
	} {
		if d, s, w := byID["default"][c.id], byID["strict"][c.id], byID["off"][c.id]; d != c.def || s != c.strict || w != c.without {
			t.Errorf("%s: default %s, strict %s, off %s; want %s, %s, %s", c.id, d, s, w, c.def, c.strict, c.without)
		}
	}
}

// TestWords: no report says that a law is satisfied, and none shows a secret.
func TestWords(t *testing.T) {
	never := regexp.MustCompile(`(?i)complian|human-made|\bauthentic\b|\breal\b|[^p] fake\b|fulfil|hunter2|avow-key-`)
	in := inputs(t)["strict"]
	in.Config.Ledger.URL, in.Config.Signer.TSA = "postgres://u:hunter2@db/avow?password=hunter2", "https://u:hunter2@tsa.example/?k=hunter2"
	in.Config.Upstream = "http://u:hunter2@127.0.0.1/"
	for _, format := range Formats {
		text := string(render(t, in, format))
		if found := never.FindString(text); found != "" {
			t.Errorf("%s: %q", format, found)
		}
		for _, want := range []string{"no legal advice", "no presumption of conformity", "k-00000002", in.SHA256, "v1.0.0"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing", format, want)
			}
		}
	}
}

// TestForeignTexts: what stands in a configuration is shown and not obeyed.
func TestForeignTexts(t *testing.T) {
	in := inputs(t)["strict"]
	in.Config.Provider = "<script>alert(1)</script> | [x](javascript:1) \u202e*b*\n# head"
	in.Config.Routes[0].Exempt.Reason = in.Config.Provider
	md := string(render(t, in, "md"))
	if strings.Contains(md, "\n# head") || strings.Contains(md, "] (javascript") || regexp.MustCompile(`[^\\]<script`).MatchString(md) || regexp.MustCompile(`[^\\]\[x`).MatchString(md) {
		t.Error("Markdown is obeyed")
	}
	if strings.Contains(string(render(t, in, "html")), "<script") {
		t.Error("HTML is obeyed")
	}
	if !json.Valid(render(t, in, "json")) {
		t.Error("not JSON")
	}
}

// TestPage: the page stands alone, and can be read without seeing it.
func TestPage(t *testing.T) {
	root, err := html.Parse(bytes.NewReader(render(t, inputs(t)["strict"], "html")))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	level := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		switch n.Data {
		case "script", "img", "link", "iframe", "object", "form":
			t.Errorf("<%s> in the page", n.Data)
		case "h1", "h2", "h3", "h4":
			if at := int(n.Data[1] - '0'); at > level+1 {
				t.Errorf("a heading jumps from %d to %d", level, at)
			} else {
				level = at
			}
		case "th":
			if attr["scope"] == "" {
				t.Error("a table's head without a scope")
			}
		case "a":
			if !strings.HasPrefix(attr["href"], "#") {
				t.Errorf("a link leaves the page: %s", attr["href"])
			}
			defer func(id string) {
				if !seen[id] {
					t.Errorf("a link leads nowhere: #%s", id)
				}
			}(attr["href"][1:])
		}
		if id := attr["id"]; id != "" {
			if seen[id] {
				t.Errorf("id %s is there twice", id)
			}
			seen[id] = true
		}
	}
	if len(seen) < 2*len(ids()) {
		t.Errorf("%d ids in the page", len(seen))
	}
}

func TestFormat(t *testing.T) {
	r, err := New(inputs(t)["default"])
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(&bytes.Buffer{}, "pdf"); err == nil {
		t.Error("a format that there is not was written")
	}
}
