package textmark

import (
	"bytes"
	"encoding/ascii85"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"mime"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/text/cases"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/language"
	"golang.org/x/text/runes"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	utf16 "golang.org/x/text/encoding/unicode"
)

// Outcomes of a pipeline: every frame is valid behind it, some are, none is.
const (
	kept   = "kept"
	inPart = "in part"
	lost   = "lost"
)

// A pipeline is what may happen to a text on its way. Encodings are undone.
type pipeline struct {
	group, name, want string
	run               func(string) (string, error)
}

func plain(f func(string) string) func(string) (string, error) {
	return func(s string) (string, error) { return f(s), nil }
}

func replaced(pattern, by string) func(string) (string, error) {
	re := regexp.MustCompile(pattern)
	return plain(func(s string) string { return re.ReplaceAllString(s, by) })
}

// dropping drops the runes that drop names.
func dropping(drop func(rune) bool) func(string) (string, error) {
	return plain(func(s string) string {
		return strings.Map(func(r rune) rune {
			if drop(r) {
				return -1
			}
			return r
		}, s)
	})
}

func through(e encoding.Encoding) func(string) (string, error) {
	return func(s string) (string, error) {
		raw, err := encoding.ReplaceUnsupported(e.NewEncoder()).String(s)
		if err != nil {
			return "", err
		}
		return e.NewDecoder().String(raw)
	}
}

