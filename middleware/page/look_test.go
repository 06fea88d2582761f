package page

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/chromium"
)

// axePath is where the pinned axe-core is installed, see
// cmd/avow/testdata/interop.
const axePath = "../../cmd/avow/testdata/interop/node_modules/axe-core/axe.min.js"

// axeRun applies the rules of WCAG 2.2, levels A and AA, and axe's own practices.
const axeRun = `(async () => {
	const found = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
	const list = (rules) => rules.flatMap((r) => r.nodes.map((n) => r.id + ": " + n.target.join(" ") + ": " + n.failureSummary));
	return JSON.stringify({Violations: list(found.violations), Incomplete: list(found.incomplete), Passes: found.passes.length,
		Checked: found.passes.map((r) => r.id)});
})()`

// TestPageAxe has axe-core look at the page in every state, in light and dark. It
// needs Chromium, and axe-core as `npm ci --prefix cmd/avow/testdata/interop`
// installs it.
func TestPageAxe(t *testing.T) {
	if testing.Short() {
		t.Skip("axe-core is left out with -short")
	}
	axe, err := os.ReadFile(axePath)
	if err != nil {
		t.Skipf("axe-core is not installed (npm ci --prefix cmd/avow/testdata/interop); not checked: WCAG 2.2 AA of the verification page")
	}
	root := chromium.Start(t, "WCAG 2.2 AA of the verification page")
	rules := []string{"color-contrast", "label", "html-has-lang", "target-size"}
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			v := open(t, root, Options{Provider: "Example GmbH", System: "assistant", API: "/api", Keys: "/keys", Contact: "ai@example.com", Links: true})
			v.prefer(scheme)
			v.do(chromedp.EmulateViewport(1024, 768))
			// Evaluated from outside, it needs no leave of the page's policy.
			if _, err := chromedp.Run(v.ctx, chromedp.Evaluate[any](string(axe)+";0")); err != nil {
				t.Fatal(err)
			}
			v.axe("start", rules...)
			for _, name := range append(slices.Sorted(maps.Keys(states)), slices.Sorted(maps.Keys(problems))...) {
				v.show(name)
				v.axe(name, rules...)
			}
			v.do(chromedp.EmulateViewport(320, 640))
			v.axe("narrow", rules...)
			v.js("(document.getElementById('text').value = 'slow', document.getElementById('text-form').requestSubmit())")
			v.until("!document.getElementById('progress').hidden")
			v.axe("waiting", rules...)
		})
	}
	t.Run("fragment", func(t *testing.T) { fragments(t, root, string(axe)) })
}

