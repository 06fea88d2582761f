// Command png compares this project's PNG encoder with image/png, on the marked
// pictures of a folder.
//
//	go run ./bench/png -corpus DIR
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/png"
	"log"
	"runtime"
	"time"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/fastpng"
	"github.com/avowai/avow/watermark"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("corpus", "", "folder of PNG, JPEG and WebP files")
	most := flag.Float64("max", 3, "leave out pictures of more megapixels")
	flag.Parse()
	if *dir == "" {
		log.Fatal("png: -corpus DIR is missing: a folder of pictures to measure on")
	}
	pictures, err := corpus.Folder(*dir)
	if err != nil {
		log.Fatal("png: ", err)
	}
	runtime.GOMAXPROCS(1)
	if err := run(pictures, *most); err != nil {
		log.Fatal("png: ", err)
	}
}

// A cost is the time and the bytes of one encoder.
type cost struct {
	took  time.Duration
	bytes int
}

func run(pictures []corpus.Picture, most float64) error {
	fmt.Printf("`go run ./bench/png -corpus DIR -max %g`: %s, %s/%s, one core, best of three\n\n", most, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Print("| picture | MP | fastpng ms | image/png ms | BestSpeed ms | times faster | size to image/png |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	var all [3]cost
	key, err := watermark.GenerateKey()
	if err != nil {
		return err
	}
	for _, p := range pictures {
		mp := float64(p.Bounds().Dx()*p.Bounds().Dy()) / 1e6
		if mp > most {
			continue
		}
		marked, err := watermark.Embed(context.Background(), p.Image, watermark.Payload{1}, key, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		var c [3]cost
		for i, encode := range encoders {
			if c[i], err = measure(encode, marked); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			all[i].took += c[i].took
			all[i].bytes += c[i].bytes
		}
		line(p.Name[:3], mp, c)
	}
	line("all", 0, all)
	return nil
}

var encoders = []func(image.Image) (int, error){
	func(m image.Image) (int, error) { data, err := fastpng.Encode(m, 1); return len(data), err },
	standard(png.DefaultCompression), standard(png.BestSpeed),
}

func standard(level png.CompressionLevel) func(image.Image) (int, error) {
	return func(m image.Image) (int, error) {
		var buf bytes.Buffer
		err := (&png.Encoder{CompressionLevel: level}).Encode(&buf, m)
		return buf.Len(), err
	}
}

func measure(encode func(image.Image) (int, error), m image.Image) (cost, error) {
	var best cost
	for range 3 {
		start := time.Now()
		n, err := encode(m)
		if err != nil {
			return best, err
		}
		if took := time.Since(start); best.took == 0 || took < best.took {
			best = cost{took, n}
		}
	}
	return best, nil
}

func line(name string, mp float64, c [3]cost) {
	size := ""
	if mp > 0 {
		size = fmt.Sprintf("%.2f", mp)
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Printf("| %s | %s | %.1f | %.1f | %.1f | %.1f | %.3f |\n", name, size, ms(c[0].took), ms(c[1].took), ms(c[2].took),
		float64(c[1].took)/float64(c[0].took), float64(c[0].bytes)/float64(c[1].bytes))
}
