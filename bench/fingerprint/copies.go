package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math/rand/v2"
	"os"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

// copyAttacks is what marked pictures go through. The first five are those that
// the threshold has to let pass.
var copyAttacks = []attack.Attack{
	{Name: "JPEG 60", Apply: attack.JPEG(60)},
	{Name: "resize 0.5", Apply: attack.Resize(0.5, 0.5)},
	{Name: "crop to 50 %", Apply: attack.Crop(0.5, 2)},
	{Name: "pad, resize 0.8, JPEG 75", Apply: attack.Chain(attack.Border(0.1), attack.Resize(0.8, 0.8), attack.JPEG(75))},
	{Name: "rotate by 5 degrees", Apply: attack.Rotate(5)},
	{Name: "nothing", Apply: func(m image.Image) image.Image { return m }},
	{Name: "JPEG 30", Apply: attack.JPEG(30)},
	{Name: "blur 1.5", Apply: attack.Blur(1.5)},
	{Name: "brightness 1.3", Apply: attack.Linear(1.3, 0)},
	{Name: "contrast 0.7", Apply: attack.Linear(0.7, 0.3*128)},
	{Name: "gamma 0.7", Apply: attack.Gamma(0.7)},
	{Name: "noise 10", Apply: attack.Noise(10, 3)},
	{Name: "grey", Apply: attack.Grey},
	{Name: "screenshot: resize 0.8, pad 20 %, JPEG 85", Apply: attack.Chain(attack.Resize(0.8, 0.8), attack.Border(0.2), attack.JPEG(85))},
	{Name: "mirror", Apply: attack.Mirror},
	{Name: "rotate by 90 degrees", Apply: attack.Quarter},
	{Name: "rotate by 15 degrees", Apply: attack.Rotate(15)},
	{Name: "width 0.8", Apply: attack.Resize(0.8, 1)},
	{Name: "resize 1.5", Apply: attack.Resize(1.5, 1.5)},
	{Name: "resize 0.25", Apply: attack.Resize(0.25, 0.25)},
	{Name: "crop to 25 %", Apply: attack.Crop(0.25, 3)},
	{Name: "crop to 70 %, resize 0.8, JPEG 70", Apply: attack.Chain(attack.Crop(0.7, 5), attack.Resize(0.8, 0.8), attack.JPEG(70))},
	{Name: "caption over 20 %", Apply: attack.Caption(0.2)},
	{Name: "perspective 5 %", Apply: attack.Perspective(0.05, 1)},
	{Name: "perspective 7.5 %", Apply: attack.Perspective(0.075, 2)},
	{Name: "sine 3 px", Apply: attack.Sine(3, 300)},
	{Name: "photo of a screen", Apply: attack.Chain(attack.Rotate(2), attack.Perspective(0.04, 4), attack.Gamma(1.2), attack.Blur(0.8), attack.Noise(6, 7), attack.Linear(0.85, 15), attack.JPEG(75))},
	{Name: "collage, JPEG 85", Apply: attack.Chain(attack.Resize(0.8, 0.8), attack.Collage, attack.JPEG(85))},
}

// samples are the pictures, and pieces of the large ones as pictures of their own.
func (b *bench) samples() []corpus.Picture {
	rng := rand.New(rand.NewPCG(6, 1))
	var out []corpus.Picture
	for _, p := range b.pictures {
		out = append(out, p)
		r := p.Bounds()
		for i := range b.pieces {
			if min(r.Dx(), r.Dy()) < 500 {
				break
			}
			w, h := 320+rng.IntN(min(r.Dx(), 1100)-319), 320+rng.IntN(min(r.Dy(), 1100)-319)
			x, y := r.Min.X+rng.IntN(r.Dx()-w+1), r.Min.Y+rng.IntN(r.Dy()-h+1)
			out = append(out, corpus.Picture{Name: fmt.Sprintf("%s, piece %d", p.Name, i+1), Image: imaging.Crop(p, image.Rect(x, y, x+w, y+h))})
		}
	}
	return out
}

