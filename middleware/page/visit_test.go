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
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

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
