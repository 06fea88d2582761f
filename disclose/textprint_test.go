package disclose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark"
	"github.com/avowai/avow/watermark/textmark"
)

// printing returns a Marker that keeps fingerprints, and its records.
func printing(t testing.TB, change func(*Options)) (*Marker, *MemoryRecords) {
	t.Helper()
	records := NewMemoryRecords(100)
	return newTestMarker(t, func(o *Options) {
		o.Key, o.Records = newTestKey(t), records
		if change != nil {
			change(o)
		}
	}), records
}

func recordedText(t testing.TB, r *MemoryRecords) fingerprint.Text {
	t.Helper()
	rec, err := r.ByID(context.Background(), testID)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Fingerprint.Text
}

func chatJSON(texts ...string) string {
	var choices []string
	for i, text := range texts {
		choices = append(choices, fmt.Sprintf(`{"index":%d,"message":{"role":"assistant","content":%s}}`, i, quoteJSON(text)))
	}
	return `{"id":"c1","choices":[` + strings.Join(choices, ",") + `]}`
}

// TestRecordsHoldTheText of every shape: what the model said, however it was cut,
// without notice and frames, and no byte of the output differs for it.
func TestRecordsHoldTheText(t *testing.T) {
	plain := "Grüße. " + prose(60)
	want := newShingler(newTestKey(t)).Text(plain)
	cases := append(longStreams(plain),
		golden{"held", "application/json", ShapeOpenAIChat, chatJSON(plain), "", 1}, golden{"text", "text/plain", ShapeText, plain, "", 1})
	for _, g := range cases {
		for name, change := range map[string]func(*Output){
			"marks": func(*Output) {}, "no frames": func(o *Output) { o.NoFrames = ReasonOffsets }, "later turn": func(o *Output) { o.Turn = LaterTurn },
			"nothing": func(o *Output) { o.Turn, o.Carriers = LaterTurn, new(CarrierSet) }, "whole": func(o *Output) { o.Whole = true },
		} {
			for _, n := range []int{0, 1, 97} {
				out := g.output()
				change(&out)
				m, records := printing(t, nil)
				got, w, err := mark(t, m, out, g.text, n)
				if err != nil {
					t.Fatal(err)
				}
				if print := recordedText(t, records); !slices.Equal(print, want) {
					t.Errorf("%s, %s, pieces of %d: %d hashes, %d of the %d", g.name, name, n, len(print), print.Shared(want), len(want))
				}
				off, offRecords := printing(t, func(o *Options) { o.NoFingerprints = true })
				bare, wBare, err := mark(t, off, out, g.text, n)
				if err != nil || bare != got || w.Changed() != wBare.Changed() || len(recordedText(t, offRecords)) != 0 {
					t.Errorf("%s, %s, pieces of %d: the output differs without fingerprints: %v", g.name, name, n, err)
				}
			}
		}
	}
}

// TestWhatIsNotFingerprinted: where nobody asked for it, where there is no key, and
// what is made for programs.
func TestWhatIsNotFingerprinted(t *testing.T) {
	plain := prose(30)
	withTool := strings.Replace(chatJSON(plain), `"role"`, `"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":`+quoteJSON(plain)+`}}],"role"`, 1)
	chat := Output{ContentType: "application/json", Shape: ShapeOpenAIChat}
	for name, c := range map[string]struct {
		change func(*Options)
		out    Output
		text   string
	}{
		"off":       {func(o *Options) { o.NoFingerprints = true }, chat, chatJSON(plain)},
		"no key":    {func(o *Options) { o.Key = watermark.Key{} }, chat, chatJSON(plain)},
		"JSON mode": {nil, Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Constrained: ReasonJSONMode}, chatJSON(plain)},
		"tools":     {nil, chat, withTool}, "code": {nil, Output{ContentType: "text/plain", Shape: ShapeCode}, plain},
		"HTML": {nil, Output{ContentType: "text/html"}, "<!doctype html><body>" + plain}, "short": {nil, chat, chatJSON("Yes, it is.")},
	} {
		m, records := printing(t, c.change)
		if _, _, err := mark(t, m, c.out, c.text, 0); err != nil {
			t.Fatal(err)
		}
		rec, err := records.ByID(context.Background(), testID)
		if err != nil || !rec.Fingerprint.IsZero() || rec.Fingerprint.KeyID != "" {
			t.Errorf("%s: %v, %+v", name, err, rec.Fingerprint)
		}
	}
}

// TestManyTextsAreOneFingerprint: alternatives that come in turn do not mix.
func TestManyTextsAreOneFingerprint(t *testing.T) {
	a, b := prose(30), prose(31)
	s := newShingler(newTestKey(t))
	want := fingerprint.Join(s.Text(a), s.Text(b))
	var stream strings.Builder
	da, db := deltas(a), deltas(b)
	for i := range max(len(da), len(db)) {
		for voice, d := range [][]string{da, db} {
			if i < len(d) {
				fmt.Fprintf(&stream, "data: {\"id\":\"c\",\"choices\":[{\"index\":%d,\"delta\":{\"content\":%s},\"finish_reason\":null}]}\n\n", voice, quoteJSON(d[i]))
			}
		}
	}
	for _, c := range []struct{ contentType, text string }{{"application/json", chatJSON(a, b)}, {"text/event-stream", stream.String()}} {
		for _, none := range []bool{false, true} {
			m, records := printing(t, nil)
			out := Output{ContentType: c.contentType, Shape: ShapeOpenAIChat, Choices: 2}
			if none {
				out.Turn, out.Carriers = LaterTurn, new(CarrierSet)
			}
			if _, _, err := mark(t, m, out, c.text, 0); err != nil {
				t.Fatal(err)
			}
			if got := recordedText(t, records); !slices.Equal(got, want) {
				t.Errorf("%s, %v: %d hashes, want %d", c.contentType, none, len(got), len(want))
			}
		}
	}
}

