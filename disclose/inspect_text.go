package disclose

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/avowai/avow/watermark/textmark"
)

// readText looks for the notice at the start of a plain text, and for text
// marks in it.
func (in *inspection) readText(text []byte) {
	in.readNotice(text)
	in.readFrames(string(text), string(text))
	in.searchTexts()
}

// readNotice looks for the notice at the start of a text.
func (in *inspection) readNotice(text []byte) {
	f := Finding{Status: Absent}
	start := string(bytes.TrimPrefix(text[:min(len(text), 4096)], utf8BOM))
	for _, notice := range in.d.notices.onAI() {
		if strings.HasPrefix(start, notice) {
			f = Finding{Status: Present, reason: CauseStatementOnly, Detail: notice}
		}
	}
	in.set(CarrierNotice, f)
}

// readFrames looks for text marks. A frame's key vouches for the frame alone:
// anyone may have copied it into other words. So it is verified only where a
// record of this text is held, and else present (docs/spec/text-mark.md). Of
// several texts the strongest finding stays. Words is the text that a person
// reads, where it is another one than that in which the frames stand.
func (in *inspection) readFrames(text, words string) {
	if in.src.TextGate != nil && strings.TrimSpace(words) != "" {
		in.said = append(in.said, words)
	}
	d := textmark.Detect(text, in.d.keys...)
	if d.C2PA {
		in.set(CarrierManifest, in.wrapperFinding(text))
	}
	p := in.newTextPrints(words)
	f, record := in.frameFinding(d, p)
	if old := in.found[CarrierTextMark]; old.Status == NotChecked || strength(f) > strength(old) {
		in.set(CarrierTextMark, f)
		if f.KeyID != "" {
			in.report.Record = record
		}
	}
	if f.KeyID == "" {
		in.unmarked = append(in.unmarked, p)
	}
}

// strength orders findings of text marks. That a mark may be a copy weighs more
// than a mark that was not compared with anything: else a frame of unknown origin
// would hide it.
func strength(f Finding) int {
	switch {
	case f.Status == Verified:
		return 7
	case f.reason == CauseKeyMatches && f.Coverage > 0:
		return 6
	case f.reason == CausePossibleCopy:
		return 5
	case f.Status == Present && f.KeyID != "" && f.reason != CauseRevokedKey:
		return 4
	case f.Status == Present && f.KeyID != "":
		return 3
	case f.Status == Present:
		return 2
	case f.Detail != "":
		return 1
	}
	return 0
}

// frameFinding reports on the frames of one text, and what the records say of it.
func (in *inspection) frameFinding(d textmark.Detection, p *textPrints) (Finding, RecordStatus) {
	valid, damaged := []textmark.Found(nil), 0
	for _, f := range d.Frames {
		switch {
		case f.Valid:
			valid = append(valid, f)
		case f.Damaged:
			damaged++
		}
	}
	f := Finding{Status: Absent}
	switch {
	case len(valid) > 0:
		return in.validFrames(valid, d, p)
	case len(d.Frames) > damaged:
		f = Finding{Status: Present, reason: CauseTemplateOnly,
			Detail: fmt.Sprintf("%s in avow's format that none of the keys confirms", count(len(d.Frames)-damaged, "mark"))}
	case d.Windows > 0:
		f = Finding{Status: Present, reason: CauseStatementOnly, Detail: "the plain Unicode mark that Windows AI writes; anyone can write it"}
	case damaged > 0:
		f.Detail = fmt.Sprintf("%s of marks; nothing can be read from them", count(damaged, "damaged remainder"))
	case len(in.d.keys) == 0:
		f.Detail = "searched without a key: no mark could be confirmed"
	}
	return f, RecordStatus{}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// maxFrameIDs bounds the outputs named in one text that records are asked for.
const maxFrameIDs = 16

// validFrames reports on frames that a key confirms. Where they name several
// outputs, each is judged on its own, and the strongest finding stays.
func (in *inspection) validFrames(valid []textmark.Found, d textmark.Detection, p *textPrints) (best Finding, record RecordStatus) {
	marks := count(len(valid), "mark") + " in the text"
	if ids := d.IDs(); len(ids) > 1 {
		marks += fmt.Sprintf(", of %d outputs", len(ids))
	}
	judged := map[textmark.ID]bool{}
	slices.SortStableFunc(valid, func(a, b textmark.Found) int { return in.trust(a) - in.trust(b) })
	for _, frame := range valid {
		if judged[frame.ID] || len(judged) == maxFrameIDs {
			continue
		}
		judged[frame.ID] = true
		f, r := in.textRecord(frame.ID, Finding{Status: Present, reason: CauseKeyMatches, KeyID: frame.KeyID, IDPrefix: frame.ID.String(),
			FalsePositiveRate: d.FalsePositiveRate, Detail: marks}, p)
		if in.d.revoked[frame.KeyID] { // the record says what it says; the mark cannot be relied on
			why := in.revokedDetail(frame.KeyID, r)
			f.Status, f.reason, f.Detail = Present, CauseRevokedKey, f.Detail+"; "+why
			f.coarse = joinDetail("; ", firstOf(f.coarse, marks), why)
		}
		if best.Status == "" || strength(f) > strength(best) {
			best, record = f, r
		}
	}
	return best, record
}

// trust sorts the frames of revoked keys behind the others.
func (in *inspection) trust(f textmark.Found) int {
	if in.d.revoked[f.KeyID] {
		return 1
	}
	return 0
}

// textRecord asks the records for the output that a frame names.
func (in *inspection) textRecord(id textmark.ID, f Finding, p *textPrints) (Finding, RecordStatus) {
	if in.d.o.Records == nil {
		return f, RecordStatus{Status: recordNotAsked}
	}
	records, err := in.d.o.Records.ByPrefix(in.ctx, id[:])
	switch {
	case err != nil:
		f.Detail += "; the record could not be compared: the records are unavailable"
		return f, RecordStatus{Status: recordUnavailable}
	case len(records) == 0:
		f.reason, f.Detail = CauseNoRecord, f.Detail+"; no record of that output is held"
		return f, RecordStatus{Status: recordNotFound}
	}
	sum := sha256.Sum256(in.subject)
	for _, r := range records {
		if r.SHA256 == sum {
			f.Status, f.reason, f.ID, f.IDPrefix = Verified, CauseRecordMatches, r.Label.ID.String(), ""
			f.Detail += "; the input is what was recorded, byte for byte"
			return f, knownRecord(recordMatch, r)
		}
	}
	return p.judge(records, f)
}
