package disclose

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark"
	"github.com/avowai/avow/watermark/textmark"
)

type silentRecords struct{ *MemoryRecords }

var errSilent = errors.New("down")

func (silentRecords) ByPrefix(context.Context, []byte) ([]Record, error) { return nil, errSilent }
func (silentRecords) Similar(context.Context, Fingerprint) ([]Similarity, error) {
	return nil, errSilent
}

// rewritten has other words in the place of most.
func rewritten(text string) string {
	words := strings.Fields(text)
	for i := range words {
		if i%3 == 1 {
			words[i] = fmt.Sprintf("word%d", i)
		}
	}
	return strings.Join(words, " ")
}

// TestThreeStates of docs/spec/text-fingerprint.md, from the output to the report.
func TestThreeStates(t *testing.T) {
	plain := prose(60)
	key := newTestKey(t)
	cases := append(longStreams(plain)[:1],
		golden{"held", "application/json", ShapeOpenAIChat, chatJSON(plain), "", 1}, golden{"text", "text/plain", ShapeText, plain, "", 1})
	for _, g := range cases {
		m, records := printing(t, nil)
		marked, _, err := mark(t, m, g.output(), g.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		o := DetectorOptions{Keys: []VerifyKey{{Key: key}}, Records: records}
		text := marked
		if g.contentType != "text/plain" {
			text = textOf(t, marked, g.contentType)
		}
		stripped := strings.TrimSpace(strings.TrimPrefix(textmark.Strip(text, key), englishNotice))
		if stripped != plain {
			t.Fatalf("%s: the text is %.80q", g.name, stripped)
		}
		frame := text[strings.IndexFunc(text, isFrame):][:textmark.FrameBytes]
		half := len(plain) / 2
		foreign := strings.Join(strings.Fields(prose(61))[:200], " ")
		for name, c := range map[string]stateCase{
			"as sent":           {marked, g.contentType, Verified, CauseRecordMatches, Verified, recordMatch, NotChecked, "byte for byte"},
			"copied":            {text + "\n", "", Verified, CauseRecordMatches, Verified, recordMatch, NotChecked, "fingerprints match"},
			"rendered":          {"<!doctype html><html><head><title>T</title><style>p{}</style></head><body><p>" + strings.ReplaceAll(text, ". ", ".</p>\n<p>") + "</p><script>x</script></body></html>", "", Verified, CauseRecordMatches, Verified, recordMatch, NotChecked, "fingerprints match"},
			"in part":           {text[len(text)*7/8:] + frame + " " + rewritten(foreign+foreign), "", Present, CauseKeyMatches, Present, recordMatch, NotChecked, "parts of the text match"},
			"in other words":    {rewritten(text), "", Present, CausePossibleCopy, Present, recordCopy, NotChecked, "may have been copied"},
			"in foreign text":   {"Alone here." + frame + " " + rewritten(foreign), "", Present, CausePossibleCopy, Present, recordCopy, NotChecked, "0 of "},
			"too short":         {"Alone here." + frame + " And so on.", "", Present, CauseKeyMatches, Present, recordNotAsked, NotChecked, "too short"},
			"stripped":          {stripped, "", Present, CauseFingerprintOnly, Absent, recordMatch, Present, "same source"},
			"half of it":        {stripped[half:], "", Present, CauseFingerprintOnly, Absent, recordMatch, Present, "same source"},
			"stripped, in caps": {strings.ToUpper(stripped), "", Present, CauseFingerprintOnly, Absent, recordMatch, Present, "same source"},
			"words of its own":  {rewritten(stripped), "", Absent, CauseNothingFound, Absent, recordNotAsked, Absent, ""},
			"foreign":           {rewritten(foreign), "", Absent, CauseNothingFound, Absent, recordNotAsked, Absent, ""},
			"few words":         {"Alone here. And so on.", "", Absent, CauseNothingFound, Absent, recordNotAsked, NotChecked, ""},
		} {
			c.check(t, g.name+", "+name, mustInspect(t, o, []byte(c.text), Source{ContentType: c.contentType}))
		}
	}
}

type stateCase struct {
	text, contentType string
	verdict           Status
	reason            Cause
	mark              Status
	record            string
	print             Status
	detail            string
}

func (c stateCase) check(t *testing.T, name string, r *Report) {
	t.Helper()
	mark, print := finding(r, CarrierTextMark), finding(r, CarrierFingerprint)
	if mark.Status != c.mark || r.Record.Status != c.record || print.Status != c.print || !strings.Contains(mark.Detail+print.Detail, c.detail) {
		t.Errorf("%s: mark %s, record %s, fingerprint %s: %q %q", name, mark.Status, r.Record.Status, print.Status, mark.Detail, print.Detail)
	}
	if c.reason == CauseFingerprintOnly {
		if print.reason != c.reason || print.FalsePositiveRate != fingerprint.AlikeRate || print.ID != testID.String() || print.Coverage <= 0 {
			t.Errorf("%s: %+v", name, print)
		}
	}
	if r.Verdict != c.verdict || r.Reason != c.reason {
		t.Errorf("%s: %s %s, want %s %s", name, r.Verdict, r.Reason, c.verdict, c.reason)
	}
	if c.record == recordMatch && r.Record.System != "assistant" || c.record == recordCopy && r.Record.System != "" {
		t.Errorf("%s: record %+v", name, r.Record)
	}
}

func isFrame(r rune) bool { return 0xfe00 <= r && r <= 0xfe0d }

// textOf is the text of a saved answer.
func textOf(t *testing.T, answer, contentType string) string {
	t.Helper()
	texts := saidTexts{by: map[saidText]*strings.Builder{}}
	in := &inspection{data: []byte(answer), report: &Report{ContentType: contentType}}
	in.found[CarrierField] = Finding{}
	for _, payload := range in.payloads() {
		texts.collect(payload, in.readPayload(payload).texts)
	}
	if len(texts.order) != 1 {
		t.Fatalf("%d texts", len(texts.order))
	}
	return texts.by[texts.order[0]].String()
}

// TestOtherOutcomes: what the records cannot say.
func TestOtherOutcomes(t *testing.T) {
	plain, key := prose(60), newTestKey(t)
	other, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	m, records := printing(t, nil)
	marked, _, err := mark(t, m, Output{ContentType: "text/plain"}, plain, 0)
	if err != nil {
		t.Fatal(err)
	}
	rec, _ := records.ByID(context.Background(), testID)
	with := func(all ...func(*Record)) *MemoryRecords {
		out := NewMemoryRecords(10)
		for i, change := range all {
			r := rec
			r.SHA256 = [32]byte{byte(i)}
			r.Label.ID[7] += byte(i)
			change(&r)
			if err := out.Put(context.Background(), r); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	same, foreign := func(*Record) {}, func(r *Record) { r.Fingerprint.Text = newShingler(key).Text(prose(90)) }
	for name, c := range map[string]struct {
		key     VerifyKey
		records Records
		reason  Cause
		mark    Status
		record  string
		detail  string
	}{
		"no ledger":       {VerifyKey{Key: key}, nil, CauseKeyMatches, Present, recordNotAsked, "in the text"},
		"down":            {VerifyKey{Key: key}, silentRecords{records}, CauseKeyMatches, Present, recordUnavailable, "unavailable"},
		"unknown":         {VerifyKey{Key: key}, NewMemoryRecords(1), CauseNoRecord, Present, recordNotFound, "no record"},
		"erased":          {VerifyKey{Key: key}, with(func(r *Record) { r.Erased, r.Fingerprint = true, Fingerprint{} }), CauseKeyMatches, Present, recordErased, "erased"},
		"no fingerprints": {VerifyKey{Key: key}, with(func(r *Record) { r.Fingerprint = Fingerprint{} }), CauseKeyMatches, Present, recordNotAsked, "nothing to compare"},
		"other key":       {VerifyKey{Key: key}, with(func(r *Record) { r.Fingerprint.KeyID = other.ID() }), CauseKeyMatches, Present, recordNotAsked, "not held"},
		"short record":    {VerifyKey{Key: key}, with(func(r *Record) { r.Fingerprint.Text = r.Fingerprint.Text[:1] }), CauseKeyMatches, Present, recordNotAsked, "too short"},
		"two fit, one is": {VerifyKey{Key: key}, with(foreign, same), CauseRecordMatches, Verified, recordMatch, "match"},
		"two fit alike":   {VerifyKey{Key: key}, with(same, same), CauseKeyMatches, Present, recordNotAsked, "more than one"},
		"two, none fits":  {VerifyKey{Key: key}, with(foreign, foreign), CauseKeyMatches, Present, recordNotAsked, "more than one"},
		"revoked":         {VerifyKey{Key: key, Revoked: true}, with(same), CauseRevokedKey, Present, recordMatch, "revoked"},
	} {
		r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{c.key}, Records: c.records}, []byte(marked), Source{})
		f := finding(r, CarrierTextMark)
		if f.Status != c.mark || f.reason != c.reason || r.Record.Status != c.record || !strings.Contains(f.Detail, c.detail) {
			t.Errorf("%s: %s %s, record %s, %q", name, f.Status, f.reason, r.Record.Status, f.Detail)
		}
		if p := finding(r, CarrierFingerprint); p.Status != NotChecked || p.Detail == "" {
			t.Errorf("%s: fingerprint %+v", name, p)
		}
	}
	r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{{Key: key}}, Records: silentRecords{records}}, []byte(plain), Source{})
	if f := finding(r, CarrierFingerprint); f.Status != NotChecked || r.Record.Status != recordUnavailable || !strings.Contains(f.Detail, "unavailable") {
		t.Errorf("searched while the records are down: %+v, record %s", f, r.Record.Status)
	}
}

