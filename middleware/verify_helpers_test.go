package middleware

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/jumbf"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/watermark"
)

const verifierToken = "a verifier's token"

// An asked is a service that a test asks, without a network.
type asked struct {
	*VerifyService
	t   testing.TB
	key watermark.Key
	at  time.Time // the service's clock
}

// newAsked is a service with everything on, and limits off unless change sets them.
func newAsked(t testing.TB, change func(*VerifyOptions)) *asked {
	t.Helper()
	a := &asked{t: t, key: markedKey(t), at: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
	d, err := disclose.NewDetector(disclose.DetectorOptions{Keys: []disclose.VerifyKey{{Key: a.key}}, Version: "test", Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	o := VerifyOptions{
		Detector: d, ReportKey: ReportKey(a.key), VerifierTokens: [][32]byte{sha256.Sum256([]byte(verifierToken))},
		Limits: VerifyLimits{PerMinute: -1, PerGroup: -1, Concurrent: -1, Wait: time.Millisecond},
	}
	if change != nil {
		change(&o)
	}
	if a.VerifyService, err = NewVerifyService(o); err != nil {
		t.Fatal(err)
	}
	a.now = func() time.Time { return a.at }
	return a
}

// do sends a request; header is names and values in turn.
func (a *asked) do(method, path string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	r := httptest.NewRequest(method, path, body)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "From" {
			r.RemoteAddr = header[i+1] + ":1234"
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func (a *asked) verify(data []byte, header ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	return a.do("POST", "/avow/v1/verify", bytes.NewReader(data), header...)
}

// report reads an answer, and fails on any other.
func (a *asked) report(w *httptest.ResponseRecorder) reply {
	a.t.Helper()
	if w.Code != http.StatusOK {
		a.t.Fatalf("status %d: %.300s", w.Code, w.Body)
	}
	var out reply
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		a.t.Fatal(err)
	}
	return out
}

// finding is what a report says of a carrier.
func (r reply) finding(c disclose.Carrier) disclose.Finding { return r.Findings[c] }

func wantProblem(t testing.TB, w *httptest.ResponseRecorder, status int, kind string) {
	t.Helper()
	var p problem
	err := json.Unmarshal(w.Body.Bytes(), &p)
	if err != nil || w.Code != status || p.Type != problemBase+kind || p.Status != status || p.Detail == "" || p.RequestID == "" {
		t.Fatalf("%d %v %.300s; want %d %s", w.Code, err, w.Body, status, kind)
	}
	if w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Fatalf("header %v", w.Header())
	}
}

var (
	markOnce  sync.Once
	testKey   watermark.Key
	testMark  []byte
	testPlain []byte
	testID    = watermark.Payload{1, 2, 3, 4, 5, 6, 7, 8}
	markErr   error
)

// makeMarked marks one picture for all tests.
func makeMarked() {
	testKey, markErr = watermark.GenerateKey()
	if markErr != nil {
		return
	}
	plain := corpus.Made(512, 512, 7)
	img, err := watermark.Embed(context.Background(), plain, testID, testKey, nil)
	if err != nil {
		markErr = err
		return
	}
	if testMark, markErr = pixels.EncodePNG(img); markErr == nil {
		testPlain, markErr = pixels.EncodePNG(plain)
	}
}

func markedKey(t testing.TB) watermark.Key {
	t.Helper()
	if markOnce.Do(makeMarked); markErr != nil {
		t.Fatal(markErr)
	}
	return testKey
}

// marked is a PNG file with a mark of testID, under markedKey.
func marked(t testing.TB) []byte { markedKey(t); return testMark }

// unmarked is the same picture without it.
func unmarked(t testing.TB) []byte { markedKey(t); return testPlain }

// A part is a field of a form.
type part struct{ name, file, value string }

// form is a multipart body and its Content-Type.
func form(t testing.TB, parts ...part) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + p.name + `"`}}
		if p.file != "" {
			h.Set("Content-Disposition", `form-data; name="`+p.name+`"; filename="`+p.file+`"`)
			h.Set("Content-Type", "application/octet-stream")
		}
		to, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(to, p.value)
	}
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// brokenRecords are records that cannot be asked.
type brokenRecords struct{ *disclose.MemoryRecords }

var errDown = errors.New("records are down")

func (brokenRecords) ByID(context.Context, watermark.Payload) (disclose.Record, error) {
	return disclose.Record{}, errDown
}

func (brokenRecords) Manifest(context.Context, string) ([]byte, error) { return nil, errDown }

// brokenReader breaks off.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func long(n int) string { return strings.Repeat("x", n) }

func itoa(n int) string { return strconv.Itoa(n) }

// testStore is a manifest store of two manifests.
func testStore(t testing.TB) []byte {
	t.Helper()
	manifest := func(label string) jumbf.Box {
		return jumbf.Box{Type: "jumb", UUID: jumbf.C2PA("c2ma"), Label: label}
	}
	store := jumbf.Box{Type: "jumb", UUID: jumbf.C2PA("c2pa"), Label: "c2pa", Children: []jumbf.Box{manifest("parent"), manifest(testURN)}}
	return store.Append(nil)
}

// notEd25519 is a key of another kind.
type notEd25519 struct{ crypto.Signer }

func (notEd25519) Public() crypto.PublicKey { return "another" }

func newTestLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
