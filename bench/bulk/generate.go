//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/avowai/avow/disclose/ledger"
)

// perDirectory is how many files a directory holds.
const perDirectory = 1000

// generate makes n files: of five, two are PNG and one a JPEG picture of at most
// side pixels on a side, and two are short texts.
func generate(dir string, n, side int) error {
	errs := make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += len(errs) {
				errs[w] = one(dir, i, side)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func one(dir string, i, side int) error {
	rng := rand.New(rand.NewPCG(uint64(i), 5))
	dir = filepath.Join(dir, fmt.Sprintf("%03d", i/perDirectory))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("%06d", i))
	var buf bytes.Buffer
	var err error
	switch i % 5 {
	case 0, 1:
		name += ".png"
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&buf, picture(rng, side))
	case 2:
		name += ".jpg"
		err = jpeg.Encode(&buf, picture(rng, side), &jpeg.Options{Quality: 90})
	default:
		name += ".txt"
		words := strings.Fields("the lamp river answers quietly while seven boats carry bread past a narrow bridge and nobody counts them")
		for range 20 + rng.IntN(100) {
			buf.WriteString(words[rng.IntN(len(words))] + " ")
		}
		buf.WriteString("\n")
	}
	if err != nil {
		return err
	}
	return os.WriteFile(name, buf.Bytes(), 0o644)
}

// picture is one with soft texture, of about side/3 to side pixels on each side.
func picture(rng *rand.Rand, side int) image.Image {
	least := side * 8 / 25
	w, h := least+rng.IntN(side-least+1), least+rng.IntN(side-least+1)
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	a, b, c := 5+10*rng.Float64(), 3+9*rng.Float64(), rng.Float64()*100
	for y := range h {
		for x := range w {
			v := 25*math.Sin(float64(x)/a+c) + 20*math.Cos(float64(y)/b) + 8*math.Sin(float64(x*y)/300)
			img.SetNRGBA(x, y, color.NRGBA{uint8(110 + v), uint8(125 + v/2), uint8(140 - v), 255})
		}
	}
	return img
}

// makeLedger makes an empty ledger, which avow mark then writes.
func makeLedger(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	l, err := ledger.Open(context.Background(), ledger.Options{File: path})
	if err != nil {
		return err
	}
	return l.Close()
}

// records compares the number of records with that of the outputs.
func (c config) records() error {
	cmd := exec.Command(c.avow, "ledger", "verify", "--data", filepath.Join(c.dir, "data"))
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	fmt.Printf("\n%d outputs; `avow ledger verify`: %s\n", c.outputs(), lines[len(lines)-1])
	if info, err := os.Stat(filepath.Join(c.dir, "data", "ledger.db")); err == nil {
		fmt.Printf("\nThe ledger takes %d bytes a row, manifests and fingerprints included.\n", info.Size()/int64(c.files))
	}
	return err
}
