package watermark

import "slices"

// The payload's code: 64 bits and a CRC-16, encoded by a polar code of length
// 512 (Arikan, 2009) and decoded by successive-cancellation lists (Tal and
// Vardy, 2015) with the CRC choosing from the list.
const (
	payloadBits = 64
	crcBits     = 16
	infoBits    = payloadBits + crcBits
	codeLog     = 9
	codeLen     = 1 << codeLog
	listSize    = 32
)

// info marks the positions that carry information: the infoBits most reliable
// ones by polarisation weight (He et al., 2017), sum of bit_j 2^(j/4).
var info = infoPositions()

func infoPositions() [codeLen]bool {
	power := [codeLog]float64{
		1, 1.189207115002721, 1.4142135623730951, 1.681792830507429, 2,
		2.378414230005442, 2.8284271247461903, 3.363585661014858, 4,
	}
	weight := make([]float64, codeLen)
	order := make([]int, codeLen)
	for i := range codeLen {
		order[i] = i
		for j := range codeLog {
			if i>>j&1 == 1 {
				weight[i] += power[j]
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case weight[a] > weight[b]:
			return -1
		case weight[a] < weight[b]:
			return 1
		}
		return b - a
	})
	var is [codeLen]bool
	for _, i := range order[:infoBits] {
		is[i] = true
	}
	return is
}

// crc16 is CRC-16/XMODEM (polynomial 0x1021, start 0).
func crc16(data []byte) uint16 {
	var crc uint16
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			carry := crc & 0x8000
			crc <<= 1
			if carry != 0 {
				crc ^= 0x1021
			}
		}
	}
	return crc
}

// encode returns the code word of p, one bit per byte.
func encode(p Payload) [codeLen]byte {
	bits := append(p[:], byte(crc16(p[:])>>8), byte(crc16(p[:])))
	var word [codeLen]byte
	n := 0
	for i := range word {
		if info[i] {
			word[i] = bits[n/8] >> (7 - n%8) & 1
			n++
		}
	}
	polar(word[:])
	return word
}

// polar applies the transform F^(x)n in place; it is its own inverse.
func polar(word []byte) {
	for half := 1; half < len(word); half <<= 1 {
		for i := 0; i < len(word); i += 2 * half {
			for j := i; j < i+half; j++ {
				word[j] ^= word[j+half]
			}
		}
	}
}

// payloadOf reads the payload from the bits before the transform, and reports
// whether the CRC agrees.
func payloadOf(u []byte) (Payload, bool) {
	var raw [infoBits / 8]byte
	n := 0
	for i, bit := range u {
		if info[i] {
			raw[n/8] |= bit << (7 - n%8)
			n++
		}
	}
	p := Payload(raw[:payloadBits/8])
	return p, crc16(p[:]) == uint16(raw[8])<<8|uint16(raw[9])
}
