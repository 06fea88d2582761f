package disclose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose/fingerprint"
)

// How far two texts have to agree (docs/spec/text-fingerprint.md).
const (
	// minShared hashes shared are a match with the record that a mark names.
	minShared = fingerprint.SearchShared
	// minCoverage of the text is then the text as a whole, less are parts of it.
	minCoverage = 0.5
)

// A textKey makes fingerprints of texts under one key.
type textKey struct {
	id       string
	shingler *fingerprint.Shingler
}

// textKeys returns what makes fingerprints under each of the keys.
func textKeys(keys []VerifyKey) []textKey {
	var out []textKey
	for _, k := range keys {
		id := k.Key.ID()
		if !k.Key.IsZero() && !slices.ContainsFunc(out, func(t textKey) bool { return t.id == id }) {
			out = append(out, textKey{id, newShingler(k.Key)})
		}
	}
	return out
}

// textPrints are the fingerprints of one text that is examined, made where they
// are asked for.
type textPrints struct {
	d     *Detector
	words string
	by    map[string]fingerprint.Text // by key
}

// newTextPrints takes a text without the notices that it begins with.
func (in *inspection) newTextPrints(text string) *textPrints {
	return &textPrints{in.d, in.d.withoutNotices(text), map[string]fingerprint.Text{}}
}

// withoutNotices cuts off the notices at the start of a text: they are no part of
// what the model said, and their hashes would be those of many.
func (d *Detector) withoutNotices(text string) string {
	for {
		text = strings.TrimLeft(text, " \t\r\n\ufeff")
		i := slices.IndexFunc(d.notices.all(), func(own ownText) bool { return strings.HasPrefix(text, strings.TrimSpace(own.text)) })
		if i < 0 {
			return text
		}
		text = text[len(strings.TrimSpace(d.notices.all()[i].text)):]
	}
}

// under returns the fingerprint under a key, false where the key is not held.
func (p *textPrints) under(keyID string) (fingerprint.Text, bool) {
	if t, ok := p.by[keyID]; ok {
		return t, true
	}
	for _, k := range p.d.texts {
		if k.id == keyID {
			p.by[keyID] = k.shingler.Text(p.words)
			return p.by[keyID], true
		}
	}
	return nil, false
}

// judge compares the text with the records that its mark may name.
func (p *textPrints) judge(records []Record, f Finding) (Finding, RecordStatus) {
	if len(records) == 1 {
		f.ID, f.IDPrefix = records[0].Label.ID.String(), ""
		return p.compare(records[0], f)
	}
	var best Record
	most, same := 0, false
	for _, r := range records {
		t, _ := p.under(r.Fingerprint.KeyID)
		switch n, _ := t.In(r.Fingerprint.Text); {
		case n > most:
			best, most, same = r, n, false
		case n == most:
			same = true
		}
	}
	if most < minShared || same {
		f.Detail += "; more than one record fits"
		return f, RecordStatus{Status: recordNotAsked}
	}
	f.ID, f.IDPrefix = best.Label.ID.String(), ""
	return p.compare(best, f)
}

// compare says whether the text is the one that was recorded.
func (p *textPrints) compare(r Record, f Finding) (Finding, RecordStatus) {
	known := knownRecord(recordNotAsked, r)
	t, held := p.under(r.Fingerprint.KeyID)
	n, m := t.In(r.Fingerprint.Text)
	switch {
	case r.Erased:
		f.Detail += "; what the record held of the text was erased"
		return f, RecordStatus{Status: recordErased, Time: known.Time, System: known.System}
	case len(r.Fingerprint.Text) == 0:
		f.Detail += "; the record holds nothing to compare the text with"
		return f, known
	case !held:
		f.Detail += "; the record was made with a key that is not held, so the text was not compared with it"
		return f, known
	case m < minShared || len(r.Fingerprint.Text) < minShared:
		f.Detail += "; the text is too short to compare with the record"
		return f, known
	case n < minShared:
		f.reason = CausePossibleCopy
		f.matching(n, m, "the text does not match the record: the mark may have been copied into other text, or the text was rewritten")
		return f, RecordStatus{Status: recordCopy}
	}
	f.Coverage = float64(n) / float64(m)
	if f.Coverage < minCoverage {
		f.matching(n, m, "parts of the text match the record, which says nothing about the rest")
		return f, knownRecord(recordMatch, r)
	}
	f.matching(n, m, "")
	f.Status, f.reason = Verified, CauseRecordMatches
	return f, knownRecord(recordMatch, r)
}

