package middleware

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"golang.org/x/image/webp"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/watermark"
)

// lossyWebP is a picture of 256 x 250 pixels.
func lossyWebP(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../disclose/testdata/lossy.webp")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func webpOptions(t testing.TB, policy disclose.WebPPolicy) (Options, watermark.Key) {
	t.Helper()
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(disclose.Strict)
	o.Disclose.Key, o.Disclose.WebP, o.All = key, policy, true
	return o, key
}

func TestWebPBodies(t *testing.T) {
	lossless, err := pixels.EncodeWebP(corpus.Made(256, 200, 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		policy        disclose.WebPPolicy
		body          []byte
		kind, outcome string
		saved         string
	}{
		"lossless":        {disclose.WebPMetadata, lossless, "image/webp", "marked", "a.webp"},
		"lossy":           {disclose.WebPMetadata, lossyWebP(t), "image/webp", "degraded; missing=image_mark", "a.webp"},
		"lossless, png":   {disclose.WebPToPNG, lossless, "image/webp", "marked", "a.webp"},
		"lossy, into png": {disclose.WebPToPNG, lossyWebP(t), "image/png", "marked", "a.png"},
	} {
		o, key := webpOptions(t, c.policy)
		srv := proxyTo(t, o, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/webp")
			w.Header().Set("Content-Disposition", `inline; filename="a.webp"`)
			w.Header().Set("Signature-Input", `s=("content-type");keyid="k"`)
			w.Header().Set("Signature", "s=:AA==:")
			_, _ = w.Write(c.body)
		}))
		got := ask(t, "GET", srv.URL+"/picture", "")
		h := got.Header
		if h.Get("Content-Type") != c.kind || h.Get("Avow-Outcome") != c.outcome || !strings.Contains(h.Get("Content-Disposition"), c.saved) {
			t.Errorf("%s: %q %q %q", name, h.Get("Content-Type"), h.Get("Avow-Outcome"), h.Get("Content-Disposition"))
		}
		if retyped := c.kind == "image/png"; (h.Get("Signature") == "") != retyped {
			t.Errorf("%s: signature %q", name, h.Get("Signature"))
		}
		if sniffed := http.DetectContentType(got.body); sniffed != c.kind {
			t.Errorf("%s: the body is %s", name, sniffed)
		}
		if c.outcome == "marked" {
			checkMark(t, name, got, key)
		}
	}
}

// checkMark reads the mark of a body that is a picture.
func checkMark(t *testing.T, name string, got answer, key watermark.Key) {
	t.Helper()
	img, err := webp.Decode(bytes.NewReader(got.body))
	if got.Header.Get("Content-Type") == "image/png" {
		img, err = pixels.Decode(got.body, pixels.PNG)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	found, err := watermark.Detect(context.Background(), img, nil, key)
	if err != nil || len(found) != 1 || found[0].Payload.String() != got.Header.Get("Avow-Id") {
		t.Errorf("%s: %+v, %v, want %s", name, found, err, got.Header.Get("Avow-Id"))
	}
}

func TestTypeOfHeadStays(t *testing.T) {
	o, _ := webpOptions(t, disclose.WebPToPNG)
	srv := proxyTo(t, o, typed("image/webp", string(lossyWebP(t))))
	if got := ask(t, "HEAD", srv.URL+"/picture", ""); got.Header.Get("Content-Type") != "image/webp" {
		t.Fatalf("Content-Type = %q", got.Header.Get("Content-Type"))
	}
}

func TestRenamed(t *testing.T) {
	for in, want := range map[string]string{
		`attachment; filename="a b.webp"`:             `attachment; filename="a b.png"`,
		`inline; filename=X.WEBP; size=3`:             `inline; filename=X.png; size=3`,
		`attachment; filename*=UTF-8''%e2%82%ac.webp`: `attachment; filename*=utf-8''%E2%82%AC.png`,
		`attachment; filename=a.png`:                  "",
		`attachment; filename=webp`:                   "",
		`attachment`:                                  "",
		`;;`:                                          "",
		``:                                            "",
		`attachment; filename="a.webp"; filename="b"`:   "",
		`attachment; filename="webp.webp.txt"; x=.webp`: "",
	} {
		if got, _ := renamed(in, ".png"); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestRetypeLeavesOtherTypes(t *testing.T) {
	h := http.Header{"Content-Type": {"application/octet-stream"}}
	retype(h, disclose.Result{MediaType: "image/png"})
	if got := h.Get("Content-Type"); got != "application/octet-stream" {
		t.Fatalf("Content-Type = %q", got)
	}
}

// TestAgentSendsPNG: the type of a picture that an agent sends follows it too.
func TestAgentSendsPNG(t *testing.T) {
	o := agentOptions(t, disclose.Standard)
	server, _ := webpOptions(t, disclose.WebPToPNG)
	o.Disclose.Key, o.Disclose.WebP = server.Disclose.Key, disclose.WebPToPNG
	client, address, got := agent(t, o)
	if err := post(t, client, address+"/messages", "image/webp", string(lossyWebP(t))); err != nil {
		t.Fatal(err)
	}
	if all := got(); len(all) != 1 || all[0].Header.Get("Content-Type") != "image/png" || http.DetectContentType([]byte(all[0].body)) != "image/png" {
		t.Fatalf("%d requests: %q", len(all), all[0].Header.Get("Content-Type"))
	}
}
