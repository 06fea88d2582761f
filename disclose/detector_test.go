package disclose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/avowai/avow/watermark"
)

func inspect(t *testing.T, o DetectorOptions, data []byte, src Source) *Report {
	t.Helper()
	d, err := NewDetector(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Inspect(context.Background(), bytes.NewReader(data), src)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerdicts(t *testing.T) {
	key, records := newTestKey(t), NewMemoryRecords(0)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Records = key, records })
	plain := testPNG(t, 400, 300, 1)
	marked, _, err := mark(t, m, Output{ContentType: "image/png"}, string(plain), 0)
	if err != nil {
		t.Fatal(err)
	}
	keys := []VerifyKey{{Key: key}}
	header := map[string][]string{"Ai-Disclosure": {"mode=machine-generated"}, "Avow-Id": {testID.String()}}
	other := map[string][]string{"Avow-Id": {watermark.Payload{7}.String()}}
	for name, c := range map[string]struct {
		o       DetectorOptions
		data    string
		header  map[string][]string
		verdict Status
		reason  Cause
		record  string
	}{
		"key":         {DetectorOptions{Keys: keys}, marked, nil, Verified, CauseKeyMatches, "not_asked"},
		"record":      {DetectorOptions{Keys: keys, Records: records}, marked, header, Verified, CauseRecordMatches, "match"},
		"no record":   {DetectorOptions{Keys: keys, Records: NewMemoryRecords(1)}, marked, nil, Present, CauseNoRecord, "not_found"},
		"changed":     {DetectorOptions{Keys: keys, Records: records}, marked + "trailing", nil, Verified, CauseRecordMatches, "match"},
		"no key":      {DetectorOptions{}, marked, nil, Present, CauseTemplateOnly, "not_asked"},
		"revoked":     {DetectorOptions{Keys: []VerifyKey{{Key: key, Revoked: true}}}, marked, nil, Present, CauseRevokedKey, "not_asked"},
		"conflict":    {DetectorOptions{Keys: keys}, marked, other, Invalid, CauseConflictingIDs, "not_asked"},
		"unmarked":    {DetectorOptions{Keys: keys}, string(plain), nil, Absent, CauseNothingFound, "not_asked"},
		"only header": {DetectorOptions{Keys: keys}, string(plain), header, Present, CauseStatementOnly, "not_asked"},
		"too small":   {DetectorOptions{Keys: keys}, string(testPNG(t, 64, 64, 1)), nil, NotChecked, CauseTooSmall, "not_asked"},
		"manifest":    {DetectorOptions{Keys: keys}, string(withManifest(plain)), nil, Invalid, CauseTampered, "not_asked"},
		"text":        {DetectorOptions{}, englishNotice + "\n\nHi", nil, Present, CauseStatementOnly, "not_asked"},
		"other text":  {DetectorOptions{}, "Hi", nil, Absent, CauseNothingFound, "not_asked"},
	} {
		r := inspect(t, c.o, []byte(c.data), Source{Name: name, Header: c.header})
		if r.Verdict != c.verdict || r.Reason != c.reason || r.Record.Status != c.record {
			t.Errorf("%s: %s %s %s, want %s %s %s", name, r.Verdict, r.Reason, r.Record.Status, c.verdict, c.reason, c.record)
		}
		if r.Summary == "" || r.Limits != Limits {
			t.Errorf("%s: no summary or limits", name)
		}
	}
}

func TestReportHasEveryCarrierInOrder(t *testing.T) {
	r := inspect(t, DetectorOptions{Version: "v1"}, []byte("hello"), Source{Name: "x.txt"})
	var names []string
	for _, f := range r.Findings {
		names = append(names, f.Carrier)
	}
	want := []string{"header", "notice", "field", "text_mark", "token_mark", "image_mark", "metadata", "manifest", "fingerprint"}
	if !slices.Equal(names, want) {
		t.Fatalf("findings = %v", names)
	}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `"tool":{"name":"avow","version":"v1","template":1}`) {
		t.Fatalf("%s %v", text, err)
	}
}