// TestStrangersGetNoCounts: exact ones would say which words to change.
func TestStrangersGetNoCounts(t *testing.T) {
	key := newTestKey(t)
	m, records := printing(t, nil)
	marked, _, err := mark(t, m, Output{ContentType: "text/plain"}, prose(60), 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text    string
		revoked bool
		says    string
	}{
		"match": {marked + "\n", false, "matches the record"}, "copy": {rewritten(marked), false, "does not match the record"}, "stripped": {prose(60), false, "same source"},
		"revoked": {marked + "\n", true, "the key is revoked"},
	} {
		r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{{Key: key, Revoked: c.revoked}}, Records: records}, []byte(c.text), Source{})
		mark, print := finding(r.Public(), CarrierTextMark), finding(r.Public(), CarrierFingerprint)
		if detail := mark.Detail + print.Detail; strings.Contains(detail, " of ") && strings.Contains(detail, "fingerprints") || !strings.Contains(detail, c.says) {
			t.Errorf("%s: %q", name, detail)
		}
		if exact := finding(r, CarrierTextMark).Detail + finding(r, CarrierFingerprint).Detail; !strings.Contains(exact, "fingerprints match") || !strings.Contains(exact, c.says) && name != "match" {
			t.Errorf("%s: %q", name, exact)
		}
	}
}

