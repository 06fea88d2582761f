package disclose

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/avowai/avow/watermark/textmark"
)

// readText looks for the notice at the start of a plain text, and for text
// marks in it.
func (in *inspection) readText(text []byte) {
	in.readNotice(text)
	in.readFrames(string(text))
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
// record holds exactly this text, and else present (docs/spec/text-mark.md).
// Of several texts the strongest finding stays.
func (in *inspection) readFrames(text string) {
	d := textmark.Detect(text, in.d.keys...)
	if d.C2PA {
		in.set(CarrierManifest, in.wrapperFinding(text))
	}
	record := in.report.Record
	f := in.frameFinding(d)
	if old := in.found[CarrierTextMark]; old.Status == NotChecked || strength(f) > strength(old) {
		in.set(CarrierTextMark, f)
		return
	}
	in.report.Record = record // that of the finding that stays
}

// strength orders findings of text marks.
func strength(f Finding) int {
	switch {
	case f.Status == Verified:
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

func (in *inspection) frameFinding(d textmark.Detection) Finding {
	valid, damaged := []textmark.Found(nil), 0
	for _, f := range d.Frames {
		switch {
		case f.Valid && !in.d.revoked[f.KeyID], f.Valid && len(valid) == 0:
			valid = append(valid, f)
		case f.Damaged:
			damaged++
		}
	}
	switch {
	case len(valid) > 0:
		return in.validFrames(valid, d)
	case len(d.Frames) > damaged:
		return Finding{Status: Present, reason: CauseTemplateOnly,
			Detail: fmt.Sprintf("%s in avow's format that none of the keys confirms", count(len(d.Frames)-damaged, "mark"))}
	case d.Windows > 0:
		return Finding{Status: Present, reason: CauseStatementOnly, Detail: "the plain Unicode mark that Windows AI writes; anyone can write it"}
	case damaged > 0:
		return Finding{Status: Absent, Detail: fmt.Sprintf("%s of marks; nothing can be read from them", count(damaged, "damaged remainder"))}
	case len(in.d.keys) == 0:
		return Finding{Status: Absent, Detail: "searched without a key: no mark could be confirmed"}
	}
	return Finding{Status: Absent}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// validFrames reports on frames that a key confirms.
func (in *inspection) validFrames(valid []textmark.Found, d textmark.Detection) Finding {
	first := valid[0]
	for _, f := range valid {
		if !in.d.revoked[f.KeyID] {
			first = f
			break
		}
	}
	f := Finding{Status: Present, reason: CauseKeyMatches, KeyID: first.KeyID, IDPrefix: first.ID.String(),
		FalsePositiveRate: d.FalsePositiveRate, Detail: count(len(valid), "mark") + " in the text"}
	if ids := d.IDs(); len(ids) > 1 {
		f.Detail += fmt.Sprintf(", of %d outputs", len(ids))
	}
	if in.d.revoked[first.KeyID] {
		f.reason, f.Detail = CauseRevokedKey, "the key is revoked"
		return f
	}
	return in.textRecord(first.ID, f)
}

// textRecord asks the records for the output that a frame names.
func (in *inspection) textRecord(id textmark.ID, f Finding) Finding {
	if in.d.o.Records == nil {
		return f
	}
	records, err := in.d.o.Records.ByPrefix(in.ctx, id[:])
	switch {
	case err != nil:
		in.report.Record.Status = "unavailable"
		return f
	case len(records) == 0:
		in.report.Record.Status = "not_found"
		f.reason = CauseNoRecord
		return f
	}
	sum := sha256.Sum256(in.subject)
	for _, r := range records {
		if r.SHA256 == sum {
			in.report.Record = RecordStatus{"match", recordTime(r.Label.Time), r.Label.System}
			f.Status, f.reason, f.ID, f.IDPrefix = Verified, CauseRecordMatches, r.Label.ID.String(), ""
			return f
		}
	}
	if len(records) == 1 {
		f.ID, f.IDPrefix = records[0].Label.ID.String(), ""
	}
	return f
}
