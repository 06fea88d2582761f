package disclose

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/language"
)

const englishDiv = `<div role="note" lang="en" dir="ltr" class="avow-notice">` + englishNotice + `</div>`

var pageOutput = Output{ContentType: "text/html", Shape: ShapeHTML}

// headSplice is what a page's head gets from m.
func headSplice(m *Marker) string {
	out := pageOutput
	out.Label.ID = testID
	w := m.NewWriter(context.Background(), nil, out)
	return string(w.metaHTML()) + string(w.labelHTML())
}

// pages are complete pages: ^ marks where the metadata belongs, | the notice.
var pages = map[string]string{
	"plain":               "<!doctype html><html><head><title>a</title>^</head><body>|<p>x</p></body></html>",
	"attributes":          "<html>^<body class=\"a>b\" data-x='>' >|text",
	"upper case":          "<!DOCTYPE HTML><HTML>^<BODY>|x",
	"legacy doctype":      "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0//EN\" \"x\">\n^<body>|x",
	"comment":             "<!-- <body> --><!doctype html><html><!-- <body> -->^<body>|x",
	"short comments":      "<!doctype html><!--><!---><!----!><!-- --!>^<body>|x",
	"comment of dashes":   "<!doctype html><!-- - -- --- -! --- >  ----->^<body>|x",
	"conditional comment": "<!doctype html><head><!--[if IE]><body><![endif]-->^</head><body>|x",
	"bogus comments":      "<!doctype html><?xml version='1.0'?></><//x><!x <body \">^<body>|x",
	"script":              "<html><head><script>var a='<body>';</script><style>b>c{}</style>^</head><body>|x",
	"script in a comment": "<html><script><!-- <script> </script> <body> --> </script>^<body>|x",
	"script, half hidden": "<html><script><!-- <script </script> --></scripts></script >^<body>|x",
	"hidden and shown":    "<html><script><!--><script></script>^<body>|x",
	"raw text":            "<html><title><body></titles></title><noscript><body></noscript><style></ style></style/>^<body>|x",
	"noframes":            "<html><noframes><body></noframes>^|<p>",
	"template":            "<html><head><template><body><p><template></template><textarea></template></textarea></template>^</head><body>|x",
	"no body tag":         "<!doctype html><title><body></title><meta charset=utf-8><link rel=x>^|<p>x",
	"no head tag":         "<!doctype html><meta charset=utf-8>^</head>|<p>x",
	"text in body":        "<!doctype html><html>^|text",
	"less-than":           "<!doctype html>\n^|<3",
	"bom and spaces":      "\ufeff \r\n<!doctype html>\n<html>\n^<body>|x",
	"closing first":       "<html><head>^</head>|<main>x",
	"no content":          "<html><head>^</head>\n|</html>\n",
	"only a body tag":     "<html>^<body>|",
	"body closed at once": "<html><head>^</head>|</body>",
	"second head":         "<html><head></p><head><title></title>^</head></p><head><meta name=x>|<p>",
	"late metadata":       "<html><head>^</head><title>x</title><body>|x",
	"late noscript":       "<html><head>^</head>|<noscript><p></noscript><body>x",
	"line break":          "<html>^|</br>",
	"nul":                 "<!doctype html>^|\x00<p>",
	"svg first":           "<!doctype html><html>^|<svg><title><body></title></svg>",
	"textarea first":      "<!doctype html>^|<textarea><body></textarea>",
	"app shell":           "<!doctype html><html lang=de><head><meta charset=\"utf-8\">^</head><body class=x>|<div id=\"app\" data-page=\"{&quot;a&quot;:1}\"></div><script src=x></script></body></html>",
	"csp in the page":     `<!doctype html><head><meta http-equiv="Content-Security-Policy" content="script-src 'none'">^</head><body>|x`,
}

func expand(page, head, note string) string {
	return strings.Replace(strings.Replace(page, "^", head, 1), "|", note, 1)
}

