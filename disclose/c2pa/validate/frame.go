package validate

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/avowai/avow/disclose/c2pa/container"
)

// frame says what is wrong with the bytes around an embedded store, which no
// hash covers, "" for nothing. They may hold the format's extras and zeros, no
// more: whatever could be put there would pass unseen. It is asked only if all
// else holds: a checksum that is wrong because the store was changed says
// nothing new.
func (c *checker) frame(merkle bool) string {
	a := &c.asset
	if a.found == nil || len(a.exclude) == 0 || c.failed() {
		return ""
	}
	box := a.data[a.exclude[0].Start:a.exclude[0].End()]
	switch a.found.Format {
	case container.PNG:
		if n := len(box); n < 12 || crc32.ChecksumIEEE(box[4:n-4]) != binary.BigEndian.Uint32(box[n-4:]) {
			return "the checksum of the chunk of the manifest store is wrong"
		}
	case container.BMFF:
		return bmffFrame(box, merkle)
	}
	return ""
}

// bmffFrame checks the head of the box of a store: a FullBox of version 0
// without flags, what the box is for, and the offset of the first Merkle box, 0
// where there is none.
func bmffFrame(box []byte, merkle bool) string {
	head := 8 + 16 // length, type, UUID
	if len(box) > 8 && binary.BigEndian.Uint32(box) == 1 {
		head += 8
	}
	if len(box) < head+4 {
		return "the box of the manifest store is cut"
	}
	_, rest, ok := bytes.Cut(box[head+4:], []byte{0})
	switch {
	case !ok || len(rest) < 8:
		return "the box of the manifest store is cut"
	case !zeros(box[head : head+4]):
		return "the box of the manifest store is of another version"
	case !merkle && !zeros(rest[:8]):
		return "the box of the manifest store points to a Merkle tree that is not declared"
	}
	return ""
}

func zeros(b []byte) bool { return strings.Trim(string(b), "\x00") == "" }
