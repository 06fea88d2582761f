package disclose

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/disclose/c2pa/validate"
	"github.com/avowai/avow/watermark"
	"github.com/avowai/avow/watermark/textmark"
)

// newTestProvenance signs with a certificate made for the test, and returns its
// root.
func newTestProvenance(t testing.TB) (*Provenance, *x509.Certificate) {
	t.Helper()
	root, leaf, key, err := c2pa.NewDevelopment(time.Now(), "Example GmbH")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := c2pa.LoadSigner(leaf, key)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(root)
	anchor, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return &Provenance{Signer: signer}, anchor
}

func TestImagesAreSigned(t *testing.T) {
	key := newTestKey(t)
	p, anchor := newTestProvenance(t)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Provenance, o.Now = key, p, nil })
	got, w, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage}, string(testPNG(t, 320, 256, 5)), 0)
	if err != nil || w.Result().Outcome != OutcomeMarked || !hasMark(w, CarrierManifest) {
		t.Fatalf("%v %+v", err, w.Result())
	}
	for trusted, trust := range map[bool]Trust{true: {Roots: []*x509.Certificate{anchor}}, false: {}} {
		r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{{Key: key}}, Trust: trust}, []byte(got), Source{})
		mark, manifest := finding(r, CarrierImageMark), finding(r, CarrierManifest)
		if r.Verdict != Verified || mark.ID != testID.String() || manifest.ID != mark.ID || !strings.Contains(manifest.Detail, "a development certificate") {
			t.Errorf("%s %s\n%+v\n%+v", r.Verdict, r.Reason, mark, manifest)
		}
		if want := map[bool]Status{true: Verified, false: Present}[trusted]; manifest.Status != want {
			t.Errorf("manifest %s with the anchor %v, want %s", manifest.Status, trusted, want)
		}
	}
	broken := []byte(got)
	broken[len(broken)-20] ^= 1 // in the pixels' data
	if r, err := validate.Asset(context.Background(), broken, validate.Options{}); err != nil || r.State != validate.Invalid {
		t.Errorf("a changed picture: %v %v", r.State, err)
	}
	again, w, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage}, got, 0)
	if err != nil || again != got || w.Result().Reason != ReasonAlreadyMarked {
		t.Errorf("marked again: %v, %+v", err, w.Result())
	}
}

// TestForeignManifestBecomesAParent: nothing of it is dropped.
func TestForeignManifestBecomesAParent(t *testing.T) {
	theirs, _ := newTestProvenance(t)
	ours, anchor := newTestProvenance(t)
	first := newTestMarker(t, func(o *Options) { o.Provenance, o.System, o.Now = theirs, "their system", nil })
	signed, _, err := mark(t, first, Output{ContentType: "image/png", Shape: ShapeImage}, string(testPNG(t, 320, 256, 6)), 0)
	if err != nil {
		t.Fatal(err)
	}
	was, err := container.Find([]byte(signed))
	if err != nil || was.Store == nil {
		t.Fatal("not signed")
	}
	key := newTestKey(t)
	second := newTestMarker(t, func(o *Options) { o.Key, o.Provenance, o.Now = key, ours, nil })
	got, w, err := mark(t, second, Output{ContentType: "image/png", Shape: ShapeImage}, signed, 0)
	if err != nil || w.Result().Outcome != OutcomeMarked {
		t.Fatalf("%v %+v", err, w.Result())
	}
	r, err := validate.Asset(context.Background(), []byte(got), validate.Options{Anchors: []*x509.Certificate{anchor}})
	if err != nil || r.State != validate.Trusted {
		t.Fatalf("%v %v %+v", err, r.State, r.Statuses)
	}
	if len(r.Active.Ingredients) != 1 || r.Active.Ingredients[0].Relation != "parentOf" || r.Active.Ingredients[0].State < validate.Valid {
		t.Errorf("ingredients = %+v", r.Active.Ingredients)
	}
	now, err := container.Find([]byte(got))
	if err != nil || !bytes.Contains(now.Store, was.Store[bytes.Index(was.Store, []byte("c2ma"))+16:][:1000]) {
		t.Error("the parent's manifest is not there any more")
	}
	unsigned := newTestMarker(t, func(o *Options) { o.Key = key })
	if left, w, err := mark(t, unsigned, Output{ContentType: "image/png", Shape: ShapeImage}, signed, 0); err != nil || left != signed || w.Result().Reason != ReasonForeignManifest {
		t.Errorf("without a signer: %v %+v", err, w.Result())
	}
}

