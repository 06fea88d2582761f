package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/yuin/goldmark"

	"github.com/avowai/avow/internal/chromium"
	"github.com/avowai/avow/watermark/textmark"
)

// A deed is what a person or a page does with text in a browser. It returns
// the text that comes out.
type deed struct {
	group, name, want string
	run               func(*tab) (string, error)
}

var deeds = []deed{
	{"reading", "textContent", kept, js("article.textContent")},
	{"reading", "innerText", kept, js("article.innerText")},
	{"reading", "innerHTML", kept, js("article.innerHTML")},
	{"reading", "innerHTML, parsed again", kept, js("new DOMParser().parseFromString(article.outerHTML, 'text/html').body.textContent")},
	{"reading", "XMLSerializer, parsed again", kept, js("new DOMParser().parseFromString(new XMLSerializer().serializeToString(article), 'text/xml').documentElement.textContent")},
	{"reading", "text nodes split, then normalize()", kept, js("cut(article)")},
	{"selection", "Selection.toString(), all", kept, js("(all(), getSelection().toString())")},
	{"selection", "Selection.toString(), several paragraphs", inPart, js("(all('Telling', 'Occulting'), getSelection().toString())")},
	{"selection", "Range.cloneContents()", kept, js("all().cloneContents().textContent")},
	{"copy and paste", "all into a text area", kept, paste("all()", "#area", "$('#area').value")},
	{"copy and paste", "all into a line of input", kept, paste("all()", "#line", "$('#line').value")},
	{"copy and paste", "all into contenteditable, its innerText", kept, paste("all()", "#rich", "$('#rich').innerText")},
	{"copy and paste", "all into contenteditable, its innerHTML", kept, paste("all()", "#rich", "$('#rich').innerHTML")},
	{"copy and paste", "all into contenteditable, plain text only", kept, paste("all()", "#bare", "$('#bare').innerText")},
	{"copy and paste", "all, the clipboard's text/plain", kept, paste("all()", "#area", "pasted['text/plain']")},
	{"copy and paste", "all, the clipboard's text/html", kept, paste("all()", "#area", "pasted['text/html']")},
	{"copy and paste", "page selected with keys into a text area", kept, selectAll},
	{"copy and paste", "several paragraphs into a text area", inPart, paste("all('Telling', 'Occulting')", "#area", "$('#area').value")},
	{"copy and paste", "several paragraphs into contenteditable", inPart, paste("all('Telling', 'Occulting')", "#rich", "$('#rich').innerText")},
	{"copy and paste", "one paragraph by triple click into a text area", inPart, tripleClick},
	{"copy and paste", "from text area to contenteditable", kept, paste("($('#area').value = article.innerText, $('#area').select(), $('#area').focus())", "#rich", "$('#rich').innerText")},
	{"typing", "text inserted as by an input method", kept, typed},
	{"typing", "execCommand, insertText", kept, js("(clear('#area'), document.execCommand('insertText', false, article.innerText), $('#area').value)")},
	{"form", "GET", kept, form("GET", "application/x-www-form-urlencoded")},
	{"form", "POST, URL encoded", kept, form("POST", "application/x-www-form-urlencoded")},
	{"form", "POST, multipart", kept, form("POST", "multipart/form-data")},
	{"form", "POST, plain text", kept, form("POST", "text/plain")},
	{"script", "fetch, JSON there and back", kept, js("(await (await post(JSON.stringify({a: article.innerText}), {'content-type': 'application/json'})).json()).a")},
	{"script", "fetch, text there and back", kept, js("await (await post(article.innerText)).text()")},
	{"script", "localStorage", kept, js("(localStorage.setItem('a', article.innerText), localStorage.getItem('a'))")},
	{"script", "sessionStorage", kept, js("(sessionStorage.setItem('a', article.innerText), sessionStorage.getItem('a'))")},
	{"script", "IndexedDB", kept, js("await stored(article.innerText)")},
	{"script", "history.state", kept, js("(history.replaceState({a: article.innerText}, ''), history.state.a)")},
	{"script", "postMessage", kept, js("await posted(article.innerText)")},
	{"script", "location.hash", kept, js("(history.replaceState(null, '', '#' + encodeURIComponent(article.innerText)), decodeURIComponent(location.hash.slice(1)))")},
	{"script", "document.title", kept, js("(document.title = article.innerText, document.title)")},
	{"script", "data attribute", kept, js("(article.dataset.a = article.innerText, new DOMParser().parseFromString(article.outerHTML, 'text/html').querySelector('article').dataset.a)")},
	{"script", "Blob, read as a file", kept, js("await new Blob([article.innerText]).text()")},
	{"markup", "DOMPurify", kept, js("DOMPurify.sanitize(article.innerHTML)")},
	{"markup", "DOMPurify, no tags", kept, js("DOMPurify.sanitize(article.innerHTML, {ALLOWED_TAGS: []})")},
	{"filter", "default ignorable", lost, js("article.innerText.replace(/\\p{Default_Ignorable_Code_Point}/gu, '')")},
	{"filter", "marks (M)", lost, js("article.innerText.replace(/\\p{M}/gu, '')")},
}

