package page_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/chromium"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

// TestPageOfAServiceInABrowser chooses a marked picture on the page of a whole
// service, and checks what a person reads and takes home.
func TestPageOfAServiceInABrowser(t *testing.T) {
	root := chromium.Start(t, "the verification page with a whole service behind it")
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	d, err := disclose.NewDetector(disclose.DetectorOptions{Keys: []disclose.VerifyKey{{Key: key}}, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	service, err := middleware.NewVerifyService(middleware.VerifyOptions{Detector: d, ReportKey: middleware.ReportKey(key)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(service)
	defer srv.Close()
	tab, cancel := chromedp.NewContext(root)
	defer cancel()
	if err := chromedp.Do(tab, chromedp.Navigate(srv.URL+"/avow/verify?lang=de")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{markedFile(t, key)}), chromedp.WaitVisible(chromedp.CSS("#answer"))); err != nil {
		t.Fatal(err)
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.getElementById('result').textContent"))
	if err != nil {
		t.Fatal(err)
	}
	german := language.German
	for _, want := range []string{disclose.SummaryText(german, disclose.CauseKeyMatches), disclose.LimitsText(german), key.ID(), "cat.png", "0102030405060708"} {
		if !strings.Contains(text, want) {
			t.Errorf("not said: %q", want)
		}
	}
	link, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.getElementById('take-signed').href"))
	if err != nil {
		t.Fatal(err)
	}
	checkSigned(t, strings.TrimPrefix(link, "data:application/jose;base64,"), key)
}

// markedFile is a picture with an image mark.
func markedFile(t *testing.T, key watermark.Key) string {
	t.Helper()
	img, err := watermark.Embed(context.Background(), corpus.Made(512, 512, 3), watermark.Payload{1, 2, 3, 4, 5, 6, 7, 8}, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pixels.EncodePNG(img)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cat.png")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkSigned reads a signed report as docs/api.md says.
func checkSigned(t *testing.T, held string, key watermark.Key) {
	t.Helper()
	jws, err := base64.StdEncoding.DecodeString(held)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(jws), ".")
	sig, err := base64.RawURLEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(parts) != 3 || !ed25519.Verify(middleware.ReportKey(key).Public().(ed25519.PublicKey), []byte(parts[0]+"."+parts[1]), sig) {
		t.Fatalf("the signature does not fit (%v): %s", err, jws)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var r disclose.Report
	if err := json.Unmarshal(payload, &r); err != nil || r.Reason != disclose.CauseKeyMatches || r.Language != "de" || strings.Contains(string(payload), "cat.png") {
		t.Errorf("%v: %s", err, payload)
	}
}
