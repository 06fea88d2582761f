package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

func TestRecordsAreFoundAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		ctx := context.Background()
		l := p.open()
		mustPut(t, l, full(1), full(2), bare(3))
		for range 2 { // the second time from a ledger that was opened anew
			for _, want := range []disclose.Record{full(1), full(2), bare(3)} {
				store := want.Manifest
				want.Manifest = nil
				got, err := l.ByID(ctx, want.Label.ID)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("ByID: %v\n got %+v\nwant %+v", err, got, want)
				}
				if want.Response != "" {
					if got, err := l.ByResponse(ctx, want.Response); err != nil || !reflect.DeepEqual(got, want) {
						t.Fatalf("ByResponse: %v\n got %+v\nwant %+v", err, got, want)
					}
				}
				for _, name := range []string{want.Label.ID.String(), want.ManifestID} {
					got, err := l.Manifest(ctx, name)
					if string(got) != string(store) || (err == nil) != (store != nil) || err != nil && !errors.Is(err, disclose.ErrNoManifest) {
						t.Fatalf("Manifest(%q) = %q, %v, want %q", name, got, err, store)
					}
				}
			}
			mustClose(t, l)
			l = p.open()
		}
	})
}

func TestWhatIsNotThere(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		ctx := context.Background()
		l := p.open()
		mustPut(t, l, bare(1))
		if _, err := l.ByID(ctx, idOf(2)); !errors.Is(err, disclose.ErrNoRecord) {
			t.Errorf("ByID: %v", err)
		}
		for _, response := range []string{"", "x", "\x00\xff"} {
			if _, err := l.ByResponse(ctx, response); !errors.Is(err, disclose.ErrNoRecord) {
				t.Errorf("ByResponse(%q): %v", response, err)
			}
		}
		for _, name := range []string{"", "x", idOf(1).String()} {
			if _, err := l.Manifest(ctx, name); !errors.Is(err, disclose.ErrNoManifest) {
				t.Errorf("Manifest(%q): %v", name, err)
			}
		}
	})
}

func TestByPrefix(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		l := p.open()
		for i := range 5 {
			mustPut(t, l, disclose.Record{Label: disclose.Label{ID: watermark.Payload{7, byte(i), 0xff}}})
		}
		for _, c := range []struct {
			prefix []byte
			want   int
		}{{[]byte{7}, 5}, {[]byte{7, 4}, 1}, {[]byte{7, 4, 0xff, 0, 0, 0, 0, 0}, 1}, {[]byte{8}, 0}, {nil, 0}, {make([]byte, 9), 0}} {
			if got, err := l.ByPrefix(context.Background(), c.prefix); err != nil || len(got) != c.want {
				t.Errorf("ByPrefix(%x) = %d, %v, want %d", c.prefix, len(got), err, c.want)
			}
		}
	})
}

// A spool hands a record on again when its first attempt took too long.
func TestTheSameRecordTwiceIsOneRow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		l := p.open()
		changed := full(1)
		changed.Size++
		mustPut(t, l, full(1), full(1), full(1))
		mustPut(t, l, full(1))
		mustPut(t, l, changed)
		if n := p.count(`SELECT count(*) FROM avow_records WHERE kind = 0`); n != 2 {
			t.Fatalf("%d rows, want 2: one record, and another of the same id", n)
		}
		if r, err := l.ByID(context.Background(), idOf(1)); err != nil || r.Size != changed.Size {
			t.Fatalf("ByID returns size %d, %v, want the latest", r.Size, err)
		}
	})
}

func TestAPutWhoseCallerLeft(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		l := p.open()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range 50 {
			if err := l.Put(ctx, full(1)); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("Put: %v", err)
			}
		}
		mustPut(t, l, full(1))
		if n := p.count(`SELECT count(*) FROM avow_records WHERE kind = 0`); n != 1 {
			t.Fatalf("%d rows, want 1", n)
		}
	})
}

func TestManyWriters(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		a := p.with(func(o *Options) { o.Writer = "a" }).open()
		b := p.with(func(o *Options) { o.Writer = "b" }).open()
		var records []disclose.Record
		for i := range 100 {
			records = append(records, full(i))
		}
		done := make(chan struct{})
		go func() { defer close(done); mustPut(t, a, records[:50]...) }()
		mustPut(t, b, records[50:]...)
		<-done
		for i := range 100 {
			if _, err := a.ByID(context.Background(), idOf(i)); err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
		}
	})
}

func TestClosed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		l := p.open()
		mustClose(t, l)
		mustClose(t, l)
		if err := l.Put(context.Background(), bare(1)); !errors.Is(err, ErrClosed) {
			t.Errorf("Put: %v", err)
		}
		if err := l.Writable(); !errors.Is(err, ErrClosed) {
			t.Errorf("Writable: %v", err)
		}
		if _, err := l.ByID(context.Background(), idOf(1)); err == nil || errors.Is(err, disclose.ErrNoRecord) {
			t.Errorf("a closed ledger answers: %v", err)
		}
	})
}

func TestReadOnly(t *testing.T) {
	p := sqlitePlace(t)
	reading := p.o
	reading.ReadOnly = true
	if _, err := Open(context.Background(), reading); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a ledger that is not there: %v", err)
	}
	mustPut(t, p.open(), bare(1)) // goes on writing
	l := place{reading, t}.open()
	if _, err := l.ByID(context.Background(), idOf(1)); err != nil {
		t.Fatal(err)
	}
	if err := l.Put(context.Background(), bare(2)); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("Put: %v", err)
	}
}

func TestNewerLedgersAreRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		mustClose(t, p.open())
		p.exec(`UPDATE avow_schema SET version = ?1`, SchemaVersion+1)
		for _, readOnly := range []bool{false, true} {
			p.o.ReadOnly = readOnly
			if l, err := Open(context.Background(), p.o); !errors.Is(err, ErrNewer) {
				t.Errorf("read only %v: %v, %v", readOnly, l, err)
			}
		}
	})
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{}, {File: "a", URL: "postgres://b"}, {URL: "mysql://b"}, {URL: "postgres://:secret@[x"}, {File: "no/such/folder/ledger.db"}} {
		l, err := Open(context.Background(), o)
		if err == nil {
			t.Errorf("%+v: opened %v", o, l)
		}
		if s := fmt.Sprint(err); len(s) > 0 && strings.Contains(s, "secret") {
			t.Errorf("the error repeats a password: %s", s)
		}
	}
}
