package watermark

import (
	"bytes"
	"context"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/avowai/avow/internal/vector"
)

var vectorDir = filepath.Join("..", "testdata", "vectors")

// makeVectors writes the vectors of template 1. It exists to say how they were
// made; frozen files are not made again.
var makeVectors = flag.Bool("make-vectors", false, "write the vectors of this template version")

const vectorKey = "avow-key-1000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f4ef8b684"

// whole is a picture computed in integers alone, the same on every platform.
func whole(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	state := uint32(1)
	for y := range h {
		for x := range w {
			state = state*1664525 + 1013904223
			v := 60 + (x*x/300+y*3/2)%120 + int(state>>27)
			img.SetNRGBA(x, y, color.NRGBA{uint8(v), uint8(v/2 + y/4), uint8(200 - v/2), 255})
		}
	}
	return img
}

// TestVectors: frozen files stay readable, and embedding gives the same bytes
// on every platform.
func TestVectors(t *testing.T) {
	if *makeVectors {
		writeVector(t)
	}
	all, err := vector.Load(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		key, err := ParseKey(v.Fields["key"])
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		want, err := ParsePayload(v.Fields["payload"])
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		marked := decodePNG(t, v.Marked)
		found, err := Detect(context.Background(), marked, nil, key)
		if err != nil || len(found) != 1 || found[0].Payload != want || v.Fields["expect"] != "found" {
			t.Errorf("%s: %+v, %v, want %v", v.Name, found, err, want)
		}
		if v.Original == nil {
			continue
		}
		again, err := Embed(context.Background(), decodePNG(t, v.Original), want, key, nil)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if !samePixels(again, marked) {
			t.Errorf("%s: embedding gives other pixels than when the vector was made", v.Name)
		}
	}
}

func decodePNG(t *testing.T, data []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func samePixels(a, b image.Image) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if color.NRGBAModel.Convert(a.At(x, y)) != color.NRGBAModel.Convert(b.At(x, y)) {
				return false
			}
		}
	}
	return true
}

func writeVector(t *testing.T) {
	key, err := ParseKey(vectorKey)
	if err != nil {
		t.Fatal(err)
	}
	id := Payload{0x9f, 0x3c, 0x52, 0xd0, 0x7a, 0xb1, 0xe6, 0x44}
	img := whole(240, 200)
	marked, err := Embed(context.Background(), img, id, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]image.Image{"image-template-1.original": img, "image-template-1": marked} {
		var buf bytes.Buffer
		if err := png.Encode(&buf, m); err != nil {
			t.Fatal(err)
		}
		writeFile(t, name+".png", buf.Bytes())
	}
	writeFile(t, "image-template-1.txt", []byte("expect: found\nkey: "+vectorKey+"\npayload: "+id.String()+
		"\noriginal: image-template-1.original.png\nattack: none\n"))
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(vectorDir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}
