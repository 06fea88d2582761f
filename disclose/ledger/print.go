package ledger

import (
	"encoding/binary"
	"slices"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/fingerprint"
)

// printVersion starts every encoded fingerprint.
const printVersion = 1

// encodePrint writes a fingerprint: the key's id, a picture's size, its global
// part and its local ones, then a text's hashes. Lists beyond their bounds are
// cut.
func encodePrint(f disclose.Fingerprint) []byte {
	local, text := f.Image.Local, []uint64(f.Text)
	local, text = local[:min(len(local), maxLocal)], text[:min(len(text), maxHashes)]
	if !sorted(text) {
		text = slices.Compact(slices.Sorted(slices.Values(text)))
	}
	out := make([]byte, 0, 64+8*(len(f.Image.Global)+len(local)+len(text)))
	out = appendText(append(out, printVersion), f.KeyID)
	out = binary.BigEndian.AppendUint32(out, uint32(f.Image.Width))
	out = binary.BigEndian.AppendUint32(out, uint32(f.Image.Height))
	out = append(out, byte(len(f.Image.Global)))
	for _, v := range f.Image.Global {
		out = binary.BigEndian.AppendUint64(out, v)
	}
	return appendHashes(appendHashes(out, local), text)
}

func appendHashes(out []byte, list []uint64) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(list)))
	for _, v := range list {
		out = binary.BigEndian.AppendUint64(out, v)
	}
	return out
}

// decodePrint reads what encodePrint wrote, and nothing else.
func decodePrint(data []byte) (disclose.Fingerprint, error) {
	d := decoder{data: data}
	var f disclose.Fingerprint
	if d.byte() != printVersion {
		return f, ErrRow
	}
	f.KeyID = d.text()
	w, h := d.uint32(), d.uint32()
	f.Image.Width, f.Image.Height = int(w), int(h)
	if int(d.byte()) != len(f.Image.Global) || w > 1<<31-1 || h > 1<<31-1 {
		return disclose.Fingerprint{}, ErrRow
	}
	for i := range f.Image.Global {
		f.Image.Global[i] = d.uint64()
	}
	f.Image.Local = d.hashes(maxLocal)
	f.Text = fingerprint.Text(d.hashes(maxHashes))
	if d.failed || len(d.data) != 0 || !sorted(f.Text) {
		return disclose.Fingerprint{}, ErrRow
	}
	return f, nil
}

func (d *decoder) hashes(max int) []uint64 {
	n := int(d.uint32())
	if n == 0 || n > max || n > len(d.data)/8 {
		d.failed = d.failed || n != 0
		return nil
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = d.uint64()
	}
	return out
}
