package pixels

import "encoding/binary"

// luminance is the sum of the example luminance table of ITU-T T.81, table K.1,
// which quality 50 uses as it stands.
const luminance = 3688

// unknownQuality is assumed where a file has no table that can be read.
const unknownQuality = 90

// Quality estimates the quality, 1 to 100, that a JPEG file was encoded with,
// from its luminance quantisation table and the scaling rule of the IJG library.
// It returns 90 where the file has no table that can be read.
func Quality(data []byte) int {
	sum, ok := luminanceSum(data)
	if !ok {
		return unknownQuality
	}
	scale := 100 * float64(sum) / luminance
	if scale <= 100 {
		return min(100, int((200-scale)/2+0.5))
	}
	return max(1, int(5000/scale+0.5))
}

// luminanceSum adds up quantisation table 0. It walks the segments up to the
// first scan, as a thumbnail in the Exif segment brings tables of its own.
func luminanceSum(data []byte) (sum int, ok bool) {
	for pos := 2; pos+4 <= len(data); {
		mark, size := data[pos+1], int(binary.BigEndian.Uint16(data[pos+2:]))
		switch {
		case data[pos] != 0xFF || mark == 0 || mark == 0xFF: // stray or fill byte
			pos++
			continue
		case mark == 0xDA || size < 2 || size > len(data)-pos-2:
			return 0, false
		case mark == 0xDB:
			if sum, ok := tableZero(data[pos+4 : pos+2+size]); ok {
				return sum, true
			}
		}
		pos += 2 + size
	}
	return 0, false
}

// tableZero looks for table 0 in a DQT segment, which may hold several (B.2.4.1).
func tableZero(body []byte) (sum int, ok bool) {
	for len(body) > 0 {
		width := 1 + int(body[0]>>4) // bytes of an element
		if width > 2 || len(body) < 1+64*width {
			return 0, false
		}
		if body[0]&15 != 0 {
			body = body[1+64*width:]
			continue
		}
		for i, b := range body[1 : 1+64*width] {
			if width == 2 && i%2 == 0 {
				sum += int(b) << 8
				continue
			}
			sum += int(b)
		}
		return sum, true
	}
	return 0, false
}
