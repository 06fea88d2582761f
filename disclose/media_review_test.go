package disclose

import (
	"crypto/x509"
	"encoding/binary"
	"errors"
	"net/url"
	"strings"
	"testing"
)

// wavFile is a WAV of n silent samples.
func wavFile(n int) string {
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(36+n))...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data"...)
	return string(binary.LittleEndian.AppendUint32(b, uint32(n))) + strings.Repeat("\x80", n)
}

func mp4Box(kind string, body string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))) + kind + body
}

var (
	mp3File = strings.Repeat("\xFF\xFB\x90\x00"+strings.Repeat("\x00", 413), 20)
	mp4File = mp4Box("ftyp", "isom\x00\x00\x02\x00isom") + mp4Box("moov", "") + mp4Box("mdat", strings.Repeat("\x01", 500))
	// fragmentedMP4 is built such that nothing can be inserted.
	fragmentedMP4 = mp4Box("ftyp", "isom\x00\x00\x02\x00isom") + mp4Box("moov", mp4Box("mvex", "")) + mp4Box("moof", mp4Box("traf", mp4Box("tfhd", "\x00"))) + mp4Box("mdat", strings.Repeat("\x01", 500))
)

// TestMediaAreSigned: what is verified of sound and video, and what is not.
func TestMediaAreSigned(t *testing.T) {
	p, anchor := newTestProvenance(t)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Provenance, o.Now = newTestKey(t), p, nil })
	for mediaType, file := range map[string]string{"audio/wav": wavFile(800), "audio/mpeg": mp3File, "video/mp4": mp4File} {
		got, w, err := mark(t, m, Output{ContentType: mediaType}, file, 100)
		if err != nil || OutcomeValue(w.Result()) != "marked" || !hasMark(w, CarrierManifest) {
			t.Errorf("%s: %v %s", mediaType, err, OutcomeValue(w.Result()))
			continue
		}
		trusted := DetectorOptions{Trust: Trust{Roots: []*x509.Certificate{anchor}}}
		if r := mustInspect(t, trusted, []byte(got), Source{}); r.Verdict != Verified || r.Reason != CauseSignatureTrusted {
			t.Errorf("%s: %s %s %+v", mediaType, r.Verdict, r.Reason, finding(r, CarrierManifest))
		}
		if r := mustInspect(t, DetectorOptions{}, []byte(got), Source{}); r.Verdict != Present || !strings.Contains(finding(r, CarrierManifest).Detail, "a development certificate") {
			t.Errorf("%s, no anchor: %s %s %+v", mediaType, r.Verdict, r.Reason, finding(r, CarrierManifest))
		}
		broken := []byte(got)
		broken[strings.LastIndexByte(got, file[len(file)-1])] ^= 1
		if r := mustInspect(t, trusted, broken, Source{}); r.Verdict != Invalid {
			t.Errorf("%s, changed: %s %s", mediaType, r.Verdict, r.Reason)
		}
		if r := mustInspect(t, trusted, []byte(file), Source{ContentType: mediaType}); r.Verdict != Absent {
			t.Errorf("%s, unsigned: %s %s", mediaType, r.Verdict, r.Reason)
		}
		again, w, err := mark(t, m, Output{ContentType: mediaType}, got, 0)
		if err != nil || again != got || w.Result().Reason != ReasonForeignManifest {
			t.Errorf("%s, signed already: %v %s", mediaType, err, OutcomeValue(w.Result()))
		}
	}
}

// TestMediaThatCannotBeSigned: no file that a manifest has no place in is
// withheld, unless it is required; one that broke off is.
func TestMediaThatCannotBeSigned(t *testing.T) {
	p, _ := newTestProvenance(t)
	m := newTestMarker(t, func(o *Options) { o.Provenance, o.Now, o.MaxHeld = p, nil, 2000 })
	for name, c := range map[string]struct {
		mediaType, file, want string
	}{
		"too large":  {"audio/wav", wavFile(4000), "degraded; missing=manifest"},
		"no media":   {"audio/wav", "hello", "degraded; missing=manifest"},
		"fragmented": {"video/mp4", fragmentedMP4, "degraded; missing=manifest"},
		"cut":        {"audio/wav", wavFile(800)[:500], "withheld"},
	} {
		got, w, err := mark(t, m, Output{ContentType: c.mediaType}, c.file, 100)
		if is := OutcomeValue(w.Result()); is != c.want || (err == nil) != (c.want != "withheld") || err == nil && got != c.file {
			t.Errorf("%s: %s, want %s: %v", name, is, c.want, err)
		}
		out := Output{ContentType: c.mediaType, Require: NewCarrierSet(CarrierManifest)}
		var held *Withheld
		if got, w, err := mark(t, m, out, c.file, 100); !errors.As(err, &held) || got != "" {
			t.Errorf("%s, required: %v %s", name, err, OutcomeValue(w.Result()))
		}
	}
}

// TestOneManifestLinkOfAPage: several count as none, so that whoever linked one
// before us keeps it.
func TestOneManifestLinkOfAPage(t *testing.T) {
	p, _ := newTestProvenance(t)
	p.Manifests = &url.URL{Path: "/m/"}
	m := newTestMarker(t, func(o *Options) { o.Provenance, o.Records, o.Now = p, NewMemoryRecords(10), nil })
	for name, c := range map[string]struct {
		head string
		ours bool
	}{
		"none":        {`<link rel="icon" href="x">`, true},
		"link":        {`<link href="x" rel="c2pa-manifest">`, false},
		"upper case":  {`<LINK REL='stylesheet C2PA-Manifest' href=x>`, false},
		"script":      {`<script type="application/c2pa">AAAA</script>`, false},
		"in template": {`<template><link rel="c2pa-manifest" href="x"></template>`, true},
	} {
		page := "<!doctype html><html><head>" + c.head + "</head><body><p>Hi</p></body></html>"
		once, w, err := mark(t, m, Output{ContentType: "text/html"}, page, 1)
		if err != nil || strings.Contains(once, `href="/m/`) != c.ours {
			t.Errorf("%s: %v\n%s", name, err, once)
		}
		if w.Result().Manifest == "" {
			t.Errorf("%s: the answer names no manifest", name)
		}
		twice, _, err := mark(t, m, Output{ContentType: "text/html"}, once, 0)
		if n := strings.Count(twice, `href="/m/`); err != nil || c.ours && n != 1 || !c.ours && n != 0 {
			t.Errorf("%s, twice: %v, %d links", name, err, n)
		}
	}
}

// TestSecondHopOfXHTML: what a tag that closes itself says counts too.
func TestSecondHopOfXHTML(t *testing.T) {
	m := newTestMarker(t, nil)
	out := Output{ContentType: "application/xhtml+xml"}
	once, _, err := mark(t, m, out, `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body><p>Hi</p></body></html>`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if twice, _, err := mark(t, m, out, once, 0); err != nil || twice != once {
		t.Errorf("%v\n%s\n%s", err, once, twice)
	}
}
