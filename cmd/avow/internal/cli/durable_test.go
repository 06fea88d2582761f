package cli

import (
	"bytes"
	"encoding/json"
	"html"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/cmd/avow/internal/config"
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
	proxy := startService(t, pictureBackend(t, collage(1, 768, 640)))
	head, body := post(t, proxy+"/v1/images/generations", "application/json", `{"prompt":"shapes"}`)
	marked, id := generated(t, head.Get("Avow-Id"), body)
	for _, c := range []pictureCase{
		{"screenshot", asJPEG(t, screenshot(marked), 75), disclose.Verified, disclose.CauseRecordMatches, "match"},
		{"copied mark", asPNG(t, stamped(t, collage(2, 768, 640), id)), disclose.Present, disclose.CausePossibleCopy, "possible_copy"},
		{"blurred", asJPEG(t, imaging.Blur(marked, 9), 85), disclose.Present, disclose.CauseFingerprintOnly, "match"},
		{"another picture", asPNG(t, collage(2, 768, 640)), disclose.Absent, disclose.CauseNothingFound, "not_asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.check(t, proxy+"/avow/v1/verify")
			if page := onPage(t, proxy+"/avow/verify", c.image); !strings.Contains(page, html.EscapeString(r.Summary)) {
				t.Errorf("the page does not say %q:\n%s", r.Summary, page)
			}
		})
	}
}

// startService serves the proxy in front of a backend until the test ends.
func startService(t *testing.T, backend http.Handler) (address string) {
	t.Helper()
	upstream := httptest.NewServer(backend)
	t.Cleanup(upstream.Close)
	a := &app{out: io.Discard, err: io.Discard, logFormat: "text", logLevel: "error", data: "data"}
	c := config.Default()
	c.Upstream, c.Provider, c.System = upstream.URL, "Example GmbH", "painter"
	s, err := a.newService(c, slog.New(slog.DiscardHandler), "proxy")
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(s.public)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		proxy.Close()
		a.closeLedger(s.ledger)
	})
	return proxy.URL
}

// pictureBackend answers as OpenAI Images does, always with the same picture.
func pictureBackend(t *testing.T, img image.Image) http.Handler {
	t.Helper()
	data := asPNG(t, img)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"created": 1, "data": []any{map[string]any{"b64_json": data}}})
	})
}

// collage is a picture of many soft shapes.
func collage(seed uint64, width, height int) *image.NRGBA {
	rng := rand.New(rand.NewPCG(seed, 1))
	img := imaging.New(width, height, color.NRGBA{120, 130, 140, 255})
	for range 60 {
		x, y, r := rng.IntN(width), rng.IntN(height), 20+rng.IntN(90)
		c := color.NRGBA{uint8(rng.IntN(256)), uint8(rng.IntN(256)), uint8(rng.IntN(256)), 255}
		for dy := -r; dy <= r; dy++ {
			for dx := -r; dx <= r; dx++ {
				if p := image.Pt(x+dx, y+dy); dx*dx+dy*dy < r*r && p.In(img.Rect) {
					img.SetNRGBA(p.X, p.Y, c)
				}
			}
		}
	}
	return imaging.Blur(img, 1.5)
}

// onPage sends a picture by the page's form, as a browser without scripts does.
func onPage(t *testing.T, address string, picture []byte) string {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "picture.jpg")
	if err == nil {
		_, err = part.Write(picture)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	_, page := post(t, address, form.FormDataContentType(), body.String())
	return string(page)
}

func (c pictureCase) check(t *testing.T, service string) disclose.Report {
	t.Helper()
	_, answer := post(t, service, "image/jpeg", string(c.image))
	var r disclose.Report
	if err := json.Unmarshal(answer, &r); err != nil {
		t.Fatal(err)
	}
	if r.Verdict != c.want || r.Reason != c.cause || r.Record.Status != c.record {
		t.Errorf("verdict %s (%s), record %s; want %s (%s), %s\n%s", r.Verdict, r.Reason, r.Record.Status, c.want, c.cause, c.record, answer)
	}
	if known := c.record == "match"; known != (r.Record.System == "painter") {
		t.Errorf("record %+v", r.Record)
	}
	return r
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
func stamped(t *testing.T, on image.Image, id watermark.Payload) image.Image {
	t.Helper()
	ring, _, err := keyring.Open("data/" + keyring.File)
	if err != nil {
		t.Fatal(err)
	}
	img, err := watermark.Embed(t.Context(), on, id, ring.Keys[0].Key(), nil)
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
