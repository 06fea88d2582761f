package disclose

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"

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
	return w.m.o.Provenance.Manifests.ResolveReference(&url.URL{Path: w.label.ID.String()}).String()
}

// ErrNoManifest is returned where no manifest is kept of an output: it holds its
// own, did not end, or is not known.
var ErrNoManifest = errors.New("disclose: no manifest is kept of this output")

// StoredManifest returns the signed manifest of an output that does not hold one
// itself, over the SHA-256 of the bytes that were delivered. It is signed when it
// is first asked for, so that no answer waits for it, and then kept in memory.
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
	case r.Outcome == OutcomeAborted || r.SHA256 == [32]byte{} || holdsOwn(r.MediaType):
		return nil, ErrNoManifest
	}
	ctx, cancel := p.stampTime(ctx)
	defer cancel()
	store, _, err := c2pa.SignDigest(ctx, r.SHA256[:], p.manifest(r.Label), p.Signer)
	if err != nil {
		return nil, err
	}
	return m.manifests.put(id, store), nil
}

// holdsOwn reports whether outputs of a media type hold their manifests.
func holdsOwn(mediaType string) bool {
	kind := Classify(mediaType)
	return kind == KindImage || kind == KindMedia
}

// maxStored is how many stored manifests are kept in memory.
const maxStored = 1024

// storedManifests keeps the manifests that were asked for last.
type storedManifests struct {
	mu    sync.Mutex
	byID  map[watermark.Payload][]byte
	order []watermark.Payload
}

func (s *storedManifests) get(id watermark.Payload) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

// put keeps a manifest and returns it, or the one that another request put
// there first.
func (s *storedManifests) put(id watermark.Payload, store []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.byID[id]; first != nil {
		return first
	}
	if s.byID == nil {
		s.byID = map[watermark.Payload][]byte{}
	}
	if len(s.order) == maxStored {
		delete(s.byID, s.order[0])
		s.order = s.order[1:]
	}
	s.byID[id], s.order = store, append(s.order, id)
	return store
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
	if err != nil {
		return data, w.fail(NewCarrierSet(CarrierManifest), ReasonMarkerError, err)
	}
	w.unstamped = info.StampErr != nil
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
