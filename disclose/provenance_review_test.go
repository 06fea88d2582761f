package disclose

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/textwrap"
	"github.com/avowai/avow/watermark"
)

var pngOutput = Output{ContentType: "image/png", Shape: ShapeImage}

// signedPNG is a picture signed by another deployment.
func signedPNG(t *testing.T, size int, seed uint64) string {
	t.Helper()
	theirs, _ := newTestProvenance(t)
	m := newTestMarker(t, func(o *Options) { o.Provenance, o.Now = theirs, nil })
	signed, _, err := mark(t, m, pngOutput, string(testPNG(t, size, size, seed)), 0)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestFailuresOnASignedPicture: strict withholds it like any other picture whose
// marks failed; standard sends it as it came, and says what is missing.
func TestFailuresOnASignedPicture(t *testing.T) {
	signed := signedPNG(t, 320, 21)
	p, _ := newTestProvenance(t)
	expired := &Provenance{Signer: &c2pa.Signer{Key: p.Signer.Key, Chain: p.Signer.Chain}}
	for name, change := range map[string]func(*Options){
		"signer":  func(o *Options) { o.Provenance = expired },
		"timeout": func(o *Options) { o.Provenance, o.MarkTimeout = p, time.Nanosecond },
	} {
		for _, profile := range []Profile{Strict, Standard} {
			expired.Signer.Now = nil
			m := newTestMarker(t, func(o *Options) { o.Key, o.Profile, o.Now = newTestKey(t), profile, nil; change(o) })
			expired.Signer.Now = func() time.Time { return time.Now().Add(1000 * 24 * time.Hour) }
			got, w, err := mark(t, m, pngOutput, signed, 0)
			var held *Withheld
			if profile == Strict && (!errors.As(err, &held) || held.Reason != ReasonMarkerError || held.Err == nil || got != "") {
				t.Errorf("%s, strict: %v, %d bytes, %s", name, err, len(got), OutcomeValue(w.Result()))
			}
			if profile == Standard && (err != nil || got != signed || OutcomeValue(w.Result()) != "degraded; missing=image_mark,metadata,manifest") {
				t.Errorf("%s, standard: %v, changed %v, %s", name, err, got != signed, OutcomeValue(w.Result()))
			}
		}
	}
}

// TestAlreadyMarkedKeepsItsID: what the answer says of a picture that carries a
// mark already is the id in it, and its record stays.
func TestAlreadyMarkedKeepsItsID(t *testing.T) {
	p, _ := newTestProvenance(t)
	for name, provenance := range map[string]*Provenance{"signed": p, "unsigned": nil} {
		records := NewMemoryRecords(10)
		m := newTestMarker(t, func(o *Options) { o.Key, o.Provenance, o.Records, o.Now = newTestKey(t), provenance, records, nil })
		once, _, err := mark(t, m, pngOutput, string(testPNG(t, 320, 320, 22)), 0)
		if err != nil {
			t.Fatal(err)
		}
		was, err := records.ByID(context.Background(), testID)
		if err != nil {
			t.Fatal(err)
		}
		for kind, c := range map[string]struct {
			out  Output
			text string
		}{
			"body": {pngOutput, once},
			"json": {Output{ContentType: "application/json", Shape: ShapeOpenAIImages}, `{"data":[{"b64_json":"` + base64.StdEncoding.EncodeToString([]byte(once)) + `"}]}`},
		} {
			var dst bytes.Buffer
			w := m.NewWriter(context.Background(), &dst, c.out)
			if _, err := w.Write([]byte(c.text)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatalf("%s %s: %v", name, kind, err)
			}
			res := w.Result()
			r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{{Key: newTestKey(t)}}, Records: records}, dst.Bytes(),
				Source{Header: map[string][]string{"AI-Disclosure": {res.Label.HeaderValue()}, "Avow-Id": {FormatIDs(res.IDs)}}})
			if r.Verdict != Verified || r.Reason != CauseRecordMatches {
				t.Errorf("%s %s: %s %s, ids %s\n%.300s", name, kind, r.Verdict, r.Reason, FormatIDs(res.IDs), dst.Bytes())
			}
			if is, err := records.ByID(context.Background(), testID); err != nil || is.Recorded != was.Recorded || is.SHA256 != was.SHA256 {
				t.Errorf("%s %s: %v, the record was written over: %+v", name, kind, err, is)
			}
			if kind == "json" {
				t.Logf("%.400s", dst.Bytes())
				if _, err := records.ByID(context.Background(), w.label.ID); err != nil {
					t.Errorf("%s: the answer has no record: %v", name, err)
				}
			}
		}
	}
}

