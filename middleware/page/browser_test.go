package page

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/chromium"
)

const unchecked = "the verification page in a browser: dropping, pasting, keys, forms without scripts, policy, downloads"

// A visit is the page in one tab, and what the browser did there.
type visit struct {
	t   *testing.T
	ctx context.Context
	url string
	a   *asked

	mu       sync.Mutex
	loaded   []string // addresses
	faults   []string // violations of the policy, errors of scripts
	finished []string // paths of finished downloads
}

// open visits the page. Requests to other origins, violations of the policy and
// errors of the script fail the test at its end.
func open(t *testing.T, root context.Context, o Options, prepare ...chromedp.Action[chromedp.Void]) *visit {
	t.Helper()
	v := &visit{t: t, a: newAsked(t)}
	v.a.release = make(chan struct{})
	srv := httptest.NewServer(New(v.a, o))
	t.Cleanup(srv.Close)
	ctx, cancel := chromedp.NewContext(root)
	t.Cleanup(cancel)
	if err := chromedp.Listen(ctx, v.note); err != nil {
		t.Fatal(err)
	}
	v.ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	v.url = srv.URL
	for _, enable := range []func() error{
		func() error { _, err := chromedp.Call(v.ctx, log.Enable, cdp.Empty{}); return err },
		func() error { _, err := chromedp.Call(v.ctx, audits.Enable, cdp.Empty{}); return err },
		func() error { _, err := chromedp.Call(v.ctx, network.Enable, network.EnableParams{}); return err },
	} {
		if err := enable(); err != nil {
			t.Fatal(err)
		}
	}
	v.do(append(prepare, chromedp.Navigate(v.url+"/avow/verify"))...)
	t.Cleanup(v.judge)
	return v
}

func (v *visit) note(event any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		v.loaded = append(v.loaded, e.Request.URL)
	case *log.EventEntryAdded:
		// An answer that says no is an error in Chromium's log, and none here.
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork || strings.Contains(e.Entry.Text, "Content Security Policy") {
			v.faults = append(v.faults, e.Entry.Text)
		}
	case *audits.EventIssueAdded:
		if e.Issue.Details.ContentSecurityPolicyIssueDetails != nil {
			v.faults = append(v.faults, string(e.Issue.Code))
		}
	case *browser.EventDownloadProgress:
		if e.State == browser.DownloadProgressStateCompleted {
			v.finished = append(v.finished, e.FilePath)
		}
	}
}

func (v *visit) judge() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, url := range v.loaded {
		if !strings.HasPrefix(url, v.url+"/") && !strings.HasPrefix(url, "blob:"+v.url) && !strings.HasPrefix(url, "data:") {
			v.t.Errorf("the page asked %s", url)
		}
	}
	for _, f := range v.faults {
		v.t.Errorf("the browser says: %s", f)
	}
	if len(v.loaded) < 3 {
		v.t.Errorf("loaded %v: the network was not watched", v.loaded)
	}
}

func (v *visit) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, steps...); err != nil {
		v.t.Fatal(err)
	}
}

// follow does what leads to another page, and waits for that.
func (v *visit) follow(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if _, err := chromedp.RunResponse(v.ctx, steps...); err != nil {
		v.t.Fatal(err)
	}
}

