// Command oracle attacks the keyed image mark through the public verification API,
// in process: it starts from a marked picture and a version of it that is so
// degraded that the mark is gone, and walks along the border between both towards
// the marked picture, with nothing but the answers "read" and "not read".
//
//	go run ./bench/oracle -corpus DIR
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"image"
	"log"
	"runtime"
	"strings"

	"github.com/disintegration/imaging"
	"golang.org/x/sync/errgroup"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/quality"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

type settings struct {
	folder           string
	pictures, size   int
	queries, insists int
}

func main() {
	log.SetFlags(0)
	var s settings
	flag.StringVar(&s.folder, "corpus", "", "folder of pictures; none makes them")
	flag.IntVar(&s.pictures, "pictures", 2, "how many pictures are attacked")
	flag.IntVar(&s.size, "size", 384, "side of the pieces that are cut out of their middle, in pixels")
	flag.IntVar(&s.queries, "queries", 3000, "questions for each picture without limits")
	flag.IntVar(&s.insists, "insists", 300, "questions for each picture with limits, answered or not")
	flag.Parse()
	if err := measure(s); err != nil {
		log.Fatal("oracle: ", err)
	}
}

func measure(s settings) error {
	pictures, err := load(s)
	if err != nil {
		return err
	}
	var key watermark.Key
	if key, err = watermark.GenerateKey(); err != nil {
		return err
	}
	given := ""
	if s.folder != "" {
		given = " -corpus DIR"
	}
	fmt.Printf("`go run ./bench/oracle%s -pictures %d -size %d -queries %d`: %s, %s/%s\n\n", given, len(pictures), s.size, s.queries, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Println("| picture | marked at | with limits: answered | first refused | of asked | without: start | removed at 38 dB after | at 40 dB after | best after all questions |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	rows := make([]string, len(pictures))
	var g errgroup.Group
	for i, p := range pictures {
		g.Go(func() error {
			row, err := attackOne(s, p, key)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			rows[i] = row
			return nil
		})
	}
	err = g.Wait()
	fmt.Print(strings.Join(rows, ""))
	return err
}

// load cuts square pieces out of pictures.
func load(s settings) (out []corpus.Picture, err error) {
	var all []corpus.Picture
	if s.folder != "" {
		if all, err = corpus.Folder(s.folder); err != nil {
			return nil, err
		}
	}
	for i := 0; s.folder == "" && i < s.pictures; i++ {
		all = append(all, corpus.Picture{Name: fmt.Sprintf("made %d", i), Image: corpus.Made(s.size, s.size, uint64(i))})
	}
	for _, p := range all {
		b := p.Bounds()
		if len(out) == s.pictures || b.Dx() < s.size || b.Dy() < s.size {
			continue
		}
		out = append(out, corpus.Picture{Name: p.Name, Image: imaging.CropCenter(p.Image, s.size, s.size)})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no picture of %d x %d pixels", s.size, s.size)
	}
	return out, nil
}

// attackOne attacks one picture with the limits of the service and without them.
func attackOne(s settings, p corpus.Picture, key watermark.Key) (row string, err error) {
	var id watermark.Payload
	_, _ = rand.Read(id[:])
	marked, err := watermark.Embed(context.Background(), p.Image, id, key, nil)
	if err != nil {
		return "", err
	}
	limited, err := newOracle(key, middleware.VerifyLimits{})
	if err != nil {
		return "", err
	}
	a := newAttack(marked, limited, s.insists)
	a.run()
	free, err := newOracle(key, middleware.VerifyLimits{PerMinute: -1, Concurrent: -1, PerGroup: -1})
	if err != nil {
		return "", err
	}
	b := newAttack(marked, free, s.queries)
	b.run()
	if b.start == 0 {
		return "", fmt.Errorf("no degraded version without a mark was found")
	}
	return fmt.Sprintf("| %s | %.1f dB | %d | %s | %d | %.1f dB | %s | %s | %.1f dB |\n", p.Name, quality.PSNR(p.Image, marked),
		limited.answered, ordinal(limited.refusedAt), limited.asked, b.start, after(b.reached[38]), after(b.reached[40]), b.best), nil
}

func ordinal(n int) string {
	if n == 0 {
		return "never"
	}
	return fmt.Sprintf("question %d", n)
}

func after(n int) string {
	if n == 0 {
		return "not removed"
	}
	return fmt.Sprintf("%d questions", n)
}

// newDetector is that of a deployment whose key the attacker does not have.
func newDetector(key watermark.Key) (*disclose.Detector, error) {
	return disclose.NewDetector(disclose.DetectorOptions{Keys: []disclose.VerifyKey{{Key: key}}, Jobs: 2})
}

func toNRGBA(img image.Image) *image.NRGBA { return imaging.Clone(img) }
