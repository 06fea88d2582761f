package cli

import (
	"bytes"
	"image/png"
	"net/http"
	"os"
	"testing"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/pixels"
)

// TestWebP: lossless files carry the mark and stay WebP, lossy ones get XMP and a manifest.
func TestWebP(t *testing.T) {
	lossy, err := os.ReadFile("../../../../disclose/testdata/lossy.webp")
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(picture(320)))
	if err != nil {
		t.Fatal(err)
	}
	lossless, err := pixels.EncodeWebP(img)
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t)
	h.write("whole.webp", lossless)
	h.write("lossy.webp", lossy)
	const id = "9f3c52d07ab1e644"
	h.run("mark", "--id", id, "whole.webp").want(exitOK, "", "marked, id "+id+" -> whole.avow.webp")
	rep := reportOf(t, h.run("verify", "--json", "whole.avow.webp").want(exitOK, "", ""))
	if rep.Verdict != disclose.Verified || imageID(rep) != id || http.DetectContentType(h.read("whole.avow.webp")) != "image/webp" {
		t.Errorf("verdict %s, id %q, want verified, %s", rep.Verdict, imageID(rep), id)
	}
	h.run("mark", "lossy.webp").want(exitOK, "", "degraded; missing=image_mark")
	h.run("verify", "lossy.avow.webp").want(exitOK, "present (signature_untrusted)", "")
}