var pipelines = []pipeline{
	{"encoding", "JSON, as Go writes it", kept, func(s string) (out string, err error) {
		raw, _ := json.Marshal(s)
		return out, json.Unmarshal(raw, &out)
	}},
	{"encoding", "JSON, all of it ASCII", kept, func(s string) (out string, err error) {
		raw, _ := json.Marshal(s)
		return out, json.Unmarshal([]byte(asciiJSON(string(raw))), &out)
	}},
	{"encoding", "JSON within JSON", kept, func(s string) (out string, err error) {
		raw, _ := json.Marshal(s)
		raw, _ = json.Marshal(string(raw))
		var mid string
		if err := json.Unmarshal(raw, &mid); err != nil {
			return "", err
		}
		return out, json.Unmarshal([]byte(mid), &out)
	}},
	{"encoding", "URL query", kept, func(s string) (string, error) { return url.QueryUnescape(url.QueryEscape(s)) }},
	{"encoding", "URL path", kept, func(s string) (string, error) { return url.PathUnescape(url.PathEscape(s)) }},
	{"encoding", "form fields", kept, func(s string) (string, error) {
		v, err := url.ParseQuery(url.Values{"a": {s}}.Encode())
		return v.Get("a"), err
	}},
	{"encoding", "multipart form", kept, multipartForm},
	{"encoding", "base64", kept, func(s string) (string, error) {
		raw, err := base64.StdEncoding.DecodeString(base64.StdEncoding.EncodeToString([]byte(s)))
		return string(raw), err
	}},
	{"encoding", "hexadecimal", kept, func(s string) (string, error) {
		raw, err := hex.DecodeString(hex.EncodeToString([]byte(s)))
		return string(raw), err
	}},
	{"encoding", "Ascii85", kept, func(s string) (string, error) {
		raw := make([]byte, ascii85.MaxEncodedLen(len(s)))
		raw = raw[:ascii85.Encode(raw, []byte(s))]
		out, err := io.ReadAll(ascii85.NewDecoder(bytes.NewReader(raw)))
		return string(out), err
	}},
	{"encoding", "quoted-printable", kept, quotedPrintable},
	{"encoding", "e-mail header (RFC 2047)", kept, func(s string) (string, error) {
		return new(mime.WordDecoder).DecodeHeader(mime.QEncoding.Encode("utf-8", s))
	}},
	{"encoding", "UTF-16", kept, through(utf16.UTF16(utf16.LittleEndian, utf16.UseBOM))},
	{"encoding", "UTF-32", kept, through(utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM))},
	{"encoding", "GB 18030", kept, through(gb18030)},
	{"encoding", "HTML escapes", kept, plain(func(s string) string { return html.UnescapeString(html.EscapeString(s)) })},
	{"encoding", "HTML, numeric entities", kept, plain(func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, "&#x%x;", r)
		}
		return html.UnescapeString(b.String())
	})},
	{"encoding", "XML", kept, func(s string) (out string, err error) {
		raw, err := xml.Marshal(s)
		if err != nil {
			return "", err
		}
		return out, xml.Unmarshal(raw, &out)
	}},
	{"encoding", "CSV", kept, func(s string) (string, error) {
		var b strings.Builder
		w := csv.NewWriter(&b)
		_ = w.Write([]string{"a", s})
		w.Flush()
		rows, err := csv.NewReader(strings.NewReader(b.String())).Read()
		return strings.Join(rows, ""), err
	}},
	{"encoding", "YAML", kept, func(s string) (string, error) {
		raw, err := yaml.Marshal(map[string]string{"a": s})
		if err != nil {
			return "", err
		}
		var out map[string]string
		err = yaml.Unmarshal(raw, &out)
		return out["a"], err
	}},
	{"encoding", "Go string literal", kept, func(s string) (string, error) { return strconv.Unquote(strconv.Quote(s)) }},
	{"encoding", "Go string literal, ASCII", kept, func(s string) (string, error) { return strconv.Unquote(strconv.QuoteToASCII(s)) }},
	{"encoding", "CP1252, lossy", lost, through(charmap.Windows1252)}, {"encoding", "Latin-1, lossy", lost, through(charmap.ISO8859_1)},
	{"encoding", "three-byte UTF-8 only (MySQL utf8)", kept, dropping(func(r rune) bool { return r > 0xffff })},
	{"template", "text/template", kept, func(s string) (string, error) {
		var b strings.Builder
		err := template.Must(template.New("").Parse("{{.}}")).Execute(&b, s)
		return b.String(), err
	}},
	{"template", "html/template, text", kept, func(s string) (string, error) { return inTemplate("<p>{{.}}</p>", s) }},
	{"template", "html/template, attribute", kept, func(s string) (string, error) { return inTemplate(`<a title="{{.}}">`, s) }},
	{"normal form", "NFC", kept, plain(norm.NFC.String)}, {"normal form", "NFD", kept, plain(norm.NFD.String)},
	{"normal form", "NFKC", kept, plain(norm.NFKC.String)}, {"normal form", "NFKD", kept, plain(norm.NFKD.String)},
	{"normal form", "half and full width", kept, plain(func(s string) string { return width.Narrow.String(width.Widen.String(s)) })},
	{"normal form", "accents removed: NFD, without Mn, NFC", lost, func(s string) (string, error) {
		out, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s)
		return out, err
	}},
	{"case", "lower", kept, plain(strings.ToLower)}, {"case", "upper", kept, plain(strings.ToUpper)},
	{"case", "title", kept, plain(func(s string) string { return cases.Title(language.English).String(s) })}, {"case", "folded", kept, plain(func(s string) string { return cases.Fold().String(s) })},
	{"white space", "trimmed", kept, plain(strings.TrimSpace)}, {"white space", "fields joined", kept, plain(func(s string) string { return strings.Join(strings.Fields(s), " ") })},
	{"white space", `\s+ to one space`, kept, replaced(`\s+`, " ")}, {"white space", `[\s\p{Z}]+ to one space`, kept, replaced(`[\s\p{Z}]+`, " ")},
	{"white space", "trailing spaces cut", kept, replaced(`(?m)[ \t]+$`, "")}, {"white space", "all removed", kept, replaced(`\s+`, "")},
	{"white space", "LF to CRLF", kept, plain(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") })},
	{"white space", "lines joined", kept, plain(func(s string) string { return strings.ReplaceAll(s, "\n", " ") })}, {"white space", "wrapped at 72 columns", kept, plain(wrapped)},
	{"cutting", "sentences split and joined", kept, plain(func(s string) string {
		return strings.Join(regexp.MustCompile(`[.!?]\s`).Split(s, -1), ". ")
	})},
	{"cutting", "words split and joined", kept, plain(func(s string) string { return strings.Join(strings.Split(s, " "), " ") })},
	{"cutting", "first 600 code points", inPart, plain(func(s string) string { return string([]rune(s)[:600]) })},
	{"cutting", "the middle third", inPart, plain(func(s string) string { r := []rune(s); return string(r[len(r)/3 : 2*len(r)/3]) })},
	{"cutting", "paragraphs in other order", kept, plain(func(s string) string {
		p := strings.Split(s, "\n\n")
		return strings.Join(append(p[1:], p[0]), "\n\n")
	})},
	{"cutting", "first 40 code points", lost, plain(func(s string) string { return string([]rune(s)[:40]) })},
	{"markup", "goldmark, GFM", kept, func(s string) (string, error) {
		var b strings.Builder
		err := renderers["gfm"].Convert([]byte(s), &b)
		return b.String(), err
	}},
	{"markup", "bluemonday, user content", kept, plain(bluemonday.UGCPolicy().Sanitize)}, {"markup", "bluemonday, strict", kept, plain(bluemonday.StrictPolicy().Sanitize)},
	{"markup", "goldmark, then tags removed", kept, func(s string) (string, error) {
		var b strings.Builder
		err := renderers["all"].Convert([]byte(s), &b)
		return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(b.String(), "")), err
	}},
	{"markup", "emphasis marks removed", kept, replaced("[*_`~]", "")},
	{"filter", "control characters (Cc)", kept, dropping(func(r rune) bool { return unicode.IsControl(r) && r != '\n' })},
	{"filter", "unprintable characters", kept, dropping(func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' })},
	{"filter", "format characters (Cf)", kept, dropping(func(r rune) bool { return unicode.Is(unicode.Cf, r) })},
	{"filter", "ZWSP, ZWNJ, ZWJ, BOM", kept, replaced("[\u200b\u200c\u200d\ufeff]", "")}, {"filter", "supplementary planes", kept, dropping(func(r rune) bool { return r > 0xffff })},
	{"filter", "emoji presentation selectors", kept, replaced("[\ufe0e\ufe0f]", "")},
	{"filter", "marks (Mn)", lost, dropping(func(r rune) bool { return unicode.Is(unicode.Mn, r) })}, {"filter", "all selectors", lost, dropping(func(r rune) bool { return unicode.Is(unicode.Variation_Selector, r) })},
	{"filter", "default ignorable", lost, dropping(ignorable)}, {"filter", "default ignorable, odd spaces to one", lost, plain(func(s string) string {
		s, _ = dropping(ignorable)(s)
		return strings.Join(strings.Fields(s), " ")
	})},
	{"filter", "all but ASCII", lost, dropping(func(r rune) bool { return r > 0x7e })}, {"filter", "letters, digits and spaces only", lost, replaced(`[^\p{L}\p{N}\s]+`, "")},
	{"filter", `words only (\w+)`, lost, plain(func(s string) string { return strings.Join(regexp.MustCompile(`\w+`).FindAllString(s, -1), " ") })},
	{"filter", "Strip with the key", lost, plain(func(s string) string { return Strip(s, survivalKey) })}, {"filter", "Clean", lost, plain(Clean)},
	{"filter", "password profile (precis.OpaqueString), which refuses it", lost, func(s string) (string, error) {
		out, err := precis.OpaqueString.String(strings.ReplaceAll(s, "\n", " "))
		if err == nil {
			return "", fmt.Errorf("accepted")
		}
		return out, nil
	}},
}
