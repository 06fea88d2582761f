package disclose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"
	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark"
	"github.com/avowai/avow/watermark/tokenmark"
)

// A VerifyKey is a key that marks are looked for under.
type VerifyKey struct {
	Key     watermark.Key
	Revoked bool // its marks are reported, and never relied on
	// RevokedAt is when; zero where that is not known. A mark whose matching record
	// is older says so in its detail, and is relied on no more than any other.
	RevokedAt time.Time
}

// DetectorOptions configure a Detector. The zero value finds public marks only.
type DetectorOptions struct {
	Keys []VerifyKey
	// TokenProfiles are the configurations of backends whose own marks are
	// looked for in the token ids of saved answers; at most 64.
	TokenProfiles []tokenmark.Profile
	// Trust are the anchors that signers of manifests are checked against.
	Trust Trust
	// Records are asked about the ids that are read; nil asks nobody.
	Records Records
	// MaxBytes bounds an input; 0 means 32 MiB.
	MaxBytes int64
	// MaxPixels bounds an image; 0 means 24,000,000.
	MaxPixels int64
	// Jobs bounds the images searched at one time; 0 means one.
	Jobs int
	// MaxMemory bounds what they take decoded, in bytes; 0 means DefaultMaxMemory.
	MaxMemory int64
	// MaxWait bounds how long an image waits for both, after which Inspect returns
	// ErrBusy; 0 means as long as its context.
	MaxWait time.Duration
	// Version goes into Report.Tool.
	Version string
	// Notices are texts of this deployment beside the built-in ones, and
	// Principal is whom its notices name; see Options.
	Notices   map[string]string
	Principal string
	// Previous is the Detector that this one takes the place of, as after a change
	// of keys; nil for none. Where Jobs and MaxMemory are the same, the images of both
	// count together towards them.
	Previous *Detector
}

// A Source says where an input comes from.
type Source struct {
	Name        string
	ContentType string
	// Header holds the response header fields that came with the input; nil
	// where none are known.
	Header map[string][]string
	// Gate, where not nil, is asked before a picture is searched.
	Gate Gate
	// TextGate, where not nil, is asked about each running text as a person reads it,
	// whatever stands around it, before the report is given. Its error ends the
	// inspection as that of Gate does.
	TextGate func(words string) error
}

// Errors of Inspect. They mean that the question could not be asked.
var (
	ErrInputTooLarge = errors.New("disclose: input is over the limit")
	ErrUnreadable    = errors.New("disclose: input cannot be read")
)

// A Detector says which marks an input carries. It is safe for concurrent use
// and keeps nothing of what it sees.
type Detector struct {
	o       DetectorOptions
	keys    []watermark.Key
	revoked map[string]bool
	// revokedAt is by key the latest time at which its records can be trusted.
	revokedAt map[string]time.Time
	imagers   map[string]*fingerprint.Imager
	notices   *phrasebook
	texts     []textKey // what makes fingerprints, by key
	jobs      *semaphore.Weighted
	memory    *semaphore.Weighted
}

// NewDetector returns a Detector.
func NewDetector(o DetectorOptions) (*Detector, error) {
	o.MaxBytes = orDefault(o.MaxBytes, DefaultMaxHeld)
	o.MaxPixels = orDefault(o.MaxPixels, DefaultMaxPixels)
	o.MaxMemory = orDefault(o.MaxMemory, DefaultMaxMemory)
	o.Jobs = orDefault(o.Jobs, 1)
	previous := o.Previous
	o.Previous = nil
	notices, err := newPhrasebook(Options{Notices: o.Notices, Principal: o.Principal})
	if err != nil {
		return nil, err
	}
	if len(o.TokenProfiles) > 0 {
		if _, err := tokenmark.Detect(nil, o.TokenProfiles...); err != nil {
			return nil, fmt.Errorf("disclose: token profiles: %w", err)
		}
	}
	d := &Detector{o: o, texts: textKeys(o.Keys), revoked: map[string]bool{}, revokedAt: map[string]time.Time{}, notices: notices,
		jobs: semaphore.NewWeighted(int64(o.Jobs)), memory: semaphore.NewWeighted(o.MaxMemory)}
	for _, k := range o.Keys {
		if k.Key.IsZero() {
			return nil, fmt.Errorf("disclose: a key to verify with is empty")
		}
		d.keys = append(d.keys, k.Key)
		// Listed twice, a revoked key stays revoked.
		d.revoked[k.Key.ID()] = d.revoked[k.Key.ID()] || k.Revoked
		d.noteRevoked(k)
	}
	d.takeOver(previous)
	d.imagers = imagers(d.keys)
	return d, nil
}

// Inspect reads one input to its end and reports which marks it carries. An
// error means that it could not be read, or is over a limit; no mark is not an
// error.
func (d *Detector) Inspect(ctx context.Context, r io.Reader, src Source) (*Report, error) {
	data, err := io.ReadAll(io.LimitReader(r, d.o.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return d.InspectBytes(ctx, data, src)
}

// InspectBytes is Inspect for an input that is in memory already. It keeps nothing
// of data, and does not change it.
func (d *Detector) InspectBytes(ctx context.Context, data []byte, src Source) (*Report, error) {
	if int64(len(data)) > d.o.MaxBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrInputTooLarge, d.o.MaxBytes)
	}
	sum := sha256.Sum256(data)
	in := &inspection{d: d, ctx: ctx, data: data, src: src, report: &Report{
		Input: src.Name, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data)),
		ContentType: contentTypeOf(data, src.ContentType), Limits: Limits,
		Tool: Tool{"avow", d.o.Version, watermark.TemplateVersion}, Record: RecordStatus{Status: recordNotAsked},
	}}
	if err := in.run(); err != nil {
		return nil, err
	}
	return in.report, nil
}

