package disclose

import (
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/avowai/avow/watermark"
)

// All that goes into a page is ASCII: other characters are written as character
// references, in JSON as \u escapes. So it reads the same whatever the charset
// of the page is, declared or guessed, as long as that holds ASCII.
//
// No attribute styles the notice and nothing runs, since a Content-Security-
// Policy may forbid both and stays as it is. The schema.org block is no
// exception: a <script> whose type is not that of a script is a data block, for
// which "prepare the script element" (WHATWG HTML, section 4.12.1.1) returns
// where the type is determined, before the step that asks the policy.

// charsets are the encodings of the Encoding Standard, by the start of their
// labels, in which the bytes of ASCII markup mean themselves. UTF-16 and ISO-
// 2022-JP do not belong to them.
var charsets = []string{
	"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-", "iso8859-", "iso_8859-", "latin", "windows-125", "windows-874",
	"cp125", "koi8", "macintosh", "x-mac-", "ibm866", "cp866", "tis-620", "gb2312", "gbk", "gb18030", "big5",
	"euc-jp", "euc-kr", "ks_c_5601", "shift_jis", "shift-jis", "sjis", "windows-31j", "windows-949",
}

// asciiMarkup reports whether a page's markup is ASCII, by the charset of its
// media type. Without one it is up to the page; see pageScan.
func asciiMarkup(contentType string) bool {
	if utf8Text(contentType) {
		return true
	}
	_, charset, _ := strings.Cut(strings.ToLower(contentType), "charset=")
	charset = strings.Trim(charset, "\"' ")
	return charset == "" || slices.ContainsFunc(charsets, func(c string) bool { return strings.HasPrefix(charset, c) })
}

var noticeStart = []byte(`<div role="note" lang="`)

// noticeHTML is the notice as an element: text in the page, with its language,
// direction and role. It takes colours and size from the page.
func (w *Writer) noticeHTML() []byte {
	return w.noticesIn(w.language())
}

// noticesIn are the notices that are due as elements in one language.
func (w *Writer) noticesIn(tag language.Tag) (elements []byte) {
	for _, text := range w.m.notices.paragraphs(w.due, tag) {
		elements = append(elements, noticeElement(tag, text)...)
	}
	return elements
}

func noticeElement(tag language.Tag, text string) []byte {
	return fmt.Appendf(nil, `%s%s" dir="%s" class="%s">%s</div>`,
		noticeStart, tag, direction(tag), noticeClass, asciiHTML(text))
}

const (
	noticeClass = "avow-notice"
	labelClass  = "avow-label"
	metaName    = "ai-disclosure"
)

func asciiHTML(text string) string {
	return ascii(html.EscapeString(text), func(b *strings.Builder, r rune) { fmt.Fprintf(b, "&#x%X;", r) })
}

// ascii has what is not ASCII written by escape.
func ascii(text string, escape func(*strings.Builder, rune)) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x7f {
			b.WriteByte(byte(r))
			continue
		}
		escape(&b, r)
	}
	return b.String()
}

// disclosures are the values of <meta name="ai-disclosure"> that say that AI
// took part (W3C AI Content Disclosure Community Group, explainer of 2026).
var disclosures = map[string]bool{"ai-assisted": true, "ai-generated": true, "autonomous": true, "mixed": true}

// metaHTML says about the page what the header says: the explainer pairs
// "autonomous" with the header's machine-generated, and "ai-assisted" with the
// IPTC term for works that AI had a part in. No person is known to have looked
// at the output, which "ai-generated" would claim.
func (w *Writer) metaHTML() []byte {
	value := "autonomous"
	if w.label.Source == CompositeWithTrainedAlgorithmicMedia {
		value = "ai-assisted"
	}
	return fmt.Appendf(nil, `<meta name="%s" content="%s"/>`, metaName, value)
}

