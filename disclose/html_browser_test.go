package disclose

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"golang.org/x/text/language"
	"pgregory.net/rapid"

	"github.com/avowai/avow/internal/chromium"
)

// strictest forbids all that a policy can forbid a page.
const strictest = "default-src 'none'; script-src 'none'; style-src 'none'; base-uri 'none'; require-trusted-types-for 'script'"

// TestHTMLInABrowser looks at marked pages as a person with a browser does, and
// as a screen reader does. It needs Chromium and is skipped where none is found.
func TestHTMLInABrowser(t *testing.T) {
	browser := newBrowser(t)
	m := newTestMarker(t, nil)
	for name, c := range map[string]struct {
		contentType, policy, page string
		language                  language.Tag
	}{
		"plain":       {"text/html; charset=utf-8", strictest, "<!doctype html><html><head><title>x</title></head><body><p>x</p></body></html>", language.English},
		"no body tag": {"text/html", strictest, "<!doctype html><title>x</title><p>x", language.German},
		"legacy charset": {"text/html; charset=iso-8859-1", strictest,
			"<html><head><meta charset=iso-8859-1></head><body bgcolor=white>caf\xe9", language.Greek},
		"quirks, dark": {"text/html", "style-src 'unsafe-inline'; default-src 'none'",
			"<html><style>body{background:#102030;color:#e0e0e0}</style><body><h1>x</h1>", language.French},
		"xhtml": {"application/xhtml+xml", strictest,
			`<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body><p>x</p></body></html>`, language.Bulgarian},
	} {
		t.Run(name, func(t *testing.T) {
			out := Output{ContentType: c.contentType, Shape: ShapeHTML, Language: c.language}
			marked, _, err := mark(t, m, out, c.page, 0)
			if err != nil {
				t.Fatal(err)
			}
			seen := browser.visit(t, c.contentType, c.policy, marked)
			seen.checkNotice(t, c.language)
			if len(seen.violations) > 0 {
				t.Errorf("the policy was violated: %v", seen.violations)
			}
		})
	}
	t.Run("a violation is seen", func(t *testing.T) {
		if seen := browser.visit(t, "text/html", strictest, "<!doctype html><script>1</script><p style='color:red'>x"); len(seen.violations) == 0 {
			t.Error("none was reported: the other cases prove nothing")
		}
	})
}

// A browser is one Chromium.
type browser struct{ ctx context.Context }

func newBrowser(t *testing.T) browser {
	t.Helper()
	return browser{chromium.Start(t, "visibility, policy and accessibility tree of the notice")}
}

// TestHTMLDocumentsInABrowser is TestHTMLAnyOrder with a browser's parser, which
// knows what golang.org/x/net/html does not: escaped scripts, foreign content.
func TestHTMLDocumentsInABrowser(t *testing.T) {
	browser := newBrowser(t)
	m := newTestMarker(t, nil)
	var pairs [][2]string
	add := func(page string) {
		page = strings.TrimPrefix(page, "\ufeff") // a decoder takes it off
		if strings.Contains(page, "<noscript") || strings.Contains(page, "\x00") {
			return // DOMParser runs no scripts, and Chromium drops a NUL that opens the body (section 13.2.6.4.6)
		}
		if marked, w, err := markPage(m, page, 1); err != nil {
			t.Fatal(err)
		} else if w.Result().Notice {
			pairs = append(pairs, [2]string{page, marked})
		}
	}
	for _, page := range pages {
		add(expand(page, "", ""))
	}
	for seed := range 3000 {
		add("<html>" + strings.Join(rapid.SliceOfN(htmlPieces, 0, 24).Example(seed), ""))
	}
	data, err := json.Marshal(pairs)
	if err != nil || len(pairs) < 1000 {
		t.Fatal(len(pairs), err)
	}
	bad, err := chromedp.Run(browser.ctx, chromedp.Evaluate[[]string](`((pairs) => pairs.flatMap(([page, marked]) => {
		const parse = (text) => new DOMParser().parseFromString(text, 'text/html'), doc = parse(marked);
		const ours = [doc.head.querySelectorAll('meta[name=ai-disclosure]'), doc.head.querySelectorAll('script.avow-label'),
			doc.querySelectorAll('body > .avow-notice:first-child')];
		const whole = ours.every((found) => found.length === 1);
		ours.forEach((found) => found.forEach((e) => e.remove()));
		doc.normalize();
		return whole && doc.isEqualNode(parse(page)) ? [] : [marked];
	}))(`+string(data)+`)`))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d documents", len(pairs))
	for _, marked := range bad[:min(len(bad), 5)] {
		t.Errorf("the document differs, or lacks an element: %q", marked)
	}
}

// A sight is what a browser makes of a page.
type sight struct {
	Text, Direction, Lang, Display, Visibility, Color, Background string
	First                                                         bool // the first element of the body
	Width, Height, Right                                          float64
	Type, Block, Meta                                             string

	tree       []*accessibility.Node
	violations []string
}

