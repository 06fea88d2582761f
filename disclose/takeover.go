package disclose

import (
	"fmt"
	"io"
	"reflect"
)

// takeOver takes from the Marker before this one what outlives a change of
// configuration: records that still wait, and the images in progress.
func (m *Marker) takeOver(old *Marker) {
	if old == nil {
		return
	}
	if m.spool.on() && sameRecords(m.spool.records, old.spool.records) {
		m.spool = old.spool
	}
	if m.o.Key == old.o.Key {
		m.sessionKey = old.sessionKey // drawn where there is no key
	}
	m.images.memory = old.images.memory
	if m.o.Jobs == old.o.Jobs {
		m.images.jobs, m.images.waiting = old.images.jobs, old.images.waiting
	}
}

// sameRecords reports whether two seams lead to the same place. Values that cannot
// be compared count as different.
func sameRecords(a, b Records) bool {
	return a != nil && b != nil && reflect.TypeOf(a) == reflect.TypeOf(b) &&
		reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// takeOver has the images of the Detector before this one count towards the same
// limits.
func (d *Detector) takeOver(old *Detector) {
	if old != nil && d.o.Jobs == old.o.Jobs && d.o.MaxMemory == old.o.MaxMemory {
		d.jobs, d.memory = old.jobs, old.memory
	}
}

// noteRevoked keeps the earliest time that a revoked key is listed with.
func (d *Detector) noteRevoked(k VerifyKey) {
	id := k.Key.ID()
	if at, known := d.revokedAt[id]; k.Revoked && !k.RevokedAt.IsZero() && (!known || k.RevokedAt.Before(at)) {
		d.revokedAt[id] = k.RevokedAt
	}
}

// revokedDetail says what a mark of a revoked key is worth. A record that matches
// and is older than the revocation was written while nobody else is known to have
// had the key; the mark itself stays one that cannot be relied on.
func (in *inspection) revokedDetail(keyID string, r RecordStatus) string {
	const revoked = "the key is revoked"
	at := in.d.revokedAt[keyID]
	if r.Status != recordMatch || r.recorded.IsZero() || !r.recorded.Before(at) {
		return revoked
	}
	return revoked + "; the matching record was written before that"
}

// Format prints a name for every verb: a Marker holds keys.
func (m *Marker) Format(f fmt.State, _ rune) { printed(f, "disclose.Marker") }

// Format prints a name for every verb: a Detector holds keys.
func (d *Detector) Format(f fmt.State, _ rune) { printed(f, "disclose.Detector") }

// printed writes what stands for a value that holds secrets.
func printed(f fmt.State, name string) { _, _ = io.WriteString(f, name) }