// An ldLabel is a Label in the vocabulary of schema.org, as JSON-LD.
type ldLabel struct {
	Context    string          `json:"@context"`
	Type       string          `json:"@type"`
	Source     string          `json:"digitalSourceType"`
	Identifier ldIdentifier    `json:"identifier"`
	Created    string          `json:"dateCreated,omitempty"`
	Credit     string          `json:"creditText,omitempty"`
	Provider   *ldOrganization `json:"provider,omitempty"`
	Usage      string          `json:"usageInfo,omitempty"` // where the mark can be verified
}

type ldIdentifier struct {
	Type     string `json:"@type"`
	Property string `json:"propertyID"`
	Value    string `json:"value"`
}

type ldOrganization struct {
	Type string `json:"@type"`
	Name string `json:"name"`
}

func (l *ldLabel) id() watermark.Payload {
	id, _ := watermark.ParsePayload(l.Identifier.Value) // checked by readLabel
	return id
}

// maxLabelHTML bounds the block of an earlier avow that is read, in bytes.
const maxLabelHTML = 4096

// labelHTML is the Label as a block of JSON-LD. encoding/json writes "<", ">"
// and "&" as escapes, so that no name ends the element, in HTML or in XHTML.
func (w *Writer) labelHTML() []byte {
	l := ldLabel{
		Context: "https://schema.org", Type: "WebPage", Source: schemaSource(w.label.Source),
		Identifier: ldIdentifier{"PropertyValue", HeaderID, w.label.ID.String()},
		Credit:     cut(strings.TrimSpace(w.label.System + " " + w.label.Version)),
	}
	if !w.label.Time.IsZero() {
		l.Created = w.label.Time.UTC().Format(time.RFC3339)
	}
	if w.label.Provider != "" {
		l.Provider = &ldOrganization{"Organization", cut(w.label.Provider)}
	}
	if w.m.o.Detector != nil {
		l.Usage = w.m.o.Detector.String()
	}
	data, _ := json.Marshal(l) // strings only: it cannot fail
	return fmt.Appendf(nil, `<script type="application/ld+json" class="%s">%s</script>`, labelClass, escapeJSON(string(data)))
}

// schemaSource is the member of schema.org's IPTCDigitalSourceEnumeration for a
// term of IPTC, or the term's own URI where it has none.
func schemaSource(s DigitalSourceType) string {
	switch s {
	case TrainedAlgorithmicMedia:
		return "https://schema.org/TrainedAlgorithmicMediaDigitalSource"
	case CompositeWithTrainedAlgorithmicMedia:
		return "https://schema.org/CompositeWithTrainedAlgorithmicMediaDigitalSource"
	}
	return string(s)
}

// cut keeps a name short, as in the header.
func cut(name string) string {
	if r := []rune(name); len(r) > maxMember {
		return string(r[:maxMember])
	}
	return name
}

// escapeJSON writes what is not ASCII as UTF-16 code units (RFC 8259 section 7).
func escapeJSON(text string) string {
	return ascii(text, func(b *strings.Builder, r rune) {
		if r > 0xffff {
			r -= 0x10000
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			return
		}
		fmt.Fprintf(b, `\u%04x`, r)
	})
}

// readLabel reads the text of a block that labelHTML wrote; anything else is
// nil.
func readLabel(text []byte) *ldLabel {
	var l ldLabel
	if json.Unmarshal(text, &l) != nil || !isAITerm(l.Source) {
		return nil
	}
	if _, err := watermark.ParsePayload(l.Identifier.Value); err != nil {
		return nil
	}
	return &l
}

// isAITerm is isAISource for a term of IPTC or its member of schema.org.
func isAITerm(uri string) bool {
	term := uri[strings.LastIndexAny(uri, "/:")+1:]
	if name, ok := strings.CutSuffix(term, "DigitalSource"); ok && name != "" {
		term = strings.ToLower(name[:1]) + name[1:]
	}
	return isAISource(term)
}

// manifestLink names the manifest that lies beside the page. Its hash covers all
// of the page, this element included (C2PA, "Embedding manifests into HTML").
func manifestLink(address string) []byte {
	return fmt.Appendf(nil, `<link rel="c2pa-manifest" type="application/c2pa" href="%s"/>`, asciiHTML(address))
}