// matching adds to the detail how many fingerprints match, and what that means.
// Strangers get the meaning alone: exact counts would tell them word by word what
// to change.
func (f *Finding) matching(n, m int, means string) {
	f.coarse = joinDetail("; ", f.Detail, firstOf(means, "the text matches the record"))
	f.Detail = joinDetail(": ", joinDetail("; ", f.Detail, fmt.Sprintf("%d of %d fingerprints match", n, m)), means)
}

func joinDetail(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), by)
}

// searchTexts asks the records, where no mark names one of them, for an output
// whose words are those of the input.
func (in *inspection) searchTexts() {
	f := Finding{Status: NotChecked}
	switch {
	case in.found[CarrierTextMark].Status == NotChecked: // there is no text
		return
	case in.d.o.Records == nil || len(in.d.texts) == 0:
		f.Detail = "no records or no key to compare the words with"
	case in.found[CarrierTextMark].KeyID != "":
		f.Detail = "not searched for by its words: the mark names a record"
	default:
		f = in.searchRecords()
	}
	if old := in.found[CarrierFingerprint]; old.Status == NotChecked || old.Status == Absent && f.Status == Present {
		in.set(CarrierFingerprint, f)
	}
}

// A likeness is how far the words of an input are those of a record.
type likeness struct {
	record Record
	n, m   int
}

// searchRecords looks for the record that shares most hashes with the texts.
func (in *inspection) searchRecords() Finding {
	var best likeness
	long := false
	for _, k := range in.d.texts {
		t := in.unmarkedText(k.id)
		if len(t) < fingerprint.MinAlike {
			continue
		}
		long = true
		found, err := in.d.o.Records.Similar(in.ctx, Fingerprint{KeyID: k.id, Text: t})
		if err != nil {
			if in.report.Record.Status == recordNotAsked {
				in.report.Record.Status = recordUnavailable
			}
			return Finding{Status: NotChecked, Detail: "the words could not be compared with the records: they are unavailable"}
		}
		if l := mostAlike(t, found); l.n > best.n {
			best = l
		}
	}
	if !long {
		return Finding{Status: NotChecked, Detail: "the text is too short to look for its words in the records"}
	}
	return in.likenessFinding(best)
}

// unmarkedText is the fingerprint of all texts that no mark vouches for.
func (in *inspection) unmarkedText(keyID string) fingerprint.Text {
	var texts []fingerprint.Text
	for _, p := range in.unmarked {
		t, _ := p.under(keyID)
		texts = append(texts, t)
	}
	return fingerprint.Join(texts...)
}

// mostAlike returns the record that shares most with a text, common phrases not
// counted: what many different outputs say is nobody's wording.
func mostAlike(t fingerprint.Text, found []Similarity) (best likeness) {
	texts := make([]fingerprint.Text, len(found))
	for i, s := range found {
		texts[i] = s.Record.Fingerprint.Text
	}
	t = t.Without(fingerprint.Common(texts...))
	for i, s := range found {
		if n, m := t.In(texts[i]); n > best.n {
			best = likeness{s.Record, n, m}
		}
	}
	return best
}

// likenessFinding reports on the record that shares most with the input.
func (in *inspection) likenessFinding(best likeness) Finding {
	if !fingerprint.Alike(best.n, best.m) {
		return Finding{Status: Absent}
	}
	if in.report.Record.Status == recordNotAsked {
		in.report.Record = knownRecord(recordMatch, best.record)
	}
	f := Finding{
		Status: Present, reason: CauseFingerprintOnly, KeyID: best.record.Fingerprint.KeyID, ID: best.record.Label.ID.String(),
		FalsePositiveRate: fingerprint.AlikeRate, Coverage: float64(best.n) / float64(best.m),
	}
	f.matching(best.n, best.m, "the words are those of a record; a mark may have been removed, or both texts may draw on the same source")
	return f
}
