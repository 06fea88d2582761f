package disclose

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/avowai/avow/watermark"
)

func TestMemoryRecordsDropTheOldest(t *testing.T) {
	ctx := context.Background()
	m := NewMemoryRecords(3)
	for i := range 5 {
		if err := m.Put(ctx, Record{Label: Label{ID: watermark.Payload{7, byte(i)}}, Response: fmt.Sprint("r", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []error{ErrNoRecord, ErrNoRecord, nil, nil, nil} {
		r, err := m.ByID(ctx, watermark.Payload{7, byte(i)})
		if !errors.Is(err, want) || err == nil && r.Response != fmt.Sprint("r", i) {
			t.Errorf("ByID %d: %v", i, err)
		}
		if _, err := m.ByResponse(ctx, fmt.Sprint("r", i)); !errors.Is(err, want) {
			t.Errorf("ByResponse %d: %v", i, err)
		}
	}
	for _, c := range []struct {
		prefix []byte
		want   int
	}{{[]byte{7}, 3}, {[]byte{7, 4}, 1}, {[]byte{8}, 0}, {nil, 0}, {make([]byte, 9), 0}} {
		if got, err := m.ByPrefix(ctx, c.prefix); err != nil || len(got) != c.want {
			t.Errorf("ByPrefix(%x) = %d, %v, want %d", c.prefix, len(got), err, c.want)
		}
	}
	if _, err := m.ByResponse(ctx, ""); !errors.Is(err, ErrNoRecord) {
		t.Error(err)
	}
}

func TestMemoryRecordsSameID(t *testing.T) {
	ctx, id := context.Background(), watermark.Payload{1}
	m := NewMemoryRecords(2)
	for _, size := range []int64{1, 2} {
		m.Put(ctx, Record{Label: Label{ID: id}, Size: size})
	}
	m.Put(ctx, Record{Label: Label{ID: watermark.Payload{2}}}) // drops the first, not its successor
	if r, err := m.ByID(ctx, id); err != nil || r.Size != 2 {
		t.Fatalf("%d %v", r.Size, err)
	}
}

func TestMemoryRecordsConcurrent(t *testing.T) {
	m := NewMemoryRecords(16)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 100 {
				id := watermark.Payload{byte(g), byte(i)}
				m.Put(context.Background(), Record{Label: Label{ID: id}})
				m.ByPrefix(context.Background(), id[:1])
			}
		})
	}
	wg.Wait()
	if len(m.byID) != 16 {
		t.Fatalf("%d ids kept, want 16", len(m.byID))
	}
}