// TestStoredManifests: what cannot hold a manifest has one beside it, over the
// bytes that were delivered.
func TestStoredManifests(t *testing.T) {
	p, anchor := newTestProvenance(t)
	p.Manifests = &url.URL{Path: "/avow/v1/manifests/"}
	records := NewMemoryRecords(10)
	m := newTestMarker(t, func(o *Options) { o.Provenance, o.Records, o.Now = p, records, nil })
	for name, c := range map[string]struct {
		out  Output
		text string
	}{
		"stream": {Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat}, chatStream},
		"json":   {Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, chatAnswer},
		"text":   {Output{ContentType: "text/plain"}, "Hello"},
		"page":   {Output{ContentType: "text/html"}, "<!doctype html><html><head></head><body><p>Hi</p></body></html>"},
	} {
		got, w, err := mark(t, m, c.out, c.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		address := "/avow/v1/manifests/" + testID.String()
		if res := w.Result(); res.Manifest != address {
			t.Errorf("%s: manifest at %q", name, res.Manifest)
		}
		if linked := strings.Contains(got, `<link rel="c2pa-manifest" type="application/c2pa" href="`+address+`"/>`); linked != (name == "page") {
			t.Errorf("%s: linked %v", name, linked)
		}
		m.manifests.byID, m.manifests.order = nil, nil
		store, err := m.StoredManifest(context.Background(), testID)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again, err := m.StoredManifest(context.Background(), testID); err != nil || !bytes.Equal(again, store) {
			t.Errorf("%s: asked again: %v", name, err)
		}
		r, err := validate.Detached(context.Background(), store, []byte(got), validate.Options{Anchors: []*x509.Certificate{anchor}})
		if err != nil || r.State != validate.Trusted {
			t.Errorf("%s: %v %v %+v", name, err, r.State, r.Statuses)
		}
		if r, err := validate.Detached(context.Background(), store, []byte(got+" "), validate.Options{}); err != nil || r.State != validate.Invalid {
			t.Errorf("%s, changed: %v %v", name, err, r.State)
		}
	}
	if _, err := m.StoredManifest(context.Background(), watermark.Payload{1}); !errors.Is(err, ErrNoManifest) {
		t.Errorf("of an unknown output: %v", err)
	}
}

// TestStoredManifestsAreBounded: who asks for many makes the oldest go.
func TestStoredManifestsAreBounded(t *testing.T) {
	var s storedManifests
	for i := range maxStored + 10 {
		s.put(watermark.Payload{byte(i), byte(i >> 8)}, []byte{1})
	}
	if len(s.byID) != maxStored || len(s.order) != maxStored || s.get(watermark.Payload{0}) != nil {
		t.Fatalf("%d kept", len(s.byID))
	}
}

// TestASlowAuthorityCostsTheStampAlone.
func TestASlowAuthorityCostsTheStampAlone(t *testing.T) {
	p, _ := newTestProvenance(t)
	p.StampTimeout = 20 * time.Millisecond
	p.Signer.Stamp = func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	m := newTestMarker(t, func(o *Options) { o.Provenance, o.Now = p, nil })
	_, w, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage}, string(testPNG(t, 64, 64, 7)), 0)
	if err != nil || !hasMark(w, CarrierManifest) || OutcomeValue(w.Result()) != "degraded; missing=timestamp" {
		t.Fatalf("%v %s %+v", err, OutcomeValue(w.Result()), w.Result())
	}
}

// TestWrappedText: a text that is there at once carries its manifest, if asked.
func TestWrappedText(t *testing.T) {
	p, anchor := newTestProvenance(t)
	p.TextWrapper = true
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Provenance, o.Now = key, p, nil })
	for name, text := range map[string]string{"short": "Hello.", "long": prose(40), "decomposed": "Cafe\u0301, ol\u00e9."} {
		got, w, err := mark(t, m, Output{ContentType: "text/plain", Whole: true}, text, 0)
		if err != nil || !hasMark(w, CarrierManifest) || !strings.HasPrefix(textmark.Strip(got, key), englishNotice+NoticeSeparator+text) {
			t.Fatalf("%s: %v %+v", name, err, w.Result())
		}
		o := DetectorOptions{Keys: []VerifyKey{{Key: key}}, Trust: Trust{Roots: []*x509.Certificate{anchor}}}
		r := mustInspect(t, o, []byte(got), Source{ContentType: "text/plain"})
		if f := finding(r, CarrierManifest); f.Status != Verified || r.Verdict != Verified || r.Reason != CauseSignatureTrusted {
			t.Errorf("%s: %s %s %+v", name, r.Verdict, r.Reason, f)
		}
		edited := strings.Replace(got, "o", "0", 1)
		if f := finding(mustInspect(t, o, []byte(edited), Source{ContentType: "text/plain"}), CarrierManifest); f.Status != Invalid {
			t.Errorf("%s, edited: %+v", name, f)
		}
	}
}
