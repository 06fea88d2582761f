package page

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/chromium"
)

const unchecked = "the verification page in a browser: dropping, pasting, keys, forms without scripts, policy, downloads"

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
