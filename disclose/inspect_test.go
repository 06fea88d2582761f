package disclose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image/png"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

func tryInspect(t testing.TB, o DetectorOptions, data []byte, src Source) (*Report, error) {
	t.Helper()
	d, err := NewDetector(o)
	if err != nil {
		t.Fatal(err)
	}
	return d.Inspect(context.Background(), bytes.NewReader(data), src)
}

func mustInspect(t testing.TB, o DetectorOptions, data []byte, src Source) *Report {
	t.Helper()
	r, err := tryInspect(t, o, data, src)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func finding(r *Report, c Carrier) Finding { return r.Findings[c] }

var markedOnce = sync.OnceValues(func() ([]byte, watermark.Key) {
	key, err := watermark.GenerateKey()
	if err != nil {
		panic(err)
	}
	var src bytes.Buffer
	if err := png.Encode(&src, corpus.Made(512, 512, 7)); err != nil {
		panic(err)
	}
	m, err := NewMarker(Options{Provider: "Example GmbH", System: "assistant", Key: key})
	if err != nil {
		panic(err)
	}
	var dst bytes.Buffer
	w := m.NewWriter(context.Background(), &dst, Output{ContentType: "image/png", Shape: ShapeImage, Label: Label{ID: testID}})
	if _, err := w.Write(src.Bytes()); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return dst.Bytes(), key
})

type failingRecords struct{ *MemoryRecords }

func (failingRecords) ByID(context.Context, watermark.Payload) (Record, error) {
	return Record{}, errors.New("down")
}

func recordsOf(t *testing.T, id watermark.Payload, data []byte) *MemoryRecords {
	t.Helper()
	m := NewMemoryRecords(10)
	r := Record{Label: Label{ID: id, System: "assistant"}}
	r.SHA256 = sha256.Sum256(data)
	if err := m.Put(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestVerdictsByRecordAndKey(t *testing.T) {
	data, key := markedOnce()
	keys := []VerifyKey{{Key: key}}
	other, _ := watermark.GenerateKey()
	header := func(id string) map[string][]string {
		return map[string][]string{"Ai-Disclosure": {"mode=machine-generated"}, "Avow-Id": {id}}
	}
	for _, c := range []struct {
		name    string
		o       DetectorOptions
		h       map[string][]string
		verdict Status
		reason  Cause
		record  string
	}{
		{"no key", DetectorOptions{}, nil, Present, CauseTemplateOnly, "not_asked"},
		{"wrong key", DetectorOptions{Keys: []VerifyKey{{Key: other}}}, nil, Present, CauseTemplateOnly, "not_asked"},
		{"key", DetectorOptions{Keys: keys}, nil, Verified, CauseKeyMatches, "not_asked"},
		{"record", DetectorOptions{Keys: keys, Records: recordsOf(t, testID, data)}, nil, Verified, CauseRecordMatches, "match"},
		{"other record", DetectorOptions{Keys: keys, Records: recordsOf(t, watermark.Payload{1}, data)}, nil, Present, CauseNoRecord, "not_found"},
		{"other bytes", DetectorOptions{Keys: keys, Records: recordsOf(t, testID, nil)}, nil, Present, CauseKeyMatches, "not_asked"}, // nothing was compared
		{"revoked, with a record", DetectorOptions{Keys: []VerifyKey{{Key: key, Revoked: true}}, Records: recordsOf(t, testID, data)}, nil, Present, CauseRevokedKey, "match"},
		// threats.md section 6: no verdict above "mark present" while the ledger is down
		{"records down", DetectorOptions{Keys: keys, Records: failingRecords{}}, nil, Present, CauseKeyMatches, "unavailable"},
		{"revoked", DetectorOptions{Keys: []VerifyKey{{Key: key, Revoked: true}}}, nil, Present, CauseRevokedKey, "not_asked"},
		{"revoked and listed again", DetectorOptions{Keys: []VerifyKey{{Key: key, Revoked: true}, {Key: key}}}, nil, Present, CauseRevokedKey, "not_asked"},
		{"header agrees", DetectorOptions{Keys: keys}, header(testID.String()), Verified, CauseKeyMatches, "not_asked"},
		{"header differs", DetectorOptions{Keys: keys}, header("0102030405060708"), Invalid, CauseConflictingIDs, "not_asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := mustInspect(t, c.o, data, Source{Name: "a.png", Header: c.h})
			if r.Verdict != c.verdict || r.Reason != c.reason || r.Record.Status != c.record {
				t.Fatalf("%s %s record %s, want %s %s %s", r.Verdict, r.Reason, r.Record.Status, c.verdict, c.reason, c.record)
			}
			if r.Summary == "" || r.Limits != Limits || len(r.Findings) != int(carrierCount) {
				t.Fatalf("incomplete report: %+v", r)
			}
		})
	}
}

func TestReportJSON(t *testing.T) {
	data, key := markedOnce()
	r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{{Key: key}}, Version: "1"}, data, Source{Name: "cat.png"})
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), key.Secret()) {
		t.Fatal("secret in the report")
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"input", "content_type", "sha256", "size", "verdict", "reason", "summary", "findings", "record", "limits", "tool"} {
		if out[k] == nil {
			t.Errorf("report lacks %q", k)
		}
	}
	for i, f := range r.Findings {
		if f.Carrier != Carrier(i).String() {
			t.Errorf("finding %d is %s", i, f.Carrier)
		}
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil || !strings.Contains(b.String(), "fewer than 1 in") || !strings.Contains(b.String(), Limits) {
		t.Fatalf("%v\n%s", err, b.String())
	}
	p := r.Public()
	m := finding(p, CarrierImageMark)
	if m.Score != 0 || m.Transform != nil || m.FalsePositiveRate < 1e-6 || m.Coverage*4 != float64(int(m.Coverage*4)) {
		t.Fatalf("public finding %+v", m)
	}
	if finding(r, CarrierImageMark).Score == 0 {
		t.Fatal("Public changed the report it was given")
	}
}

