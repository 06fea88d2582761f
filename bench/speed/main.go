// Command speed times the image mark on the pictures of a folder that have about
// one megapixel, on one core, beside what the standard library takes to decode
// and to encode the same picture, and measures what the calls allocate.
//
//	go run ./bench/speed -corpus DIR
package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"log"
	"runtime"
	"time"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("speed: ")
	dir := flag.String("corpus", "", "folder of PNG, JPEG and WebP files")
	least := flag.Float64("min", 0.9, "leave out pictures of fewer megapixels")
	most := flag.Float64("max", 1.2, "leave out pictures of more megapixels")
	memory := flag.Bool("memory", false, "instead, measure the memory that calls hold at most")
	flag.Parse()
	if *dir == "" {
		log.Fatal("-corpus DIR is missing: a folder of pictures to measure on")
	}
	runtime.GOMAXPROCS(1)
	pictures, err := corpus.Folder(*dir)
	if err != nil {
		log.Fatal(err)
	}
	key, err := watermark.GenerateKey()
	if err != nil {
		log.Fatal(err)
	}
	b := bench{key: key}
	if *memory {
		runtime.GOMAXPROCS(2) // one looks on
		err = b.memory(pictures, *least, *most)
	} else {
		err = b.speed(pictures, *least, *most)
	}
	if err != nil {
		log.Fatal(err)
	}
}

type bench struct{ key watermark.Key }

func within(img image.Image, least, most float64) bool {
	mp := float64(img.Bounds().Dx()*img.Bounds().Dy()) / 1e6
	return mp >= least && mp <= most
}

// rounds is how often a call is timed; the best time counts.
const rounds = 7

func timed(f func() error) (float64, error) {
	best := time.Duration(0)
	for range rounds {
		start := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		if took := time.Since(start); best == 0 || took < best {
			best = took
		}
	}
	return float64(best.Microseconds()) / 1000, nil
}

// A column is one thing that is timed.
type column struct {
	name string
	run  func() error
}

func (b *bench) columns(img image.Image) ([]column, error) {
	ctx := context.Background()
	marked, err := watermark.Embed(ctx, img, watermark.Payload{1}, b.key, nil)
	if err != nil {
		return nil, err
	}
	detect := func(m image.Image) func() error {
		return func() error { _, err := watermark.Detect(ctx, m, nil, b.key); return err }
	}
	all := []column{
		{"embed", func() error { _, err := watermark.Embed(ctx, img, watermark.Payload{1}, b.key, nil); return err }},
		{"detect, intact", detect(marked)},
		{"JPEG 75", detect(attack.JPEG(75)(marked))},
		{"rotated 17", detect(attack.Rotate(17)(marked))},
		{"resized 0.75", detect(attack.Resize(0.75, 0.75)(marked))},
		{"resized 0.5", detect(attack.Resize(0.5, 0.5)(marked))},
		{"nothing there", detect(img)},
	}
	codecs, err := codecColumns(img)
	return append(all, codecs...), err
}

func (b *bench) speed(pictures []corpus.Picture, least, most float64) error {
	fmt.Printf("`go run ./bench/speed -corpus DIR`: %s, %s/%s, one core, milliseconds, best of %d\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, rounds)
	first := true
	sums, n := []float64(nil), 0
	for _, p := range pictures {
		if !within(p, least, most) {
			continue
		}
		all, err := b.columns(asNRGBA(p))
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if first {
			header(all)
			sums, first = make([]float64, len(all)), false
		}
		fmt.Printf("| %s | %.2f |", p.Name[:3], float64(p.Bounds().Dx()*p.Bounds().Dy())/1e6)
		for i, c := range all {
			ms, err := timed(c.run)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", p.Name, c.name, err)
			}
			sums[i] += ms
			fmt.Printf(" %.1f |", ms)
		}
		fmt.Println()
		n++
	}
	if n == 0 {
		return fmt.Errorf("no picture of %g to %g megapixels in the folder", least, most)
	}
	fmt.Print("| mean | |")
	for _, s := range sums {
		fmt.Printf(" %.1f |", s/float64(n))
	}
	fmt.Println()
	return nil
}

func header(all []column) {
	fmt.Print("| picture | MP |")
	for _, c := range all {
		fmt.Printf(" %s |", c.name)
	}
	fmt.Print("\n| --- | --- |")
	for range all {
		fmt.Print(" --- |")
	}
	fmt.Println()
}
