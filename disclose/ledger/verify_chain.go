package ledger

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"time"
)

// A walk goes along one chain.
type walk struct {
	c        *check
	e        end
	out      Chain
	prev     point // the row before
	unsigned int64 // when the first row after the last head was written; 0 for none
	headless bool  // rows went without a head for long, before there was any
}

// chain walks one chain from its first row to its last.
func (c *check) chain(ctx context.Context, e end) error {
	w := &walk{c: c, e: e, prev: e.start, out: Chain{Writer: e.writer}}
	delete(c.kept, e.start.link) // the last row that was cut off
	err := c.each(ctx, e.chain, func(r fullRow) error {
		w.step(r)
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s, after row %d: %w", e.writer, w.prev.seq, err)
	}
	for _, n := range c.stray {
		w.problem(n&(1<<chainBits-1), "a manifest is kept for a row that is not there")
	}
	c.stray = nil
	w.finish()
	c.v.Chains = append(c.v.Chains, w.out)
	return nil
}

func (w *walk) problem(seq int64, format string, args ...any) {
	w.c.problem(w.e.writer, seq, format, args...)
}

// step checks one row.
func (w *walk) step(r fullRow) {
	if w.out.First == 0 {
		w.out.First = r.seq
	}
	before := w.prev
	want := before.link.follow(r.row)
	switch {
	case r.seq != before.seq+1:
		w.problem(r.seq, "rows %d to %d before it are missing", before.seq+1, r.seq-1)
	case !bytes.Equal(r.link, want[:]):
		w.problem(r.seq, "it, or the link that ties it to the row before, was changed")
	}
	w.prev = point{writer: w.e.writer, seq: r.seq}
	copy(w.prev.link[:], r.link)
	delete(w.c.kept, w.prev.link)
	w.out.Last = r.seq
	switch r.kind {
	case kindHead:
		before.at = r.at
		w.head(r, before)
		return
	case kindErasure:
		w.erasure(r)
	case kindRecord:
		w.record(r)
	default:
		w.problem(r.seq, "no row is of kind %d", r.kind)
	}
	w.count(r)
}

// count sees to it that rows do not go without a head for long.
func (w *walk) count(r fullRow) {
	if w.unsigned == 0 {
		w.unsigned = r.at
	}
	switch long := time.Duration(r.at-w.unsigned)*time.Millisecond > maxUnsigned; {
	case long && w.out.Heads > 0:
		w.problem(r.seq, "there is no signed head in the %v before it", maxUnsigned)
		w.unsigned = r.at // one problem for each such stretch
	case long:
		w.headless = true
	}
}

// record checks a record's columns, fingerprint and manifest.
func (w *walk) record(r fullRow) {
	b, err := decodeBody(r.body)
	if err != nil {
		w.problem(r.seq, "it cannot be read")
		return
	}
	if !bytes.Equal(r.id, b.record.Label.ID[:]) || string(r.response) != b.record.Response {
		w.problem(r.seq, "the columns that it is found by differ from what it holds")
	}
	switch {
	case r.erased != 0 && (r.salt != nil || r.print != nil || r.manifest != nil):
		w.problem(r.seq, "it was erased, and its fingerprint or manifest is still there")
	case r.erased != 0, r.salt == nil && digests(b.flags) > 0:
		w.c.erased[r.n] = r.erased
	default:
		w.digests(r, b)
	}
}

// digests compares fingerprint and manifest with what the chain says of them.
func (w *walk) digests(r fullRow, b body) {
	var s salt
	copy(s[:], r.salt)
	hasPrint, hasManifest := b.flags&flagPrint != 0, b.flags&flagManifest != 0
	if hasPrint != (r.print != nil) || hasPrint && s.print(r.print) != b.print {
		w.problem(r.seq, "its fingerprint was changed")
	}
	switch {
	case hasManifest != (r.manifest != nil) || hasManifest && r.manifest.digest != b.manifest:
		w.problem(r.seq, "its manifest was changed")
	case hasManifest && (!bytes.Equal(r.manifest.id, r.id) || string(r.manifest.label) != b.record.ManifestID):
		w.problem(r.seq, "the columns that its manifest is found by differ from what it holds")
	}
}

// head checks a signature over the row before it.
func (w *walk) head(r fullRow, before point) {
	s, err := decodeHead(r.body)
	switch {
	case err != nil:
		w.problem(r.seq, "it should be a signed head and cannot be read")
	case !s.valid("head", before):
		w.problem(r.seq, "the signature of this head is wrong")
	case !w.c.known(s.key()):
		w.problem(r.seq, "this head is signed with a key that is not known")
	default:
		at := time.UnixMilli(r.at).UTC()
		if at.Before(w.out.SignedAt) {
			w.c.v.Notes = append(w.c.v.Notes, Problem{w.e.writer, r.seq, "it was signed at an earlier time than the head before it: the clock was set back"})
		}
		w.out.Heads, w.out.Signed, w.out.SignedAt, w.unsigned = w.out.Heads+1, before.seq, at, 0
	}
}

// erasure keeps what a note says was erased.
func (w *walk) erasure(r fullRow) {
	e, err := decodeErasure(r.body)
	chain, ok := w.c.numbers[e.writer]
	if err != nil || !ok {
		w.problem(r.seq, "it should say what was erased and cannot be read")
		return
	}
	w.c.erasures[r.n] = rowNumber(chain, e.seq)
}

// finish compares the end of the walk with where the chain is said to end.
func (w *walk) finish() {
	e := w.e
	switch {
	case w.prev.seq < e.seq:
		w.problem(w.prev.seq+1, "rows %d to %d at the end are missing", w.prev.seq+1, e.seq)
	case w.prev.seq > e.seq:
		w.problem(e.seq+1, "rows were added behind the end of the chain")
	case !bytes.Equal(e.link, w.prev.link[:]):
		w.problem(e.seq, "the end of the chain is not the one that was written")
	}
	if w.headless && w.out.Heads == 0 && len(w.c.keys) > 0 {
		w.problem(w.out.First, "there is not one signed head: the chain was written anew, or without a key")
	}
	if e.head > w.prev.seq {
		w.problem(e.head, "the last signed head is missing")
	}
	w.out.Link = hex.EncodeToString(w.prev.link[:])
}