// TestSeveralOutputsInOneText: each is judged on its own; that one mark may be a
// copy is not hidden by a mark that nothing is known about.
func TestSeveralOutputsInOneText(t *testing.T) {
	key := newTestKey(t)
	m, records := printing(t, nil)
	marked, _, err := mark(t, m, Output{ContentType: "text/plain"}, prose(60), 0)
	if err != nil {
		t.Fatal(err)
	}
	unknown, _ := textmark.Embed(prose(30), textmark.ID{1, 2, 3, 4, 5}, key, textmark.Options{})
	frame := marked[strings.IndexFunc(marked, isFrame):][:textmark.FrameBytes]
	o := DetectorOptions{Keys: []VerifyKey{{Key: key}}, Records: records}
	for name, c := range map[string]struct {
		text   string
		reason Cause
	}{
		"both":             {marked + "\n\n" + unknown[:len(unknown)/2], CauseRecordMatches},
		"the other way":    {unknown[:len(unknown)/2] + "\n\n" + marked, CauseRecordMatches},
		"a copy among two": {"Alone here." + frame + " " + unknown, CausePossibleCopy},
	} {
		r := mustInspect(t, o, []byte(c.text), Source{})
		if f := finding(r, CarrierTextMark); f.reason != c.reason || !strings.Contains(f.Detail, "of 2 outputs") {
			t.Errorf("%s: %s %s %q", name, f.Status, f.reason, f.Detail)
		}
	}
}

// TestCommonPhrasesAreNobodys: what many different outputs say is no match.
func TestCommonPhrasesAreNobodys(t *testing.T) {
	key, records := newTestKey(t), NewMemoryRecords(100)
	s, stock := newShingler(key), prose(12)
	for i := range 5 {
		r := Record{Label: Label{ID: watermark.Payload{byte(i)}}, Fingerprint: Fingerprint{KeyID: key.ID(), Text: s.Text(stock + " " + prose(100+i))}}
		if err := records.Put(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	o := DetectorOptions{Keys: []VerifyKey{{Key: key}}, Records: records}
	for name, c := range map[string]struct {
		text string
		want Status
	}{"the phrases": {stock, Absent}, "phrases and others": {stock + " " + rewritten(prose(70)), Absent}, "an output": {stock + " " + prose(102), Present}} {
		if f := finding(mustInspect(t, o, []byte(c.text), Source{}), CarrierFingerprint); f.Status != c.want {
			t.Errorf("%s: %+v", name, f)
		}
	}
	// One output sent many times stays a match.
	for i := range 20 {
		r := Record{Label: Label{ID: watermark.Payload{9, byte(i)}}, Fingerprint: Fingerprint{KeyID: key.ID(), Text: s.Text(prose(200))}}
		_ = records.Put(context.Background(), r)
	}
	if f := finding(mustInspect(t, o, []byte(prose(200)), Source{}), CarrierFingerprint); f.Status != Present {
		t.Errorf("sent many times: %+v", f)
	}
}
