package disclose

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/watermark"
)

func newTestVisible(t testing.TB, o VisibleLabelOptions) *VisibleLabel {
	t.Helper()
	v, err := NewVisibleLabel(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNewVisibleLabelSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		o    VisibleLabelOptions
		want string
	}{
		"badge":       {VisibleLabelOptions{Badge: "KI"}, "choose ai"},
		"corner":      {VisibleLabelOptions{Corner: "middle"}, "choose top_right"},
		"size":        {VisibleLabelOptions{Size: 2}, "size 2"},
		"nothing":     {VisibleLabelOptions{Badge: BadgeNone}, "nothing to draw"},
		"no scheme":   {VisibleLabelOptions{QR: "ai.example/verify"}, "whole address"},
		"a script":    {VisibleLabelOptions{QR: "javascript:alert(1)"}, "whole address"},
		"a user name": {VisibleLabelOptions{QR: "https://me:secret@ai.example/"}, "user name"},
		"too long":    {VisibleLabelOptions{QR: "https://ai.example/" + strings.Repeat("x", 300)}, "at most 300"},
		"ids too":     {VisibleLabelOptions{QR: "https://ai.example/" + strings.Repeat("{id}", 20)}, "at most 300"},
		"image":       {VisibleLabelOptions{Image: image.NewGray(image.Rect(0, 0, 5000, 1))}, "4096"},
	} {
		if _, err := NewVisibleLabel(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

func TestVisibleLabelString(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 4, 4))
	other := image.NewGray(image.Rect(0, 0, 4, 4))
	other.Pix[3] = 9
	seen := map[string]int{(*VisibleLabel)(nil).String(): -1}
	for i, o := range []VisibleLabelOptions{
		{}, {Badge: BadgeModified}, {Corner: CornerBottomLeft}, {Size: 0.1}, {MinSize: 20}, {Margin: -1},
		{QR: "https://ai.example/"}, {Image: grey}, {Image: other}, {Box: 0.3},
	} {
		s := newTestVisible(t, o).String()
		if j, twice := seen[s]; twice || s != newTestVisible(t, o).String() {
			t.Errorf("options %d and %d share %s, or it changes", i, j, s)
		}
		seen[s] = i
	}
}

// blank is a white picture as a file, in which a label's plate stands out.
func blank(t testing.TB, w, h int, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	var buf bytes.Buffer
	if err := encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func asPNG(b *bytes.Buffer, img image.Image) error  { return png.Encode(b, img) }
func asJPEG(b *bytes.Buffer, img image.Image) error { return jpeg.Encode(b, img, nil) }

// plates counts the dark pixels per corner: top left, top right, bottom left,
// bottom right.
func plates(t testing.TB, data []byte) (n [4]int) {
	t.Helper()
	format := pixels.PNG
	if data[0] == 0xFF {
		format = pixels.JPEG
	}
	img, err := pixels.Decode(data, format)
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			if color.GrayModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.Gray).Y < 60 {
				n[2*(2*y/b.Dy())+2*x/b.Dx()]++
			}
		}
	}
	return n
}

func TestImagesAreLabelled(t *testing.T) {
	exif := "\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	straight := blank(t, 400, 200, asJPEG)
	turned := append(append(bytes.Clone(straight[:2]), exif...), straight[2:]...) // stored rows are seen as columns from the right
	for name, c := range map[string]struct {
		data   []byte
		o      VisibleLabelOptions
		corner int
	}{
		"png":           {blank(t, 300, 200, asPNG), VisibleLabelOptions{}, 1},
		"jpeg":          {straight, VisibleLabelOptions{Badge: BadgeGenerated}, 1},
		"corner":        {straight, VisibleLabelOptions{Corner: CornerBottomLeft}, 2},
		"a turned jpeg": {turned, VisibleLabelOptions{}, 0},
		"code":          {blank(t, 300, 300, asPNG), VisibleLabelOptions{QR: "https://ai.example/?id={id}"}, 1},
	} {
		m := newTestMarker(t, func(o *Options) { o.VisibleLabel = newTestVisible(t, c.o); o.Key = newTestKey(t) })
		got, w, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage}, string(c.data), 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, dark := range plates(t, []byte(got)) {
			if (dark > 150) != (i == c.corner) || i != c.corner && dark > 0 {
				t.Errorf("%s: %d dark pixels in corner %d", name, dark, i)
			}
		}
		if r := w.Result(); r.Outcome != OutcomeMarked || !slices.Contains(r.Marks, Mark{Carrier: CarrierVisibleLabel, ID: testID}) {
			t.Errorf("%s: %v %+v", name, r.Outcome, r.Marks)
		}
	}
}