func pngHeader(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	b = binary.BigEndian.AppendUint32(b, w)
	b = binary.BigEndian.AppendUint32(b, h)
	b = append(b, 8, 2, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
}

func TestInspectRefuses(t *testing.T) {
	marked, _ := markedOnce()
	for _, c := range []struct {
		name string
		o    DetectorOptions
		data []byte
		want error
	}{
		{"huge header", DetectorOptions{}, pngHeader(30000, 30000), ErrInputTooLarge},
		{"bytes", DetectorOptions{MaxBytes: 10}, []byte("12345678901"), ErrInputTooLarge},
		{"half png", DetectorOptions{}, marked[:len(marked)/2], ErrUnreadable},
		{"binary", DetectorOptions{}, []byte("\x00\xff\xfe"), ErrUnreadable},
		{"gif", DetectorOptions{}, []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), ErrUnreadable},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := tryInspect(t, c.o, c.data, Source{Name: "x"})
			if !errors.Is(err, c.want) {
				t.Fatalf("%+v, %v, want %v", r, err, c.want)
			}
		})
	}
	d, _ := NewDetector(DetectorOptions{})
	if _, err := d.Inspect(context.Background(), io.MultiReader(strings.NewReader("a"), errReader{}), Source{}); !errors.Is(err, ErrUnreadable) {
		t.Fatal(err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestInspectTinyImage(t *testing.T) {
	r := mustInspect(t, DetectorOptions{}, testPNG(t, 16, 16, 1), Source{})
	if r.Verdict != NotChecked || r.Reason != CauseTooSmall {
		t.Fatalf("%s %s", r.Verdict, r.Reason)
	}
}

func TestInspectAnswers(t *testing.T) {
	m := newTestMarker(t, nil)
	chat := `{"choices":[{"message":{"role":"assistant","content":"Hello"}}]}`
	sse := "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n"
	for _, c := range []struct {
		name, ct, body string
		shape          Shape
		field          bool
	}{
		{"json", "application/json", chat, ShapeOpenAIChat, true},
		{"sse", "text/event-stream", sse, ShapeOpenAIChat, true},
		{"ndjson", "application/x-ndjson", `{"message":{"content":"Hi"},"done":false}` + "\n" + `{"message":{"content":""},"done":true}` + "\n", ShapeOllamaChat, true},
		{"text", "text/plain", "Hello", ShapeText, false},
		{"html", "text/html", "<!doctype html><html><body><p>Hi</p></body></html>", ShapeHTML, false},
	} {
		for _, ct := range []string{c.ct, ""} {
			t.Run(fmt.Sprintf("%s/%t", c.name, ct == ""), func(t *testing.T) {
				out, _, err := mark(t, m, Output{ContentType: c.ct, Shape: c.shape}, c.body, 0)
				if err != nil {
					t.Fatal(err)
				}
				r := mustInspect(t, DetectorOptions{}, []byte(out), Source{ContentType: ct})
				if r.Verdict != Present || r.Reason != CauseStatementOnly || finding(r, CarrierNotice).Status != Present {
					t.Fatalf("%s %s %+v\n%s", r.Verdict, r.Reason, r.Findings[:3], out)
				}
				if c.field && (finding(r, CarrierField).Status != Present || finding(r, CarrierField).ID != testID.String()) {
					t.Fatalf("field %+v\n%s", finding(r, CarrierField), out)
				}
				plain := mustInspect(t, DetectorOptions{}, []byte(c.body), Source{ContentType: ct})
				if plain.Verdict != Absent || plain.Reason != CauseNothingFound {
					t.Fatalf("unmarked: %s %s", plain.Verdict, plain.Reason)
				}
			})
		}
	}
}

func TestInspectImagesInAnswer(t *testing.T) {
	data, key := markedOnce()
	o := DetectorOptions{Keys: []VerifyKey{{Key: key}}}
	marked, plain := base64.StdEncoding.EncodeToString(data), base64.StdEncoding.EncodeToString(testPNG(t, 512, 512, 3))
	for _, c := range []struct{ name, body string }{
		{"one", `{"data":[{"b64_json":"` + marked + `"}]}`},
		{"marked second", `{"data":[{"b64_json":"` + plain + `"},{"b64_json":"` + marked + `"}]}`},
		{"broken first", `{"data":[{"b64_json":"!!!"},{"b64_json":"` + marked + `"}]}`},
		{"not an image first", `{"data":[{"b64_json":"AAAA"},{"b64_json":"` + marked + `"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := mustInspect(t, o, []byte(c.body), Source{ContentType: "application/json"})
			if r.Verdict != Verified {
				t.Fatalf("%s %s %+v", r.Verdict, r.Reason, finding(r, CarrierImageMark))
			}
		})
	}
}

func TestHostileTextIsEscaped(t *testing.T) {
	h := map[string][]string{"AI-Disclosure": {`mode=machine-generated, model=%"%1b[2J%e2%80%ae` + strings.Repeat("a", 2000) + `"`}}
	r := mustInspect(t, DetectorOptions{}, []byte("hi"), Source{Name: "a\x1b[31m\u202e.txt", Header: h})
	var b strings.Builder
	r.WriteText(&b)
	if strings.ContainsAny(b.String(), "\x1b\u202e") {
		t.Fatalf("%q", b.String())
	}
	f := finding(r, CarrierHeader)
	if n := len([]rune(f.Detail)); n > 257+20 || strings.ContainsAny(f.Detail, "\x1b\u202e") {
		t.Fatalf("JSON detail holds %d runes or raw controls: %.60q", n, f.Detail)
	}
}

func TestHeaderSpellings(t *testing.T) {
	for _, name := range []string{"AI-Disclosure", "ai_disclosure"} {
		r := mustInspect(t, DetectorOptions{}, []byte("hi"), Source{Header: map[string][]string{name: {"mode=machine-generated"}}})
		if got := finding(r, CarrierHeader).Status; got != Present {
			t.Errorf("%s: %s, want present", name, got)
		}
	}
}

func TestInspectConcurrent(t *testing.T) {
	data, key := markedOnce()
	d, _ := NewDetector(DetectorOptions{Keys: []VerifyKey{{Key: key}}, Jobs: 2})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			r, err := d.Inspect(context.Background(), bytes.NewReader(data), Source{})
			if err != nil || r.Verdict != Verified {
				t.Errorf("%v %v", r, err)
			}
		})
	}
	wg.Wait()
}
