package disclose

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/avowai/avow/disclose/fingerprint"
)

// recordWait is how long an output waits for its record.
const recordWait = 250 * time.Millisecond

// recordHeld records an output that has not left yet. Where that fails for good
// the profile decides.
func (w *Writer) recordHeld(out []byte) error {
	if !w.m.spool.on() || w.human() {
		return nil
	}
	outcome, _ := w.outcome()
	r := w.newRecord(outcome)
	r.SHA256, r.Size = sha256.Sum256(out), int64(len(out))
	return w.put(r)
}

// record records a stream that has left.
func (w *Writer) record(outcome Outcome) error {
	if !w.m.spool.on() || w.human() {
		return nil
	}
	if outcome == OutcomeMarked {
		outcome, _ = w.outcome()
	}
	r := w.newRecord(outcome)
	if w.digest != nil { // nil where a held output broke off before it left
		r.SHA256 = [32]byte(w.digest.Sum(nil))
	}
	r.Size = w.delivered
	return w.put(r)
}

func (w *Writer) newRecord(outcome Outcome) Record {
	r := Record{
		Label: w.label, MediaType: mediaType(w.out.ContentType), Shape: w.out.Shape, Route: w.out.Route,
		Response: w.responseID, Carriers: []Carrier{CarrierHeader}, Skipped: slices.Clone(w.skipped),
		Outcome: outcome, Empty: w.empty, StoredManifest: w.storesManifest(), Recorded: w.m.o.Now().UTC(),
		Session: w.out.Session, Manifest: w.store, ManifestID: w.storeID, Fingerprint: w.textFingerprint(),
	}
	for _, m := range w.marks {
		if m.Err == nil && m.Reason == ReasonNone && !slices.Contains(r.Carriers, m.Carrier) {
			r.Carriers = append(r.Carriers, m.Carrier)
		}
	}
	if w.notice {
		r.Language = w.language().String()
		r.Notices = (w.due & noticesOnAI).IDs()
		r.NoticeHash = sha256.Sum256([]byte(w.noticesText(w.due)))
	}
	return r
}

// imageFingerprint is what a record keeps of a picture.
func (m *Marker) imageFingerprint(print fingerprint.Image) Fingerprint {
	if print.IsZero() {
		return Fingerprint{}
	}
	return Fingerprint{KeyID: m.o.Key.ID(), Image: print}
}

func (w *Writer) put(r Record) error {
	ctx, cancel := w.m.spool.patience(w.ctx)
	defer cancel()
	all := []Record{r}
	for _, image := range w.images {
		ri := r
		ri.Response, ri.StoredManifest = "", false // the API's id is that of the response; an image holds its manifest
		ri.Manifest, ri.ManifestID = image.store, image.storeID
		ri.Fingerprint = w.m.imageFingerprint(image.print)
		ri.Label, ri.MediaType, ri.SHA256, ri.Size = image.label, image.mediaType, image.sum, image.size
		if ri.Label.ID == r.Label.ID {
			ri.Response, ri.Fingerprint = r.Response, ri.Fingerprint.together(r.Fingerprint)
			all[0] = ri // the record of a response that is one image describes the image
			continue
		}
		all = append(all, ri)
	}
	if w.recalled { // the answer itself has its record
		all = all[1:]
	}
	for _, r := range all {
		err := w.m.spool.put(ctx, r)
		w.m.o.ObserveRecord(err)
		if err != nil {
			return w.unrecordedOutput(err)
		}
	}
	return nil
}

// unrecordedOutput applies the profile to an output without a record. Once
// bytes are out it can only be counted.
func (w *Writer) unrecordedOutput(err error) error {
	w.unrecorded = true
	w.skip(ReasonLedgerDown)
	w.m.o.Logger.Error("output not recorded", "id", w.label.ID.String(), "error", err)
	if w.m.o.Profile.On(ReasonLedgerDown) == Withhold && w.delivered == 0 {
		return &Withheld{Reason: ReasonLedgerDown, Hint: hints[ReasonLedgerDown], Err: err}
	}
	return nil
}
