package main

import (
	"context"
	"fmt"
	"image"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/quality"
	"github.com/avowai/avow/watermark"
)

func megapixels(r image.Rectangle) float64 { return float64(r.Dx()*r.Dy()) / 1e6 }

// payloadOf gives every picture an id of its own.
func payloadOf(i int) watermark.Payload {
	return watermark.Payload{0xA5, byte(i), 3, 4, 5, 6, 7, byte(17 * i)}
}

// measure fills the journal with what it lacks, several pictures at once.
func (o *options) measure(ctx context.Context, pictures []corpus.Picture, attacks []attack.Attack, key watermark.Key, j *journal) error {
	bar := newProgress(len(pictures) * len(o.strengths) * (len(attacks) + 1))
	defer bar.end()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.workers)
	for _, strength := range o.strengths {
		for i, p := range pictures {
			group.Go(func() error {
				u := unit{p, payloadOf(i), strength, key, j, bar}
				if err := u.run(ctx, attacks, o.perceptual); err != nil {
					return fmt.Errorf("%s: %w", p.Name, err)
				}
				return nil
			})
		}
	}
	return group.Wait()
}

// A unit is one picture at one strength.
type unit struct {
	corpus.Picture
	payload  watermark.Payload
	strength float64
	key      watermark.Key
	j        *journal
	bar      *progress
}

func (u *unit) run(ctx context.Context, attacks []attack.Attack, perceptual bool) error {
	start := time.Now()
	marked, err := watermark.Embed(ctx, u.Image, u.payload, u.key, &watermark.EmbedOptions{Strength: u.strength})
	if err != nil {
		return err
	}
	embed := time.Since(start)
	id := identity{u.Name, "", u.strength, 0}
	if r, ok := u.j.get(id); !ok || perceptual && r.Norm3 == 0 {
		r := result{
			Picture: u.Name, Strength: u.strength, Mega: megapixels(u.Bounds()), Millis: millis(embed),
			PSNR: quality.PSNR(u.Image, marked), SSIM: quality.SSIM(u.Image, marked), Calm: quality.Calm(u.Image, marked),
		}
		if perceptual {
			r.Butteraugli, r.Norm3, r.Ssimulacra = perceived(ctx, u.Image, marked)
		}
		if err := u.j.add(r); err != nil {
			return err
		}
	}
	u.bar.step()
	for _, a := range attacks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, ok := u.j.get(identity{u.Name, a.Name, u.strength, 0}); !ok {
			if err := u.try(ctx, a, marked); err != nil {
				return fmt.Errorf("%s: %w", a.Name, err)
			}
		}
		u.bar.step()
	}
	return nil
}

func (u *unit) try(ctx context.Context, a attack.Attack, marked image.Image) error {
	attacked := a.Apply(marked)
	if attacked == nil {
		return fmt.Errorf("%s failed", a.Tool)
	}
	start := time.Now()
	found, err := watermark.Detect(ctx, attacked, nil, u.key)
	took := time.Since(start)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r := result{
		Picture: u.Name, Strength: u.strength, Attack: a.Name,
		Millis: millis(took), Mega: megapixels(attacked.Bounds()), Outcome: absent,
	}
	for _, d := range found {
		r.Score = d.Score
		switch {
		case !d.Found:
			r.Outcome = present
		case d.Payload == u.payload:
			r.Outcome = exact
		default:
			r.Outcome = wrong
		}
	}
	_ = err // too small a picture counts as absent
	return u.j.add(r)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// progress draws a bar with the time left on standard error.
type progress struct {
	all   int
	done  atomic.Int64
	start time.Time
	shown atomic.Int64
}

func newProgress(all int) *progress { return &progress{all: all, start: time.Now()} }

func (p *progress) step() {
	done := p.done.Add(1)
	now := time.Now().Unix()
	if old := p.shown.Load(); now == old || !p.shown.CompareAndSwap(old, now) {
		return
	}
	const width = 40
	share := float64(done) / float64(p.all)
	left := time.Duration(float64(time.Since(p.start)) * (1 - share) / share).Round(time.Second)
	full := int(share * width)
	fmt.Fprintf(os.Stderr, "\r[%s%s] %d/%d, %v left   ", strings.Repeat("#", full), strings.Repeat(".", width-full), done, p.all, left)
}

func (p *progress) end() {
	fmt.Fprintf(os.Stderr, "\r%d of %d in %v%s\n", p.done.Load(), p.all, time.Since(p.start).Round(time.Second), strings.Repeat(" ", 50))
}
