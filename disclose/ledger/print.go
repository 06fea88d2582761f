package ledger

import (
	"encoding/binary"
	"slices"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/fingerprint"
)

// printVersion starts every encoded fingerprint.
const printVersion = 1

// encodePrint writes a fingerprint: the key's id, then, each behind its length,
// the encoded picture and the encoded text. What cannot be encoded is left out: a
// record without a fingerprint is better than none.
func encodePrint(f disclose.Fingerprint) []byte {
	text := f.Text[:min(len(f.Text), fingerprint.MaxTextHashes)]
	if !sorted(text) {
		text = slices.Compact(slices.Sorted(slices.Values(text)))
	}
	out := appendText([]byte{printVersion}, f.KeyID)
	out = appendBlock(out, f.Image.AppendBinary)
	return appendBlock(out, text.AppendBinary)
}

func appendBlock(out []byte, encode func([]byte) ([]byte, error)) []byte {
	block, err := encode(nil)
	if err != nil {
		block = nil
	}
	return append(binary.BigEndian.AppendUint32(out, uint32(len(block))), block...)
}

// decodePrint reads what encodePrint wrote, and nothing else.
func decodePrint(data []byte) (f disclose.Fingerprint, err error) {
	d := decoder{data: data}
	if d.byte() != printVersion {
		return f, ErrRow
	}
	f.KeyID = d.text()
	picture, text := d.block(), d.block()
	if d.failed || len(d.data) != 0 {
		return disclose.Fingerprint{}, ErrRow
	}
	if len(picture) > 0 {
		f.Image, err = fingerprint.ParseImage(picture)
	}
	if err == nil {
		f.Text, err = fingerprint.ParseText(text)
	}
	if err != nil {
		return disclose.Fingerprint{}, ErrRow
	}
	return f, nil
}

// block reads bytes behind their length.
func (d *decoder) block() []byte {
	n := int(d.uint32())
	if d.failed || n > len(d.data) {
		d.failed = true
		return nil
	}
	out := d.data[:n]
	d.data = d.data[n:]
	return out
}