// fragments has axe-core look at what platforms embed, on a light and a dark page.
func fragments(t *testing.T, root context.Context, axe string) {
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(states)) {
		piece, err := disclose.Fragment(report(states[name]), disclose.FragmentOptions{Inspect: "/inspect?" + name, Style: true})
		if err != nil {
			t.Fatal(err)
		}
		// On a page every group is about something else.
		all.WriteString(strings.Replace(string(piece), "Origin of this content", "Origin of "+name, 1))
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Feed</title><meta name="viewport" content="width=device-width"><body `+
			map[string]string{"/light": `bgcolor="white"`, "/dark": `bgcolor="#102030" text="#e0e0e0"`}[r.URL.Path]+`><main><h1>Feed</h1>`+all.String()+`</main>`)
	}))
	defer srv.Close()
	ctx, cancel := chromedp.NewContext(root)
	defer cancel()
	v := &visit{t: t, ctx: ctx}
	for _, page := range []string{"/light", "/dark"} {
		v.do(chromedp.EmulateViewport(320, 640), chromedp.Navigate(srv.URL+page))
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](axe+";0")); err != nil {
			t.Fatal(err)
		}
		v.axe(page, "color-contrast", "html-has-lang", "target-size")
		if got := v.js("document.documentElement.scrollWidth <= innerWidth"); got != "true" {
			t.Errorf("%s: wider than a phone", page)
		}
	}
}

// axe fails on what axe-core finds, and where it did not look for what it should.
func (v *visit) axe(name string, rules ...string) {
	v.t.Helper()
	var found struct {
		Violations, Incomplete, Checked []string
		Passes                          int
	}
	if err := json.Unmarshal([]byte(v.js("await "+axeRun)), &found); err != nil {
		v.t.Fatal(err)
	}
	for _, f := range found.Violations {
		v.t.Errorf("%s: %s", name, f)
	}
	for _, f := range found.Incomplete {
		v.t.Errorf("%s, cannot be told: %s", name, f)
	}
	for _, rule := range rules {
		if !slices.Contains(found.Checked, rule) {
			v.t.Errorf("%s: %s was not checked, only %v", name, rule, found.Checked)
		}
	}
}

// prefer sets what the person's system prefers.
func (v *visit) prefer(scheme string) {
	v.t.Helper()
	if _, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}); err != nil {
		v.t.Fatal(err)
	}
}

// show brings the page into a state, everything in it unfolded.
func (v *visit) show(name string) {
	v.t.Helper()
	summary := "That did not work"
	if s, ok := states[name]; ok {
		summary = s.summary
	}
	v.js("(document.getElementById('result').replaceChildren(), document.getElementById('text').value = " + quote(name) +
		", document.getElementById('text-form').requestSubmit())")
	v.answered(summary)
	v.js("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
	<-v.a.bodies
}

// TestPageLayout looks at the page on phones, at 400 % zoom (320 pixels, WCAG 2.2,
// success criterion 1.4.10), with letters twice as large, and from right to left.
func TestPageLayout(t *testing.T) {
	root := chromium.Start(t, "the verification page on phones, zoomed, from right to left, and in the dark")
	v := open(t, root, Options{Provider: strings.Repeat("Gesellschaft", 8), System: "assistant", API: "/api", Keys: "/keys", Contact: "ai@example.com", Links: true})
	for _, c := range []struct {
		width, height int64
		change        string
	}{
		{360, 740, "0"}, {320, 640, "0"}, {1280, 800, "0"}, {740, 360, "0"},
		{640, 800, "document.documentElement.style.fontSize = '200%'"},
		{360, 740, "document.documentElement.style.fontSize = '100%', document.documentElement.dir = 'rtl'"},
	} {
		v.do(chromedp.EmulateViewport(c.width, c.height))
		v.js("(" + c.change + ")")
		for _, name := range []string{"signature_trusted", "possible_copy", "failed"} {
			v.show(name)
			if got := v.js("document.documentElement.scrollWidth <= innerWidth"); got != "true" {
				t.Errorf("%d x %d, %s, %s: %s wide", c.width, c.height, c.change, name, v.js("document.documentElement.scrollWidth"))
			}
			if got := v.js(cut); got != "" {
				t.Errorf("%d x %d, %s, %s: out of sight: %s", c.width, c.height, c.change, name, got)
			}
			if got := v.js(small); got != "" {
				t.Errorf("%d x %d, %s, %s: less than 24 pixels: %s", c.width, c.height, c.change, name, got)
			}
		}
	}
}

// cut names what lies beyond the edges, small what is too small to hit (WCAG 2.2,
// success criterion 2.5.8; links in sentences are let off there, and the page has
// none).
const (
	cut = `[...document.querySelectorAll("main *, footer *")].filter((e) => {
		const r = e.getBoundingClientRect();
		return r.width > 1 && (r.left < 0 || r.right > innerWidth + .5);
	}).map((e) => e.tagName + "." + e.className).join()`
	small = `[...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")].filter((e) => {
		const r = e.getBoundingClientRect();
		return r.width > 0 && (r.width < 24 || r.height < 24);
	}).map((e) => e.tagName + " " + e.textContent).join()`
)

func TestPageInTheDark(t *testing.T) {
	root := chromium.Start(t, "the verification page in the dark")
	v := open(t, root, Options{})
	back := func() string { return v.js("getComputedStyle(document.body).backgroundColor") }
	v.prefer("light")
	light := back()
	v.prefer("dark")
	if dark := back(); light != "rgb(244, 246, 249)" || dark != "rgb(14, 18, 23)" {
		t.Errorf("background %s, in the dark %s", light, dark)
	}
	if got := v.js("getComputedStyle(document.querySelector('button')).transitionDuration"); got != "0s" {
		t.Errorf("things move although less movement is preferred: %s", got)
	}
}
