package disclose

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/webp"

	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/watermark"
)

func losslessWebP(t testing.TB, m image.Image) []byte {
	t.Helper()
	data, err := pixels.EncodeWebP(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// lossyWebP is a file of 256 x 250 pixels that cwebp made of corpus.Made.
func lossyWebP(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func riffChunk(kind string, body []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)))
	if out = append(out, body...); len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func riffOf(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// canvas is a VP8X chunk.
func canvas(flags byte, w, h int) []byte {
	body := binary.LittleEndian.AppendUint32([]byte{flags, 0, 0, 0}, uint32(w-1))[:7]
	return riffChunk("VP8X", binary.LittleEndian.AppendUint32(body, uint32(h-1))[:10])
}

// extended is a lossless file with a colour profile, Exif and a chunk of others.
func extended(t testing.TB, m image.Image) []byte {
	t.Helper()
	return riffOf(canvas(0x28, m.Bounds().Dx(), m.Bounds().Dy()), riffChunk("ICCP", []byte("profile")), losslessWebP(t, m)[12:],
		riffChunk("EXIF", []byte("MM\x00*\x00\x00\x00\x08")), riffChunk("oth ", []byte("kept")))
}

// seeThrough is a picture whose right half fades away.
func seeThrough(w, h int) image.Image {
	m := corpus.Made(w, h, 5)
	for i := range w * h {
		if x := i % w; x > w/2 {
			m.Pix[4*i+3] = uint8(255 * (w - x) / w)
		}
	}
	return m
}

// animated is a file of one frame.
func animated(t testing.TB, w, h int) []byte {
	t.Helper()
	frame := binary.LittleEndian.AppendUint32(make([]byte, 6), uint32(w-1))[:9]
	frame = append(binary.LittleEndian.AppendUint32(frame, uint32(h-1))[:12], 100, 0, 0, 0)
	frame = append(frame, losslessWebP(t, corpus.Made(w, h, 1))[12:]...)
	return riffOf(canvas(0x02, w, h), riffChunk("ANIM", make([]byte, 6)), riffChunk("ANMF", frame))
}

func carries(t *testing.T, m image.Image, key watermark.Key, id watermark.Payload) bool {
	t.Helper()
	found, err := watermark.Detect(context.Background(), m, nil, key)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(found, func(d watermark.Detection) bool { return d.Found && d.Payload == id })
}

func TestLosslessWebP(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	for name, file := range map[string][]byte{
		"odd": losslessWebP(t, corpus.Made(257, 203, 5)), "see-through": losslessWebP(t, seeThrough(300, 200)),
		"extended": extended(t, corpus.Made(256, 256, 5)), "extended see-through": extended(t, seeThrough(256, 256)),
	} {
		t.Run(name, func(t *testing.T) {
			res := m.images.mark(context.Background(), file, testLabel(t, m, testID), imageCarriers, nil)
			if r := reasons(res); len(r) != 2 || r[CarrierImageMark] != ReasonNone || r[CarrierMetadata] != ReasonNone || res.missing != 0 || res.png {
				t.Fatalf("%v, missing %v", r, res.missing.List())
			}
			before, err := webp.Decode(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			after, err := webp.Decode(bytes.NewReader(res.data))
			if err != nil || after.Bounds() != before.Bounds() || !carries(t, after, key, testID) {
				t.Fatalf("%v: no mark in %v", err, after.Bounds())
			}
			if a, b := before.(*image.NRGBA), after.(*image.NRGBA); !sameAlpha(a, b) {
				t.Error("alpha has changed")
			}
			if f, err := imagemeta.Read(res.data); err != nil || f.GUID != testID.String() {
				t.Errorf("XMP: %+v, %v", f, err)
			}
			for _, part := range []string{"profile", "MM\x00*", "kept"} {
				if bytes.Contains(file, []byte(part)) != bytes.Contains(res.data, []byte(part)) {
					t.Errorf("%q was lost", part)
				}
			}
			readsWithLibwebp(t, res.data)
		})
	}
}

func sameAlpha(a, b *image.NRGBA) bool {
	for i := 3; i < len(a.Pix); i += 4 {
		if a.Pix[i] != b.Pix[i] {
			return false
		}
	}
	return len(a.Pix) == len(b.Pix)
}

// readsWithLibwebp has libwebp's tools read a file, where they are installed.
func readsWithLibwebp(t *testing.T, data []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.webp")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"webpinfo", "-quiet", file}, {"dwebp", "-quiet", file, "-o", file + ".png"}} {
		if _, err := exec.LookPath(args[0]); err != nil {
			continue
		}
		if msg, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", args[0], err, msg)
		}
	}
}

func TestLossyWebP(t *testing.T) {
	key := newTestKey(t)
	plain := newTestMarker(t, func(o *Options) { o.Key = key })
	toPNG := newTestMarker(t, func(o *Options) { o.Key, o.WebP = key, WebPToPNG })
	for _, name := range []string{"lossy.webp", "lossy-alpha.webp"} {
		file := lossyWebP(t, name)
		res := plain.images.mark(context.Background(), file, testLabel(t, plain, testID), imageCarriers, nil)
		if res.missing != NewCarrierSet(CarrierImageMark) || res.png || reasons(res)[CarrierMetadata] != ReasonNone {
			t.Fatalf("%s: missing %v %+v", name, res.missing.List(), res.marks)
		}
		was, err := pixels.Decode(file, pixels.WebP)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := pixels.Decode(res.data, pixels.WebP); err != nil || !bytes.Equal(same.(*image.NRGBA).Pix, was.(*image.NRGBA).Pix) {
			t.Errorf("%s: pixels were touched: %v", name, err)
		}
		res = toPNG.images.mark(context.Background(), file, testLabel(t, toPNG, testID), imageCarriers, nil)
		got, err := pixels.Decode(res.data, pixels.PNG)
		if err != nil || !res.png || res.missing != 0 || !carries(t, got, key, testID) {
			t.Fatalf("%s: %v, png %v, missing %v, %+v", name, err, res.png, res.missing.List(), res.marks)
		}
		if n, ok := got.(*image.NRGBA); ok && !sameAlpha(n, was.(*image.NRGBA)) {
			t.Errorf("%s: alpha has changed", name)
		}
		if f, err := imagemeta.Read(res.data); err != nil || f.GUID != testID.String() {
			t.Errorf("%s: XMP: %+v, %v", name, f, err)
		}
	}
}

func TestWebPThatStaysWebP(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key, o.WebP, o.MaxPixels = newTestKey(t), WebPToPNG, 300*300 })
	damaged := lossyWebP(t, "lossy.webp")
	damaged[20+3] = 0 // the frame's start code
	for name, c := range map[string]struct {
		data    []byte
		reason  Reason
		missing CarrierSet
	}{
		"animation":         {animated(t, 200, 200), ReasonNone, NewCarrierSet(CarrierImageMark)},
		"over the limit":    {losslessWebP(t, corpus.Made(301, 300, 1)), ReasonTooLarge, 0},
		"damaged, lossy":    {damaged, ReasonUndecodable, 0},
		"too small to mark": {losslessWebP(t, corpus.Made(20, 20, 1)), ReasonTooSmall, 0},
		"damaged, lossless": {riffOf(riffChunk("VP8L", []byte{0x2f, 0xFF, 0xC0, 0x3F, 0, 1, 2, 3, 4, 5})), ReasonUndecodable, 0},
	} {
		res := m.images.mark(context.Background(), c.data, testLabel(t, m, testID), imageCarriers, nil)
		if res.png || res.missing != c.missing || reasons(res)[CarrierImageMark] != c.reason || imagemeta.Sniff(res.data) != imagemeta.WebP {
			t.Errorf("%s: png %v, missing %v, %+v", name, res.png, res.missing.List(), res.marks)
		}
		if f, err := imagemeta.Read(res.data); err != nil || f.GUID != testID.String() {
			t.Errorf("%s: XMP: %+v, %v", name, f, err)
		}
	}
}