// js evaluates an expression, awaiting promises, and returns it as a string.
func (v *visit) js(expr string) string {
	v.t.Helper()
	out, err := chromedp.Run(v.ctx, chromedp.Evaluate[string]("(async () => String("+expr+"))()", chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatalf("%s: %v", expr, err)
	}
	return out
}

// until waits for an expression to become true.
func (v *visit) until(expr string) {
	v.t.Helper()
	for v.js(expr) != "true" {
		select {
		case <-v.ctx.Done():
			v.t.Fatalf("never came true: %s; the page reads: %s", expr, v.text())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (v *visit) text() string {
	out, _ := chromedp.Run(v.ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	return out
}

// answered waits for an answer, and looks that focus is on it and that it is said.
func (v *visit) answered(summary string) {
	v.t.Helper()
	v.until("document.getElementById('answer') !== null && document.getElementById('answer').textContent === " + quote(summary))
	v.until("document.activeElement.id === 'answer'")
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// file writes a file for the browser to take.
func (v *visit) file(name, content string) string {
	v.t.Helper()
	path := filepath.Join(v.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		v.t.Fatal(err)
	}
	return path
}

func (v *visit) wasAsked(want string) {
	v.t.Helper()
	select {
	case got := <-v.a.bodies:
		if got != want {
			v.t.Errorf("asked %q, want %q", got, want)
		}
	case <-v.ctx.Done():
		v.t.Fatalf("never asked, want %q", want)
	}
}

func key(name string, n int) chromedp.Action[chromedp.Void] {
	return chromedp.KeyEvent(strings.Repeat(name, n))
}

func TestPageInABrowser(t *testing.T) {
	root := chromium.Start(t, unchecked)
	for name, run := range map[string]func(*testing.T, context.Context){
		"choose": choose, "drop": drop, "paste": paste, "preview": preview, "keys": keys, "cancel": cancelled, "too large": tooLarge,
		"problems": inPlace, "without scripts": withoutScripts, "download": download, "feedback": feedback, "languages": menu,
	} {
		t.Run(name, func(t *testing.T) { run(t, root) })
	}
}

func choose(t *testing.T, root context.Context) {
	v := open(t, root, Options{})
	for _, state := range []string{"record_matches", "tampered"} {
		path := v.file("a.bin", state)
		v.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path}))
		v.answered(states[state].summary)
		v.wasAsked("file|a.bin|" + state + "|en")
	}
	if got := v.js("document.title"); !strings.HasPrefix(got, "Does not fit – ") {
		t.Errorf("title = %q", got)
	}
	if got := v.js("document.getElementById('live').textContent + document.getElementById('live').getAttribute('aria-live')"); got != "The result is shown.polite" {
		t.Errorf("said: %q", got)
	}
	if got := v.js("document.querySelectorAll('#result .verdict').length + ' ' + document.getElementById('status').hidden"); got != "1 true" {
		t.Errorf("answers, and whether waiting is over: %s", got)
	}
}

func drop(t *testing.T, root context.Context) {
	v := open(t, root, Options{})
	let := func(files ...string) {
		data := &input.DragData{Items: []*input.DragDataItem{}, Files: files, DragOperationsMask: 1}
		for _, step := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
			if _, err := chromedp.Call(v.ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: step, X: 40, Y: 40, Data: data}); err != nil {
				t.Fatal(err)
			}
			if over := v.js("document.getElementById('file-form').classList.contains('over')"); step == input.DispatchDragEventTypeDragOver && over != "true" {
				t.Error("nothing shows that it may be dropped")
			}
		}
	}
	let(v.file("cat.png", "possible_copy"))
	v.answered(states["possible_copy"].summary)
	v.wasAsked("file|cat.png|possible_copy|en")
	let(v.file("a", "1"), v.file("b", "2"))
	v.until("document.getElementById('saying').textContent.startsWith('One at a time')")
	if len(v.a.bodies) != 0 {
		t.Error("two files were asked about")
	}
}

// pasteEvent is a person's paste of a file or text, as the page sees it: the
// clipboard of a browser without a window takes no pictures.
const pasteEvent = `(() => {
	const data = new DataTransfer();
	if (%FILE%) data.items.add(new File(["template_only"], "image.png", {type: "image/png"})); else data.setData("text/plain", "one\ntwo");
	document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
})()`

func paste(t *testing.T, root context.Context) {
	v := open(t, root, Options{})
	v.js(strings.Replace(pasteEvent, "%FILE%", "true", 1))
	v.answered(states["template_only"].summary)
	v.wasAsked("file|image.png|template_only|en")
	v.js(strings.Replace(pasteEvent, "%FILE%", "false", 1))
	v.answered(states["nothing_found"].summary)
	v.wasAsked("text||one\r\ntwo|en") // as forms write it
	// In a field, pasting stays what it is.
	v.do(chromedp.Focus(chromedp.CSS("#text")))
	v.js("(document.getElementById('text').value = 'kept', document.getElementById('text').select())")
	v.do(chromedp.KeyEvent("c", chromedp.KeyModifiers(chromedp.ModifierCtrl)), key(kb.End, 1), chromedp.KeyEvent("v", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	v.until("document.getElementById('text').value === 'keptkept'")
	if len(v.a.bodies) != 0 {
		t.Error("pasting into the field asked at once")
	}
}

// preview shows the picture that was asked about, and its name without what it
// could do to the page.
func preview(t *testing.T, root context.Context) {
	v := open(t, root, Options{})
	v.js(`(() => {
		const canvas = document.createElement("canvas"), data = new DataTransfer();
		return new Promise((done) => canvas.toBlob((blob) => {
			data.items.add(new File([blob], "a\u202egnp.<img src=x>" + "W".repeat(400), {type: "image/png"}));
			document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
			done();
		}));
	})()`)
	v.until("document.querySelector('.seen') !== null && document.querySelector('.seen').complete && document.querySelector('.seen').naturalWidth > 0")
	if got := v.js("document.querySelector('.verdict bdi').textContent"); !strings.HasPrefix(got, `a\u202egnp.<img src=x>WW`) || len(got) > 270 {
		t.Errorf("name = %q", got)
	}
	if got := v.js("document.images.length"); got != "1" {
		t.Errorf("%s pictures", got)
	}
}

// keys goes through the page with keys alone. Every stop shows where it is.
func keys(t *testing.T, root context.Context) {
	v := open(t, root, Options{API: "/api"})
	stop := func() string {
		return v.js(`(() => {
			const e = document.activeElement, s = getComputedStyle(e);
			const shown = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 && e.getBoundingClientRect().height >= 24;
			return (shown || e.id === "answer" ? "" : "unseen ") + (e.id || e.textContent.trim());
		})()`)
	}
	for _, want := range []string{"file", "text", "text-go"} {
		v.do(key(kb.Tab, 1))
		if got := stop(); got != want {
			t.Errorf("a stop at %q, want %q", got, want)
		}
		if want == "text" {
			v.do(chromedp.KeyEvent("signature_trusted"))
		}
	}
	v.do(key(kb.Enter, 1))
	v.answered(states["signature_trusted"].summary)
	v.wasAsked("text||signature_trusted|en")
	if got := v.js("getComputedStyle(document.querySelector('.verdict')).outlineStyle"); got != "solid" {
		t.Errorf("the answer's outline is %s", got)
	}
	for _, want := range []string{"What could not be looked for", "take-signed", "take-plain", "Error rates of the marks", "Is the answer wrong?", "file"} {
		v.do(key(kb.Tab, 1))
		if got := stop(); got != want {
			t.Errorf("a stop at %q, want %q", got, want)
		}
	}
}

func cancelled(t *testing.T, root context.Context) {
	v := open(t, root, Options{})
	for _, by := range []string{"button", "Escape"} {
		v.js("(document.getElementById('text').value = 'slow', document.getElementById('text-form').requestSubmit())")
		v.until("document.getElementById('saying').textContent === 'Looking for marks…' && !document.getElementById('progress').hidden")
		v.wasAsked("text||slow|en")
		if by == "button" {
			v.do(chromedp.Click(chromedp.CSS("#cancel")))
		} else {
			v.do(key(kb.Escape, 1))
		}
		v.until("document.getElementById('live').textContent === 'Cancelled.' && document.getElementById('cancel').hidden")
		if got := v.js("document.activeElement.id"); got != "file" {
			t.Errorf("focus is on %q", got)
		}
	}
	v.js("(document.getElementById('text').value = 'revoked_key', document.getElementById('text-form').requestSubmit())")
	v.answered(states["revoked_key"].summary)
}

// tooLarge is said before anything is sent.
func tooLarge(t *testing.T, root context.Context) {
	v := open(t, root, Options{MaxUpload: 64 << 10})
	v.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{v.file("a", strings.Repeat("x", 64<<10))}))
	v.until("document.getElementById('saying').textContent === 'This is too large. Send at most 64\\u00a0KiB.'")
	v.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{v.file("b", "")}))
	v.until("document.getElementById('saying').textContent.startsWith('There was nothing to check.')")
	if len(v.a.bodies) != 0 {
		t.Error("it was sent")
	}
}

