package fingerprint

import (
	"bytes"
	"encoding/hex"
	"errors"
	"image"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestGridFits: cells lie in the picture, and are as many as an encoding holds.
func TestGridFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, maxSide+2).Draw(t, "w"), rapid.IntRange(1, 40_000).Draw(t, "h")
		if rapid.Bool().Draw(t, "tall") {
			w, h = h, w
		}
		g, ok := newGrid(w, h)
		if want := min(w, h) >= leastSide && max(w, h) <= maxSide; ok != want {
			t.Fatalf("%d x %d: %v", w, h, ok)
		}
		if !ok {
			return
		}
		if g.cols < 1 || g.rows < 1 || g.cells() > maxCells || g.sx*(g.cols+1) > w || g.sy*(g.rows+1) > h {
			t.Fatalf("%d x %d: %+v", w, h, g)
		}
		if g.sx < leastSide/2 || g.sy < leastSide/2 {
			t.Fatalf("%d x %d: cells of %d x %d", w, h, 2*g.sx, 2*g.sy)
		}
	})
}

func TestEncodingIsReadBack(t *testing.T) {
	p := testImager(1)
	for _, size := range [][2]int{{1024, 1024}, {640, 360}, {32, 32}, {3000, 64}, {40, 900}} {
		want := p.Image(painted(size[0], size[1], 1))
		want.Local[len(want.Local)/2] = 0
		data, err := want.AppendBinary([]byte("before"))
		if err != nil || !bytes.HasPrefix(data, []byte("before")) || len(data) > 1024 {
			t.Fatalf("%v: %d bytes, %v", size, len(data), err)
		}
		got, err := ParseImage(data[6:])
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: %+v, %v; want %+v", size, got, err, want)
		}
	}
	data, err := Image{}.AppendBinary(nil)
	if err != nil || len(data) != 1 {
		t.Fatalf("zero: %x, %v", data, err)
	}
	if got, err := ParseImage(data); err != nil || !got.IsZero() {
		t.Fatalf("zero: %+v, %v", got, err)
	}
}

// TestVersion1Stays: what was recorded stays comparable. Platforms may differ in a
// bit that hangs by a hair.
func TestVersion1Stays(t *testing.T) {
	data, err := hex.DecodeString(version1)
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := ParseImage(data)
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewNRGBA(image.Rect(0, 0, 200, 160))
	for i := range 200 * 160 {
		x, y := i%200, i/200
		v := uint8((x*x/9+y*y/7+x*y/11)>>3 ^ (x/23*y/19)*37)
		copy(img.Pix[4*i:], []byte{v, v / 2, 255 - v, 255})
	}
	p := testImager(1)
	got := p.Image(img)
	if d := got.Global.Distance(recorded.Global); d > 2 {
		t.Errorf("global part: %d bits differ", d)
	}
	if c := p.Compare(recorded, img, straight); !c.Match || c.Distance > 0.01 || c.Coverage != 1 {
		again, err := got.AppendBinary(nil)
		t.Errorf("cells: %+v; now %x, %v", c, again, err)
	}
}

func TestParseImageRefuses(t *testing.T) {
	good, err := testImager(1).Image(painted(300, 200, 1)).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		return b
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "another version": change(0, 2), "cut short": good[:len(good)-1], "too long": append(bytes.Clone(good), 0),
		"only a head": good[:20], "huge": change(1, 0xff), "no width": append([]byte{1, 0, 0, 0, 0}, good[5:]...), "other size": change(8, 31),
	} {
		if i, err := ParseImage(data); !errors.Is(err, ErrEncoding) || !i.IsZero() {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	}
}

func FuzzParseImage(f *testing.F) {
	p := testImager(1)
	for _, size := range [][2]int{{200, 200}, {640, 96}, {32, 32}} {
		data, err := p.Image(painted(size[0], size[1], 1)).AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{imageVersion})
	img := painted(64, 64, 1)
	f.Fuzz(func(t *testing.T, data []byte) {
		i, err := ParseImage(data)
		if err != nil {
			return
		}
		again, err := i.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x is written as %x, %v", data, again, err)
		}
		p.Compare(i, img, straight)
	})
}

// version1 is the fingerprint of the picture in TestVersion1Stays.
const version1 = "01000000c8000000a09ea83a959839b7cdf8a93a0fbfbec811abd24c72e40b121c32c791e1aaa3ba7cffff0f9145f0f5" +
	"5927d45c1b777160263664d2b2a98846f677f3f5434862c2e59fe6c37c641dbb525b89a59d89699053e2e34958dc9615" +
	"6892d56129d46ba07fe416cd046b2b135359f6086c280db954b7bec8"
