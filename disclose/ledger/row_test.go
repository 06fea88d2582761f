package ledger

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark"
)

// drawRecord sets every field of a record, those that are added later too: a field
// that the encoding leaves out comes back as zero, and the test fails.
func drawRecord(t *rapid.T) disclose.Record {
	var r disclose.Record
	fill(t, reflect.ValueOf(&r).Elem(), "record")
	r.Erased, r.Manifest, r.Fingerprint = false, nil, disclose.Fingerprint{} // not in the body
	return r
}

func fill(t *rapid.T, v reflect.Value, name string) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		sec := rapid.Int64Range(-62135596800, 253402300799).Draw(t, name)
		v.Set(reflect.ValueOf(time.Unix(sec, rapid.Int64Range(0, 999_999_999).Draw(t, name)).UTC()))
		return
	case reflect.TypeFor[disclose.Fingerprint]():
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.String:
		v.SetString(rapid.StringN(1, 20, -1).Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, name))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, name)))
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(1, 5).Draw(t, name), 5))
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	default:
		t.Fatalf("%s: no way to draw a %s", name, v.Kind())
	}
}

func TestRecordsKeepEveryField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecord(t)
		b := body{record: want, flags: flagsOf(want)}
		data := b.encode()
		got, err := decodeBody(data)
		if err != nil || !reflect.DeepEqual(got.record, want) {
			t.Fatalf("%v\n got %+v\nwant %+v", err, got.record, want)
		}
		if again := got.encode(); !bytes.Equal(again, data) {
			t.Fatalf("encoded again it is another")
		}
	})
}

func TestFingerprintsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := picturePrint(rapid.Uint64().Draw(t, "seed"))
		want.KeyID = rapid.String().Draw(t, "key")
		want.Text = textPrint(rapid.Uint64().Draw(t, "text"), rapid.IntRange(1, 100).Draw(t, "hashes")).Text
		if got, err := decodePrint(encodePrint(want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\n got %+v\nwant %+v", err, got, want)
		}
	})
}

// What a row cannot take is cut, so that every record can be written.
func TestTooMuchIsCut(t *testing.T) {
	r := full(1)
	r.Label.Provider = strings.Repeat("ä", maxText)
	r.Response = strings.Repeat("x", 1<<20)
	for range 1000 {
		r.Carriers, r.Skipped, r.Notices = append(r.Carriers, 1), append(r.Skipped, "code"), append(r.Notices, strings.Repeat("n", 1000))
	}
	r.Fingerprint.Text = make(fingerprint.Text, 2*fingerprint.MaxTextHashes)
	for i := range r.Fingerprint.Text {
		r.Fingerprint.Text[i] = uint64(len(r.Fingerprint.Text) - i) // neither sorted nor few
	}
	r.Manifest = make([]byte, maxManifest+1)
	e := newEntry(t.Context(), r)
	b, err := decodeBody(e.body)
	if err != nil || !utf8.ValidString(b.record.Label.Provider) || len(b.record.Label.Provider) != maxText || len(b.record.Carriers) != maxList {
		t.Fatalf("%v %d", err, len(b.record.Label.Provider))
	}
	f, err := decodePrint(e.print)
	if err != nil || len(f.Text) != fingerprint.MaxTextHashes || e.manifest != nil {
		t.Fatalf("%v: %d hashes", err, len(f.Text))
	}
	l := sqlitePlace(t).open()
	mustPut(t, l, r)
	if _, err := l.ByResponse(t.Context(), r.Response); err != nil {
		t.Fatal(err)
	}
	intact(t, l)
}

func FuzzRow(f *testing.F) {
	for _, r := range []disclose.Record{full(1), bare(2), {}} {
		e := newEntry(f.Context(), r)
		f.Add(e.body)
		f.Add(e.body[:len(e.body)-1])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := decodeBody(data); err == nil && !bytes.Equal(b.encode(), data) {
			t.Fatalf("%x is encoded again as %x", data, b.encode())
		}
	})
}

func FuzzFingerprint(f *testing.F) {
	for _, p := range []disclose.Fingerprint{picturePrint(1), textPrint(1, 3), full(1).Fingerprint, {}} {
		f.Add(encodePrint(p))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := decodePrint(data); err == nil && !bytes.Equal(encodePrint(p), data) {
			t.Fatalf("%x is encoded again as %x", data, encodePrint(p))
		}
	})
}

func FuzzStatements(f *testing.F) {
	p := point{"w", 3, genesis("w"), 5}
	f.Add(encodeHead(p.sign("head", headKey(testKey(1)))))
	f.Add(cutMark{3, 5, p.link, p.sign("cut", nil)}.encode())
	f.Add(erasure{watermark.Payload{1}, 3, "w"}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := decodeHead(data); err == nil && !bytes.Equal(encodeHead(s), data) {
			t.Fatalf("head %x", data)
		}
		if c, err := decodeCut(data); err == nil && !bytes.Equal(c.encode(), data) {
			t.Fatalf("cut %x", data)
		}
		if e, err := decodeErasure(data); err == nil && !bytes.Equal(e.encode(), data) {
			t.Fatalf("erasure %x", data)
		}
	})
}
