package ledger

import (
	"context"

	"github.com/avowai/avow/disclose"
)

// An entry is a record on its way to the database.
type entry struct {
	ctx      context.Context
	id       []byte
	response []byte // nil for none
	content  []byte // what tells it from other records of the same id
	body     []byte
	salt     []byte // nil where there is nothing to hide
	print    []byte // nil for none
	manifest []byte // nil for none
	label    []byte // of the manifest
	done     chan error
}

// newEntry encodes a record. What a row cannot take is cut, so that every record
// can be written.
func newEntry(ctx context.Context, r disclose.Record) *entry {
	if len(r.Manifest) > maxManifest {
		r.Manifest = nil
	}
	b := body{record: r, flags: flagsOf(r)}
	e := &entry{ctx: ctx, id: r.Label.ID[:], done: make(chan error, 1)}
	if r.Response != "" {
		e.response = []byte(cut(r.Response))
	}
	if b.flags&(flagPrint|flagManifest) != 0 {
		s := newSalt()
		e.salt = s[:]
		if b.flags&flagPrint != 0 {
			e.print = encodePrint(r.Fingerprint)
			b.print = s.print(e.print)
		}
		if b.flags&flagManifest != 0 {
			e.manifest = r.Manifest
			b.manifest = s.manifest(e.manifest)
		}
	}
	if r.ManifestID != "" {
		e.label = []byte(cut(r.ManifestID))
	}
	e.body = b.encode()
	e.content = e.body[:len(e.body)-32*digests(b.flags)]
	return e
}

// digests is how many digests end a body.
func digests(flags uint8) (n int) {
	for _, f := range []uint8{flagPrint, flagManifest} {
		if flags&f != 0 {
			n++
		}
	}
	return n
}

// weight is how much memory the entry takes, in bytes.
func (e *entry) weight() int64 {
	return int64(len(e.body)+len(e.print)+len(e.manifest)) + 256
}