func TestPublicReportHidesWhatHelpsToRemoveAMark(t *testing.T) {
	r := &Report{Findings: []Finding{{FalsePositiveRate: 3.2e-12, Coverage: 0.61, Score: 21, Transform: &Transform{}}, {FalsePositiveRate: 3e-4}}}
	p := r.Public()
	if f := p.Findings[0]; f.FalsePositiveRate != 1e-6 || f.Coverage != 0.5 || f.Score != 0 || f.Transform != nil {
		t.Errorf("%+v", f)
	}
	if got := p.Findings[1].FalsePositiveRate; got < 0.99e-3 || got > 1.01e-3 {
		t.Errorf("rate = %v, want 1e-3", got)
	}
	if r.Findings[0].Score != 21 {
		t.Error("Public changed the report itself")
	}
}

func TestSavedAnswers(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	for name, c := range map[string]struct {
		out  Output
		text string
		want map[Carrier]Status
	}{
		"json":   {Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, chatAnswer, map[Carrier]Status{CarrierField: Present, CarrierNotice: Present}},
		"sse":    {Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat}, chatStream, map[Carrier]Status{CarrierField: Present, CarrierNotice: Present}},
		"ndjson": {Output{ContentType: "application/x-ndjson", Shape: ShapeOllamaChat}, ollamaStream, map[Carrier]Status{CarrierField: Present, CarrierNotice: Present}},
		"images": {Output{ContentType: "application/json", Shape: ShapeOpenAIImages}, imagesAnswer(testPNG(t, 300, 300, 3)), map[Carrier]Status{CarrierField: Present, CarrierNotice: Absent, CarrierImageMark: Verified, CarrierMetadata: Present}},
		"html":   {Output{ContentType: "text/html", Shape: ShapeHTML}, "<!doctype html><html><body>x", map[Carrier]Status{CarrierNotice: Present, CarrierField: NotChecked}},
	} {
		for state, marked := range map[string]bool{"marked": true, "unmarked": false} {
			text := c.text
			if marked {
				var err error
				if text, _, err = mark(t, m, c.out, text, 0); err != nil {
					t.Fatal(err)
				}
			}
			r := inspect(t, DetectorOptions{Keys: []VerifyKey{{Key: key}}}, []byte(text), Source{Name: name})
			for carrier, want := range c.want {
				if !marked && want != NotChecked {
					want = Absent
				}
				if got := r.Findings[carrier].Status; got != want {
					t.Errorf("%s/%s: %v = %s, want %s", name, state, carrier, got, want)
				}
			}
		}
	}
}

func TestInspectLimits(t *testing.T) {
	d, err := NewDetector(DetectorOptions{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	whole := testPNG(t, 200, 200, 1)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"too long":   {bytes.Repeat([]byte("a"), 1<<20+1), ErrInputTooLarge},
		"huge":       {hugeHeader(whole), ErrInputTooLarge},
		"cut":        {whole[:len(whole)/2], ErrUnreadable},
		"only magic": {whole[:8], ErrUnreadable},
		"binary":     {[]byte{0, 1, 2, 0xff, 0xfe}, ErrUnreadable},
	} {
		if _, err := d.Inspect(context.Background(), bytes.NewReader(c.data), Source{Name: name}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got := Printable("a\x1b[31m\u202eb\xff"); got != `a\u001b[31m\u202eb�` {
		t.Errorf("%q", got)
	}
	if got := Printable(strings.Repeat("x", 1000)); len(got) > 300 {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte(chatAnswer))
	f.Add([]byte(chatStream))
	f.Add([]byte("<!doctype html><body>"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"))
	f.Add([]byte("{\"data\":[{\"b64_json\":\"iVBORw0KGgo=\"}]}\n{}"))
	d, err := NewDetector(DetectorOptions{MaxPixels: 10_000})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := d.Inspect(context.Background(), bytes.NewReader(data), Source{Name: "fuzz"})
		if err == nil && (len(r.Findings) != int(carrierCount) || r.Verdict == Verified) {
			t.Fatalf("%+v", r)
		}
	})
}
