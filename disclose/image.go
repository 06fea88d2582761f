package disclose

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/watermark"
)

const (
	maxSide      = 16_384    // pixels on a side of an image that is decoded
	decodeMemory = 512 << 20 // bytes that images being decoded may take together
)

// Errors of the image pipeline.
var (
	ErrImageTooLarge = errors.New("disclose: image over the limits")
	ErrBusy          = errors.New("disclose: too many outputs waiting")
)

// An imageMarker marks images, a bounded number at a time.
type imageMarker struct {
	o       Options
	jobs    *semaphore.Weighted
	memory  *semaphore.Weighted
	imager  *fingerprint.Imager // nil: records hold no fingerprints
	waiting *atomic.Int64
}

func newImageMarker(o Options) *imageMarker {
	return &imageMarker{
		o: o, jobs: semaphore.NewWeighted(int64(o.Jobs)), memory: semaphore.NewWeighted(decodeMemory), imager: newImager(o),
		waiting: new(atomic.Int64),
	}
}

// An imageResult is what became of one image. Marks with a Reason failed.
type imageResult struct {
	data    []byte
	marks   []Mark
	missing CarrierSet // carriers that this version does not attach to the format
	changed bool
	// unstamped: signed, without the time stamp that should be there.
	unstamped bool
	png       bool // the format was changed, from WebP to PNG
	// kept is the id of a mark that the image came with, and was left alone for;
	// recorded: that id has its record.
	kept     watermark.Payload
	recorded bool
	// print is the fingerprint of the picture that leaves; zero where it was not
	// decoded, or says too little.
	print fingerprint.Image
	// store is the manifest store in the file, and storeID the label of its active
	// manifest.
	store   []byte
	storeID string
}

// failedImage is the result of an image that stays as it is.
func failedImage(data []byte, set CarrierSet, r Reason, err error) imageResult {
	res := imageResult{data: data}
	for _, c := range (set & NewCarrierSet(CarrierImageMark, CarrierMetadata, CarrierManifest, CarrierVisibleLabel)).List() {
		res.marks = append(res.marks, Mark{Carrier: c, Reason: r, Err: err})
	}
	return res
}

// An imageJob is one image on its way through the steps.
type imageJob struct {
	im   *imageMarker
	ctx  context.Context
	info imagemeta.Info
	data []byte
	// original is the file as it came; data is it without a foreign manifest.
	original []byte
	parent   *c2pa.Parent
	// onlyMarked: the parent calls the picture AI-made already.
	onlyMarked bool
	label      Label
	visible    *VisibleLabel
	want       CarrierSet
	res        imageResult
	waited     time.Duration // for a place in the pool
}

