package disclose

import (
	"bytes"
	_ "embed"
	"html/template"
	"strings"

	"golang.org/x/text/language"
)

// FragmentOptions configure a Fragment. The zero value is in English, without a
// link and without style.
type FragmentOptions struct {
	// Language is that of the words, one of [Languages]; else they are in English.
	Language language.Tag
	// Inspect is the address where people look closer, such as the verification
	// page; http, https or a path. "" leaves the link out.
	Inspect string
	// Style adds FragmentStyle in a style element. A page whose policy forbids that
	// puts it into its own style sheet.
	Style bool
}

// FragmentStyle dresses a Fragment. It takes colours and letters from the page
// around it, so that a dark page has a dark fragment.
const FragmentStyle = `.avow-origin{font:inherit;color:inherit;border:1px solid;border-radius:.5em;padding:.75em 1em;max-width:32em;overflow-wrap:anywhere}
.avow-origin p{margin:0 0 .5em}
.avow-origin dl{display:grid;grid-template-columns:max-content 1fr;gap:.25em 1em;margin:0 0 .5em}
.avow-origin dt{font-weight:600}
.avow-origin dd{margin:0}
.avow-origin a{color:inherit;display:inline-block;padding:.25em 0}
.avow-origin a:focus-visible{outline:.2em solid;outline-offset:.15em}
`

// fragment.tsv holds the words of a fragment: a key, then one column per language.
// No native speaker has confirmed those that are not English.
//
//go:embed fragment.tsv
var fragmentTSV string

var fragmentTemplate = template.Must(template.New("").Parse(
	`<div class="avow-origin avow-origin-{{.State}}" role="group" aria-label="{{.W.label}}" lang="{{.Lang}}" dir="{{.Dir}}">
{{with .Style}}<style>{{.}}</style>
{{end}}<p>{{.Summary}}</p>
<dl>
<dt>{{.W.data}}</dt><dd>{{.Data}}</dd>
<dt>{{.W.system}}</dt><dd><bdi>{{.System}}</bdi></dd>
<dt>{{.W.signatures}}</dt><dd>{{.Signatures}}</dd>
</dl>
{{with .Limits}}<p>{{.}}</p>
{{end}}{{with .Inspect}}<a href="{{.}}">{{$.W.inspect}}</a>
{{end}}</div>
`))

type fragment struct {
	State, Lang, Dir, Summary, Limits, Data, System, Signatures, Inspect string
	Style                                                                template.CSS
	W                                                                    map[string]string
}

// Fragment returns a piece of HTML in which a platform shows people what a report
// says of content's origin: whether data about it exist, the name of the AI
// system, and whether there are signatures (California Business and Professions
// Code, section 22757.3.1), with a link to look closer. It holds no script and no
// style attribute, and fits into the body of any page.
//
// The name of the system is taken from the record, a signed manifest or the
// metadata, and left out where a finding is invalid. A report that was read from
// JSON names the system of its record alone.
func Fragment(r *Report, o FragmentOptions) (template.HTML, error) {
	tag := find(o.Language).tag
	w := fragmentWords(tag)
	said := r.In(tag)
	f := fragment{State: "unknown", Lang: tag.String(), Dir: direction(tag), Summary: said.Summary, Inspect: o.Inspect, W: w,
		System: w["system_none"], Signatures: w["signatures_"+signatureState(r)]}
	switch {
	case r.Verdict == Invalid:
		f.State = "invalid"
	case r.Marked():
		f.State = "found"
	case r.Verdict == Absent:
		f.State = "none"
	}
	f.Data = w["data_"+f.State]
	if name := r.system(); name != "" {
		f.System = Printable(name)
	}
	if f.State == "none" || f.State == "unknown" {
		f.Limits = said.Limits
	}
	if o.Style {
		f.Style = template.CSS("\n" + FragmentStyle)
	}
	var out bytes.Buffer
	if err := fragmentTemplate.Execute(&out, f); err != nil {
		return "", err
	}
	return template.HTML(out.String()), nil
}

// system is the name of the AI system: what is on record before what is signed,
// and that before what anybody could write.
func (r *Report) system() string {
	if r.Verdict == Invalid {
		return ""
	}
	if r.Record.System != "" && r.Record.Status == "match" {
		return r.Record.System
	}
	for _, c := range []Carrier{CarrierManifest, CarrierMetadata} {
		for _, f := range r.Findings {
			if f.Carrier == c.String() && f.system != "" && (f.Status == Present || f.Status == Verified) {
				return f.system
			}
		}
	}
	return ""
}

// signatureState names what is known about signatures.
func signatureState(r *Report) string {
	for _, f := range r.Findings {
		if f.Carrier != CarrierManifest.String() {
			continue
		}
		switch f.Status {
		case Verified:
			return "trusted"
		case Present:
			return "untrusted"
		case Invalid:
			return "invalid"
		case Absent:
			return "none"
		}
	}
	return "unknown"
}

// fragmentWords are the fragment's words in a language.
func fragmentWords(tag language.Tag) map[string]string {
	lines := strings.Split(strings.TrimRight(fragmentTSV, "\n"), "\n")
	column := 1
	for i, lang := range strings.Split(lines[0], "\t") {
		if lang == tag.String() {
			column = i
		}
	}
	words := map[string]string{}
	for _, line := range lines[1:] {
		f := strings.Split(line, "\t")
		words[f[0]] = f[1]
		if column < len(f) && f[column] != "" {
			words[f[0]] = f[column]
		}
	}
	return words
}

// Direction is the direction of a language's script, as HTML's dir attribute
// takes it: "ltr" or "rtl".
func Direction(tag language.Tag) string { return direction(tag) }