// TestDueLabelOnASignedPicture: the signature of this deployment is no reason to
// leave a label out that is due.
func TestDueLabelOnASignedPicture(t *testing.T) {
	p, _ := newTestProvenance(t)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Provenance, o.Records, o.Now = newTestKey(t), p, NewMemoryRecords(10), nil })
	once, _, err := mark(t, m, pngOutput, string(testPNG(t, 512, 512, 23)), 0)
	if err != nil {
		t.Fatal(err)
	}
	out := pngOutput
	out.Publication = &Publication{Deepfake: DeepfakeTrue}
	var dst bytes.Buffer
	w := m.NewWriter(context.Background(), &dst, out)
	if _, err := w.Write([]byte(once)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || !hasMark(w, CarrierVisibleLabel) {
		t.Errorf("%v %s", err, OutcomeValue(w.Result()))
	}
}

// TestTwoMarksAndOneManifest: a picture marked under an old key and again under a
// new one agrees with a manifest that names either.
func TestTwoMarksAndOneManifest(t *testing.T) {
	p, anchor := newTestProvenance(t)
	old, key := newTestKey(t), mustKey(t)
	first := newTestMarker(t, func(o *Options) { o.Key, o.Now = old, nil })
	once, _, err := mark(t, first, pngOutput, string(testPNG(t, 768, 768, 24)), 0)
	if err != nil {
		t.Fatal(err)
	}
	second := newTestMarker(t, func(o *Options) { o.Key, o.Provenance, o.Now = key, p, nil })
	var dst bytes.Buffer
	w := second.NewWriter(context.Background(), &dst, pngOutput)
	if _, err := w.Write([]byte(once)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]VerifyKey{{{Key: old}, {Key: key}}, {{Key: key}, {Key: old}}, {{Key: key}}} {
		o := DetectorOptions{Keys: keys, Trust: Trust{Roots: []*x509.Certificate{anchor}}}
		r := mustInspect(t, o, dst.Bytes(), Source{Header: map[string][]string{"Avow-Id": {FormatIDs(w.Result().IDs)}}})
		if r.Verdict != Verified {
			t.Errorf("%s %s %+v", r.Verdict, r.Reason, finding(r, CarrierImageMark))
		}
	}
}

func mustKey(t *testing.T) watermark.Key {
	t.Helper()
	k, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestWrappedTextOfOthers: a text that carries a manifest already is no failure
// of ours.
func TestWrappedTextOfOthers(t *testing.T) {
	theirs, _ := newTestProvenance(t)
	theirs.TextWrapper = true
	first := newTestMarker(t, func(o *Options) { o.Provenance, o.Now = theirs, nil })
	out := Output{ContentType: "text/plain", Whole: true}
	once, _, err := mark(t, first, out, "Hello.", 0)
	if err != nil {
		t.Fatal(err)
	}
	twice, w, err := mark(t, first, out, once, 0)
	if err != nil || twice != once {
		t.Errorf("%v %s", err, OutcomeValue(w.Result()))
	}
	two := string(textwrap.Append([]byte(once), []byte("12345678")))
	got, w, err := mark(t, first, out, two, 0)
	if err != nil || got != two {
		t.Errorf("with two: %v %s", err, OutcomeValue(w.Result()))
	}
	if got, w, err := mark(t, first, out, "", 0); err != nil || got != "" {
		t.Errorf("of nothing: %v %s %q", err, OutcomeValue(w.Result()), got)
	}
}

// TestMarkUnderAParent: another deployment marked and signed the picture again.
// The mark that was in it before is no contradiction to its manifest.
func TestMarkUnderAParent(t *testing.T) {
	theirs, _ := newTestProvenance(t)
	ours, _ := newTestProvenance(t)
	key := newTestKey(t)
	first := newTestMarker(t, func(o *Options) { o.Key, o.Provenance, o.Now = key, ours, nil })
	once, _, err := mark(t, first, pngOutput, string(testPNG(t, 768, 768, 26)), 0)
	if err != nil {
		t.Fatal(err)
	}
	second := newTestMarker(t, func(o *Options) { o.Key, o.Provenance, o.Now = mustKey(t), theirs, nil })
	var dst bytes.Buffer
	w := second.NewWriter(context.Background(), &dst, pngOutput)
	if _, err := w.Write([]byte(once)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || !hasMark(w, CarrierManifest) {
		t.Fatalf("%v %s", err, OutcomeValue(w.Result()))
	}
	r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{{Key: key}}}, dst.Bytes(), Source{})
	if mark := finding(r, CarrierImageMark); r.Verdict != Verified || mark.ID != testID.String() {
		t.Errorf("%s %s %+v %+v", r.Verdict, r.Reason, mark, finding(r, CarrierManifest))
	}
}