// mark attaches what set names of the image carriers to one image file.
//
// The order of the steps is law: pixels, then their encoding, then XMP, then
// the manifest, which binds all bytes before it.
//
// visible, where it is not nil, is drawn first.
func (im *imageMarker) mark(ctx context.Context, data []byte, l Label, set CarrierSet, visible *VisibleLabel) (res imageResult) {
	set = applicable(set, visible)
	defer func() {
		if r := recover(); r != nil {
			im.o.Logger.Error("panic while marking an image", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			res = failedImage(data, set, ReasonMarkerError, fmt.Errorf("panic while marking an image: %v", r))
		}
	}()
	info, err := imagemeta.Probe(data)
	switch {
	case set == 0:
		return imageResult{data: data}
	case err != nil:
		return failedImage(data, set, ReasonUndecodable, err)
	case !info.Complete:
		return failedImage(data, set, ReasonUndecodable, fmt.Errorf("%v file: %w", info.Format, ErrTruncated))
	}
	j := &imageJob{im: im, ctx: ctx, info: info, data: data, original: data, label: l, visible: visible, want: set, res: imageResult{data: data}}
	for _, step := range []func(*imageJob) bool{(*imageJob).openManifest, (*imageJob).markPixels, (*imageJob).writeXMP, (*imageJob).writeManifest} {
		if !step(j) {
			break
		}
	}
	if j.parent != nil && !j.attached(CarrierManifest) {
		j.unsigned()
	}
	return j.res
}

func (j *imageJob) attached(c Carrier) bool {
	return slices.ContainsFunc(j.res.marks, func(m Mark) bool { return m.Carrier == c && m.Reason == ReasonNone && m.Err == nil })
}

func (j *imageJob) done(c Carrier) {
	j.res.changed = true
	j.res.marks = append(j.res.marks, Mark{Carrier: c, ID: j.label.ID})
}

// failed notes a carrier that could not be attached; the next step goes on.
// Where most of the time for it went by in the queue, the queue was the cause: who
// asked is told to come again.
func (j *imageJob) failed(c Carrier, r Reason, err error) bool {
	if r == ReasonMarkerError && errors.Is(err, context.DeadlineExceeded) && j.waited > j.im.o.MarkTimeout/2 {
		err = fmt.Errorf("%w: %w after %v in the queue", ErrBusy, err, j.waited.Round(time.Millisecond))
	}
	j.res.marks = append(j.res.marks, Mark{Carrier: c, ID: j.label.ID, Reason: r, Err: err})
	return true
}

func (j *imageJob) failedAll(set CarrierSet, r Reason, err error) bool {
	for _, c := range set.List() {
		j.failed(c, r, err)
	}
	return true
}

// markPixels draws the visible label, embeds the image mark over it, and encodes
// the pixels again.
func (j *imageJob) markPixels() bool {
	want := j.want & NewCarrierSet(CarrierImageMark, CarrierVisibleLabel)
	if want == 0 {
		return true
	}
	if j.leavesPixels() { // not an error: by design
		j.res.missing = want
		j.fingerprintFile()
		return true
	}
	if reason, err := j.limits(); err != nil {
		return j.failedAll(want, reason, err)
	}
	start := time.Now()
	leave, err := j.im.enter(j.ctx, j.info.DecodeBytes())
	j.waited = time.Since(start)
	if err != nil {
		return j.failedAll(want, ReasonMarkerError, err)
	}
	defer leave()
	img, err := timed(j, "decode", func() (image.Image, error) { return pixels.Decode(j.data, pixelFormat(j.info.Format)) })
	if err != nil {
		return j.failedAll(want, ReasonUndecodable, err)
	}
	return j.changePixels(img, want)
}

// changePixels does to decoded pixels what want names.
func (j *imageJob) changePixels(img image.Image, want CarrierSet) bool {
	labelled, err := j.drawLabel(img)
	if id, ours := j.ownMark(img, want.Has(CarrierVisibleLabel) && err == nil); ours {
		return j.keep(id)
	}
	if err != nil {
		want = want.Without(CarrierVisibleLabel)
		j.failed(CarrierVisibleLabel, labelReason(err), err)
	}
	marked, want := j.embed(labelled, want)
	j.fingerprint(marked)
	if want == 0 {
		return true
	}
	out, err := timed(j, "encode", func() ([]byte, error) { return j.encode(marked) })
	if err != nil {
		return j.failedAll(want, ReasonMarkerError, err)
	}
	j.res.data, j.res.png = out, j.info.Format == imagemeta.WebP && j.info.Lossy
	for _, c := range want.List() {
		j.done(c)
	}
	return true
}

// drawLabel draws the visible label where it is switched on. Where it cannot be
// drawn the picture comes back as it was, with the error.
func (j *imageJob) drawLabel(img image.Image) (image.Image, error) {
	if !j.want.Has(CarrierVisibleLabel) {
		return img, nil
	}
	out, err := j.visible.draw(img, imagemeta.Orientation(j.data), j.label.ID)
	if err != nil {
		return img, err
	}
	return out, nil
}

// embed embeds the image mark where want names it, and returns what of want has
// been done to the picture.
func (j *imageJob) embed(img image.Image, want CarrierSet) (image.Image, CarrierSet) {
	if !want.Has(CarrierImageMark) {
		return img, want
	}
	marked, err := timed(j, "embed", func() (image.Image, error) {
		return watermark.Embed(j.ctx, img, j.label.ID, j.im.o.Key, &watermark.EmbedOptions{
			Strength: j.im.o.Strength, Workers: runtime.GOMAXPROCS(0),
		})
	})
	if err == nil {
		return marked, want
	}
	reason := ReasonMarkerError
	if errors.Is(err, watermark.ErrTooSmall) {
		reason = ReasonTooSmall
	}
	j.failed(CarrierImageMark, reason, err)
	return img, want.Without(CarrierImageMark)
}

// limits says why the pixels may not be decoded.
func (j *imageJob) limits() (Reason, error) {
	i := j.info
	switch {
	case i.Animated:
		return ReasonUndecodable, errors.New("animated images are not marked")
	case i.Pixels() > j.im.o.MaxPixels || i.Width > maxSide || i.Height > maxSide:
		return ReasonTooLarge, fmt.Errorf("%w: %d x %d pixels, at most %d and %d on a side", ErrImageTooLarge, i.Width, i.Height, j.im.o.MaxPixels, maxSide)
	case i.DecodeBytes() > decodeMemory:
		return ReasonTooLarge, fmt.Errorf("%w: decoding %d x %d pixels takes over %d bytes", ErrImageTooLarge, i.Width, i.Height, decodeMemory)
	}
	return ReasonNone, nil
}

// ownMark returns the id of a mark of this deployment in the image that its
// records know: a second one would only cost quality. The template alone, or a
// mark without a record, does not count, as it may have been copied here. The
// record is of these very bytes, so nothing needs to be searched. Nor does a mark
// count where a visible label can be drawn that the picture left without.
func (j *imageJob) ownMark(img image.Image, labelDue bool) (id watermark.Payload, ours bool) {
	if j.im.o.Records == nil || !j.want.Has(CarrierImageMark) {
		return id, false
	}
	found, err := watermark.Detect(j.ctx, img, &watermark.DetectOptions{Direct: true}, j.im.o.Key)
	if err != nil {
		return id, false
	}
	for _, d := range found {
		if d.Found && sameBytes(j.ctx, j.im.o.Records, d.Payload, j.data) {
			return d.Payload, !labelDue || j.im.recordShowsLabel(j.ctx, d.Payload)
		}
	}
	return id, false
}

// leavesPixels reports whether the picture's pixels stay as they are. There is
// no encoder of lossy WebP here, and one without loss would make files many times
// as large under the same name; animations are no single picture.
func (j *imageJob) leavesPixels() bool {
	return j.info.Format == imagemeta.WebP && (j.info.Animated || j.info.Lossy && j.im.o.WebP != WebPToPNG)
}

// encode encodes the pixels again, in the file's format where it can be.
func (j *imageJob) encode(img image.Image) (out []byte, err error) {
	switch {
	case j.info.Format == imagemeta.JPEG:
		out, err = pixels.EncodeJPEG(img, j.data)
	case j.info.Format == imagemeta.WebP && !j.info.Lossy:
		out, err = pixels.EncodeWebP(img)
	default:
		out, err = pixels.EncodePNG(img)
	}
	if err != nil {
		return nil, err
	}
	return imagemeta.Transplant(j.data, out)
}

// writeXMP writes the Label into the file's XMP.
func (j *imageJob) writeXMP() bool {
	if !j.want.Has(CarrierMetadata) {
		return true
	}
	fields := xmpFields(j.label)
	fields.AIGC = j.im.o.AIGC.text(j.label)
	if d := j.im.o.Detector; d != nil {
		fields.Detector = d.String()
	}
	out, err := timed(j, "metadata", func() ([]byte, error) { return imagemeta.Write(j.res.data, fields) })
	if err != nil {
		return j.failed(CarrierMetadata, ReasonMarkerError, err)
	}
	j.res.data = out
	j.done(CarrierMetadata)
	return true
}

// xmpFields converts a Label at the border to imagemeta.
func xmpFields(l Label) imagemeta.Fields {
	return imagemeta.Fields{
		DigitalSourceType: string(l.Source), AISystemUsed: l.System, AISystemVersionUsed: l.Version,
		GUID: l.ID.String(), Credit: l.Provider, CreateDate: l.Time, CreatorTool: l.Generator,
	}
}

// enter waits for a place in the pool and for memory. The returned function
// gives both back.
func (im *imageMarker) enter(ctx context.Context, memory int64) (leave func(), err error) {
	if im.waiting.Add(1) > int64(im.o.Queue+im.o.Jobs) {
		im.waiting.Add(-1)
		return nil, fmt.Errorf("%w: %d", ErrBusy, im.o.Queue)
	}
	im.o.ObserveQueue(1)
	defer func() {
		if err != nil {
			im.waiting.Add(-1)
			im.o.ObserveQueue(-1)
		}
	}()
	if err := im.jobs.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	if err := im.memory.Acquire(ctx, memory); err != nil {
		im.jobs.Release(1)
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return func() {
		im.memory.Release(memory)
		im.jobs.Release(1)
		im.waiting.Add(-1)
		im.o.ObserveQueue(-1)
	}, nil
}

func timed[T any](j *imageJob, stage string, fn func() (T, error)) (T, error) {
	start := time.Now()
	out, err := fn()
	j.im.o.observe(j.ctx, stage, start)
	return out, err
}

func pixelFormat(f imagemeta.Format) pixels.Format {
	return [...]pixels.Format{pixels.PNG, pixels.PNG, pixels.JPEG, pixels.WebP}[f]
}
