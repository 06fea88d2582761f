package disclose

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"github.com/avowai/avow/watermark"
)

// DefaultCarriers are the carriers a Marker attaches unless told otherwise.
const DefaultCarriers = CarrierSet(1<<CarrierHeader | 1<<CarrierNotice | 1<<CarrierField |
	1<<CarrierTextMark | 1<<CarrierImageMark | 1<<CarrierMetadata | 1<<CarrierManifest)

// Options configure a Marker. The zero value is the recommended setting, save
// for what only the operator can know: Provider, System and Key.
type Options struct {
	// Provider, System and Version go into every Label that lacks them.
	Provider, System, Version string
	// Key hides the image mark and signs the text mark. The zero Key switches
	// both off.
	Key watermark.Key
	// Carriers enabled; nil means DefaultCarriers.
	Carriers *CarrierSet
	// Profile decides what happens when a mark fails; the zero value is Strict.
	Profile Profile
	// Strength of the image mark; 0 means 1.
	Strength float64
	// TextMarkDistance is how many characters lie between two text marks; 0
	// means 400.
	TextMarkDistance int
	// MaxHeld bounds a held output, in bytes; 0 means 32 MiB.
	MaxHeld int64
	// MaxEvent bounds one event of a text stream, in bytes; 0 means 256 KiB.
	MaxEvent int
	// MaxPixels bounds an image that is decoded; 0 means 24,000,000.
	MaxPixels int64
	// Jobs bounds the images marked at one time; 0 means the number of cores.
	Jobs int
	// Queue bounds the images waiting for their turn; 0 means 64.
	Queue int
	// MarkTimeout bounds the work on one output's marks; 0 means 5 s.
	MarkTimeout time.Duration
	// PassURLOnly passes images given only by URL, with the header, where
	// Strict would withhold them.
	PassURLOnly bool
	// WebP says what becomes of lossy WebP pictures; the zero value is
	// [WebPMetadata]. Lossless ones are marked and stay WebP in any case.
	WebP WebPPolicy
	// VisibleLabel is drawn into PNG, JPEG and lossless WebP pictures before they
	// are marked, and into lossy ones with [WebPToPNG]; nil draws none.
	VisibleLabel *VisibleLabel
	// Notices replaces the sentence of a language (BCP 47 tag to text); see
	// [CheckNotice].
	Notices map[string]string
	// Principal is on whose behalf an agent acts; the notice then says so. At
	// most 120 bytes; empty for none. See [CheckPrincipal].
	Principal string
	// Audience is who the built-in notices are written for; the zero value is
	// anyone.
	Audience Audience
	// Provenance signs outputs; nil: they carry no manifest.
	Provenance *Provenance
	// Detector is the address of the verification page, named in fields and
	// metadata; nil leaves it out.
	Detector *url.URL
	// AIGC adds China's implicit label to the metadata of images; nil leaves it
	// out.
	AIGC *AIGCLabel
	// OptOut are signals to those who gather training data; the zero value gives
	// none.
	OptOut OptOut
	// Records keeps what was marked; nil keeps nothing.
	Records Records
	// NoFingerprints keeps records without fingerprints of the content. A mark can
	// then not be told from a copy of it on foreign content, so that nothing but the
	// very bytes that left is verified.
	NoFingerprints bool
	// Previous is the Marker that this one takes the place of, as after a change of
	// configuration; nil for none. What waits for the same Records goes over to the
	// new one, and the images of both count together towards Jobs and the memory for
	// decoding. Both may be in use until the old one's last output has ended.
	Previous *Marker
	// Logger receives failures; nil discards them.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Observe, where set, receives the time each stage took. The stages are
	// a closed set: decode, embed, fingerprint, encode, metadata, manifest, splice.
	Observe func(stage string, d time.Duration)
	// ObserveStage, where set, is told the same, with the context of the output
	// ([Marker.NewWriter]): for what belongs to one output, such as a trace.
	ObserveStage func(ctx context.Context, stage string, d time.Duration)
	// ObserveQueue, where set, is told of images entering (+1) and leaving
	// (-1) the queue.
	ObserveQueue func(delta int)
	// ObserveHeld, where set, is told of bytes held (+n) and released (-n).
	ObserveHeld func(delta int64)
	// ObserveRecord, where set, is told of every record written (nil) or not.
	ObserveRecord func(err error)
}

// A WebPPolicy says what becomes of lossy WebP pictures. Animations are left
// alone under either, their metadata aside.
type WebPPolicy uint8

const (
	// WebPMetadata writes their metadata and leaves the pixels alone, so that they
	// go out without an image mark: "degraded; missing=image_mark".
	WebPMetadata WebPPolicy = iota
	// WebPToPNG decodes and marks them, and delivers them as PNG, ten to thirty
	// times as large. What names their type is changed with them: the type of a raw body
	// ([Result.MediaType]), a data URI's media type, and the member beside an image
	// in a known shape. Other names of the type, as in a text or an address, stay.
	WebPToPNG
)