// TestStoredManifestsAreSignedOnce: many who ask at one time cost one signature.
func TestStoredManifestsAreSignedOnce(t *testing.T) {
	p, _ := newTestProvenance(t)
	p.Manifests = &url.URL{Path: "/avow/v1/manifests"}
	var stamps atomic.Int32
	p.Signer.Stamp = func(ctx context.Context, _ []byte) ([]byte, error) {
		stamps.Add(1)
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
		return nil, errors.New("down")
	}
	m := newTestMarker(t, func(o *Options) { o.Provenance, o.Records, o.Now = p, NewMemoryRecords(10), nil })
	_, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, chatAnswer, 0)
	if err != nil {
		t.Fatal(err)
	}
	if at := w.Result().Manifest; at != "/avow/v1/manifests/"+testID.String() {
		t.Errorf("at %s", at)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := m.StoredManifest(context.Background(), testID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := stamps.Load(); n != 1 {
		t.Errorf("%d time stamps asked for", n)
	}
}

// TestNoSecondManifestOfAWrappedText: the one that it holds is enough.
func TestNoSecondManifestOfAWrappedText(t *testing.T) {
	p, _ := newTestProvenance(t)
	p.Manifests, p.TextWrapper = &url.URL{Path: "/m/"}, true
	m := newTestMarker(t, func(o *Options) { o.Provenance, o.Records, o.Now = p, NewMemoryRecords(10), nil })
	_, w, err := mark(t, m, Output{ContentType: "text/plain", Whole: true}, "Hello.", 0)
	if err != nil || w.Result().Manifest != "" {
		t.Fatal(err, w.Result().Manifest)
	}
	if _, err := m.StoredManifest(context.Background(), testID); !errors.Is(err, ErrNoManifest) {
		t.Errorf("%v, want ErrNoManifest", err)
	}
}

// TestNothingIsSignedWhereManifestsAreOff: who knows the id of an output marked
// without a manifest, as on a route that has them off, gets none signed.
func TestNothingIsSignedWhereManifestsAreOff(t *testing.T) {
	p, _ := newTestProvenance(t)
	p.Manifests = &url.URL{Path: "/m/"}
	m := newTestMarker(t, func(o *Options) { o.Provenance, o.Records, o.Now = p, NewMemoryRecords(10), nil })
	carriers := NewCarrierSet(CarrierHeader, CarrierField, CarrierNotice)
	out := Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Carriers: &carriers}
	_, w, err := mark(t, m, out, chatAnswer, 0)
	if err != nil || w.Result().Manifest != "" {
		t.Fatal(err, w.Result().Manifest)
	}
	if _, err := m.StoredManifest(context.Background(), testID); !errors.Is(err, ErrNoManifest) {
		t.Errorf("%v, want ErrNoManifest", err)
	}
}

// TestSigningIsBounded: who asks for many manifests at one time is told so.
func TestSigningIsBounded(t *testing.T) {
	var s storedManifests
	wait := make(chan struct{})
	var began, done sync.WaitGroup
	for i := range maxSigning {
		began.Add(1)
		done.Go(func() {
			_, err := s.sign(watermark.Payload{1, byte(i)}, func() ([]byte, error) {
				began.Done()
				<-wait
				return []byte{1}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	began.Wait()
	if _, err := s.sign(watermark.Payload{2}, func() ([]byte, error) { return nil, nil }); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v, want ErrBusy", err)
	}
	close(wait)
	done.Wait()
	if _, err := s.sign(watermark.Payload{2}, func() ([]byte, error) { return []byte{1}, nil }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestPanicLeavesNoClaims: what is sent as it came is not recorded as marked.
func TestPanicLeavesNoClaims(t *testing.T) {
	p, _ := newTestProvenance(t)
	p.TextWrapper = true
	p.Signer.Stamp = func(context.Context, []byte) ([]byte, error) { panic("no stamp") }
	records := NewMemoryRecords(10)
	for name, c := range map[string]struct {
		out  Output
		text string
	}{
		"text":  {Output{ContentType: "text/plain", Whole: true}, prose(40)},
		"media": {Output{ContentType: "audio/wav"}, wavFile(800)},
		"image": {pngOutput, string(testPNG(t, 320, 320, 27))},
	} {
		m := newTestMarker(t, func(o *Options) {
			o.Key, o.Provenance, o.Records, o.Profile, o.Now = newTestKey(t), p, records, Standard, nil
		})
		got, w, err := mark(t, m, c.out, c.text, 0)
		res := w.Result()
		if err != nil || got != c.text || res.Outcome != OutcomeDegraded || res.Notice {
			t.Errorf("%s: %v, changed %v, %s, notice %v", name, err, got != c.text, OutcomeValue(res), res.Notice)
		}
		if r, err := records.ByID(context.Background(), testID); err != nil || len(r.Carriers) != 1 || r.Language != "" {
			t.Errorf("%s: recorded %v %q, %v", name, r.Carriers, r.Language, err)
		}
	}
}
