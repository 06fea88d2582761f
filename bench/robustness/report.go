package main

import (
	"context"
	"fmt"
	"image"
	"slices"
	"time"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/quality"
	"github.com/avowai/avow/watermark"
)

// qualities collects how far marked pictures are from their originals.
type qualities struct{ psnr, ssim []float64 }

func (q *qualities) add(a, b image.Image) {
	q.psnr = append(q.psnr, quality.PSNR(a, b))
	q.ssim = append(q.ssim, quality.SSIM(a, b))
}

func (q *qualities) print() {
	fmt.Printf("PSNR mean %.2f dB, lowest %.2f dB; SSIM mean %.4f, lowest %.4f\n\n",
		mean(q.psnr), slices.Min(q.psnr), mean(q.ssim), slices.Min(q.ssim))
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// timing adds up time and pixels.
type timing struct {
	embed, detect time.Duration
	pixels        float64
}

func (t timing) print() {
	fmt.Printf("Embed %.0f ms per megapixel, detect %.0f ms per megapixel (unattacked)\n\n",
		float64(t.embed.Milliseconds())/t.pixels, float64(t.detect.Milliseconds())/t.pixels)
}

// falsePositives looks for marks in the unmarked pictures, and for marks of
// other keys in marked ones.
func falsePositives(pictures []corpus.Picture, key watermark.Key) error {
	found, present, runs, highest := 0, 0, 0, 0.0
	wrong := 0
	for i, p := range pictures {
		others := make([]watermark.Key, 4)
		for j := range others {
			k, err := watermark.GenerateKey()
			if err != nil {
				return err
			}
			others[j] = k
		}
		marked, err := watermark.Embed(context.Background(), p.Image, watermark.Payload{1, byte(i)}, key, nil)
		if err != nil {
			return err
		}
		for _, img := range []image.Image{p.Image, marked} {
			got, err := watermark.Detect(context.Background(), img, nil, others...)
			if err != nil {
				return err
			}
			for _, d := range got {
				switch {
				case d.Found && img == image.Image(marked):
					wrong++
				case d.Found:
					found++
				case img != image.Image(marked):
					present++
					highest = max(highest, d.Score)
				}
			}
		}
		runs += len(others)
	}
	fmt.Printf("Unmarked pictures, %d (picture, key) pairs: %d payloads read, %d templates seen in %d pictures. Marked under another key, %d pairs: %d payloads read.\n",
		runs, found, present, len(pictures), runs, wrong)
	return nil
}
