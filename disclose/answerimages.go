package disclose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark"
)

// maxImages bounds the images of one payload that are marked.
const maxImages = 1024

// imageMemory remembers the images of an output by the hash of their base64, so
// that an image that is said again is the same marked image again.
type imageMemory struct {
	seen map[[32]byte]seenImage
	size int64
}

type seenImage struct {
	id   watermark.Payload
	text []byte // marked base64, nil where the image stayed as it was
	png  bool   // it came in another format and is PNG now
}

// markImages marks the base64 images of the payload at hand, several at a time
// as far as the pool allows. It returns their ids in the payload's order.
func (a *answer) markImages(payload []byte) ([]jsonscan.Edit, []watermark.Payload, error) {
	spans := a.found.images
	if len(spans) == 0 || a.w.human() {
		return nil, nil, nil
	}
	a.w.wantImages()
	if n := len(spans); n > maxImages {
		cause := fmt.Errorf("%d images in one answer, at most %d are marked", n, maxImages)
		return nil, nil, a.w.fail(a.w.imageCarriers(), ReasonTooLarge, cause)
	}
	jobs, err := a.imageJobs(payload, spans)
	if err != nil {
		return nil, nil, a.w.fail(NewCarrierSet(CarrierImageMark, CarrierMetadata), ReasonMarkerError, err)
	}
	ctx, cancel := context.WithTimeout(a.w.ctx, a.w.m.o.MarkTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(a.w.m.o.Jobs) // more would only fill the queue
	for _, j := range jobs {
		if !j.known {
			group.Go(func() error {
				j.result, j.seen.text = a.w.markBase64(ctx, j.raw, j.label)
				j.seen.png = j.result.png
				if kept := j.result.kept; !kept.IsZero() {
					j.label.ID, j.seen.id = kept, kept
				}
				return nil
			})
		}
	}
	_ = group.Wait()
	edits, ids, err := a.imageEdits(jobs)
	return append(edits, mediaEdits(payload, jobs)...), ids, err
}

// An inlineImage is one image inside a JSON string.
type inlineImage struct {
	found  foundImage
	raw    []byte
	sum    [32]byte
	known  bool // marked before, in this output
	label  Label
	seen   seenImage
	result imageResult
}

// imageJobs gives every image that is new a label of its own; the only image of
// a held answer shares the response's.
func (a *answer) imageJobs(payload []byte, spans []foundImage) ([]*inlineImage, error) {
	jobs := make([]*inlineImage, len(spans))
	for i, image := range spans {
		j := &inlineImage{found: image, raw: image.span.Of(payload), label: a.w.label}
		j.sum = sha256.Sum256(j.raw)
		j.seen, j.known = a.images.seen[j.sum]
		if !j.known && (len(spans) > 1 || !a.held) {
			id, err := watermark.NewPayload()
			if err != nil {
				return nil, err
			}
			j.label.ID = id
		}
		if !j.known {
			j.seen.id = j.label.ID
		}
		jobs[i] = j
	}
	return jobs, nil
}

func (a *answer) imageEdits(jobs []*inlineImage) (edits []jsonscan.Edit, ids []watermark.Payload, err error) {
	for _, j := range jobs {
		if !j.known {
			if err := a.w.take(j.result, j.label); err != nil {
				return nil, nil, err
			}
			if !j.result.changed {
				j.seen.text = nil
			}
			a.remember(j)
			a.w.imageIDs = append(a.w.imageIDs, j.seen.id)
		}
		ids = append(ids, j.seen.id)
		if j.seen.text != nil {
			edits = append(edits, jsonscan.Edit{At: j.found.span.Start, Del: j.found.span.End - j.found.span.Start, Ins: j.seen.text})
		}
	}
	return edits, ids, nil
}

// remember keeps an image where it may be said again, within the limit of a
// held output.
func (a *answer) remember(j *inlineImage) {
	if a.held || !a.driver.repeats || a.images.size+int64(len(j.seen.text)) > a.w.m.o.MaxHeld {
		return
	}
	if a.images.seen == nil {
		a.images.seen = map[[32]byte]seenImage{}
	}
	a.images.seen[j.sum] = j.seen
	a.images.size += int64(len(j.seen.text))
}

// wantImages notes that the output holds images, which the shape alone does not
// tell.
func (w *Writer) wantImages() {
	w.want |= w.imageCarriers()
}

// markBase64 marks one image inside a JSON string: bare base64, or a data URI.
func (w *Writer) markBase64(ctx context.Context, raw []byte, l Label) (imageResult, []byte) {
	text := raw
	if bytes.IndexByte(raw, '\\') >= 0 {
		text = []byte(jsonscan.Unquote(raw, len(raw)))
	}
	prefix := ""
	if i := bytes.IndexByte(text, ','); bytes.HasPrefix(text, []byte(dataScheme)) && i > 0 {
		prefix, text = string(text[:i+1]), text[i+1:]
	}
	enc := base64.StdEncoding
	if len(text)%4 != 0 {
		enc = base64.RawStdEncoding
	}
	data := make([]byte, enc.DecodedLen(len(text)))
	n, err := enc.Decode(data, text)
	if err != nil {
		return failedImage(data, w.want, ReasonUndecodable, fmt.Errorf("base64 of an image: %w", err)), nil
	}
	r := w.m.images.mark(ctx, data[:n], l, w.want, w.visible)
	if !r.changed {
		return r, nil
	}
	if r.png && prefix != "" {
		prefix = pngURI(prefix)
	}
	out := jsonscan.AppendString(make([]byte, 0, len(prefix)+enc.EncodedLen(len(r.data))), prefix)
	return r, enc.AppendEncode(out, r.data)
}

// finishImage marks a body that is one image.
func (w *Writer) finishImage(data []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(w.ctx, w.m.o.MarkTimeout)
	defer cancel()
	r := w.m.images.mark(ctx, data, w.label, w.want, w.visible)
	if r.png {
		w.mediaType = imagemeta.PNG.MIME()
	}
	if !r.kept.IsZero() { // the answer is that image, with its id and its record
		w.label.ID, w.recalled = r.kept, r.recorded
	}
	return r.data, w.take(r, w.label)
}

// take notes what became of one image.
func (w *Writer) take(r imageResult, l Label) error {
	if !r.recorded {
		w.images = append(w.images, delivered{
			label: l, mediaType: imagemeta.Sniff(r.data).MIME(), sum: sha256.Sum256(r.data), size: int64(len(r.data)),
			print: r.print, store: r.store, storeID: r.storeID,
		})
	}
	w.unstamped = w.unstamped || r.unstamped
	if r.missing != 0 {
		w.missing |= r.missing
		w.skip(ReasonUndecodable)
		if required := r.missing & w.out.Require; required != 0 {
			if err := w.fail(required, ReasonUndecodable, nil); err != nil {
				return err
			}
		}
	}
	for _, m := range r.marks {
		if m.Reason == ReasonNone && m.Err == nil {
			w.marks = append(w.marks, m)
			continue
		}
		if m.Reason == ReasonAlreadyMarked {
			w.pass(ReasonAlreadyMarked)
			continue
		}
		if err := w.fail(NewCarrierSet(m.Carrier), m.Reason, m.Err); err != nil {
			return err
		}
	}
	return nil
}
