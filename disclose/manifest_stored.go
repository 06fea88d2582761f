package disclose

import (
	"context"
	"net/url"
	"strings"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/container"
)

// storesManifest reports whether the output gets a manifest that is kept with its
// record and served by its id, because the output itself has no place for one.
func (w *Writer) storesManifest() bool {
	p := w.m.o.Provenance
	if p == nil || p.Manifests == nil || !w.m.spool.on() || !w.enabled.Has(CarrierManifest) || w.human() || w.holdsManifest || w.out.mode() == ModePass {
		return false
	}
	switch Classify(w.out.ContentType) {
	case KindImage, KindMedia:
		return false
	}
	return w.driver == nil || !w.driver.pictures // whose pictures hold their own
}

// manifestURL is where the output's stored manifest will be, "" for nowhere.
func (w *Writer) manifestURL() string {
	if !w.storesManifest() || w.recalled {
		return ""
	}
	return w.m.o.Provenance.Manifests.ResolveReference(&url.URL{Path: w.label.ID.String()}).String()
}

// signStored signs the bytes that were delivered, or are about to be. The
// signature carries no time stamp: nobody waits for one at the end of a stream.
func (w *Writer) signStored(sum [32]byte) []byte {
	if !w.storesManifest() || w.recalled || w.aborted {
		return nil
	}
	p := w.m.o.Provenance
	signer := p.Signer.WithoutStamp()
	store, _, err := c2pa.SignDigest(context.WithoutCancel(w.ctx), sum[:], p.manifest(w.label), signer)
	if err != nil {
		w.m.o.Logger.Error("the output's manifest could not be signed", "id", w.label.ID.String(), "error", err)
		return nil
	}
	w.attach(CarrierManifest, w.label.ID)
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