func TestHTMLPages(t *testing.T) {
	m := newTestMarker(t, nil)
	for name, page := range pages {
		in, want := expand(page, "", ""), expand(page, headSplice(m), englishDiv)
		for _, n := range []int{0, 1, 2, 3, 7, 16} {
			got, w, err := mark(t, m, pageOutput, in, n)
			if err != nil || got != want || !w.Result().Notice || w.Result().Outcome != OutcomeMarked {
				t.Errorf("%s/chunk-%d: %v %v\n%q\n%q", name, n, err, w.Result().Outcome, got, want)
			}
		}
	}
}

func TestHTMLEverySplit(t *testing.T) {
	m := newTestMarker(t, nil)
	for name, page := range pages {
		in, want := expand(page, "", ""), expand(page, headSplice(m), englishDiv)
		for at := range len(in) + 1 {
			if got := markParts(t, m, pageOutput, in[:at], in[at:]); got != want {
				t.Fatalf("%s/split-%d:\n%q\n%q", name, at, got, want)
			}
		}
	}
}

// markParts writes parts one after another, with a flush after each.
func markParts(t *testing.T, m *Marker, out Output, parts ...string) string {
	t.Helper()
	out.Label.ID = testID
	var dst bytes.Buffer
	w := m.NewWriter(context.Background(), &dst, out)
	for _, p := range parts {
		if _, err := w.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dst.String()
}

func TestHTMLFragmentsStay(t *testing.T) {
	m := newTestMarker(t, nil)
	for name, fragment := range map[string]string{
		"fragment": "<p>x</p>", "text": "hello", "empty": "", "title first": "<title>x</title><p>y",
		"comment": "<!-- a --> <div hx-swap-oob=true>", "script": "<script>1</script><li>", "end tag": "</body>",
		"turbo stream": "<turbo-stream action=append><template><p>x</p></template></turbo-stream>",
		"utf-16":       "\xff\xfe<\x00h\x00t\x00m\x00l\x00>\x00", "half a bom": "\xef\xbb",
		"only head": "<!doctype html><html><head>", "open tag": "<html", "open comment": "<html><!-- ", "open script": "<html><script>",
	} {
		for n := range 4 {
			got, w, err := mark(t, m, pageOutput, fragment, n)
			r := w.Result()
			if err != nil || got != fragment || r.Outcome != OutcomeDegraded || r.Notice || !r.Language.IsRoot() {
				t.Errorf("%s/chunk-%d: %v %q %+v", name, n, err, got, r)
			}
		}
	}
}

func TestHTMLFrameset(t *testing.T) {
	m := newTestMarker(t, nil)
	page := "<html><head>^</head><frameset><frame src=x></frameset></html>"
	got, w, err := mark(t, m, pageOutput, expand(page, "", ""), 1)
	if err != nil || got != expand(page, headSplice(m), "") || OutcomeValue(w.Result()) != "degraded; missing=notice" {
		t.Errorf("%v %s %q", err, OutcomeValue(w.Result()), got)
	}
}

func TestXHTML(t *testing.T) {
	m := newTestMarker(t, nil)
	out := Output{ContentType: "application/xhtml+xml", Shape: ShapeHTML}
	for name, page := range map[string]string{
		"page":       `<?xml version="1.0"?><?x >?><html xmlns="http://www.w3.org/1999/xhtml"><head><script src="x"/><title/>^</head><body>|<p/></body></html>`,
		"no body":    `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><p/></html>`,
		"empty body": `<html xmlns="http://www.w3.org/1999/xhtml"><head>^</head><body/></html>`,
	} {
		for n := range 4 {
			in, want := expand(page, "", ""), expand(page, headSplice(m), englishDiv)
			if got, _, err := mark(t, m, out, in, n); err != nil || got != want {
				t.Errorf("%s/chunk-%d: %v\n%q\n%q", name, n, err, got, want)
			}
		}
	}
}

func TestHTMLTwoHops(t *testing.T) {
	m, inner := newTestMarker(t, nil), newTestMarker(t, nil)
	german := pageOutput
	german.Language = language.German
	for name, page := range pages {
		once, _, _ := mark(t, inner, german, expand(page, "", ""), 0)
		for _, n := range []int{0, 1, 3} {
			twice, w, err := mark(t, m, pageOutput, once, n)
			if err != nil || twice != once || !w.Result().Notice || w.Result().Outcome != OutcomeMarked {
				t.Errorf("%s/chunk-%d: %v\n%q\n%q", name, n, err, twice, once)
			}
		}
	}
}

// A page that says it itself keeps its own words; one that denies it, or only
// seems to carry avow's marks, gets all of them.
func TestHTMLOwnStatements(t *testing.T) {
	m := newTestMarker(t, nil)
	splice := headSplice(m)
	label := splice[strings.Index(splice, "<script"):]
	for name, c := range map[string]struct{ page, head string }{
		"says so":      {`<html><meta name="AI-Disclosure" content=" Mixed ">^<body>|x`, label},
		"denies it":    {`<html><meta name="ai-disclosure" content="none">^<body>|x`, splice},
		"empty label":  {`<html><script class="avow-label" type="application/ld+json">{}</script>^<body>|x`, splice},
		"false label":  {`<html><script class="avow-label">{"digitalSourceType":"humanEdits"}</script>^<body>|x`, splice},
		"false notice": {`<html>^<body>|<div role="note" lang="en" dir="ltr" class="avow-notice">Hello!</div>`, splice},
		"hidden":       {`<html>^<body>|<div hidden role="note" class="avow-notice">` + englishNotice + `</div>`, splice},
		"other place":  {`<html>^<body>|<p></p>` + englishDiv, splice},
		"in a comment": {`<html><!--` + splice + `-->^<body>|<!--` + englishDiv + `-->`, splice},
	} {
		for n := range 3 {
			in, want := expand(c.page, "", ""), expand(c.page, c.head, englishDiv)
			if got, _, err := mark(t, m, pageOutput, in, n); err != nil || got != want {
				t.Errorf("%s/chunk-%d: %v\n%q\n%q", name, n, err, got, want)
			}
		}
	}
}

func TestHTMLLaterTurn(t *testing.T) {
	m := newTestMarker(t, nil)
	out := pageOutput
	out.Turn = LaterTurn
	got, w, err := mark(t, m, out, "<html><body>x", 0)
	if err != nil || got != "<html>"+headSplice(m)+"<body>x" || w.Result().Notice || OutcomeValue(w.Result()) != "marked" {
		t.Errorf("%v %q %s", err, got, OutcomeValue(w.Result()))
	}
	only := NewCarrierSet(CarrierHeader, CarrierNotice)
	out = pageOutput
	out.Carriers = &only
	if got, _, _ := mark(t, m, out, "<html><body>x", 0); got != "<html><body>"+englishDiv+"x" {
		t.Errorf("without metadata: %q", got)
	}
	only = NewCarrierSet(CarrierHeader)
	if got, w, _ := mark(t, m, out, "<html><body>x", 0); got != "<html><body>x" || w.Changed() {
		t.Errorf("header alone: %q", got)
	}
}

// Whatever the charset, what is inserted is ASCII and reads as it should.
func TestHTMLCharsets(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Provider, o.System = "Beispiel GmbH & Co. </script>", "Ωmega😀" })
	for contentType, marked := range map[string]bool{
		"text/html": true, "text/html; charset=utf-8": true, "text/html; charset=ISO-8859-1": true,
		"text/html; charset=\"Shift_JIS\"": true, "text/html;charset=windows-1251": true, "text/html; charset=gb18030": true,
		"text/html; charset=utf-16le": false, "text/html; charset=iso-2022-jp": false, "text/html; charset=utf-7": false, "text/html; charset=": true,
	} {
		out := pageOutput
		out.ContentType, out.Language = contentType, language.Greek
		got, w, err := mark(t, m, out, "<html><body>\xe4", 0)
		if err != nil || w.Result().Notice != marked || strings.ContainsFunc(strings.TrimSuffix(got, "\xe4"), func(r rune) bool { return r > 0x7e }) {
			t.Errorf("%s: %v %v %q", contentType, err, w.Result().Outcome, got)
		}
		if r := mustInspect(t, DetectorOptions{}, []byte(got), Source{ContentType: contentType}); marked && (finding(r, CarrierNotice).Detail != Notice(language.Greek) ||
			!strings.HasSuffix(finding(r, CarrierMetadata).Detail, "Ωmega😀 1.4")) {
			t.Errorf("%s: %+v", contentType, r.Findings)
		}
	}
}

