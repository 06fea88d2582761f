package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"image"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark"
)

// postgresVariable names the PostgreSQL database that tests may use. Each test
// makes a schema of its own in it.
const postgresVariable = "AVOW_TEST_POSTGRES"

func TestMain(m *testing.M) {
	if os.Getenv(crashVariable) != "" {
		crashWriter()
		return
	}
	goleak.VerifyTestMain(m)
}

// A place is a database that a test has for itself.
type place struct {
	o Options
	t *testing.T
}

// eachDatabase runs a test on every kind of database there is.
func eachDatabase(t *testing.T, test func(t *testing.T, p place)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqlitePlace(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresPlace(t)) })
}

func sqlitePlace(t *testing.T) place {
	return place{Options{File: filepath.Join(t.TempDir(), "ledger.db"), Key: testKey(1), Logger: testLogger(t)}, t}
}

func postgresPlace(t *testing.T) place {
	t.Helper()
	url := os.Getenv(postgresVariable)
	if url == "" {
		t.Skipf("PostgreSQL was skipped: set %s to a URL", postgresVariable)
	}
	name := fmt.Sprintf("avow_test_%d_%d", os.Getpid(), rand.Uint32())
	execAt(t, url, "CREATE SCHEMA "+name)
	t.Cleanup(func() { execAt(t, url, "DROP SCHEMA "+name+" CASCADE") })
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	return place{Options{URL: url + separator + "search_path=" + name, Key: testKey(1), Logger: testLogger(t)}, t}
}

func execAt(t *testing.T, url, statement string) {
	t.Helper()
	d, err := postgresAt(url)
	if err != nil {
		t.Fatal(err)
	}
	db, err := d.open(false)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// with changes the options.
func (p place) with(change func(*Options)) place {
	change(&p.o)
	return p
}

// open opens the ledger and closes it with the test.
func (p place) open() *Ledger {
	p.t.Helper()
	l, err := Open(context.Background(), p.o)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = l.Close() })
	return l
}

// exec changes the database behind the ledger's back.
func (p place) exec(statement string, args ...any) {
	p.t.Helper()
	db, d := p.raw()
	defer db.Close()
	res, err := db.Exec(d.sql(statement), args...)
	if err != nil {
		p.t.Fatalf("%s: %v", statement, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		p.t.Fatalf("%s: changed nothing", statement)
	}
}

// count asks the database behind the ledger's back.
func (p place) count(query string, args ...any) (n int) {
	p.t.Helper()
	db, d := p.raw()
	defer db.Close()
	if err := db.QueryRow(d.sql(query), args...).Scan(&n); err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (p place) raw() (*sql.DB, dialect) {
	p.t.Helper()
	d, err := dialectOf(p.o)
	if err != nil {
		p.t.Fatal(err)
	}
	db, err := d.open(false)
	if err != nil {
		p.t.Fatal(err)
	}
	return db, d
}

func mustClose(t *testing.T, l *Ledger) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustPut(t *testing.T, l *Ledger, records ...disclose.Record) {
	t.Helper()
	var wg sync.WaitGroup
	for _, r := range records {
		wg.Go(func() {
			if err := l.Put(context.Background(), r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// testKey returns the same key for the same number, all through a run.
func testKey(i byte) watermark.Key {
	testKeys.Lock()
	defer testKeys.Unlock()
	if _, ok := testKeys.all[i]; !ok {
		k, err := watermark.GenerateKey()
		if err != nil {
			panic(err)
		}
		testKeys.all[i] = k
	}
	return testKeys.all[i]
}

var testKeys = struct {
	sync.Mutex
	all map[byte]watermark.Key
}{all: map[byte]watermark.Key{}}

// testLogger writes into the test's own log.
func testLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(&testOutput{t: t}, nil))
}

type testOutput struct {
	mu sync.Mutex
	t  *testing.T
}

func (o *testOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// full is a record in which every field is set.
func full(i int) disclose.Record {
	r := bare(i)
	r.Label.Source, r.Label.Involvement = disclose.CompositeWithTrainedAlgorithmicMedia, disclose.AIOriginated
	r.Label.Provider, r.Label.System, r.Label.Version, r.Label.Generator = "Acme", "assistant", "1.4", "model-7"
	r.Label.Time = time.Date(2026, 11, 27, 10, 0, 0, i, time.UTC)
	r.Shape, r.Route, r.Response = disclose.ShapeOpenAIChat, "/chat", fmt.Sprint("chatcmpl-", i)
	r.Carriers = []disclose.Carrier{disclose.CarrierHeader, disclose.CarrierNotice, disclose.CarrierVisibleLabel}
	r.Skipped = []disclose.Reason{disclose.ReasonCode, disclose.ReasonShortText}
	r.Empty, r.StoredManifest = true, true
	r.Manifest, r.ManifestID = fmt.Appendf(nil, "a manifest store, %d", i), fmt.Sprint("urn:c2pa:", i)
	r.Notices, r.Language = []string{"ai", "emotion"}, "de"
	r.NoticeHash, r.SHA256, r.Session = [32]byte{1, byte(i)}, [32]byte{2, byte(i)}, disclose.SessionID{3, byte(i)}
	r.Fingerprint = picturePrint(uint64(i))
	r.Fingerprint.Text = fingerprint.Text{1, 5, uint64(i) + 6}
	return r
}

// bare is a record with little in it.
func bare(i int) disclose.Record {
	return disclose.Record{
		Label: disclose.Label{ID: idOf(i), Time: time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)}, MediaType: "text/plain",
		Outcome: disclose.OutcomeMarked, Size: int64(i), Recorded: time.Date(2026, 11, 27, 10, 0, 1, i, time.UTC),
	}
}

func idOf(i int) watermark.Payload {
	return watermark.Payload{0xa0, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i), 1, 2, 3}
}

// aPicture is the fingerprint of a picture of noise.
var aPicture = sync.OnceValue(func() fingerprint.Image {
	img, rng := image.NewGray(image.Rect(0, 0, 320, 240)), rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = byte(rng.Uint32())
	}
	return fingerprint.NewImager([32]byte{1}).Image(img)
})

// picturePrint is the fingerprint of a made-up picture.
func picturePrint(seed uint64) disclose.Fingerprint {
	rng := rand.New(rand.NewPCG(seed, 7))
	f := disclose.Fingerprint{KeyID: "k-1", Image: aPicture()}
	for i := range f.Image.Global {
		f.Image.Global[i] = rng.Uint64()
	}
	return f
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A clock is moved by hand.
type clock struct{ at atomic.Int64 }

// handClock is a clock that starts on a certain day.
func handClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time { return time.Unix(0, c.at.Load()).UTC() }

func (c *clock) move(d time.Duration) { c.at.Add(int64(d)) }
