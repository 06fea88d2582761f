package disclose

import (
	"context"
	"image"
	"slices"
	"testing"
	"time"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
)

func recordOf(t *testing.T, m *MemoryRecords) Record {
	t.Helper()
	r, err := m.ByID(context.Background(), testID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecordsHoldFingerprintsOfPictures: of what leaves, in every format, and also
// where the pixels are left alone.
func TestRecordsHoldFingerprintsOfPictures(t *testing.T) {
	key := newTestKey(t)
	imager := fingerprint.NewImager(fingerprint.ImageKey(key))
	small, err := pixels.EncodePNG(corpus.Made(90, 80, 1))
	if err != nil {
		t.Fatal(err)
	}
	jpeg, err := pixels.EncodeJPEG(corpus.Made(320, 240, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		mediaType string
		file      []byte
		far       int // bits of the global part that may differ
	}{
		"PNG":                 {"image/png", testPNG(t, 320, 240, 1), 0},
		"JPEG":                {"image/jpeg", jpeg, 8},
		"lossless WebP":       {"image/webp", losslessWebP(t, corpus.Made(320, 240, 1)), 0},
		"lossy WebP":          {"image/webp", lossyWebP(t, "lossy.webp"), 0},
		"too small to mark":   {"image/png", small, 0},
		"lossy WebP as alpha": {"image/webp", lossyWebP(t, "lossy-alpha.webp"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			records := NewMemoryRecords(4)
			var stages []string
			m := newTestMarker(t, func(o *Options) {
				o.Key, o.Records, o.Profile = key, records, Standard
				o.Observe = func(stage string, _ time.Duration) { stages = append(stages, stage) }
			})
			out, _, err := mark(t, m, Output{ContentType: c.mediaType}, string(c.file), 0)
			if err != nil {
				t.Fatal(err)
			}
			f := recordOf(t, records).Fingerprint
			if f.KeyID != key.ID() || f.Image.IsZero() {
				t.Fatalf("fingerprint %+v", f)
			}
			img, err := pixels.Decode([]byte(out), pixelFormat(imagemeta.Sniff([]byte(out))))
			if err != nil {
				t.Fatal(err)
			}
			if d := f.Image.Global.Distance(imager.Image(img).Global); d > c.far {
				t.Errorf("distance %d from what was delivered", d)
			}
			if !slices.Contains(stages, "fingerprint") {
				t.Errorf("stages %v", stages)
			}
		})
	}
}

func TestNoFingerprintWithoutRecordsOrKey(t *testing.T) {
	key := newTestKey(t)
	for name, change := range map[string]func(*Options){
		"switched off": func(o *Options) { o.Key, o.NoFingerprints = key, true },
		"no key":       func(*Options) {},
	} {
		records := NewMemoryRecords(4)
		m := newTestMarker(t, func(o *Options) { o.Records, o.Profile = records, Standard; change(o) })
		if _, _, err := mark(t, m, Output{ContentType: "image/png"}, string(testPNG(t, 320, 240, 1)), 0); err != nil {
			t.Fatal(err)
		}
		if f := recordOf(t, records).Fingerprint; !f.IsZero() || f.KeyID != "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if newImager(Options{Key: key}) != nil {
		t.Error("an Imager without records")
	}
}

// TestSimilarFindsAPictureWithoutMarks: blurred until no mark is left.
func TestSimilarFindsAPictureWithoutMarks(t *testing.T) {
	key, records := newTestKey(t), NewMemoryRecords(4)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Records = key, records })
	if _, _, err := mark(t, m, Output{ContentType: "image/png"}, string(testPNG(t, 400, 300, 2)), 0); err != nil {
		t.Fatal(err)
	}
	imager := fingerprint.NewImager(fingerprint.ImageKey(key))
	similar := func(img image.Image) []Similarity {
		s, err := records.Similar(context.Background(), Fingerprint{KeyID: key.ID(), Image: imager.Image(img)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := similar(imaging.Blur(corpus.Made(400, 300, 2), 6)); len(s) != 1 || s[0].Record.Label.ID != testID {
		t.Errorf("blurred: %+v", s)
	}
	if s := similar(corpus.Made(400, 300, 3)); len(s) != 0 {
		t.Errorf("another picture: %+v", s)
	}
}
