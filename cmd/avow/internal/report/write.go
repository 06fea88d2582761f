package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

// Formats are what a report can be written as.
var Formats = []string{"md", "html", "json"}

// Write writes a report in one of Formats.
func (r *Report) Write(w io.Writer, format string) error {
	var buf bytes.Buffer
	var err error
	switch format {
	case "md":
		r.markdown(&buf)
	case "html":
		err = page.Execute(&buf, r)
	case "json":
		enc := json.NewEncoder(&buf)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		err = enc.Encode(r)
	default:
		err = fmt.Errorf("report: no format is called %.16q", format)
	}
	if err == nil {
		_, err = w.Write(buf.Bytes())
	}
	return err
}

// Title stands at the head of a report.
func (r *Report) Title() string {
	return "What this configuration does about the duties to disclose AI output"
}

// Fields are the head of a report, name and value.
func (r *Report) Fields() [][2]string {
	file, sum := shown(r.Config.Name), r.Config.SHA256
	if file == "" {
		file, sum = "none: the defaults", "none"
	}
	keys := make([]string, len(r.Keys))
	for i, k := range r.Keys {
		keys[i] = k.ID + " (" + k.State + ")"
	}
	return [][2]string{
		{"Date", r.Date.Format(time.RFC3339)},
		{"Tool", r.Tool.Name + " " + r.Tool.Version},
		{"Configuration", file},
		{"SHA-256 of it", sum},
		{"Provider", orNone(shown(r.Provider))},
		{"System", orNone(shown(r.System))},
		{"Keys", orNone(strings.Join(keys, ", "))},
		{"Signer", signerField(r.Signer)},
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func signerField(s Signer) string {
	text := map[string]string{"own": shown(s.Name), "development": "a development certificate"}[s.Kind]
	if text != "" && s.NotAfter != nil {
		text += ", until " + s.NotAfter.UTC().Format(time.DateOnly)
	}
	return orNone(text)
}

// meanings explain the statuses.
var meanings = map[Status]string{
	Covered:  "the technical part of what the row asks is done",
	Partly:   "some of it is done; the row says what is missing",
	Off:      "it is switched off, or not set up",
	Operator: "software does not do it; a person has to",
}

// A Count is how many rows have a status, and what that means.
type Count struct {
	Status  Status
	Rows    int
	Meaning string
}

// Summary counts the rows in the order of Statuses.
func (r *Report) Summary() (out []Count) {
	for _, s := range Statuses() {
		out = append(out, Count{s, r.Counts[s], meanings[s]})
	}
	return out
}

func (r *Report) markdown(b *bytes.Buffer) {
	fmt.Fprintf(b, "# %s\n\n", r.Title())
	for _, n := range r.Notes {
		fmt.Fprintf(b, "%s\n\n", escape(n))
	}
	b.WriteString("| | |\n| --- | --- |\n")
	for _, f := range r.Fields() {
		fmt.Fprintf(b, "| %s | %s |\n", f[0], escape(f[1]))
	}
	b.WriteString("\n| setting | value |\n| --- | --- |\n")
	for _, set := range r.Settings {
		fmt.Fprintf(b, "| %s | %s |\n", set.Name, escape(set.Value))
	}
	b.WriteString("\n| status | rows | means |\n| --- | --- | --- |\n")
	for _, c := range r.Summary() {
		fmt.Fprintf(b, "| %s | %d | %s |\n", c.Status, c.Rows, c.Meaning)
	}
	for _, g := range r.Groups {
		fmt.Fprintf(b, "\n## %s\n", g.Name)
		for _, row := range g.Rows {
			row.markdown(b)
		}
	}
}

func (r Row) markdown(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n### %s: %s\n\n%s (%s)\n", r.ID, r.Status, escape(r.Asks), escape(r.Origin()))
	for _, part := range r.Parts() {
		fmt.Fprintf(b, "\n%s:\n\n", part.Name)
		for _, e := range part.Entries {
			fmt.Fprintf(b, "- %s\n", escape(e))
		}
	}
}

// Origin is the source of a row, and how far it binds.
func (r Row) Origin() string {
	switch {
	case strings.Contains(r.Force, "law"):
		return r.Source + "; law"
	case strings.Contains(r.Force, "guideline"):
		return r.Source + "; not binding"
	case strings.Contains(r.Force, "code"):
		return r.Source + "; voluntary"
	}
	return r.Source
}

// A Part is one list of a row.
type Part struct {
	Name    string
	Entries []string
}

// Parts are the lists of a row that are not empty.
func (r Row) Parts() (out []Part) {
	for _, p := range []Part{{"What is done", r.Does}, {"Where to look", r.Evidence}, {"Left to you", r.Left}} {
		if len(p.Entries) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// escape keeps a text from being read as Markdown or HTML.
func escape(text string) string { return escaper.Replace(text) }

var escaper = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "|", `\|`)

//go:embed page.html
var pageText string

var page = template.Must(template.New("report").Parse(pageText))