func inPlace(t *testing.T, root context.Context) {
	v := open(t, root, Options{Links: true})
	v.js("(document.getElementById('link').value = 'https://example.com', document.getElementById('link-form').requestSubmit())")
	v.answered(states["nothing_found"].summary)
	v.wasAsked("url||https://example.com|en")
	v.js("(document.getElementById('text').value = 'too_many', document.getElementById('text-form').requestSubmit())")
	v.answered("That did not work")
	if got := v.js("document.querySelector('.verdict p').textContent"); got != "You asked very often. Wait 30\u00a0s, then try again." {
		t.Errorf("said %q", got)
	}
}

// withoutScripts uses the forms alone.
func withoutScripts(t *testing.T, root context.Context) {
	v := open(t, root, Options{}, chromedp.EmulateViewport(800, 600))
	if _, err := chromedp.Call(v.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	v.do(chromedp.Navigate(v.url + "/avow/verify?lang=en"))
	if got := v.js("document.getElementById('starts').hidden"); got != "true" {
		t.Fatal("the script ran: the case proves nothing")
	}
	v.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{v.file("cat.png", "record_matches")}))
	v.follow(chromedp.Click(chromedp.CSS("#file-go")))
	v.answered(states["record_matches"].summary)
	v.wasAsked("file|cat.png|record_matches|en")
	v.follow(chromedp.SendKeys(chromedp.CSS("#text"), "conflicting_ids"), chromedp.Click(chromedp.CSS("#text-go")))
	v.answered(states["conflicting_ids"].summary)
	v.wasAsked("text||conflicting_ids|en")
	if got := v.keep("take-signed"); strings.Count(got, ".") != 2 {
		t.Errorf("the signed report is %q", got)
	}
	v.follow(chromedp.SendKeys(chromedp.CSS("#text"), "busy"), chromedp.Click(chromedp.CSS("#text-go")))
	v.answered("That did not work")
}