// An inspection is one run of Inspect.
type inspection struct {
	d       *Detector
	ctx     context.Context
	data    []byte
	src     Source
	report  *Report
	found   [carrierCount]Finding
	subject []byte // what a record describes: the input, or the image inside it
	// imageRecord is what the records say of the picture; empty where there is none.
	imageRecord RecordStatus
	// said are the texts that a person reads, for TextGate.
	said []string
	// unmarked are the texts without a frame that a key confirms.
	unmarked []*textPrints
	ids      []watermark.Payload
}

// contentTypeOf trusts the first bytes before the name.
func contentTypeOf(data []byte, given string) string {
	if f := imagemeta.Sniff(data); f != imagemeta.Unknown {
		return f.MIME()
	}
	if t := container.Sniff(data).MIME(); isMedia(t) {
		return t
	}
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(data, utf8BOM), " \t\r\n")
	lower := bytes.ToLower(trimmed[:min(len(trimmed), 16)])
	switch {
	case Classify(given) != KindOther && Classify(given) != KindImage:
		return mediaType(given)
	case bytes.HasPrefix(trimmed, []byte("data:")) || bytes.HasPrefix(trimmed, []byte("event:")):
		return "text/event-stream"
	case bytes.HasPrefix(trimmed, []byte("{")), bytes.HasPrefix(trimmed, []byte("[")) && jsonscan.Valid(trimmed) == nil:
		return "application/json"
	case bytes.HasPrefix(lower, []byte("<!doctype html")) || bytes.HasPrefix(lower, []byte("<html")):
		return "text/html"
	case utf8.Valid(data):
		return "text/plain"
	}
	return "application/octet-stream"
}

func (in *inspection) run() error {
	for c := range in.found {
		in.found[c] = Finding{Carrier: Carrier(c).String(), Status: NotChecked}
	}
	in.subject = in.data
	in.readHeader()
	kind := Classify(in.report.ContentType)
	var err error
	switch kind {
	case KindImage:
		err = in.readImage(in.data)
	case KindMedia:
		in.readManifest(in.data, "")
	case KindJSON, KindNDJSON, KindSSE:
		err = in.readAnswer()
	case KindText:
		in.readText(in.data)
	case KindHTML:
		in.readHTML()
		in.readFrames(string(in.data), visibleText(in.data))
		in.searchTexts()
	default:
		return fmt.Errorf("%w: %s is neither a PNG, JPEG or WebP image, a WAV, MP3 or MP4 file, nor text", ErrUnreadable, Printable(in.src.Name))
	}
	if err == nil {
		err = in.gateTexts()
	}
	if err != nil {
		return err
	}
	if in.bindingConflict() {
		f := in.found[CarrierManifest]
		f.Status, f.reason = Invalid, CauseConflictingIDs
		in.set(CarrierManifest, f)
	}
	in.conclude()
	return nil
}

func (in *inspection) set(c Carrier, f Finding) {
	f.Carrier = c.String()
	in.found[c] = f
}

// conclude draws the verdict from all findings, in one place.
func (in *inspection) conclude() {
	r := in.report
	r.Findings = in.found[:]
	r.Verdict, r.Reason = in.verdict()
	r.Record = in.recordSaid(r.Reason)
	r.Summary = r.summary(language.English)
}

// recordSaid is what the records say of the picture, where there is one, else of the
// text. In an answer with both it is what the verdict rests on.
func (in *inspection) recordSaid(reason Cause) RecordStatus {
	text, picture := in.report.Record, in.imageRecord
	switch {
	case picture.Status == "":
		return text
	case reason == CausePossibleCopy && text.Status == recordCopy, reason == CauseRecordMatches && text.Status == recordMatch && picture.Status != recordMatch:
		return text
	}
	return picture
}

// weights are the causes that findings give, the one that says most first. A copy
// that was noticed says more than a key that reads another mark, and a signature
// over the very bytes more than a mark inside them.
var weights = []Cause{
	CauseRecordMatches, CauseSignatureTrusted, CausePossibleCopy, CauseKeyMatches, CauseNoRecord, CauseRevokedKey,
	CauseSignatureUntrust, CauseFingerprintOnly, CauseTemplateOnly, CauseStatementOnly,
}

func (in *inspection) verdict() (Status, Cause) {
	checked := false
	best := map[Cause]Status{}
	for _, f := range in.found {
		switch {
		case f.Status == Invalid:
			return Invalid, f.reason
		case f.Status == Verified, f.Status == Present && best[f.reason] == "":
			best[f.reason] = f.Status
		}
		checked = checked || f.Status != NotChecked
	}
	mark := in.found[CarrierImageMark]
	if mark.reason == CausePossibleCopy && in.found[CarrierManifest].ID == mark.ID {
		delete(best, CauseSignatureTrusted) // it vouches for the id that is in question
	}
	if mark.reason == CauseRevokedKey && best[CauseRecordMatches] == Present {
		delete(best, CauseRecordMatches) // the content is recorded, the mark is not to be relied on
	}
	if best[CausePossibleCopy] != "" {
		delete(best, CauseRecordMatches) // of the other part of an answer, whose text and picture are two outputs
	}
	for _, c := range weights {
		if s := best[c]; s != "" {
			return s, c
		}
	}
	switch {
	case mark.reason == CauseTooSmall && in.onlyImage():
		return NotChecked, CauseTooSmall
	case checked:
		return Absent, CauseNothingFound
	}
	return NotChecked, CauseNothingFound
}

func (in *inspection) onlyImage() bool { return Classify(in.report.ContentType) == KindImage }
