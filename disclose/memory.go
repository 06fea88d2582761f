package disclose

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/avowai/avow/watermark"
)

// DefaultMemoryRecords is how many records MemoryRecords keep unless told
// otherwise.
const DefaultMemoryRecords = 10_000

// MemoryRecords keep the newest records in memory, and the sessions seen last.
// They are gone with the process.
type MemoryRecords struct {
	MemorySessions

	mu         sync.RWMutex
	ring       []Record
	next       int
	byID       map[watermark.Payload]int
	byResponse map[string]int
}

var _ Records = (*MemoryRecords)(nil)

// NewMemoryRecords keeps at most max records; 0 means DefaultMemoryRecords.
func NewMemoryRecords(max int) *MemoryRecords {
	return &MemoryRecords{
		ring:       make([]Record, 0, orDefault(max, DefaultMemoryRecords)),
		byID:       map[watermark.Payload]int{},
		byResponse: map[string]int{},
	}
}

// Put keeps r, and drops the oldest record where there is no more room.
func (m *MemoryRecords) Put(ctx context.Context, r Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.ring) < cap(m.ring) {
		m.ring = append(m.ring, r)
	} else {
		m.drop(m.next)
		m.ring[m.next] = r
	}
	m.byID[r.Label.ID] = m.next
	if r.Response != "" {
		m.byResponse[r.Response] = m.next
	}
	m.next = (m.next + 1) % cap(m.ring)
	return nil
}

func (m *MemoryRecords) drop(i int) {
	old := m.ring[i]
	if m.byID[old.Label.ID] == i {
		delete(m.byID, old.Label.ID)
	}
	if m.byResponse[old.Response] == i {
		delete(m.byResponse, old.Response)
	}
}

// ByID returns the record of a label, or ErrNoRecord.
func (m *MemoryRecords) ByID(_ context.Context, id watermark.Payload) (Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	i, ok := m.byID[id]
	if !ok {
		return Record{}, ErrNoRecord
	}
	return m.ring[i], nil
}

// ByPrefix returns the records whose id starts with prefix.
func (m *MemoryRecords) ByPrefix(_ context.Context, prefix []byte) ([]Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Record
	for id, i := range m.byID {
		if len(prefix) > 0 && bytes.HasPrefix(id[:], prefix) {
			out = append(out, m.ring[i])
		}
	}
	return out, nil
}

// ByResponse returns the record of an API's own response id, or ErrNoRecord.
func (m *MemoryRecords) ByResponse(_ context.Context, response string) (Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	i, ok := m.byResponse[response]
	if !ok || response == "" {
		return Record{}, ErrNoRecord
	}
	return m.ring[i], nil
}

// Similar compares f with every record.
func (m *MemoryRecords) Similar(_ context.Context, f Fingerprint) ([]Similarity, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Similarity
	among := 0
	for _, r := range m.ring {
		if r.Fingerprint.KeyID == f.KeyID && !r.Fingerprint.Image.IsZero() {
			among++
		}
		if s, ok := Compare(f, r); ok {
			out = append(out, s)
		}
	}
	for i := range out {
		out[i].Among = among
	}
	slices.SortStableFunc(out, func(a, b Similarity) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(b.Shared, a.Shared))
	})
	return out[:min(len(out), MaxSimilar)], nil
}

// Manifest returns the manifest store of an output.
func (m *MemoryRecords) Manifest(_ context.Context, name string) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, r := range m.ring {
		if len(r.Manifest) > 0 && (r.ManifestID == name || r.Label.ID.String() == name) {
			return r.Manifest, nil
		}
	}
	return nil, ErrNoManifest
}
