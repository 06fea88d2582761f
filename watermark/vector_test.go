package watermark

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/avowai/avow/internal/attack"
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

// TestVectors: frozen files stay readable, and embedding gives the same tiles
// and the same pixels on every platform.
func TestVectors(t *testing.T) {
	if *makeVectors {
		writeVectors(t)
	}
	all, err := vector.Load(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) { checkVector(t, v) })
	}
}

func checkVector(t *testing.T, v vector.Vector) {
	key, err := ParseKey(v.Fields["key"])
	if err != nil {
		t.Fatal(err)
	}
	want, err := ParsePayload(v.Fields["payload"])
	if err != nil {
		t.Fatal(err)
	}
	marked := decodePNG(t, v.Marked)
	found, err := Detect(context.Background(), marked, nil, key)
	if err != nil || len(found) != 1 || found[0].Payload != want || v.Fields["expect"] != "found" {
		t.Errorf("%+v, %v, want %v", found, err, want)
	}
	if sum := v.Fields["tiles"]; sum != "" && sum != tileHash(key, want) {
		t.Errorf("tiles: %s, want %s", tileHash(key, want), sum)
	}
	if values := v.Fields["values"]; values != "" && values != tileValues(key, want) {
		t.Errorf("values of tiles: %s, want %s", tileValues(key, want), values)
	}
	if v.Original == nil {
		return
	}
	again, err := Embed(context.Background(), decodePNG(t, v.Original), want, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !samePixels(again, marked) || pixelHash(marked) != v.Fields["pixels"] {
		t.Error("embedding gives other pixels than when the vector was made")
	}
}

// tileHash is the SHA-256 of the 64 tiles' values, row by row, big-endian.
func tileHash(k Key, p Payload) string {
	word := encode(p)
	h := sha256.New()
	for _, tile := range renderTiles(keyingOf(k), &word, func(int) bool { return true }) {
		for _, v := range tile {
			h.Write([]byte{byte(uint16(v) >> 8), byte(v)})
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// tileValues are the first values of two tiles, to be read by people.
func tileValues(k Key, p Payload) string {
	word := encode(p)
	tiles := renderTiles(keyingOf(k), &word, func(int) bool { return true })
	return fmt.Sprint(tiles[0][:16], tiles[37][:16])
}

// pixelHash is the SHA-256 of R, G, B, A of all pixels, 16 bits each, big-endian.
func pixelHash(m image.Image) string {
	h := sha256.New()
	for y := m.Bounds().Min.Y; y < m.Bounds().Max.Y; y++ {
		for x := m.Bounds().Min.X; x < m.Bounds().Max.X; x++ {
			c := color.NRGBA64Model.Convert(m.At(x, y)).(color.NRGBA64)
			for _, v := range []uint16{c.R, c.G, c.B, c.A} {
				h.Write([]byte{byte(v >> 8), byte(v)})
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
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
			if color.NRGBA64Model.Convert(a.At(x, y)) != color.NRGBA64Model.Convert(b.At(x, y)) {
				return false
			}
		}
	}
	return true
}

// writeVectors makes the second set: three kinds of pictures with what they were
// made from, and what became of one of them on its way.
func writeVectors(t *testing.T) {
	key, err := ParseKey(vectorKey)
	if err != nil {
		t.Fatal(err)
	}
	id := Payload{0x9f, 0x3c, 0x52, 0xd0, 0x7a, 0xb1, 0xe6, 0x44}
	colour := whole(320, 256)
	grey, deep := image.NewGray(colour.Rect), image.NewNRGBA64(colour.Rect)
	draw.Draw(grey, grey.Rect, colour, image.Point{}, draw.Src)
	draw.Draw(deep, deep.Rect, colour, image.Point{}, draw.Src)
	header := "expect: found\nkey: " + vectorKey + "\npayload: " + id.String() + "\n"
	for name, img := range map[string]image.Image{"colour": colour, "grey": grey, "deep": deep} {
		marked, err := Embed(context.Background(), img, id, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		name = "image-template-1-" + name
		writePNG(t, name+".original", img)
		writePNG(t, name, marked)
		writeFile(t, name+".txt", []byte(header+"original: "+name+".original.png\nattack: none\nvalues: "+tileValues(key, id)+"\ntiles: "+
			tileHash(key, id)+"\npixels: "+pixelHash(marked)+"\n"))
	}
	large, err := Embed(context.Background(), whole(480, 400), id, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]attack.Func{
		"resized":   attack.Resize(0.7, 0.7),
		"rotated":   attack.Rotate(11),
		"stretched": attack.Chain(attack.Resize(0.8, 1), attack.Mirror),
		"jpeg":      attack.Chain(attack.Crop(0.7, 1), attack.JPEG(60)),
	} {
		name = "image-template-1-" + name
		writePNG(t, name, a(large))
		writeFile(t, name+".txt", []byte(header+"attack: "+name[len("image-template-1-"):]+"\n"))
	}
}

func writePNG(t *testing.T, name string, img image.Image) {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	writeFile(t, name+".png", buf.Bytes())
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(vectorDir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}
