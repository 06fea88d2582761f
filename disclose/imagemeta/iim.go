package imagemeta

import (
	"bytes"
	"encoding/binary"
)

// iimSets are the datasets of record 2 that name the program or the provider
// (IPTC-NAA IIM 4.2). By-lines, places and contacts are not read.
var iimSets = map[byte]string{65: "OriginatingProgram", 110: "Credit", 115: "Source"}

const (
	markAPP13   = 0xED
	resourceIIM = 0x0404
)

// photoshop reads the IIM record among Photoshop's image resources: "8BIM", a
// number, a Pascal string of even length with its count, a size, and as many
// bytes, padded to an even number. A raw profile may hold the record alone.
func (n *notes) photoshop(data []byte) {
	if bytes.HasPrefix(data, []byte{0x1C}) {
		n.iim(data)
		return
	}
	for len(data) >= 12 && bytes.HasPrefix(data, []byte("8BIM")) {
		id := binary.BigEndian.Uint16(data[4:])
		name := (int(data[6]) + 2) &^ 1
		if len(data) < 6+name+4 {
			return
		}
		size := int64(binary.BigEndian.Uint32(data[6+name:]))
		data = data[6+name+4:]
		if size > int64(len(data)) {
			return
		}
		if id == resourceIIM {
			n.iim(data[:size])
		}
		data = data[min(size+size&1, int64(len(data))):]
	}
}

// iim reads datasets: 0x1C, record, number, size in two bytes. Extended sizes
// (top bit set) end the reading.
func (n *notes) iim(data []byte) {
	for len(data) >= 5 && data[0] == 0x1C {
		record, set, size := data[1], data[2], int(binary.BigEndian.Uint16(data[3:]))
		data = data[5:]
		if size > len(data) {
			return
		}
		if name := iimSets[set]; record == 2 && name != "" {
			n.add(PlaceIPTC, name, n.take(data[:size]))
		}
		data = data[size:]
	}
}
