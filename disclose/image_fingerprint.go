package disclose

import (
	"image"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/internal/pixels"
)

// newImager returns what makes the fingerprints of pictures, or nil where records
// hold none.
func newImager(o Options) *fingerprint.Imager {
	if o.Records == nil || o.NoFingerprints || o.Key.IsZero() {
		return nil
	}
	return fingerprint.NewImager(fingerprint.ImageKey(o.Key))
}

// fingerprint takes the fingerprint of the pixels that leave: with the label and
// the mark, before they are encoded. What JPEG does to them is far below what
// makes a difference.
func (j *imageJob) fingerprint(img image.Image) {
	if j.im.imager == nil {
		return
	}
	j.res.print, _ = timed(j, "fingerprint", func() (fingerprint.Image, error) { return j.im.imager.Image(img), nil })
}

// fingerprintFile takes the fingerprint of a picture whose pixels are left alone.
// It has no mark to be recognised by, so this is all that is left once its metadata
// is gone: worth decoding it for, within the limits of pictures that are marked.
// A picture that cannot be decoded goes out without.
func (j *imageJob) fingerprintFile() {
	if j.im.imager == nil {
		return
	}
	if _, err := j.limits(); err != nil {
		return
	}
	leave, err := j.im.enter(j.ctx, j.info.DecodeBytes())
	if err != nil {
		return
	}
	defer leave()
	img, err := timed(j, "decode", func() (image.Image, error) { return pixels.Decode(j.data, pixelFormat(j.info.Format)) })
	if err == nil {
		j.fingerprint(img)
	}
}