// A copyScore counts what became of one attack.
type copyScore struct {
	made, read, match int
	distance, cover   []float64
}

func (b *bench) copies(ctx context.Context) error {
	found, err := openJournal(b.journal)
	if err != nil {
		return err
	}
	samples := b.samples()
	scores := make([]copyScore, len(copyAttacks))
	for i, s := range samples {
		if err := b.copiesOf(ctx, s, i, scores, found); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		fmt.Fprintf(os.Stderr, "\r%d of %d marked pictures", i+1, len(samples))
	}
	fmt.Fprintln(os.Stderr)
	reportCopies(len(samples), scores)
	return found.close()
}

func (b *bench) copiesOf(ctx context.Context, s corpus.Picture, n int, scores []copyScore, found *journal) error {
	id := watermark.Payload{0xF1, byte(n), 3, 4, 5, 6, byte(n >> 8), byte(17 * n)}
	marked, err := watermark.Embed(ctx, s.Image, id, b.key, nil)
	if err != nil {
		return err
	}
	recorded := b.imager.Image(marked)
	for i, a := range copyAttacks {
		attacked := a.Apply(marked)
		geometry, read, err := found.detect(ctx, s.Name+": "+a.Name, attacked, id, b.key)
		if err != nil {
			return err
		}
		scores[i].made++
		if !read {
			continue
		}
		scores[i].read++
		c := b.imager.Compare(recorded, attacked, geometry)
		scores[i].add(c)
		if b.verbose && !c.Match {
			fmt.Fprintf(os.Stderr, "\r%s: %s: %+v\n", s.Name, a.Name, c)
		}
	}
	return nil
}

func (s *copyScore) add(c fingerprint.Comparison) {
	if c.Match {
		s.match++
	}
	if c.Coverage > 0 {
		s.distance = append(s.distance, c.Distance)
	}
	s.cover = append(s.cover, c.Coverage)
}

func reportCopies(n int, scores []copyScore) {
	fmt.Printf("\n## Copies\n\n%d pictures, marked, treated, searched for the mark, and compared with the\nfingerprint of the marked picture where the payload was read.\n\n", n)
	fmt.Println("| treatment | payload read | recognised | share | distance median | 90 % | 99 % | largest | coverage median |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for i, s := range scores {
		fmt.Printf("| %s | %d | %d | %.1f %% | %.3f | %.3f | %.3f | %.3f | %.2f |\n", copyAttacks[i].Name, s.read, s.match,
			100*float64(s.match)/float64(max(s.read, 1)), quantile(s.distance, .5), quantile(s.distance, .9), quantile(s.distance, .99), quantile(s.distance, 1), quantile(s.cover, .5))
	}
}

// A journal keeps what detection found, since that takes most of the time.
type journal struct {
	path  string
	known map[string]*watermark.Affine // nil: not read
}

func openJournal(path string) (*journal, error) {
	j := &journal{path, map[string]*watermark.Affine{}}
	if path == "" {
		return j, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	} else if err != nil {
		return nil, err
	}
	return j, json.Unmarshal(data, &j.known)
}

func (j *journal) close() error {
	if j.path == "" {
		return nil
	}
	data, err := json.Marshal(j.known)
	if err != nil {
		return err
	}
	return os.WriteFile(j.path, data, 0o600)
}

// detect searches a picture for the payload id, unless it has been.
func (j *journal) detect(ctx context.Context, name string, img image.Image, id watermark.Payload, key watermark.Key) (watermark.Affine, bool, error) {
	t, ok := j.known[name]
	if !ok {
		found, err := watermark.Detect(ctx, img, nil, key)
		if err != nil && !errors.Is(err, watermark.ErrTooSmall) {
			return watermark.Affine{}, false, err
		}
		for _, d := range found {
			if d.Found && d.Payload == id {
				t = &d.Transform
			}
		}
		j.known[name] = t
	}
	if t == nil {
		return watermark.Affine{}, false, nil
	}
	return *t, true, nil
}