// keep clicks a link that holds a file, and returns the file.
func (v *visit) keep(link string) string {
	v.t.Helper()
	dir := v.t.TempDir()
	events := true
	if _, err := chromedp.CallBrowser(v.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, EventsEnabled: &events}); err != nil {
		v.t.Fatal(err)
	}
	if err := chromedp.ListenBrowser(v.ctx, v.note); err != nil {
		v.t.Fatal(err)
	}
	name := filepath.Join(dir, v.js("document.getElementById("+quote(link)+").download"))
	v.do(chromedp.Click(chromedp.CSS("#" + link)))
	for {
		v.mu.Lock()
		done := len(v.finished) > 0
		v.finished = nil
		v.mu.Unlock()
		if done {
			break
		}
		select {
		case <-v.ctx.Done():
			v.t.Fatal("the download never ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
	body, err := os.ReadFile(name)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(body)
}

func download(t *testing.T, root context.Context) {
	v := open(t, root, Options{})
	v.js("(document.getElementById('text').value = 'no_record', document.getElementById('text-form').requestSubmit())")
	v.answered(states["no_record"].summary)
	answer := v.a.answer(report(states["no_record"]))
	if got := v.keep("take-signed"); got != string(answer.Signed) {
		t.Errorf("the signed report is %q", got)
	}
	if got := v.keep("take-plain"); got != string(answer.JSON) {
		t.Errorf("the report is %q", got)
	}
}

func feedback(t *testing.T, root context.Context) {
	v := open(t, root, Options{})
	v.js("(document.getElementById('text').value = 'no_record', document.getElementById('text-form').requestSubmit())")
	v.answered(states["no_record"].summary)
	v.wasAsked("text||no_record|en")
	v.do(chromedp.Click(chromedp.CSS("details:has(#feedback-form) summary")), chromedp.Click(chromedp.CSS("input[value=missing]")),
		chromedp.SendKeys(chromedp.CSS("#comment"), "It <b>is</b> ours"), chromedp.Click(chromedp.CSS("#feedback-form button")))
	v.wasAsked("missing|" + strings.Repeat("5e", 32) + "|It <b>is</b> ours")
	v.until("document.activeElement.textContent === 'Thank you, this helps to find mistakes.'")
}

// menu chooses every language. Nothing may grow beyond a phone, however long its
// words are.
func menu(t *testing.T, root context.Context) {
	v := open(t, root, Options{Links: true}, chromedp.EmulateViewport(320, 640))
	langs := strings.Split(v.js("[...document.querySelectorAll('#lang option')].map((o) => o.value).join()"), ",")
	if len(langs) != len(disclose.Languages()) {
		t.Fatalf("languages %v", langs)
	}
	for _, lang := range langs {
		v.js("document.getElementById('lang').value = " + quote(lang))
		v.follow(chromedp.Click(chromedp.CSS(".languages button")))
		if got := v.js("document.documentElement.lang"); got != lang {
			t.Errorf("chose %s, got %s", lang, got)
		}
		v.js("(document.getElementById('text').value = 'possible_copy', document.getElementById('text-form').requestSubmit())")
		v.until("document.activeElement.id === 'answer'")
		v.wasAsked("text||possible_copy|" + lang)
		v.js("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
		if got := v.js(cut); got != "" || v.js("document.documentElement.scrollWidth <= innerWidth") != "true" {
			t.Errorf("%s: out of sight: %s", lang, got)
		}
	}
}
