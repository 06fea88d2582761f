package cli

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/cmd/avow/internal/demo"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// A pictureCase is a picture that people come with, and what they are to be told.
type pictureCase struct {
	name  string
	image []byte
	want  disclose.Status
	cause disclose.Cause
	// record is the status of the report's record.
	record string
}

// TestPicturesComeBack sends a picture through the proxy, does to it what happens
// to pictures, and asks the service and its page about it.
func TestPicturesComeBack(t *testing.T) {
	newHome(t)
	text := startDemo(t)
	service := verifyURL.FindStringSubmatch(text)[1]
	head, body := post(t, strings.TrimSuffix(service, "/avow/v1/verify")+"/v1/images/generations", "application/json",
		`{"prompt":"a harbour in the morning","size":"768x768"}`)
	marked, id := generated(t, head.Get("Avow-Id"), body)
	for _, c := range []pictureCase{
		{"screenshot", asJPEG(t, screenshot(marked), 75), disclose.Verified, disclose.CauseRecordMatches, "match"},
		{"copied mark", asPNG(t, stamped(t, id)), disclose.Present, disclose.CausePossibleCopy, "possible_copy"},
		{"blurred", asJPEG(t, imaging.Blur(marked, 10), 85), disclose.Present, disclose.CauseFingerprintOnly, "match"},
		{"another picture", asPNG(t, demo.Paint("a forest at night", 768, 768, 3)), disclose.Absent, disclose.CauseNothingFound, "not_asked"},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, service) })
	}
}

func (c pictureCase) check(t *testing.T, service string) {
	_, answer := post(t, service, "image/jpeg", string(c.image))
	var r disclose.Report
	if err := json.Unmarshal(answer, &r); err != nil {
		t.Fatal(err)
	}
	if r.Verdict != c.want || r.Reason != c.cause || r.Record.Status != c.record {
		t.Errorf("verdict %s (%s), record %s; want %s (%s), %s\n%s", r.Verdict, r.Reason, r.Record.Status, c.want, c.cause, c.record, answer)
	}
	if known := c.record == "match"; known != (r.Record.System == "stand-in") {
		t.Errorf("record %+v", r.Record)
	}
}

// generated is the picture of an answer, and the id of its mark.
func generated(t *testing.T, ids string, body []byte) (image.Image, watermark.Payload) {
	t.Helper()
	var answer struct {
		Data []struct {
			B64 []byte `json:"b64_json"`
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Data) != 1 {
		t.Fatalf("answer %.200q: %v", body, err)
	}
	img, err := png.Decode(bytes.NewReader(answer.Data[0].B64))
	if err != nil {
		t.Fatal(err)
	}
	last := ids[strings.LastIndexByte(ids, ' ')+1:]
	id, err := watermark.ParsePayload(last)
	if err != nil {
		t.Fatal(err)
	}
	return img, id
}

// screenshot puts a picture on a page and shows the page smaller.
func screenshot(img image.Image) image.Image {
	b := img.Bounds()
	page := imaging.New(b.Dx()+180, b.Dy()+120, color.NRGBA{245, 245, 245, 255})
	page = imaging.Paste(page, img, image.Pt(70, 45))
	return imaging.Resize(page, page.Bounds().Dx()*8/10, 0, imaging.Lanczos)
}

// stamped is another picture that carries the mark of id: the worst copy, by
// somebody who has the key.
func stamped(t *testing.T, id watermark.Payload) image.Image {
	t.Helper()
	ring, _, err := keyring.Open("data/" + keyring.File)
	if err != nil {
		t.Fatal(err)
	}
	img, err := watermark.Embed(t.Context(), demo.Paint("a forest at night", 768, 768, 3), id, ring.Keys[0].Key(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func asJPEG(t *testing.T, img image.Image, quality int) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func asPNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