func TestLabelIsOffByDefault(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	got, w, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage}, string(blank(t, 300, 200, asPNG)), 0)
	if err != nil || plates(t, []byte(got)) != [4]int{} {
		t.Fatalf("%v, dark pixels %v", err, plates(t, []byte(got)))
	}
	for _, mk := range w.Result().Marks {
		if mk.Carrier == CarrierVisibleLabel {
			t.Fatalf("%+v", mk)
		}
	}
}

// The image mark is embedded over the label, and found below it.
func TestLabelAndImageMark(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) {
		o.VisibleLabel, o.Key = newTestVisible(t, VisibleLabelOptions{QR: "https://ai.example/"}), key
	})
	got, _, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage}, string(testPNG(t, 512, 512, 3)), 0)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	found, err := watermark.Detect(context.Background(), img, nil, key)
	if err != nil || len(found) != 1 || found[0].Payload != testID {
		t.Fatalf("%v %+v", err, found)
	}
}

func TestLabelWithoutImageMark(t *testing.T) {
	for name, set := range map[string]CarrierSet{"no key": DefaultCarriers, "header alone": NewCarrierSet(CarrierHeader)} {
		m := newTestMarker(t, func(o *Options) { o.VisibleLabel, o.Carriers = newTestVisible(t, VisibleLabelOptions{}), &set })
		got, _, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage}, string(blank(t, 300, 200, asPNG)), 0)
		if err != nil || plates(t, []byte(got))[1] < 150 {
			t.Errorf("%s: %v %v", name, err, plates(t, []byte(got)))
		}
	}
}

func TestLabelThatCannotBeDrawn(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.VisibleLabel = newTestVisible(t, VisibleLabelOptions{}) })
	small := blank(t, 16, 16, asPNG)
	res := m.images.mark(context.Background(), small, testLabel(t, m, testID), imageCarriers, m.o.VisibleLabel)
	if reasons(res)[CarrierVisibleLabel] != ReasonTooSmall || plates(t, res.data) != [4]int{} {
		t.Errorf("small: %+v %v", res.marks, plates(t, res.data))
	}
	cut := blank(t, 300, 200, asPNG)
	cut = cut[:len(cut)-20]
	res = m.images.mark(context.Background(), cut, testLabel(t, m, testID), imageCarriers, m.o.VisibleLabel)
	if reasons(res)[CarrierVisibleLabel] != ReasonUndecodable || res.changed {
		t.Errorf("cut: %+v", res.marks)
	}
	res = m.images.mark(context.Background(), lossyWebP(t, "lossy.webp"), testLabel(t, m, testID), imageCarriers, m.o.VisibleLabel)
	if !res.missing.Has(CarrierVisibleLabel) {
		t.Errorf("webp: %+v", res.marks)
	}
}

// A picture that left with a mark and without a label gets the label later; one
// that has both, or has no room for a label, stays as it is.
func TestLabelComesLater(t *testing.T) {
	key, rec := newTestKey(t), NewMemoryRecords(8)
	out := Output{ContentType: "image/png", Shape: ShapeImage}
	plain := newTestMarker(t, func(o *Options) { o.Key, o.Records = key, rec })
	labelling := newTestMarker(t, func(o *Options) {
		o.Key, o.Records, o.VisibleLabel = key, rec, newTestVisible(t, VisibleLabelOptions{})
	})
	huge := newTestMarker(t, func(o *Options) {
		o.Key, o.Records, o.VisibleLabel = key, rec, newTestVisible(t, VisibleLabelOptions{MinSize: 256})
	})
	var buf bytes.Buffer
	if err := png.Encode(&buf, corpus.Made(512, 512, 1)); err != nil {
		t.Fatal(err)
	}
	first, _, err := mark(t, plain, out, buf.String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if res := huge.images.mark(context.Background(), []byte(first), testLabel(t, huge, testID), imageCarriers, huge.o.VisibleLabel); res.changed {
		t.Fatalf("no room: %+v", res.marks)
	}
	second, w, err := mark(t, labelling, out, first, 0)
	if err != nil || second == first || !slices.Contains(w.Result().Marks, Mark{Carrier: CarrierVisibleLabel, ID: testID}) {
		t.Fatalf("%v %+v", err, w.Result())
	}
	res := labelling.images.mark(context.Background(), []byte(second), testLabel(t, labelling, testID), imageCarriers, labelling.o.VisibleLabel)
	if res.changed || reasons(res)[CarrierImageMark] != ReasonAlreadyMarked {
		t.Fatalf("labelled and marked: %+v", res.marks)
	}
}

func TestCarrierNames(t *testing.T) {
	if CarrierVisibleLabel.String() != "visible_label" || slices.Contains(Carriers(), CarrierVisibleLabel) {
		t.Fatalf("%v %v", CarrierVisibleLabel, Carriers())
	}
	if got := NewCarrierSet(CarrierVisibleLabel, CarrierHeader).List(); !slices.Equal(got, []Carrier{CarrierHeader, CarrierVisibleLabel}) {
		t.Fatal(got)
	}
}