// A declaration of the charset stays where a browser looks for it, in the first
// 1024 bytes.
func TestHTMLCharsetDeclarationStays(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, page := range []string{
		"<!doctype html><html><head><meta charset=gbk></head><body>x",
		"<!doctype html><meta charset=gbk><p>x",
		"<!doctype html><html><head>" + strings.Repeat(" ", 980) + "<meta charset=gbk></head><body>x",
	} {
		got, _, _ := mark(t, m, pageOutput, page, 0)
		if at := strings.Index(got, "charset"); at != strings.Index(page, "charset") {
			t.Errorf("%.40q: the declaration moved to %d", page, at)
		}
	}
}

// What cannot be told yet is held; nothing else is.
func TestHTMLPassesBytesAtOnce(t *testing.T) {
	m := newTestMarker(t, nil)
	var dst bytes.Buffer
	w := m.NewWriter(context.Background(), &dst, pageOutput)
	sent := 0
	page := "<!doctype html><html><head><script>" + strings.Repeat("a<b;", 300<<10) + "</script><!--" + strings.Repeat("-!", 300<<10) + "--><link rel=x></head><body>x"
	for i := 0; i < len(page); i += 997 {
		part := page[i:min(i+997, len(page))]
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		sent += len(part)
		if held := sent - dst.Len(); held > 16 {
			t.Fatalf("%d bytes held at %d", held, sent)
		}
	}
	if err := w.Close(); err != nil || w.Result().Outcome != OutcomeMarked {
		t.Errorf("%v %v", err, w.Result().Outcome)
	}
}

