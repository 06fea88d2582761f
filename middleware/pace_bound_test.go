package middleware

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// notedDeadline notes the deadline of each read.
type notedDeadline struct {
	*httptest.ResponseRecorder
	now time.Time
}

func (d *notedDeadline) SetReadDeadline(t time.Time) error { d.now = t; return nil }
func (d *notedDeadline) SetWriteDeadline(time.Time) error  { return nil }

// TestStricterHandlerUnderPace: room that a question holds is not held for as long as
// the pace would wait.
func TestStricterHandlerUnderPace(t *testing.T) {
	w := &notedDeadline{ResponseRecorder: httptest.NewRecorder()}
	var during time.Time
	r := httptest.NewRequest("POST", "/", io.NopCloser(reads(func() { during = w.now })))
	soon := time.Now().Add(10 * time.Second)
	Pace(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(soon); err != nil {
			t.Fatal(err)
		}
		_, _ = r.Body.Read(make([]byte, 1))
		if !during.Equal(soon) {
			t.Errorf("a read may last until %v, want the handler's %v", during, soon)
		}
		_ = http.NewResponseController(w).SetReadDeadline(soon.Add(time.Hour))
		_, _ = r.Body.Read(make([]byte, 1))
		if !during.Before(soon.Add(time.Hour)) || during.IsZero() {
			t.Errorf("a read may last until %v, want the pace's own", during)
		}
	}), PaceOptions{}).ServeHTTP(w, r)
}

// reads calls a function at each read.
func reads(note func()) io.Reader {
	src := strings.NewReader("body")
	return readFunc(func(p []byte) (int, error) { note(); return src.Read(p) })
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