// TestWebPBody: what the Writer says of a body that is a picture, to the
// middleware and to the records.
func TestWebPBody(t *testing.T) {
	rec := NewMemoryRecords(4)
	m := newTestMarker(t, func(o *Options) { o.Key, o.WebP, o.Records = newTestKey(t), WebPToPNG, rec })
	out := Output{ContentType: "image/webp", Shape: ShapeImage}
	got, w, err := mark(t, m, out, string(lossyWebP(t, "lossy.webp")), 0)
	res := w.Result()
	if err != nil || res.MediaType != "image/png" || res.Outcome != OutcomeMarked || imagemeta.Sniff([]byte(got)) != imagemeta.PNG {
		t.Fatalf("%v: %q %v", err, res.MediaType, res.Outcome)
	}
	if r, err := rec.ByID(context.Background(), testID); err != nil || r.MediaType != "image/png" {
		t.Errorf("record: %q, %v", r.MediaType, err)
	}
	_, w, err = mark(t, m, out, string(losslessWebP(t, corpus.Made(256, 256, 1))), 0)
	if res := w.Result(); err != nil || res.MediaType != "" || res.Outcome != OutcomeMarked {
		t.Errorf("lossless: %v: %q %v", err, res.MediaType, res.Outcome)
	}
}

// TestRequiredMarkOnLossyWebP: a route that requires the mark gets no picture
// whose pixels are left alone.
func TestRequiredMarkOnLossyWebP(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key, o.Profile = newTestKey(t), Standard })
	out := Output{ContentType: "image/webp", Shape: ShapeImage}
	file := string(lossyWebP(t, "lossy.webp"))
	if _, w, err := mark(t, m, out, file, 0); err != nil || w.Result().Outcome != OutcomeDegraded {
		t.Fatalf("%v: %v", err, w.Result().Outcome)
	}
	out.Require = NewCarrierSet(CarrierImageMark)
	var held *Withheld
	if got, _, err := mark(t, m, out, file, 0); !errors.As(err, &held) || held.Reason != ReasonUndecodable || got != "" {
		t.Fatalf("%v, %d bytes", err, len(got))
	}
}

