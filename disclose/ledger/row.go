package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/avowai/avow/disclose"
)

// ErrRow is returned for bytes that are no row of a ledger.
var ErrRow = errors.New("ledger: not a row of a ledger")

// Bounds of one row. What is longer is cut when it is written, and refused when
// it is read: a record that could never be written would hold up all behind it.
const (
	maxText     = 4096     // bytes of one text
	maxList     = 64       // members of one list
	maxBody     = 64 << 10 // bytes of an encoded row
	maxManifest = 32 << 20 // bytes of a manifest store
)

// bodyVersion starts every encoded record. Decoders refuse others.
const bodyVersion = 1

// What a record's flags say.
const (
	flagEmpty = 1 << iota
	flagStoredManifest
	flagPrint    // a fingerprint belongs to it
	flagManifest // a manifest store belongs to it
	flagsKnown   = 1<<iota - 1
)

// A digest stands in the chain for something that can be erased: SHA-256 over a
// salt and the thing itself.
type digest [32]byte

// A body is the immutable part of a record's row.
type body struct {
	record          disclose.Record
	flags           uint8
	print, manifest digest
}

// encode writes the canonical form: fields in one order, big-endian, each text
// and list after its length. The digests come last, so that the rest is the same
// for the same record, whatever the salt.
func (b body) encode() []byte {
	out := appendContent(make([]byte, 0, 512), b.record, b.flags)
	if b.flags&flagPrint != 0 {
		out = append(out, b.print[:]...)
	}
	if b.flags&flagManifest != 0 {
		out = append(out, b.manifest[:]...)
	}
	return out
}

// appendContent writes what tells one record from another.
func appendContent(out []byte, r disclose.Record, flags uint8) []byte {
	out = append(out, bodyVersion, flags)
	out = append(out, r.Label.ID[:]...)
	for _, s := range texts(&r) {
		out = appendText(out, *s)
	}
	for _, t := range times(&r) {
		out = binary.BigEndian.AppendUint64(out, uint64(t.Unix()))
		out = binary.BigEndian.AppendUint32(out, uint32(t.Nanosecond()))
	}
	out = append(out, byte(min(len(r.Carriers), maxList)))
	for _, c := range r.Carriers[:min(len(r.Carriers), maxList)] {
		out = append(out, byte(c))
	}
	skipped := make([]string, len(r.Skipped))
	for i, reason := range r.Skipped {
		skipped[i] = string(reason)
	}
	out = appendList(appendList(out, skipped), r.Notices)
	out = append(out, r.NoticeHash[:]...)
	out = append(out, r.SHA256[:]...)
	out = append(out, r.Session[:]...)
	return binary.BigEndian.AppendUint64(out, uint64(r.Size))
}

// texts are the fields that are text, in the order of the encoding.
func texts(r *disclose.Record) []*string {
	return []*string{
		(*string)(&r.Label.Source), (*string)(&r.Label.Involvement), &r.Label.Provider, &r.Label.System,
		&r.Label.Version, &r.Label.Generator, &r.MediaType, (*string)(&r.Shape), &r.Route, &r.Response,
		(*string)(&r.Outcome), &r.ManifestID, &r.Language,
	}
}

// times are the fields that are times, in the order of the encoding.
func times(r *disclose.Record) []*time.Time { return []*time.Time{&r.Label.Time, &r.Recorded} }

func appendText(out []byte, s string) []byte {
	s = cut(s)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(s))), s...)
}

// cut shortens a text to what a row takes, between two characters.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n])
}

func appendList(out []byte, list []string) []byte {
	list = list[:min(len(list), maxList)]
	out = append(out, byte(len(list)))
	for _, s := range list {
		out = append(out, byte(min(len(s), 255)))
		out = append(out, s[:min(len(s), 255)]...)
	}
	return out
}

// decodeBody reads what encode wrote, and nothing else.
func decodeBody(data []byte) (body, error) {
	if len(data) > maxBody {
		return body{}, fmt.Errorf("%w: %d bytes", ErrRow, len(data))
	}
	d := decoder{data: data, whole: string(data)}
	if v := d.byte(); v != bodyVersion && !d.failed {
		return body{}, fmt.Errorf("%w: version %d", ErrRow, v)
	}
	var b body
	b.flags = d.byte()
	r := &b.record
	copy(r.Label.ID[:], d.take(len(r.Label.ID)))
	for _, s := range texts(r) {
		*s = d.text()
	}
	for _, t := range times(r) {
		*t = d.time()
	}
	if n := d.count(); n > 0 {
		r.Carriers = make([]disclose.Carrier, n)
		for i := range n {
			r.Carriers[i] = disclose.Carrier(d.byte())
		}
	}
	if skipped := d.list(); skipped != nil {
		r.Skipped = make([]disclose.Reason, len(skipped))
		for i, s := range skipped {
			r.Skipped[i] = disclose.Reason(s)
		}
	}
	r.Notices = d.list()
	copy(r.NoticeHash[:], d.take(32))
	copy(r.SHA256[:], d.take(32))
	copy(r.Session[:], d.take(32))
	r.Size = int64(d.uint64())
	if b.flags&flagPrint != 0 {
		copy(b.print[:], d.take(32))
	}
	if b.flags&flagManifest != 0 {
		copy(b.manifest[:], d.take(32))
	}
	r.Empty, r.StoredManifest = b.flags&flagEmpty != 0, b.flags&flagStoredManifest != 0
	if d.failed || len(d.data) != 0 || b.flags&^flagsKnown != 0 {
		return body{}, ErrRow
	}
	return b, nil
}

// flagsOf are the flags of a record that is to be written.
func flagsOf(r disclose.Record) (flags uint8) {
	for flag, on := range map[uint8]bool{
		flagEmpty: r.Empty, flagStoredManifest: r.StoredManifest,
		flagPrint: !r.Fingerprint.IsZero(), flagManifest: len(r.Manifest) > 0,
	} {
		if on {
			flags |= flag
		}
	}
	return flags
}

// A decoder reads from the front. After a failure it gives zeros.
type decoder struct {
	data   []byte
	whole  string // all of it, of which texts are parts; empty where there is but one
	failed bool
}

func (d *decoder) take(n int) []byte {
	if d.failed || n > len(d.data) {
		d.failed = true
		return nil
	}
	out := d.data[:n]
	d.data = d.data[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) text() string {
	n := int(d.uint16())
	if n > maxText {
		d.failed = true
	}
	return d.string(n)
}

// string reads n bytes as a text, without a copy of its own where there are many.
func (d *decoder) string(n int) string {
	start := len(d.whole) - len(d.data)
	got := d.take(n)
	if d.whole != "" && got != nil {
		return d.whole[start : start+n]
	}
	return string(got)
}

func (d *decoder) count() int {
	n := int(d.byte())
	if n > maxList {
		d.failed = true
		return 0
	}
	return n
}

func (d *decoder) list() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = d.string(int(d.byte()))
	}
	return out
}

// time reads a time. Only what time.Time itself takes apart the same way again
// is let through.
func (d *decoder) time() time.Time {
	sec, nano := int64(d.uint64()), d.uint32()
	t := time.Unix(sec, int64(nano)).UTC()
	if nano >= 1e9 || t.Unix() != sec {
		d.failed = true
	}
	return t
}

// sorted reports whether hashes ascend, each once.
func sorted(hashes []uint64) bool {
	return slices.IsSortedFunc(hashes, func(a, b uint64) int {
		if a < b {
			return -1
		}
		return 1 // equal ones count as out of order
	})
}
