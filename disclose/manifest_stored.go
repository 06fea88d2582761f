package disclose

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/watermark"
)

// storesManifest reports whether the output gets a manifest that is kept with its
// record and served by its id, because the output itself has no place for one.
func (w *Writer) storesManifest() bool {
	p := w.m.o.Provenance
	if p == nil || p.Manifests == nil || !w.m.spool.on() || !w.enabled.Has(CarrierManifest) || w.human() || w.holdsManifest || w.out.mode() == ModePass {
		return false
	}
	return !holdsOwn(w.out.ContentType) && (w.driver == nil || !w.driver.pictures)
}

// manifestURL is where the output's stored manifest will be, "" for nowhere.
func (w *Writer) manifestURL() string {
	if !w.storesManifest() || w.recalled {
		return ""
	}
	return w.m.o.Provenance.Manifests.JoinPath(w.label.ID.String()).String()
}

// ErrNoManifest is returned where no manifest is kept of an output: it holds its
// own, was marked without one, did not end, or is not known.
var ErrNoManifest = errors.New("disclose: no manifest is kept of this output")

// StoredManifest returns the signed manifest of an output that does not hold one
// itself, over the SHA-256 of the bytes that were delivered. It is signed when it
// is first asked for, so that no answer waits for it, and then kept in memory. Who
// asks for many at one time gets ErrBusy.
func (m *Marker) StoredManifest(ctx context.Context, id watermark.Payload) ([]byte, error) {
	p := m.o.Provenance
	if p == nil || p.Manifests == nil || m.o.Records == nil {
		return nil, ErrNoManifest
	}
	if store := m.manifests.get(id); store != nil {
		return store, nil
	}
	r, err := m.o.Records.ByID(ctx, id)
	switch {
	case errors.Is(err, ErrNoRecord):
		return nil, ErrNoManifest
	case err != nil:
		return nil, err
	case !r.StoredManifest || r.Outcome == OutcomeAborted || r.SHA256 == [32]byte{}:
		return nil, ErrNoManifest
	}
	return m.manifests.sign(id, func() ([]byte, error) {
		ctx, cancel := p.stampTime(context.WithoutCancel(ctx)) // others may wait for it too
		defer cancel()
		store, info, err := c2pa.SignDigest(ctx, r.SHA256[:], p.manifest(r.Label), p.Signer)
		m.o.unstamped(info)
		return store, err
	})
}

// holdsOwn reports whether outputs of a media type hold their manifests.
func holdsOwn(mediaType string) bool {
	kind := Classify(mediaType)
	return kind == KindImage || kind == KindMedia
}

const (
	maxStored  = 1024 // stored manifests kept in memory
	maxSigning = 16   // of them signed at one time
)

// storedManifests keeps the manifests that were asked for last.
type storedManifests struct {
	mu      sync.Mutex
	byID    map[watermark.Payload][]byte
	order   []watermark.Payload
	flight  singleflight.Group
	signing atomic.Int32
}

// sign signs a manifest once, however many ask for it: anybody can, and a time
// stamp or a key service may be slow, or paid for by the call.
func (s *storedManifests) sign(id watermark.Payload, sign func() ([]byte, error)) ([]byte, error) {
	store, err, _ := s.flight.Do(id.String(), func() (any, error) {
		if store := s.get(id); store != nil { // since we looked
			return store, nil
		}
		defer s.signing.Add(-1)
		if s.signing.Add(1) > maxSigning {
			return nil, ErrBusy
		}
		store, err := sign()
		if err != nil {
			return nil, err
		}
		s.put(id, store)
		return store, nil
	})
	if err != nil {
		return nil, err
	}
	return store.([]byte), nil
}

func (s *storedManifests) get(id watermark.Payload) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

// put keeps a manifest, and drops the oldest where there is no more room.
func (s *storedManifests) put(id watermark.Payload, store []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID = map[watermark.Payload][]byte{}
	}
	if len(s.order) == maxStored {
		delete(s.byID, s.order[0])
		s.order = s.order[1:]
	}
	s.byID[id], s.order = store, append(s.order, id)
}

// finishMedia signs a body of sound or moving pictures, whose samples stay as
// they are.
func (w *Writer) finishMedia(data []byte) ([]byte, error) {
	p := w.m.o.Provenance
	if container.Sniff(data) == container.Unknown {
		return data, w.fail(NewCarrierSet(CarrierManifest), ReasonUnknownShape, container.ErrContainer)
	}
	found, err := container.Find(data)
	if err != nil {
		return data, w.fail(NewCarrierSet(CarrierManifest), ReasonUndecodable, err)
	}
	if found.Store != nil || found.Stores > 0 || found.Remote != "" {
		return data, w.fail(NewCarrierSet(CarrierManifest), ReasonForeignManifest, nil)
	}
	ctx, cancel := p.stampTime(w.ctx)
	defer cancel()
	out, info, err := c2pa.Sign(ctx, data, p.manifest(w.label), p.Signer)
	switch {
	case errors.Is(err, container.ErrContainer): // well formed, and without a place for one, as fragmented MP4
		return data, w.fail(NewCarrierSet(CarrierManifest), ReasonUnknownShape, err)
	case err != nil:
		return data, w.fail(NewCarrierSet(CarrierManifest), ReasonMarkerError, err)
	}
	w.unstamped, w.store, w.storeID = w.m.o.unstamped(info), info.Store, info.Label
	w.attach(CarrierManifest, w.label.ID)
	return out, nil
}

// isMedia reports whether a media type is sound or moving pictures in a
// container that a manifest can be put into.
func isMedia(mediaType string) bool {
	kind, sub, _ := strings.Cut(mediaType, "/")
	switch kind {
	case "audio":
		switch sub {
		case "wav", "x-wav", "wave", "vnd.wave", "mpeg", "mp3", "mp4", "x-m4a":
			return true
		}
	case "video":
		return sub == "mp4"
	}
	return false
}
