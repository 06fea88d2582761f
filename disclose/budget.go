package disclose

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"

	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/watermark"
)

// DefaultMaxMemory is what a Detector's decoded pictures may take at one time, in
// bytes.
const DefaultMaxMemory = 512 << 20

// ErrRefused is returned by Inspect where a Gate or TextGate ended it; it wraps the
// gate's own error.
var ErrRefused = errors.New("disclose: inspection refused")

// A Gate sees each decoded picture of an input before marks are looked for in it,
// and keeps nothing of it. Its error ends the inspection.
//
// Where the bucket that it returns is not empty, an image mark has to be up to a
// decade surer than usual to be reported: how much, a keyed hash of the bucket
// says. Who tries to remove a mark by asking again and again then climbs towards a
// limit that he does not know. It is never less strict, so the stated rate of false
// alarms holds. Pictures that look alike should share a bucket.
type Gate func(img image.Image) (bucket []byte, err error)

// KeyIDs are the public ids of the keys that marks are looked for under, revoked
// ones included.
func (d *Detector) KeyIDs() []string {
	ids := make([]string, 0, len(d.keys))
	for _, k := range d.keys {
		ids = append(ids, k.ID())
	}
	return ids
}

// admit waits for a job and for the memory that decoding and searching an image
// takes. One that would take more than all of the memory gets all of it, alone.
func (d *Detector) admit(ctx context.Context, info imagemeta.Info) (release func(), err error) {
	wait, cancel := ctx, context.CancelFunc(func() {})
	if d.o.MaxWait > 0 {
		wait, cancel = context.WithTimeout(ctx, d.o.MaxWait)
	}
	defer cancel()
	need := min(info.DecodeBytes(), d.o.MaxMemory)
	if !d.jobs.TryAcquire(1) {
		if err := d.jobs.Acquire(wait, 1); err != nil {
			return nil, busy(ctx, err)
		}
	}
	if !d.memory.TryAcquire(need) {
		if err := d.memory.Acquire(wait, need); err != nil {
			d.jobs.Release(1)
			return nil, busy(ctx, err)
		}
	}
	return func() { d.memory.Release(need); d.jobs.Release(1) }, nil
}

// busy tells waiting too long from a caller who is gone.
func busy(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrBusy, err)
}

// gate asks the input's Gate about a picture.
func (in *inspection) gate(img image.Image) (bucket []byte, err error) {
	if in.src.Gate == nil {
		return nil, nil
	}
	if bucket, err = in.src.Gate(img); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return bucket, nil
}

// gateTexts asks the input's TextGate about its texts.
func (in *inspection) gateTexts() error {
	for _, words := range in.said {
		if err := in.src.TextGate(words); err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return nil
}

// stopped reports whether an error says nothing about a picture, but ends the whole
// inspection.
func stopped(err error) bool { return errors.Is(err, ErrRefused) || errors.Is(err, ErrBusy) }

// surer leaves out the marks that are not sure enough for a bucket. A payload that
// is left out is not reported as a template either: that needs a search of its own.
func (d *Detector) surer(marks []watermark.Detection, bucket []byte) []watermark.Detection {
	if len(bucket) == 0 {
		return marks
	}
	var out []watermark.Detection
	for _, m := range marks {
		if !m.Found || m.FalsePositiveRate <= watermark.FoundRate*math.Pow(10, -d.dither(m.KeyID, bucket)) {
			out = append(out, m)
		}
	}
	return out
}

// dither is a number from 0 to 1 that a key and a bucket give.
func (d *Detector) dither(keyID string, bucket []byte) float64 {
	for _, k := range d.keys {
		if k.ID() != keyID {
			continue
		}
		secret := k.Subkey("avow public answers 1")
		mac := hmac.New(sha256.New, secret[:])
		mac.Write(bucket)
		return float64(binary.BigEndian.Uint32(mac.Sum(nil))) / (1 << 32)
	}
	return 1
}