const look = `(() => {
	const n = document.querySelector('.avow-notice');
	const style = getComputedStyle(n), box = n.getBoundingClientRect();
	let back = 'rgba(0, 0, 0, 0)';
	for (let e = n; e && back === 'rgba(0, 0, 0, 0)'; e = e.parentElement) back = getComputedStyle(e).backgroundColor;
	const block = document.head.querySelector('script.avow-label');
	return JSON.stringify({Text: n.textContent, Direction: style.direction, Lang: n.lang, Display: style.display,
		Visibility: style.visibility, Color: style.color, Background: back, First: document.body.firstElementChild === n,
		Width: box.width, Height: box.height, Right: box.right,
		Type: JSON.parse(block.textContent)['@type'], Meta: document.head.querySelector('meta[name=ai-disclosure]').content});
})()`

// visit opens a page in a tab 320 pixels wide, which is what 1280 pixels are at
// 400 % zoom (WCAG 2.1, success criterion 1.4.10).
func (b browser) visit(t *testing.T, contentType, policy, page string) sight {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = io.WriteString(w, page)
	}))
	defer srv.Close()
	tab, cancel := chromedp.NewContext(b.ctx)
	defer cancel()
	ctx, cancel := context.WithTimeout(tab, time.Minute)
	defer cancel()
	var s sight
	var mu sync.Mutex
	note := func(text string) { mu.Lock(); s.violations = append(s.violations, text); mu.Unlock() }
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if strings.Contains(e.Entry.Text, "Content Security Policy") {
				note(e.Entry.Text)
			}
		case *audits.EventIssueAdded:
			if e.Issue.Details.ContentSecurityPolicyIssueDetails != nil {
				note(string(e.Issue.Code))
			}
		}
	})
	_, err1 := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	_, err2 := chromedp.Call(ctx, audits.Enable, cdp.Empty{})
	err3 := chromedp.Do(ctx, chromedp.EmulateViewport(320, 600), chromedp.Navigate(srv.URL))
	if err := errors.Join(err, err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page, noticeClass) {
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](look))
		if err != nil || json.Unmarshal([]byte(text), &s) != nil {
			t.Fatalf("%v: the page says %q", err, text)
		}
	}
	tree, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	s.tree = tree.Nodes
	return s
}

func (s sight) checkNotice(t *testing.T, tag language.Tag) {
	t.Helper()
	if s.Text != Notice(tag) || s.Lang != tag.String() || s.Direction != direction(tag) || !s.First {
		t.Errorf("the notice reads %q (%s, %s), first in the body: %v", s.Text, s.Lang, s.Direction, s.First)
	}
	if s.Display != "block" || s.Visibility != "visible" || s.Width < 100 || s.Height < 10 || s.Right > 320 {
		t.Errorf("not in sight: %+v", s)
	}
	if s.Type != "WebPage" || s.Meta != "autonomous" {
		t.Errorf("metadata in the document: %q %q", s.Type, s.Meta)
	}
	if c := contrast(t, s.Color, s.Background); c < 4.5 {
		t.Errorf("contrast of %s on %s is %.1f, want 4.5", s.Color, s.Background, c)
	}
	for _, n := range s.tree {
		if role(n) == "note" {
			if got := spoken(s.tree, n); got != Notice(tag) {
				t.Errorf("a screen reader gets %q, want %q", got, Notice(tag))
			}
			return
		}
	}
	t.Error("the accessibility tree has no note")
}

func role(n *accessibility.Node) string {
	var name string
	if n.Role != nil {
		_ = json.Unmarshal(n.Role.Value, &name)
	}
	return name
}

// spoken is the text below a node of the tree.
func spoken(tree []*accessibility.Node, n *accessibility.Node) string {
	if role(n) == "StaticText" {
		var text string
		_ = json.Unmarshal(n.Name.Value, &text)
		return text
	}
	var all string
	for _, id := range n.ChildIDs {
		for _, c := range tree {
			if c.NodeID == id {
				all += spoken(tree, c)
			}
		}
	}
	return all
}

// contrast is the ratio of WCAG 2.1, success criterion 1.4.3. A page without a
// background shows the browser's white.
func contrast(t *testing.T, color, background string) float64 {
	t.Helper()
	if strings.HasPrefix(background, "rgba(0, 0, 0, 0)") {
		background = "rgb(255, 255, 255)"
	}
	a, b := luminance(t, color), luminance(t, background)
	return (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05)
}

func luminance(t *testing.T, color string) float64 {
	t.Helper()
	var rgb []float64
	if err := json.Unmarshal([]byte("["+strings.TrimSuffix(strings.TrimPrefix(color, "rgb("), ")")+"]"), &rgb); err != nil || len(rgb) != 3 {
		t.Fatalf("colour %q: %v", color, err)
	}
	for i, v := range rgb {
		if v /= 255; v <= 0.03928 {
			rgb[i] = v / 12.92
		} else {
			rgb[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*rgb[0] + 0.7152*rgb[1] + 0.0722*rgb[2]
}
