package disclose

import (
	"context"
	"crypto/sha256"
	"errors"
	"image"
	"slices"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark"
)

// What the records can say of an input. The set is closed.
const (
	recordMatch       = "match"         // the content is the recorded one
	recordCopy        = "possible_copy" // it is not, so the mark came from elsewhere
	recordNotFound    = "not_found"
	recordNotAsked    = "not_asked" // nobody was asked, or there was nothing to compare
	recordUnavailable = "unavailable"
	recordErased      = "erased"
)

// imagers makes the fingerprints of pictures, by the id of the watermark key that
// each one's key derives from.
func imagers(keys []watermark.Key) map[string]*fingerprint.Imager {
	out := map[string]*fingerprint.Imager{}
	for _, k := range keys {
		out[k.ID()] = fingerprint.NewImager(fingerprint.ImageKey(k))
	}
	return out
}

// judgeImage reports on the marks found in a picture, in the light of what was
// recorded under the ids they carry.
func (in *inspection) judgeImage(img image.Image, marks []watermark.Detection) {
	if len(marks) == 0 {
		in.set(CarrierImageMark, Finding{Status: Absent, Detail: in.keyNote()})
		in.lookAlike(img)
		return
	}
	slices.SortStableFunc(marks, func(a, b watermark.Detection) int { return in.rank(a) - in.rank(b) })
	best := marks[0]
	if !best.Found {
		in.setImageMark(best, len(marks))
		in.lookAlike(img)
		return
	}
	answer := in.compareImage(img, best)
	// Of several marks, as in a picture that was marked again, one whose record
	// matches says most.
	for _, m := range marks[1:] {
		if answer.record.Status == recordMatch || !m.Found || in.d.revoked[m.KeyID] != in.d.revoked[best.KeyID] {
			break
		}
		if a := in.compareImage(img, m); a.record.Status == recordMatch {
			best, answer = m, a
		}
	}
	in.imageRecord = answer.record
	if in.d.revoked[best.KeyID] { // the record says what it says; the mark cannot be relied on
		answer.finding.reason = ""
	}
	in.set(CarrierFingerprint, answer.finding)
	in.setImageMark(best, len(marks))
}

// compared is what the records say of a picture that carries an id.
type compared struct {
	record  RecordStatus
	finding Finding
}

func unasked(status, detail string) compared {
	return compared{RecordStatus{Status: status}, Finding{Status: NotChecked, Detail: detail}}
}

// compareImage asks the records for the output that a mark names, and compares
// the picture with it in the geometry that the mark was found in.
func (in *inspection) compareImage(img image.Image, m watermark.Detection) compared {
	if in.d.o.Records == nil {
		return unasked(recordNotAsked, "")
	}
	rec, err := in.d.o.Records.ByID(in.ctx, m.Payload)
	switch {
	case errors.Is(err, ErrNoRecord):
		return unasked(recordNotFound, "")
	case err != nil:
		return unasked(recordUnavailable, "the records cannot be asked now")
	case rec.Erased:
		return unasked(recordErased, "the fingerprint was erased on request")
	case rec.SHA256 == sha256.Sum256(in.subject):
		return compared{knownRecord(recordMatch, rec), Finding{Status: Present, reason: CauseRecordMatches, Detail: "byte for byte the recorded output"}}
	}
	imager := in.d.imagers[rec.Fingerprint.KeyID]
	if imager == nil || rec.Fingerprint.Image.IsZero() {
		return compared{knownRecord(recordNotAsked, rec), Finding{Status: NotChecked, Detail: "the record holds nothing to compare with"}}
	}
	f := Finding{KeyID: rec.Fingerprint.KeyID, ID: rec.Label.ID.String(), picture: true}
	c := imager.Compare(rec.Fingerprint.Image, img, m.Transform)
	switch {
	case c.Match:
		f.Status, f.reason, f.Coverage, f.FalsePositiveRate = Present, CauseRecordMatches, c.Coverage, fingerprint.MatchRate
		f.Score, f.Detail = 1-c.Distance, "the content matches the recorded picture"
		return compared{knownRecord(recordMatch, rec), f}
	case c.Coverage == 0:
		f.Status, f.Detail = NotChecked, "too little of the picture says anything to compare"
		return compared{knownRecord(recordNotAsked, rec), f}
	}
	// Whose output the mark was taken from says nothing about this picture.
	return compared{RecordStatus{Status: recordCopy}, Finding{Status: Absent, Detail: "the content differs from the output that the mark names"}}
}

func knownRecord(status string, r Record) RecordStatus {
	return RecordStatus{Status: status, Time: recordTime(r.Label.Time), System: r.Label.System, recorded: r.Recorded}
}

// lookAlike looks for a recorded output that a picture without a readable mark is
// a version of.
func (in *inspection) lookAlike(img image.Image) {
	if in.d.o.Records == nil || len(in.d.imagers) == 0 {
		return
	}
	best, err := in.d.similarImage(in.ctx, img)
	switch {
	case err != nil:
		in.imageRecord = RecordStatus{Status: recordUnavailable}
	case best == nil:
		in.set(CarrierFingerprint, Finding{Status: Absent})
	default:
		in.imageRecord = knownRecord(recordMatch, best.Record)
		in.set(CarrierFingerprint, Finding{
			Status: Present, reason: CauseFingerprintOnly, picture: true, KeyID: best.Record.Fingerprint.KeyID, ID: best.Record.Label.ID.String(),
			Score: 1 - float64(best.Distance)/fingerprint.GlobalBits, FalsePositiveRate: min(1, fingerprint.SearchRate*float64(best.Among)),
			Detail: "found among the records by its content",
		})
	}
}

// similarImage returns the closest record of a picture, or nil.
func (d *Detector) similarImage(ctx context.Context, img image.Image) (best *Similarity, err error) {
	for id, imager := range d.imagers {
		if d.revoked[id] {
			continue
		}
		print := imager.Image(img)
		if print.IsZero() {
			continue
		}
		found, err := d.o.Records.Similar(ctx, Fingerprint{KeyID: id, Image: print})
		if err != nil {
			return nil, err
		}
		if len(found) > 0 && (best == nil || found[0].Distance < best.Distance) {
			best = &found[0]
		}
	}
	return best, nil
}