// TestTextInABrowser shows a page with frames, and takes its text out of it in
// every way: selected, copied and pasted with keys, sent by forms and scripts,
// stored. Behind Strip comes what the same deed makes of the page without
// frames. It needs Chromium and is skipped where none is found.
func TestTextInABrowser(t *testing.T) {
	m := newMarkedText(t)
	ctx := chromium.Start(t, "text marks that are selected, pasted and sent")
	purify, err := os.ReadFile(filepath.Join(interopDir, "node_modules", "dompurify", "dist", "purify.min.js"))
	if err != nil {
		t.Logf("without DOMPurify: %v", err)
	}
	marked, plain := newTab(t, ctx, m.marked, purify), newTab(t, ctx, m.plain, purify)
	var rows []string
	skipped := 0
	for _, d := range deeds {
		if strings.HasPrefix(d.name, "DOMPurify") && len(purify) == 0 {
			skipped++
			continue
		}
		got, base := marked.do(t, d), plain.do(t, d)
		outcome := m.outcome(got)
		rows = append(rows, specRow(d.group, d.name, outcome))
		if outcome != d.want {
			t.Errorf("%s: %d of %d frames, %s, want %s", d.name, m.valid(got), m.frames, outcome, d.want)
		}
		for _, w := range differ("text without frames", textmark.Strip(got, m.key), base) {
			t.Errorf("%s: %s", d.name, w)
		}
		if len(base) < 200 {
			t.Errorf("%s: only %q came out", d.name, base)
		}
	}
	checkSpec(t, "In a browser", rows, skipped)
}

// A tab shows one page. What the page sends arrives at sent.
type tab struct {
	ctx  context.Context
	sent chan string
}

// page has a text and places to put it.
const page = `<!doctype html><html lang=en><meta charset=utf-8><title>Text</title>
<article>TEXT</article>
<textarea id=area rows=9></textarea><input id=line><div id=rich contenteditable>.</div><div id=bare contenteditable=plaintext-only>.</div>
<iframe name=sink></iframe>
<form target=sink action=/form><textarea id=field name=a></textarea></form>
<script src=purify.js></script>
<script>
const $ = (q) => document.querySelector(q), article = $('article');
// all selects an element's content, between the places of two words if given.
function all(from, to) {
	const range = document.createRange(), walk = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
	document.activeElement.blur();
	range.selectNodeContents(article);
	for (let n; from && (n = walk.nextNode());) {
		if (n.data.includes(from)) range.setStart(n, n.data.indexOf(from));
		if (n.data.includes(to)) range.setEnd(n, n.data.indexOf(to));
	}
	getSelection().removeAllRanges();
	getSelection().addRange(range);
	return range;
}
// clear empties a place and puts the cursor there.
function clear(q) {
	const e = $(q);
	document.activeElement.blur();
	e.focus();
	if ('value' in e) e.value = '';
	else getSelection().selectAllChildren(Object.assign(e, {textContent: ''}));
}
function send(method, enctype) {
	const form = $('form');
	$('#field').value = article.innerText;
	form.method = method;
	form.enctype = enctype;
	form.submit();
}
const post = (body, headers) => fetch('/echo', {method: 'POST', body, headers});
// cut makes several text nodes of each, and one again.
function cut(e) {
	const walk = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
	for (let n; (n = walk.nextNode());) if (n.length > 7) n.splitText(7);
	e.normalize();
	return e.textContent;
}
const posted = (text) => new Promise((done) => {
	const {port1, port2} = new MessageChannel();
	port1.onmessage = (e) => done(e.data);
	port2.postMessage(text);
});
const stored = (text) => new Promise((done, fail) => {
	const open = indexedDB.open('a');
	open.onerror = fail;
	open.onupgradeneeded = () => open.result.createObjectStore('a');
	open.onsuccess = () => {
		const store = open.result.transaction('a', 'readwrite').objectStore('a');
		store.put(text, 'a');
		store.get('a').onsuccess = (e) => done(e.target.result);
	};
});
let pasted = {};
addEventListener('paste', (e) => { for (const type of e.clipboardData.types) pasted[type] = e.clipboardData.getData(type); }, true);
</script>`

