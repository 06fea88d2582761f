package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

// A usage is what one call took from the heap.
type usage struct {
	peak   int64 // bytes held at once, at most, as far as a look every 0.2 ms shows
	total  int64 // bytes allocated
	allocs int64
}

const (
	heapLive   = "/memory/classes/heap/objects:bytes"
	heapTotal  = "/gc/heap/allocs:bytes"
	heapAllocs = "/gc/heap/allocs:objects"
)

func read(name string) int64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// used runs f with a collector that never lets garbage gather.
func used(f func() error) (usage, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(2))
	runtime.GC()
	base, total, allocs := read(heapLive), read(heapTotal), read(heapAllocs)
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := base
		for {
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(200 * time.Microsecond):
				most = max(most, read(heapLive))
			}
		}
	}()
	err := f()
	close(done)
	return usage{<-peak - base, read(heapTotal) - total, read(heapAllocs) - allocs}, err
}

// memory prints what Embed holds beyond its result, and Detect in all.
func (b *bench) memory(pictures []corpus.Picture, least, most float64) error {
	fmt.Printf("`go run ./bench/speed -memory -corpus DIR -min %g -max %g`: %s, bytes per pixel held at once; in brackets bytes per pixel allocated, and allocations\n\n", least, most, runtime.Version())
	fmt.Print("| picture | MP | Embed, beyond its result | Detect, intact | Detect, nothing there |\n| --- | --- | --- | --- | --- |\n")
	ctx := context.Background()
	for _, p := range pictures {
		if !within(p, least, most) {
			continue
		}
		pixels := float64(p.Bounds().Dx() * p.Bounds().Dy())
		var marked image.Image
		embed, err := used(func() (err error) {
			marked, err = watermark.Embed(ctx, p.Image, watermark.Payload{1}, b.key, nil)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		detect := func(m image.Image) usage {
			u, failed := used(func() error { _, err := watermark.Detect(ctx, m, nil, b.key); return err })
			err = errors.Join(err, failed)
			return u
		}
		intact, nothing := detect(marked), detect(p.Image)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		result := map[string]float64{"*image.Gray": 1, "*image.Gray16": 2, "*image.NRGBA64": 8}[fmt.Sprintf("%T", marked)]
		if result == 0 {
			result = 4
		}
		show := func(u usage, less float64) string {
			return fmt.Sprintf("%.1f (%.0f, %d)", float64(u.peak)/pixels-less, float64(u.total)/pixels, u.allocs)
		}
		fmt.Printf("| %s | %.2f | %s | %s | %s |\n", p.Name[:3], pixels/1e6, show(embed, result), show(intact, 0), show(nothing, 0))
	}
	return nil
}
