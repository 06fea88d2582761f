// Package chromium starts the browser in which tests look at pages.
package chromium

import (
	"context"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"
)

// names are those of the program, as Debian and others call it.
var names = []string{"chromium-headless-shell", "headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Start runs Chromium without a window until the test ends, and returns the
// context for chromedp. Where there is none, or none that starts, the test is
// skipped, and says what is not checked because of that.
func Start(t testing.TB, unchecked string) context.Context {
	t.Helper()
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
		ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
		t.Cleanup(cancel)
		ctx, stop := chromedp.NewContext(ctx)
		t.Cleanup(stop)
		if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
			t.Skipf("%s does not start: %v; not checked: %s", path, err, unchecked)
		}
		return ctx
	}
	t.Skipf("no Chromium found; not checked: %s", unchecked)
	return nil
}
