package middleware

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/watermark"
)

// answering is an upstream without a network, so that ten thousand answers take no
// time; it counts how often it was asked.
type answering struct{ asked atomic.Int64 }

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked.Add(1)
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(chatBody)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(chatBody)),
	}, nil
}

// A fullDisk is an SQLite ledger under a proxy, whose disk can be filled.
type fullDisk struct {
	t        *testing.T
	file     string
	ledger   *ledger.Ledger
	upstream *answering
	proxy    http.Handler
	ids      []string // of the answers that were given
}

func newFullDisk(t *testing.T, p disclose.Profile) *fullDisk {
	t.Helper()
	d := &fullDisk{t: t, file: filepath.Join(t.TempDir(), "ledger.db"), upstream: &answering{}}
	var err error
	if d.ledger, err = ledger.Open(t.Context(), ledger.Options{File: d.file}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.ledger.Close() })
	o := testOptions(p)
	o.Disclose.Records = d.ledger
	c, err := newCore(o, true)
	if err != nil {
		t.Fatal(err)
	}
	target, _ := url.Parse("http://upstream.invalid")
	if d.proxy, err = c.proxyTo(target, d.upstream); err != nil {
		t.Fatal(err)
	}
	return d
}

// change runs a statement as another program would.
func (d *fullDisk) change(statement string) {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.file+"?_pragma=busy_timeout(10000)")
	if err == nil {
		_, err = db.Exec(statement)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// fill has every row be refused, in the words of SQLite for a full disk.
func (d *fullDisk) fill() {
	d.change(`CREATE TRIGGER full BEFORE INSERT ON avow_records BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`)
}

func (d *fullDisk) free() { d.change(`DROP TRIGGER full`) }

// ask asks once for an answer.
func (d *fullDisk) ask() *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", chatPath, strings.NewReader(chatAsk))
	r.Header.Set("Content-Type", "application/json")
	d.proxy.ServeHTTP(w, r)
	if w.Code == http.StatusOK {
		d.ids = append(d.ids, w.Header().Get("Avow-Id"))
	}
	return w
}

// recorded are the ids in the ledger, which has to be intact.
func (d *fullDisk) recorded() map[string]int {
	d.t.Helper()
	v, err := d.ledger.Verify(context.Background())
	if err != nil || !v.Intact() {
		d.t.Fatalf("%+v %v", v, err)
	}
	var out bytes.Buffer
	if err := d.ledger.Export(context.Background(), &out); err != nil {
		d.t.Fatal(err)
	}
	ids := map[string]int{}
	for rows := json.NewDecoder(&out); rows.More(); {
		var row ledger.ExportedRow
		if err := rows.Decode(&row); err != nil {
			d.t.Fatal(err)
		}
		if row.Record != nil {
			ids[row.Record.ID]++
		}
	}
	return ids
}

// allRecorded reports whether every answer has its one record.
func (d *fullDisk) allRecorded() bool {
	id, err := watermark.ParsePayload(d.ids[len(d.ids)-1])
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.ledger.ByID(context.Background(), id); err != nil { // the last one, to begin with
		return false
	}
	ids := d.recorded()
	for _, id := range d.ids {
		if ids[id] != 1 {
			return false
		}
	}
	return true
}

// A disk that is full under load, and has room again: nothing that was
// acknowledged or promised is lost, and nobody has to start anything again.
func TestFullDiskUnderTheProxy(t *testing.T) {
	if testing.Short() {
		t.Skip("twenty thousand answers were skipped: the run is a short one")
	}
	for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
		t.Run(profile.String(), func(t *testing.T) {
			d := newFullDisk(t, profile)
			for range 10 {
				d.ask()
			}
			d.fill()
			const room = 10_000 // that waits in memory
			for range room {
				if w := d.ask(); w.Code != http.StatusOK || w.Header().Get("Avow-Outcome") != "marked" {
					t.Fatalf("while there is room: %d %s", w.Code, w.Header().Get("Avow-Outcome"))
				}
			}
			promised := len(d.ids)
			d.beyondRoom(profile)
			if got := len(d.recorded()); got != 10 {
				t.Errorf("%d records on a full disk, want 10", got)
			}
			d.free()
			if profile == disclose.Standard { // what it gave without a record stays so
				d.ids = d.ids[:promised]
			}
			eventually(t, "every answer has its record", d.allRecorded) // no further output has to come
			if w := d.ask(); w.Code != http.StatusOK || w.Header().Get("Avow-Outcome") != "marked" || !d.allRecorded() {
				t.Errorf("afterwards: %d %s", w.Code, w.Header().Get("Avow-Outcome"))
			}
		})
	}
}

// unrecorded is how many answers standard gives that it cannot record.
const unrecorded = 5

// beyondRoom asks once nothing more can wait.
func (d *fullDisk) beyondRoom(p disclose.Profile) {
	d.t.Helper()
	before := d.upstream.asked.Load()
	for range unrecorded {
		w := d.ask()
		if p == disclose.Standard {
			if got := w.Header().Get("Avow-Outcome"); w.Code != http.StatusOK || got != "degraded; missing=record" || w.Header().Get("AI-Disclosure") == "" {
				d.t.Fatalf("standard: %d %s", w.Code, got)
			}
			continue
		}
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), problemBase+"ledger_down") {
			d.t.Fatalf("strict: %d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	if asked := d.upstream.asked.Load() - before; p == disclose.Strict && asked != 0 {
		d.t.Errorf("the upstream was asked %d times for answers that cannot leave", asked)
	}
}

// Another program holds the ledger: answers wait no longer than they may, and their
// records are written once.
func TestHeldLedgerUnderTheProxy(t *testing.T) {
	d := newFullDisk(t, disclose.Strict)
	d.ask()
	db, err := sql.Open("sqlite", "file:"+d.file+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if w := d.ask(); w.Code != http.StatusOK || w.Header().Get("Avow-Outcome") != "marked" {
			t.Errorf("%d %s", w.Code, w.Header().Get("Avow-Outcome"))
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "every answer has its record", d.allRecorded)
}