// newTab opens the page in a browser, with DOMPurify if it is there.
func newTab(t *testing.T, ctx context.Context, text string, purify []byte) *tab {
	t.Helper()
	var article bytes.Buffer
	if err := goldmark.Convert([]byte(text), &article); err != nil {
		t.Fatal(err)
	}
	shown := &tab{sent: make(chan string, 1)}
	srv := httptest.NewServer(shown.handler(strings.Replace(page, "TEXT", article.String(), 1), purify))
	t.Cleanup(srv.Close)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	shown.ctx = ctx
	if err := chromedp.Do(ctx, chromedp.Navigate(srv.URL)); err != nil {
		t.Fatal(err)
	}
	return shown
}

func (b *tab) handler(page string, purify []byte) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })
	mux.HandleFunc("/purify.js", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(purify) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		_, _ = w.Write(raw)
	})
	mux.HandleFunc("/form", func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
			raw, _ := io.ReadAll(r.Body)
			b.sent <- strings.TrimPrefix(string(raw), "a=")
			return
		}
		b.sent <- r.FormValue("a")
	})
	return mux
}

func (b *tab) do(t *testing.T, d deed) string {
	t.Helper()
	got, err := d.run(b)
	if err != nil {
		t.Fatalf("%s: %v", d.name, err)
	}
	return got
}

// script runs an expression as if a person had started it, and returns its text.
func (b *tab) script(expr string) (string, error) {
	gesture := true
	return chromedp.Run(b.ctx, chromedp.Evaluate[string]("(async () => String("+expr+"))()", chromedp.EvalAwaitPromise,
		func(p *runtime.EvaluateParams) { p.UserGesture = &gesture }))
}

// keys presses Ctrl and a key.
func (b *tab) keys(key string) error {
	return chromedp.Do(b.ctx, chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
}

// js is a deed of a script alone.
func js(expr string) func(*tab) (string, error) {
	return func(b *tab) (string, error) { return b.script(expr) }
}

// paste selects, copies with keys, pastes with keys into a place, and reads that.
func paste(selection, place, read string) func(*tab) (string, error) {
	return func(b *tab) (string, error) {
		if _, err := b.script(selection); err != nil {
			return "", err
		}
		if err := b.keys("c"); err != nil {
			return "", err
		}
		if _, err := b.script("(pasted = {}, clear('" + place + "'))"); err != nil {
			return "", err
		}
		if err := b.keys("v"); err != nil {
			return "", err
		}
		return b.script(read)
	}
}

// form sends the text as a form does. Forms write line ends as CRLF.
func form(method, enctype string) func(*tab) (string, error) {
	return func(b *tab) (string, error) {
		if _, err := b.script("send('" + method + "', '" + enctype + "')"); err != nil {
			return "", err
		}
		select {
		case got := <-b.sent:
			return strings.ReplaceAll(got, "\r\n", "\n"), nil
		case <-b.ctx.Done():
			return "", b.ctx.Err()
		}
	}
}

// tripleClick selects the paragraph that a person clicks on, and copies it.
func tripleClick(b *tab) (string, error) {
	raw, err := b.script(`JSON.stringify((article.querySelector('p').scrollIntoView(), article.querySelector('p').getClientRects()[0]))`)
	if err != nil {
		return "", err
	}
	var box struct{ X, Y float64 }
	if err := json.Unmarshal([]byte(raw), &box); err != nil {
		return "", err
	}
	for clicks := range 3 {
		if err := chromedp.Do(b.ctx, chromedp.MouseClickXY(box.X+40, box.Y+8, chromedp.ClickCount(clicks+1))); err != nil {
			return "", err
		}
	}
	return paste("0", "#area", "$('#area').value")(b)
}

// selectAll selects and copies the page's whole text with keys alone.
func selectAll(b *tab) (string, error) {
	if _, err := b.script("(['#rich', '#bare', '#area', '#line', '#field'].forEach(clear), document.activeElement.blur(), getSelection().removeAllRanges())"); err != nil {
		return "", err
	}
	if err := b.keys("a"); err != nil {
		return "", err
	}
	return paste("0", "#area", "$('#area').value")(b)
}

// typed gives the text to a text area as keyboards and input methods do.
func typed(b *tab) (string, error) {
	text, err := b.script("(clear('#area'), article.innerText)")
	if err != nil {
		return "", err
	}
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		return "", err
	}
	return b.script("$('#area').value")
}