func TestWebPInAnswers(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key, o.WebP = newTestKey(t), WebPToPNG })
	lossy, whole := b64(lossyWebP(t, "lossy.webp")), b64(losslessWebP(t, corpus.Made(200, 200, 1)))
	uri := `data:image\/webp;name=\"a\";base64,` + lossy
	const j, sse = "application/json", "text/event-stream"
	for name, c := range map[string]struct {
		out            Output
		text           string
		png, webp, uri int // names of PNG, names of WebP, data URIs of PNG
	}{
		"images":         {Output{ContentType: j, Shape: ShapeOpenAIImages}, `{"created":1,"output_format":"webp","data":[{"b64_json":"` + lossy + `"},{"b64_json":"` + lossy + `"}],"output_format2":"webp"}`, 1, 1, 0},
		"images, two":    {Output{ContentType: j, Shape: ShapeOpenAIImages}, `{"data":[{"b64_json":"` + lossy + `"},{"b64_json":"` + whole + `"}],"output_format":"webp"}`, 0, 1, 0},
		"images SSE":     {Output{ContentType: sse, Shape: ShapeOpenAIImages}, `data: {"type":"image_generation.completed","b64_json":"` + lossy + `","output_format":"webp"}` + "\n\n", 1, 0, 0},
		"responses":      {Output{ContentType: j, Shape: ShapeOpenAIResponses}, `{"id":"r","object":"response","output":[{"output_format":"webp","type":"image_generation_call","result":"` + lossy + `"}],"tools":[{"type":"image_generation","output_format":"webp"}]}`, 1, 1, 0},
		"responses SSE":  {Output{ContentType: sse, Shape: ShapeOpenAIResponses}, responsesWebP(lossy), 3, 0, 0},
		"gemini":         {Output{ContentType: j, Shape: ShapeGemini}, `{"candidates":[{"content":{"parts":[{"inlineData":{"data":"` + lossy + `","mimeType":"image\/webp"}},{"inlineData":{"mimeType":"image/webp","data":"` + whole + `"}}]}}]}`, 1, 1, 0},
		"imagen":         {Output{ContentType: j, Shape: ShapeImagen}, `{"predictions":[{"mimeType":"image/webp","bytesBase64Encoded":"` + lossy + `"}]}`, 1, 0, 0},
		"mcp":            {Output{ContentType: j, Shape: ShapeMCP}, `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"image","data":"` + lossy + `","mimeType":"image/webp"},{"type":"resource","resource":{"uri":"a.webp","mimeType":"image/webp","blob":"` + lossy + `"}}]}}`, 2, 0, 0},
		"chat":           {Output{ContentType: j, Shape: ShapeOpenAIChat}, `{"choices":[{"message":{"content":"","images":[{"type":"image_url","image_url":{"url":"` + uri + `"}}]}}]}`, 0, 0, 1},
		"ui message SSE": {Output{ContentType: sse, Shape: ShapeUIMessage}, `data: {"type":"file","mediaType":"image/webp","url":"` + uri + `"}` + "\n\n", 1, 0, 1},
	} {
		got, w, err := mark(t, m, c.out, c.text, 0)
		if err != nil || !slices.ContainsFunc(w.Result().Marks, func(m Mark) bool { return m.Carrier == CarrierImageMark && m.Err == nil }) {
			t.Errorf("%s: %v %+v", name, err, w.Result())
			continue
		}
		webpNames := strings.Count(got, `"webp"`) + strings.Count(got, `"image/webp"`) + strings.Count(got, `image\/webp`)
		if png := strings.Count(got, `"png"`) + strings.Count(got, `"image/png"`); png != c.png || webpNames != c.webp {
			t.Errorf("%s: PNG is named %d times, want %d, WebP %d, want %d", name, png, c.png, webpNames, c.webp)
		}
		if n := strings.Count(got, `"data:image/png;name=\"a\";base64,iVBOR`); n != c.uri {
			t.Errorf("%s: %d data URIs of PNG, want %d", name, n, c.uri)
		}
		for line := range strings.Lines(got) {
			if text, ok := strings.CutPrefix(line, "data: "); (ok || c.out.ContentType == j) && !json.Valid([]byte(text)) {
				t.Errorf("%s: no JSON any more: %.200s", name, line)
			}
		}
	}
}

// responsesWebP is a stream that says its picture three times.
func responsesWebP(lossy string) string {
	item := `{"type":"image_generation_call","output_format":"webp","result":"` + lossy + `"}`
	return `data: {"type":"response.image_generation_call.partial_image","output_format":"webp","partial_image_b64":"` + lossy + `"}` + "\n\n" +
		`data: {"type":"response.output_item.done","output_index":0,"item":` + item + "}\n\n" +
		`data: {"type":"response.completed","response":{"id":"r","output":[` + item + "]}}\n\n"
}

func TestPolicyHashKnowsWebP(t *testing.T) {
	if a, b := newTestMarker(t, nil), newTestMarker(t, func(o *Options) { o.WebP = WebPToPNG }); a.PolicyHash() == b.PolicyHash() {
		t.Fatal("the policy's hash does not depend on Options.WebP")
	}
}
