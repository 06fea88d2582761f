package watermark

import (
	"context"
	"image"
	"testing"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
)

// One megapixel, one core. bench/speed times the same on photographs.

func BenchmarkEmbed(b *testing.B) {
	img := corpus.Made(1024, 1024, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Embed(context.Background(), img, Payload{1}, testKey(0), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	img := corpus.Made(1024, 1024, 1)
	marked, err := Embed(context.Background(), img, Payload{1}, testKey(0), nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		img  image.Image
		want int
	}{
		{"intact", marked, 1},
		{"jpeg", attack.JPEG(75)(marked), 1},
		{"rotated", attack.Rotate(17)(marked), 1},
		{"resized", attack.Resize(0.6, 0.6)(marked), 1},
		{"small", attack.Centre(0.1)(img), 0},
		{"nothing", img, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				found, err := Detect(context.Background(), c.img, nil, testKey(0))
				if err != nil || len(found) != c.want {
					b.Fatalf("%+v, %v", found, err)
				}
			}
		})
	}
}
