package disclose

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark"
	"github.com/avowai/avow/watermark/textmark"
)

// Defaults of Options.
const (
	DefaultMaxHeld     = 32 << 20
	DefaultMaxEvent    = 256 << 10
	DefaultMaxPixels   = 24_000_000
	DefaultQueue       = 64
	DefaultMarkTimeout = 5 * time.Second
)

// A Marker attaches Labels to outputs. It is safe for concurrent use.
type Marker struct {
	o          Options
	carriers   CarrierSet
	notices    *phrasebook
	ownTexts   ownTexts
	sessionKey []byte
	duties     [3]*VisibleLabel // by Duty
	manifests  storedManifests
	images     *imageMarker
	spool      *spool
	placers    *textmark.Placers
	shingler   *fingerprint.Shingler // of texts, nil where their fingerprints are not kept
	hash       string
}

// NewMarker returns a Marker, or an error that says which option is wrong.
func NewMarker(o Options) (*Marker, error) {
	o = o.withDefaults()
	previous := o.Previous
	o.Previous = nil // keeps no chain of all that ever were
	notices, err := newPhrasebook(o)
	if err != nil {
		return nil, err
	}
	m := &Marker{o: o, carriers: DefaultCarriers, notices: notices, ownTexts: indexTexts(notices.all()), sessionKey: sessionKey(o.Key), placers: textmark.NewPlacers(o.Key)}
	if o.Carriers != nil {
		m.carriers = *o.Carriers
	}
	if o.Key.IsZero() {
		m.carriers = m.carriers.Without(CarrierImageMark).Without(CarrierTextMark)
	}
	if o.Provenance == nil {
		m.carriers = m.carriers.Without(CarrierManifest)
	}
	if err := o.Provenance.check(); err != nil {
		return nil, err
	}
	if !m.carriers.Has(CarrierHeader) {
		return nil, fmt.Errorf("disclose: the header carrier cannot be switched off: it is the least an AI output carries")
	}
	if err := o.OptOut.Check(); err != nil {
		return nil, fmt.Errorf("disclose: opt-out: %w", err)
	}
	if err := o.AIGC.check(o.Provider); err != nil {
		return nil, err
	}
	if m.duties, err = dutyLabels(o); err != nil {
		return nil, err
	}
	m.images = newImageMarker(o)
	m.spool, m.shingler = newSpool(o.Records), o.textShingler()
	m.hash = m.policyHash()
	m.takeOver(previous)
	return m, nil
}

func (o Options) withDefaults() Options {
	o.MaxHeld = orDefault(o.MaxHeld, DefaultMaxHeld)
	o.MaxEvent = orDefault(o.MaxEvent, DefaultMaxEvent)
	o.MaxPixels = orDefault(o.MaxPixels, DefaultMaxPixels)
	o.Jobs = orDefault(o.Jobs, runtime.GOMAXPROCS(0))
	o.Queue = orDefault(o.Queue, DefaultQueue)
	o.MarkTimeout = orDefault(o.MarkTimeout, DefaultMarkTimeout)
	o.Strength = orDefault(o.Strength, 1)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration) {}
	}
	if o.ObserveQueue == nil {
		o.ObserveQueue = func(int) {}
	}
	if o.ObserveHeld == nil {
		o.ObserveHeld = func(int64) {}
	}
	if o.ObserveRecord == nil {
		o.ObserveRecord = func(error) {}
	}
	return o
}

// observe tells of a stage that began at start and has just ended.
func (o *Options) observe(ctx context.Context, stage string, start time.Time) {
	d := time.Since(start)
	o.Observe(stage, d)
	if o.ObserveStage != nil {
		o.ObserveStage(ctx, stage, d)
	}
}

func orDefault[T int | int64 | float64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// Enabled returns the carriers this Marker attaches.
func (m *Marker) Enabled() CarrierSet { return m.carriers }

// OptOut returns the signals to those who gather training data.
func (m *Marker) OptOut() OptOut { return m.o.OptOut }

// Profile returns what the Marker does when a mark fails.
func (m *Marker) Profile() Profile { return m.o.Profile }

// PassURLOnly reports whether images given by URL alone may pass.
func (m *Marker) PassURLOnly() bool {
	return m.o.PassURLOnly || m.o.Profile.On(ReasonURLOnly) != Withhold
}

// Ready reports whether what is marked can be recorded. Under Strict an output
// should not even be asked for while it cannot.
func (m *Marker) Ready() bool {
	return m.o.Profile != Strict || m.spool.ready()
}

// Label returns base with its zero fields filled in: a random ID, the time, and
// what Options say about the system.
func (m *Marker) Label(base Label) (Label, error) {
	if base.ID.IsZero() {
		id, err := watermark.NewPayload()
		if err != nil {
			return base, err
		}
		base.ID = id
	}
	if base.Source == "" {
		base.Source = TrainedAlgorithmicMedia
	}
	if base.Time.IsZero() {
		base.Time = m.o.Now().UTC().Truncate(time.Second)
	}
	base.Provider = firstOf(base.Provider, m.o.Provider)
	base.System = firstOf(base.System, m.o.System)
	base.Version = firstOf(base.Version, m.o.Version)
	return base, nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// PolicyHash is 8 hexadecimal digits over the options that change the bytes of
// an output; it tells validators of marked bodies apart.
func (m *Marker) PolicyHash() string { return m.hash }

func (m *Marker) policyHash() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %d %g %d %q %q %q %s %v %s %q %q %d", watermark.TemplateVersion, m.carriers, m.o.Strength, m.o.TextMarkDistance,
		m.o.Provider, m.o.System, m.o.Version, m.o.Key.ID(), m.o.Detector, m.o.VisibleLabel, m.o.Principal, m.o.Audience, m.o.WebP)
	if m.o.AIGC != nil {
		_, _ = fmt.Fprintf(h, " aigc=%q", m.o.AIGC.Producer)
	}
	for _, k := range slices.Sorted(maps.Keys(m.o.Notices)) {
		_, _ = fmt.Fprintf(h, " %q=%q", k, m.o.Notices[k])
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:4])
}

// NewWriter returns a Writer that marks one output on its way to dst. The
// context bounds the work on marks, not the output. dst sees nothing before the
// first marked byte; a held output reaches it in one Write, at Close.
func (m *Marker) NewWriter(ctx context.Context, dst io.Writer, out Output) *Writer {
	w := &Writer{m: m, ctx: ctx, dst: dst, out: out}
	if out.Author == AuthorReviewed && out.Label.Involvement == "" {
		out.Label.Involvement = AIOriginated
	}
	label, err := m.Label(out.Label)
	w.label = label
	w.plan()
	if err != nil {
		w.err = w.fail(w.want, ReasonMarkerError, err)
	}
	return w
}
