// Command robustness marks every picture of a folder, puts it through attacks,
// and prints how many payloads are read back, how far the marked pictures are
// from their originals, and how often an unmarked picture or a wrong key is
// taken for a mark.
//
//	go run ./bench/robustness -corpus DIR
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"image"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("corpus", "", "folder of PNG, JPEG and WebP files")
	least := flag.Float64("min", 0.2, "leave out pictures of fewer megapixels")
	most := flag.Float64("max", 30, "leave out pictures of more megapixels")
	flag.Parse()
	if *dir == "" {
		log.Fatal("robustness: -corpus DIR is missing: a folder of pictures to measure on")
	}
	pictures, err := corpus.Folder(*dir)
	if err != nil {
		log.Fatal("robustness: ", err)
	}
	pictures = slices.DeleteFunc(pictures, func(p corpus.Picture) bool {
		mp := megapixels(p)
		return mp < *least || mp > *most
	})
	if len(pictures) == 0 {
		log.Fatal("robustness: no picture of that size in the folder")
	}
	fmt.Printf("`go run ./bench/robustness -corpus DIR -min %g -max %g`: %d pictures, %s, %s/%s, one goroutine\n\n",
		*least, *most, len(pictures), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if err := run(pictures); err != nil {
		log.Fatal("robustness: ", err)
	}
}

func megapixels(m image.Image) float64 { return float64(m.Bounds().Dx()*m.Bounds().Dy()) / 1e6 }

// A tally counts one attack.
type tally struct {
	name   string
	ok, of int
	scores []float64
	missed []string
}

func run(pictures []corpus.Picture) error {
	key, err := watermark.ParseKey(benchKey)
	if err != nil {
		return err
	}
	attacks := append(attack.Plain(), attack.Further()...)
	tallies := make([]tally, len(attacks))
	var q qualities
	var speed timing
	for i, p := range pictures {
		id := watermark.Payload{0xA5, byte(i), 3, 4, 5, 6, 7, byte(17 * i)}
		start := time.Now()
		marked, err := watermark.Embed(context.Background(), p.Image, id, key, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		speed.embed += time.Since(start)
		speed.pixels += megapixels(p)
		q.add(p, marked)
		for j, a := range attacks {
			if err := tallies[j].try(a, marked, p.Name, id, key, &speed); err != nil {
				return err
			}
		}
	}
	q.print()
	printTallies(tallies, len(attack.Plain()))
	speed.print()
	return falsePositives(pictures, key)
}

// benchKey is a fixed key, so that a run can be repeated.
const benchKey = "avow-key-1000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f4ef8b684"

func (t *tally) try(a attack.Attack, marked image.Image, name string, id watermark.Payload, key watermark.Key, speed *timing) error {
	t.name = a.Name
	t.of++
	attacked := a.Apply(marked)
	start := time.Now()
	found, err := watermark.Detect(context.Background(), attacked, nil, key)
	if a.Name == "none" {
		speed.detect += time.Since(start)
	}
	if err != nil {
		return fmt.Errorf("%s, %s: %w", name, a.Name, err)
	}
	if len(found) == 1 && found[0].Found && found[0].Payload == id {
		t.ok++
		t.scores = append(t.scores, found[0].Score)
		return nil
	}
	t.missed = append(t.missed, strings.SplitN(name, "-", 2)[0])
	return nil
}

func printTallies(all []tally, plain int) {
	fmt.Println("| attack | exact | of | score p10 | p50 | missed |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	ok, of := 0, 0
	for i, t := range all {
		if i == plain {
			fmt.Printf("| **all of the above** | **%d** | **%d** | | | **%.1f %%** |\n", ok, of, 100*float64(ok)/float64(of))
		}
		slices.Sort(t.scores)
		p10, p50 := math.NaN(), math.NaN()
		if n := len(t.scores); n > 0 {
			p10, p50 = t.scores[n/10], t.scores[n/2]
		}
		missed := strings.Join(t.missed, " ")
		if len(t.missed) > 6 {
			missed = fmt.Sprintf("%d pictures", len(t.missed))
		}
		fmt.Printf("| %s | %d | %d | %.1f | %.1f | %s |\n", t.name, t.ok, t.of, p10, p50, missed)
		ok, of = ok+t.ok, of+t.of
	}
	fmt.Println()
}