// TestBrokenOffTextIsFingerprinted as far as it went.
func TestBrokenOffTextIsFingerprinted(t *testing.T) {
	plain := prose(60)
	m, records := printing(t, nil)
	w := m.NewWriter(context.Background(), new(strings.Builder), Output{ContentType: "text/plain", Label: Label{ID: testID}})
	if _, err := w.Write([]byte(plain[:1500])); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if got, want := recordedText(t, records), newShingler(newTestKey(t)).Text(plain[:1500]); !slices.Equal(got, want) {
		t.Fatalf("%d hashes, want %d", len(got), len(want))
	}
}

// TestLargeEventsPassTheListener: what is only listened to is not held to the limit
// of an event.
func TestLargeEventsPassTheListener(t *testing.T) {
	m, _ := printing(t, func(o *Options) { o.MaxEvent = 2000 })
	line := func(text string) string {
		return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":" + quoteJSON(text) + "}}\n\n"
	}
	stream := line("word ") + line("word ") + line(prose(60)) + line("word ")
	for _, n := range []int{0, 1, 700} {
		out := Output{ContentType: "text/event-stream", Shape: ShapeAnthropic, Turn: LaterTurn, Carriers: new(CarrierSet)}
		if got, w, err := mark(t, m, out, stream, n); err != nil || got != stream || w.Changed() {
			t.Errorf("pieces of %d: %v, changed %v", n, err, w.Changed())
		}
	}
}

// TestListeningChangesNothing: any stream in which nothing is due is the same,
// whatever is in it.
func TestListeningChangesNothing(t *testing.T) {
	m, _ := printing(t, nil)
	off, _ := printing(t, func(o *Options) { o.NoFingerprints = true })
	events := rapid.SampledFrom([]string{
		"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}]}\n\n", "data: {\"id\":\"c\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"\\u0061b\"}}]}\r\n\r\n",
		"data: {\"ai_disclosure\":{\"id\":\"x\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n", ": ping\n\n", "data: [DONE]\n\n", "data: {broken\n\n", "\n", "data: 7\ndata: 8\n\n", "data: {\"choices\":",
		"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"word\"}}\n\n", "data: {\"token\":{\"id\":1,\"text\":\" word\"}}\n\n",
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"{}\"}}],\"content\":\"t\"}}]}\n\n",
	})
	rapid.Check(t, func(t *rapid.T) {
		stream := strings.Join(rapid.SliceOfN(events, 1, 20).Draw(t, "events"), "")
		out := Output{ContentType: "text/event-stream", Shape: rapid.SampledFrom([]Shape{ShapeOpenAIChat, ShapeOpenAIResponses, ShapeAnthropic, ShapeTGI}).Draw(t, "shape"), Turn: LaterTurn, Carriers: new(CarrierSet)}
		n := rapid.IntRange(0, 40).Draw(t, "n")
		want, bare, err := mark(t, off, out, stream, n)
		got, w, err2 := mark(t, m, out, stream, n)
		if got != want || w.Changed() != bare.Changed() || fmt.Sprint(err, bare.Result().Skipped) != fmt.Sprint(err2, w.Result().Skipped) {
			t.Fatalf("%v %v, changed %v\n%q\n%q", err, err2, w.Changed(), got, want)
		}
	})
}

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
		for name, c := range map[string]struct {
			text        string
			contentType string
			verdict     Status
			reason      Cause
			mark        Status
			record      string
			print       Status
			detail      string
		}{
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
			r := mustInspect(t, o, []byte(c.text), Source{ContentType: c.contentType})
			mark, print := finding(r, CarrierTextMark), finding(r, CarrierFingerprint)
			if mark.Status != c.mark || r.Record.Status != c.record || print.Status != c.print || !strings.Contains(mark.Detail+print.Detail, c.detail) {
				t.Errorf("%s, %s: mark %s, record %s, fingerprint %s: %q %q", g.name, name, mark.Status, r.Record.Status, print.Status, mark.Detail, print.Detail)
			}
			if want := c.reason; want != CauseFingerprintOnly && (r.Verdict != c.verdict || r.Reason != want) {
				t.Errorf("%s, %s: %s %s, want %s %s", g.name, name, r.Verdict, r.Reason, c.verdict, want)
			}
			wantNamed(t, g.name+", "+name, r.Record)
		}
	}
}

// wantNamed checks that the system is named where the content is its own, and not
// where the mark may be a copy.
func wantNamed(t *testing.T, name string, r RecordStatus) {
	t.Helper()
	if r.Status == recordMatch && r.System != "assistant" || r.Status == recordCopy && r.System != "" {
		t.Errorf("%s: record %+v", name, r)
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
