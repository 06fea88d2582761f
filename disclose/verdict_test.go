package disclose

import "testing"

// TestAnswersOfTwoOutputs: where text and picture of an answer are two outputs, a
// match of the one does not hide that the mark of the other is a copy, and the
// record that is named is the one that the verdict rests on.
func TestAnswersOfTwoOutputs(t *testing.T) {
	type said struct {
		status Status
		cause  Cause
		record string
	}
	match, copied := said{Verified, CauseRecordMatches, recordMatch}, said{Present, CausePossibleCopy, recordCopy}
	unknown, none := said{Present, CauseNoRecord, recordNotFound}, said{Absent, "", ""}
	for name, c := range map[string]struct{ text, picture, want said }{
		"both match":         {match, match, match},
		"a copied picture":   {match, copied, copied},
		"a copied text":      {copied, match, copied},
		"an unknown picture": {match, unknown, match},
		"an unknown text":    {unknown, match, match},
		"a plain picture":    {match, none, match},
		"a plain text":       {said{Absent, "", recordNotAsked}, copied, copied},
	} {
		in := inspection{report: &Report{Record: RecordStatus{Status: c.text.record}}, imageRecord: RecordStatus{Status: c.picture.record}}
		in.set(CarrierTextMark, Finding{Status: c.text.status, reason: c.text.cause})
		in.set(CarrierImageMark, Finding{Status: c.picture.status, reason: c.picture.cause})
		in.conclude()
		if got := (said{in.report.Verdict, in.report.Reason, in.report.Record.Status}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