func TestHTMLLimits(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.MaxEvent, o.Profile = 1<<10, Standard })
	for name, page := range map[string]string{
		"long tag":  "<html><head><link title=\"" + strings.Repeat("x", 2<<10) + "\"></head><body>x",
		"many ends": "<html><head>" + strings.Repeat("<link title=\""+strings.Repeat(">", 900)+"\">", 9) + "</head><body>x",
		"no page":   "<!--" + strings.Repeat("x", 2<<10) + "--><html><body>x",
	} {
		got, w, err := mark(t, m, pageOutput, page, 1)
		if err != nil || got != page || OutcomeValue(w.Result()) != "degraded; missing=notice,metadata" {
			t.Errorf("%s: %v %s %d bytes of %d", name, err, OutcomeValue(w.Result()), len(got), len(page))
		}
	}
	strict := newTestMarker(t, func(o *Options) { o.MaxEvent = 1 << 10 })
	if got, w, err := mark(t, strict, pageOutput, "<!--"+strings.Repeat("x", 2<<10), 0); err == nil || got != "" || w.Result().Reason != ReasonTooLarge {
		t.Errorf("strict: %v %q", err, got)
	}
	out := pageOutput
	out.Require = NewCarrierSet(CarrierNotice)
	if got, w, err := mark(t, m, out, "<p>fragment", 0); err == nil || got != "" || w.Result().Outcome != OutcomeWithheld {
		t.Errorf("required: %v %q", err, got)
	}
}

func TestNoticeDirection(t *testing.T) {
	for tag, want := range map[string]string{"en": "ltr", "ar": "rtl", "he-IL": "rtl", "az-Arab": "rtl", "az": "ltr", "mt": "ltr"} {
		if got := string(noticeElement(language.MustParse(tag), "x")); !strings.Contains(got, `dir="`+want+`"`) {
			t.Errorf("%s: %s, want %s", tag, got, want)
		}
	}
}

// Every notice is a sound element of its own, without anything a Content-
// Security-Policy could forbid.
func TestNoticeElement(t *testing.T) {
	for _, tag := range Languages() {
		nodes, err := html.ParseFragment(bytes.NewReader(noticeElement(tag, Notice(tag))), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
		if err != nil || len(nodes) != 1 || nodes[0].Data != "div" || nodes[0].FirstChild.Data != Notice(tag) || nodes[0].FirstChild.NextSibling != nil {
			t.Fatalf("%v: %v %+v", tag, err, nodes)
		}
		if a := nodes[0].Attr; len(a) != 4 || a[0].Val != "note" || a[1].Val != tag.String() || a[2].Val != "ltr" || a[3].Val != "avow-notice" {
			t.Errorf("%v: %+v", tag, a)
		}
	}
}
