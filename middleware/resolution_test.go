package middleware

import (
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/c2pa/validate"
	"github.com/avowai/avow/internal/pixels"
)

// TestPictureLeadsToItsManifest: a picture goes out through the proxy, loses
// everything but its pixels, and still leads to the manifest that was signed for it.
func TestPictureLeadsToItsManifest(t *testing.T) {
	signer, anchor := newTestSigner(t)
	plain := unmarked(t)
	d, err := disclose.NewDetector(disclose.DetectorOptions{Keys: []disclose.VerifyKey{{Key: markedKey(t)}}})
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(disclose.Strict)
	o.All, o.Disclose.Key, o.Disclose.Records = true, markedKey(t), disclose.NewMemoryRecords(10)
	o.Disclose.Provenance = &disclose.Provenance{Signer: signer}
	o.Verify = &VerifyOptions{Detector: d}
	srv := proxyTo(t, o, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(plain)
	}))
	out := ask(t, "GET", srv.URL+"/picture", "")
	wantStatus(t, out, http.StatusOK)
	img, err := pixels.Decode(out.body, pixels.PNG)
	if err != nil {
		t.Fatal(err)
	}
	stripped, err := pixels.EncodePNG(img)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := testClient.Post(srv.URL+"/avow/v1/matches/byContent", "image/png", strings.NewReader(string(stripped)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	_, rest, ok := strings.Cut(string(body), `"manifestId": "`)
	name, _, _ := strings.Cut(rest, `"`)
	if !ok || !strings.HasPrefix(name, "urn:c2pa:") {
		t.Fatalf("%s", body)
	}
	store := ask(t, "GET", srv.URL+"/avow/v1/manifests/"+name, "")
	wantStatus(t, store, http.StatusOK)
	wantHeader(t, store, "Content-Type", "application/c2pa")
	r, err := validate.Detached(t.Context(), store.body, out.body, validate.Options{Anchors: []*x509.Certificate{anchor}})
	if err != nil || r.Active == nil || r.Active.Label != name || len(r.Active.SoftBindings) != 1 {
		t.Fatalf("%v %+v", err, r)
	}
	byID := ask(t, "GET", srv.URL+"/avow/v1/manifests/"+out.Header.Get("Avow-Id"), "")
	if wantStatus(t, byID, http.StatusOK); string(byID.body) != string(store.body) {
		t.Error("the id leads to another manifest")
	}
	active := ask(t, "GET", srv.URL+"/avow/v1/manifests/"+name+"?returnActiveManifest=true", "")
	if wantStatus(t, active, http.StatusOK); string(active.body) != string(store.body) {
		t.Error("a store of one manifest is changed")
	}
}
